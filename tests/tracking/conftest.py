"""Fixtures of the tests of tracking: one verdict, one MLflow server, one fresh SQLite store.

The server keeps what it is given in a PostgreSQL of its own where there can be one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from browsing import browse, chromium
from results import made_verdict

from aiir_eval.gate.result import Verdict
from aiir_eval.telemetry import SWITCHES

__all__ = ["browse", "chromium"]


@pytest.fixture(scope="session")
def verdict() -> Verdict:
    return made_verdict()


@pytest.fixture(scope="session")
def sqlite_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store whose tables are made by the first test that writes into it."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/tracked.db"


@pytest.fixture(scope="session")
def server_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server keeps what it is given: PostgreSQL, else an SQLite file."""
    if postgres.missing():
        yield f"sqlite:///{tmp_path_factory.mktemp('server-store')}/server.db"
        return
    # A socket's path is short, and its folder open to the user that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="aiir-pg-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        with postgres.cluster(Path(name) / "pg") as uri:
            yield uri


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, server_store: str) -> Iterator[str]:
    """The address of a real MLflow server on this machine, with a store of its own."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", server_store,
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **SWITCHES},
            start_new_session=True,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, folder / "log.txt")
            yield url
        finally:
            # Its workers are of its own process group, and nothing else is.
            if process.poll() is None:
                os.killpg(process.pid, 15)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the MLflow server stopped:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the MLflow server did not start:\n{log.read_text()[-2000:]}")
