"""Without a browser `make test` skips and says why; under CI such a skip fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDY = """
import sys
sys.path.insert(0, {tests!r})
from browsing import browse, chromium

def test_that_needs_nothing():
    pass

def test_of_a_page(browse):
    raise AssertionError("there is no browser here")
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Tests under the rule of ours, on a machine with nothing on its path."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_needy.py").write_text(NEEDY.format(tests=str(ROOT / "tests")))
    (tmp_path / "nothing").mkdir()
    return tmp_path


def outcome(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=kept | {"PATH": str(folder / "nothing")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_on_a_bare_machine_the_reason_of_a_skip_is_told(bare: Path) -> None:
    code, told = outcome(bare)
    assert code == 0, told
    assert re.search(r"SKIPPED .*no Chromium here: `make system`", told)
    assert "1 passed" in told


@pytest.mark.parametrize("processes", ["0", "1"])
def test_in_ci_a_skip_fails(bare: Path, processes: str) -> None:
    code, told = outcome(bare, "-n", processes, CI="true")
    assert code == 1, told
    assert "CI: a test was skipped; install what it needs" in told


def test_in_ci_tests_that_all_run_pass(bare: Path) -> None:
    assert outcome(bare, "-k", "needs_nothing", CI="true")[0] == 0


def test_only_one_script_installs_packages_of_the_system() -> None:
    """CI and a person do, by `make system`."""
    installing = re.compile(r"\b(apt-get|apt|apk|dnf|yum|brew) (-\S+ )*install\b")
    files = [ROOT / "Makefile", ROOT / "action.yml"]
    for folder in (".ci", "aiir_eval", "benchmarks", "docs", "examples", "tests"):
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    found = [
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.suffix in {"", ".py", ".sh", ".yml"} and installing.search(path.read_text())
    ]
    assert found == [".ci/system-packages"]


@pytest.mark.parametrize("ci", ["", "true"])
def test_make_test_installs_packages_under_ci_alone(tmp_path: Path, ci: str) -> None:
    """On a machine with nothing but a package manager, which says what it is asked."""
    made = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True)
    asked = next(line for line in made.stdout.splitlines() if ".ci/system-packages" in line)
    for name, script in {"apt-get": 'echo "$@" >> "$ASKED"', "id": "echo 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    done = subprocess.run(
        ["/bin/sh", *asked.split()[1:]],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "CI": ci, "ASKED": str(tmp_path / "asked")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "chromium" in done.stderr
    installed = tmp_path / "asked"
    assert installed.exists() == bool(ci)
    if ci:
        assert "install -y" in installed.read_text()
        assert " chromium " in installed.read_text()
    else:
        assert "will skip (make system installs it)" in done.stderr
