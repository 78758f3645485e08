"""Nothing is sent anywhere: not by MLflow, not by Evidently, with a network or without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aiir_eval.telemetry import SWITCHES

TESTS = Path(__file__).resolve().parent.parent

# Every look-up of a name and every connection beyond this machine is written down and refused.
GUARD = """
import sys
sys.path.insert(0, sys.argv[1])
seen = []
def watch(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        host = args[-1][0] if isinstance(args[-1], tuple) else "local"
    else:
        return
    if host not in (None, "", "local", "localhost", "127.0.0.1", "::1"):
        seen.append((event, str(host)))
        raise PermissionError(f"{event} {host}")
sys.addaudithook(watch)
"""
TRACK = """
from results import made_verdict
from aiir_eval.tracking.mlflow_log import track_verdict
tracked = track_verdict(made_verdict(), uri=sys.argv[2], report_html="<p>")
assert tracked.run_id
"""
EVIDENTLY = """
from aiir_eval.telemetry import opt_out
opt_out()
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
from evidently.telemetry import event_logger
table = pd.DataFrame({"a": range(100)})
Report([DataDriftPreset()]).run(table, table)
event_logger.send_event("test", "test")
assert not event_logger.is_enabled()
"""
# What collects usage does so in threads: give them time, then say what they tried.
END = """
import time
time.sleep(1.5)
assert not seen, seen
print("quiet")
"""


def clean_environment(home: Path) -> dict[str, str]:
    """An environment as a user has it: MLflow is silent by itself where it sees a CI or pytest."""
    names = {"PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "GITLAB_CI", *SWITCHES}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}


def run(code: str, tmp_path: Path, prefix: list[str] | None = None) -> str:
    home = tmp_path / "home"
    home.mkdir()
    command = [*(prefix or []), sys.executable, "-c", code, str(TESTS), f"{tmp_path}/store.db"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=clean_environment(home),
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    # No installation id, no user id is left in the home of the user either.
    assert not [path for path in home.rglob("*telemetry*") if path.is_file()]
    return done.stdout


def test_tracking_asks_for_no_host(tmp_path: Path) -> None:
    assert run(GUARD + TRACK + END, tmp_path) == "quiet\n"


def test_evidently_asks_for_no_host(tmp_path: Path) -> None:
    assert run(GUARD + EVIDENTLY + END, tmp_path) == "quiet\n"


def test_the_guard_sees_what_mlflow_does_when_it_is_let(tmp_path: Path) -> None:
    """The tests above can fail: without our switch MLflow asks for its telemetry host."""
    code = GUARD + "import mlflow\nfrom mlflow import MlflowClient\n"
    code += "client = MlflowClient(tracking_uri=sys.argv[2])\n"
    code += "client.create_run(client.create_experiment('x'))\n"
    code += "import time; time.sleep(1.5); print(*sorted({host for _, host in seen}))"
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(TESTS), f"sqlite:///{tmp_path}/store.db"],
        capture_output=True, text=True, cwd=tmp_path, env=clean_environment(home), check=True,
        timeout=120,
    )  # fmt: skip
    assert "telemetry" in done.stdout


def test_tracking_works_without_any_network(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    prefix = [unshare or "", "--net", "--"]
    if unshare is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("a network namespace of its own is not permitted here")
    assert run(GUARD + TRACK + END, tmp_path, prefix) == "quiet\n"
