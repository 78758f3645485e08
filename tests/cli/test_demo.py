"""The demo: the whole story, from a checkout and from a wheel, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

AIIR = Path(sys.executable).with_name("aiir")

# Anything that resolves a name or connects elsewhere ends the process with a code of its own.
NO_NETWORK = """
import os, socket, sys
def refuse(*args, **kwargs):
    os.write(2, f"NETWORK {args}\\n".encode())
    os._exit(97)
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        refuse(address)
    return original(self, address)
original = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = connect
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
"""


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The demo run once, with every attempt to reach a network caught in the process itself."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(NO_NETWORK)
    env = {**os.environ, "PYTHONPATH": str(folder / "guard"), "NO_COLOR": "1"}
    done = subprocess.run(
        [AIIR, "demo"], cwd=folder, env=env, capture_output=True, text=True, timeout=240
    )
    return folder / "aiir-demo", done


def test_the_demo_succeeds_and_tries_no_network(
    story: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = story
    assert done.returncode == 0, done.stderr
    assert "NETWORK" not in done.stderr


def test_version_2_passes_and_version_3_fails_with_flips_both_ways(
    story: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = story
    fix = json.loads((folder / "v1-v2.json").read_text())
    release = json.loads((folder / "v2-v3.json").read_text())
    assert (fix["verdict"], release["verdict"]) == ("pass", "fail")
    assert fix["comparison"]["flips"]["broke"] == 0
    assert release["comparison"]["flips"]["broke"] > 0
    assert release["comparison"]["flips"]["fixed"] > 0
    broken = [claim["name"] for claim in release["claims"] if claim["verdict"] == "fail"]
    assert any("incidents fixed" in name for name in broken)


def test_the_terminal_shows_verdicts_flips_findings_and_what_to_do_next(
    story: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = story
    for text in ("PASS", "FAIL", "Broke", "Fixed", "Findings", "Go on with:", "aiir gate"):
        assert text in done.stdout, text
    assert "\x1b" not in done.stdout


def test_the_report_junit_and_comment_are_written(
    story: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = story
    assert "<html" in (folder / "v2-v3.html").read_text()
    assert ET.parse(folder / "v2-v3.junit.xml").getroot().tag == "testsuites"
    assert (folder / "v2-v3.md").read_text().strip()


def test_mlflow_holds_a_run_a_verdict_with_nested_baseline_and_candidate(
    story: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    import sqlite3

    folder, _ = story
    with sqlite3.connect(folder / "mlflow.db") as store:
        (runs,) = store.execute("select count(*) from runs").fetchone()
        verdicts = store.execute(
            "select value from tags where key = 'aiir.verdict' order by value"
        ).fetchall()
        (nested,) = store.execute(
            "select count(*) from tags where key = 'mlflow.parentRunId'"
        ).fetchone()
    assert runs == 6
    assert verdicts == [("fail",), ("pass",)]
    assert nested == 4


def test_the_commands_it_ends_with_work(
    story: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = story
    tail = done.stdout.partition("Go on with:")[2]
    script = "\n".join(line.strip() for line in tail.splitlines() if "mlflow ui" not in line)
    env = {**os.environ, "PATH": f"{AIIR.parent}:{os.environ['PATH']}"}
    for command in script.replace("\\\n", " ").splitlines():
        if not command.strip():
            continue
        again = subprocess.run(
            ["bash", "-c", command], cwd=folder.parent, env=env, capture_output=True, text=True
        )
        assert again.returncode == (1 if " gate " in command else 0), (command, again.stderr)


def test_a_folder_that_is_not_a_demos_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aiir_eval.cli import invoke

    (tmp_path / "mine.txt").write_text("precious")
    assert invoke(["demo", "-o", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "precious"


@pytest.mark.server
def test_the_demo_runs_in_a_network_namespace_of_its_own(tmp_path: Path) -> None:
    """No interface at all, and the kernel's own word that nothing was tried."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rn", "true"], check=False).returncode:
        pytest.skip("a network namespace cannot be made here (unshare -rn)")
    strace = shutil.which("strace")
    trace = [strace, "-f", "-qq", "-e", "trace=connect", "-o", "trace.txt"] if strace else []
    done = subprocess.run(
        [unshare, "-rn", *trace, str(AIIR), "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    if strace:
        tried = [
            line for line in (tmp_path / "trace.txt").read_text().splitlines() if "AF_INET" in line
        ]
        assert not tried, tried[:5]
