"""Fixtures of the tests of tracking: one verdict, one MLflow server, one fresh SQLite store.

The server keeps what it is given in a PostgreSQL of its own where there can be one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from browsing import browse, chromium
from mlflow_serving import mlflow_serving
from results import made_verdict

from aiir_eval.gate.result import Verdict

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
    with mlflow_serving(tmp_path_factory.mktemp("server"), server_store) as url:
        yield url
