"""Fixtures that every room's tests share, and the rule that CI accepts no skipped test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# Before numpy is loaded: a process of pytest-xdist has one core, and idle threads of BLAS spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# An example that is slow on a busy machine is not a failure. A developer's every run tries new
# examples; CI tries the same ones each time, since a gate that fails by chance is no gate.
hypothesis.settings.register_profile("aiir", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("aiir")

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))  # the support desk, as a user of a checkout has it


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded data; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("AIIR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"recorded data is absent: no folder {folder} (set AIIR_SHARED_DATA)")
    return folder


@pytest.fixture
def a_desk_of_its_own() -> Iterator[None]:
    """A copy of the support desk may be imported, whatever copy this process imported before."""

    def loaded() -> dict[str, ModuleType]:
        return {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "support_desk"}

    before = loaded()
    for name in before:
        del sys.modules[name]
    yield
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture(autouse=True)
def no_experiment_left_behind() -> Iterator[None]:
    """MLflow keeps the experiment set last for the whole process; the next test has none."""
    yield
    if fluent := sys.modules.get("mlflow.tracking.fluent"):
        fluent._active_experiment_id = None
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under CI a skip is a failure: what a test needs is to be installed there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or hasattr(session.config, "workerinput"):
        return
    if reporter.stats.get("skipped") and exitstatus == pytest.ExitCode.OK:
        reporter.write_line("CI: a test was skipped; install what it needs", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
