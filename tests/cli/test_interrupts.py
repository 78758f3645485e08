"""Stopped, killed, out of room, resumed: no finished trial is lost, and none is asked twice."""

from __future__ import annotations

import json
import resource
import shlex
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Aiir, console, program, saying, suite

from aiir_eval.runs import load_run, read_journal

SLOW = """\
import time
def answer(question, case_id, trial):
    with open("calls.log", "a") as log:
        log.write(f"{case_id} {trial}\\n")
    time.sleep(0.03)
    return "ok"
"""


@pytest.fixture
def slow(here: Path) -> list[str]:
    """The arguments of a run of 120 trials that takes a while."""
    target = f"{program(SLOW)}:answer"
    return ["run", suite(), "--target", target, "--trials", "6", "--concurrency", "2", "-o", "run"]


def asked() -> Counter[str]:
    """How often each trial was asked of the target."""
    return Counter(Path("calls.log").read_text().splitlines())


def recorded_trials() -> set[str]:
    return {f"{row.case_id} {row.trial}" for row in read_journal("run/trials.jsonl").rows}


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def n_done() -> int:
    journal = Path("run/trials.jsonl")
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_how_to_go_on_and_that_asks_no_trial_twice(
    aiir: Aiir, slow: list[str], number: signal.Signals
) -> None:
    process = console(*slow, "--format", "json")
    wait_until(lambda: n_done() >= 15, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    manifest = json.loads(Path("run/run.json").read_text())
    done = n_done()
    assert (manifest["status"], manifest["n_rows"]) == ("interrupted", done)
    assert 15 <= done < 120
    assert f"{done} of 120 trials are done and kept in run" in err.decode()
    stopped = aiir("gate", "--baseline", "run", "--candidate", "run", "--aa", "--format", "json")
    assert stopped.code == 4 and "incomplete" in stopped.json["claims"][0]["reason"]

    command = err.decode().partition("resume with: aiir ")[2].strip()
    again = console(*shlex.split(command))
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert json.loads(out)["status"] == "complete"
    assert set(asked().values()) == {1} and len(asked()) == 120
    assert load_run("run").trials.num_rows == 120
    assert sorted(contents("run")) == ["run.json", "suite.jsonl", "trials.parquet"]


def test_a_run_that_is_killed_asks_no_finished_trial_again(slow: list[str]) -> None:
    process = console(*slow)
    wait_until(lambda: n_done() >= 20, process)
    process.kill()
    process.communicate(timeout=60)
    finished = recorded_trials()
    assert json.loads(Path("run/run.json").read_text())["status"] == "running"
    assert len(finished) >= 20
    again = console(*slow, "--resume", "--format", "json")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert json.loads(out)["n_rows"] == 120
    assert {trial for trial, times in asked().items() if times > 1}.isdisjoint(finished)
    assert len(asked()) == 120


def test_a_second_ctrl_c_does_not_wait_for_a_target_that_hangs(here: Path) -> None:
    hanging = program(
        "import asyncio\n"
        "async def answer(question):\n"
        "    open('begun', 'w').close()\n    await asyncio.sleep(600)\n"
    )
    arguments = ("run", suite(), "--target", f"{hanging}:answer", "--timeout", "900", "-o", "run")
    process = console(*arguments)
    wait_until(Path("begun").exists, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None  # trials under way may finish
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - begun < 4.7
    assert b"0 of 20 trials are done" in err and b"Traceback" not in err


def test_a_gate_that_is_stopped_gives_no_verdict(here: Path) -> None:
    modules = [program(SLOW) for _ in range(2)]
    process = console(
        "gate", "--baseline", f"{modules[0]}:answer", "--candidate", f"{modules[1]}:answer",
        "--suite", suite(), "--trials", "50", "--format", "json", "-o", "v.json",
    )  # fmt: skip
    wait_until(Path("calls.log").exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"") and b"stopped by the user" in err
    assert not Path("v.json").exists()


def test_two_processes_do_not_write_into_one_run(here: Path) -> None:
    patient = program(
        "import os, time\n"
        "def answer(question):\n"
        "    while not os.path.exists('go'):\n        time.sleep(0.01)\n"
        "    return 'ok'\n"
    )
    arguments = ("run", suite(), "--target", f"{patient}:answer", "-o", "run")
    process = console(*arguments)
    wait_until(Path("run/run.json").exists, process)
    other = console(*arguments, "--resume")
    out, err = other.communicate(timeout=60)
    assert (other.returncode, out) == (2, b"")
    assert b"another process is running this run" in err
    Path("go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture
def stopped(aiir: Aiir, here: Path) -> tuple[str, str]:
    """A run that stopped after 7 of 20 trials, and its target."""
    code = (
        "from aiir_eval.errors import UnreachableError\ncalls = 0\n"
        "def answer(question, case_id, trial):\n"
        "    global calls\n    calls += 1\n"
        "    if calls == 8:\n        raise UnreachableError('it went away')\n"
        "    with open('calls.log', 'a') as log:\n        log.write(f'{case_id} {trial}\\n')\n"
        "    return 'ok'\n"
    )
    target = f"{program(code)}:answer"
    said = aiir("run", suite(), "--target", target, "--concurrency", "1", "-o", "run")
    assert said.code == 5 and "7 of 20 trials are done" in said.err
    return "run", target


def test_what_differs_from_what_was_begun_cannot_be_resumed_and_loses_nothing(
    aiir: Aiir, stopped: tuple[str, str]
) -> None:
    run, target = stopped
    before = contents(run)
    others = {
        "the cases of the suite": (suite("other.yaml", input="another question"), target),
        "the target": ("suite.yaml", saying("ok")),
        "the seed": ("suite.yaml", target, "--seed", "7"),
        "the number of trials": ("suite.yaml", target, "--trials", "9"),
    }
    for what, (cases, other, *options) in others.items():
        said = aiir("run", cases, "--target", other, *options, "-o", run, "--resume")
        assert said.code == 2 and "cannot be resumed" in said.err, said
        assert what in said.err and "changed" in said.err
        assert contents(run) == before
    said = aiir("run", "suite.yaml", "--target", target, "-o", run)
    assert said.code == 2 and "not empty" in said.err and "--resume" in said.err
    assert contents(run) == before
    assert aiir("run", "suite.yaml", "--target", target, "-o", run, "--resume").code == 0
    assert set(asked().values()) == {1} and len(asked()) == 20


def test_a_torn_last_line_is_run_again_and_a_damaged_one_is_named(
    aiir: Aiir, stopped: tuple[str, str]
) -> None:
    run, target = stopped
    resume = ("run", "suite.yaml", "--target", target, "-o", run, "--resume")
    journal = Path(run, "trials.jsonl")
    whole = journal.read_bytes()
    for damage in (b"\xff\xfe\x00", b'{"case_id": "c00"}', b"[]", b"null", whole.splitlines()[0]):
        journal.write_bytes(whole + damage + b"\n" + whole.splitlines()[0] + b"\n")
        said = aiir(*resume)
        assert said.code == 2 and f"{journal}:8" in said.err, said.err
        assert aiir("compare", run, run).code == 2
        assert journal.read_bytes() == whole + damage + b"\n" + whole.splitlines()[0] + b"\n"
    journal.write_bytes(whole[:-20])
    assert aiir(*resume).code == 0
    counted = asked()
    assert sorted(counted.values()) == [1] * 19 + [2]  # only the trial whose line was torn
    assert load_run(run).trials.num_rows == 20


def test_a_run_folder_that_holds_something_else_is_left_alone(aiir: Aiir, here: Path) -> None:
    cases, ok = suite(), saying("ok")
    Path("mine").mkdir()
    Path("mine/suite.jsonl").write_text("mine")
    Path("mine/notes.txt").write_text("mine")
    Path("file").write_text("mine")
    Path("t.csv").write_text("id,ok\n1,1\n")
    before = contents("mine")
    for out in ("mine", "file", "file/run"):
        assert aiir("run", cases, "--target", ok, "-o", out).code == 2
        assert aiir("run", cases, "--target", ok, "-o", out, "--resume").code == 2
        assert aiir("import", "table", "t.csv", "--id", "id", "--passed", "ok", "-o", out).code == 2
    assert aiir("demo", "-o", "mine").code == 2
    assert aiir("demo", "-o", "file").code == 2
    assert contents("mine") == before and Path("file").read_text() == "mine"
    Path("mine/notes.txt").unlink()
    assert aiir("import", "table", "t.csv", "--id", "id", "--passed", "ok", "-o", "mine").code == 2
    assert Path("mine/suite.jsonl").read_text() == "mine"
    assert aiir("run", cases, "--target", ok, "-o", "run").code == 0
    assert aiir("import", "table", "t.csv", "--id", "id", "--passed", "ok", "-o", "run").code == 2


def with_room(n_bytes: int) -> Callable[[], None]:
    """No file may grow beyond `n_bytes`: what a full disk looks like to a process."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


@pytest.mark.parametrize(("n_cases", "room"), [(120, 12_000), (8, 6_000)])
def test_a_full_disk_stops_a_run_and_what_was_written_is_resumed(
    here: Path, n_cases: int, room: int
) -> None:
    target = f"{program(SLOW)}:answer"  # with 120 cases the journal fills it, with 8 the parquet
    arguments = ("run", suite(n=n_cases), "--target", target, "-o", "run")
    with_suite = room + Path("suite.yaml").stat().st_size
    process = console(*arguments, preexec_fn=with_room(with_suite if n_cases > 8 else room))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, b""), err
    assert b"error: run" in err and b"written" in err and b"Traceback" not in err
    assert json.loads(Path("run/run.json").read_text())["status"] != "complete"
    assert not list(Path("run").glob("*.partial*"))
    finished = recorded_trials()
    assert len(finished) == 8 if n_cases == 8 else 8 < len(finished) < 120
    again = console(*arguments, "--resume", "--format", "json")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert json.loads(out)["status"] == "complete"
    assert all(asked()[trial] == 1 for trial in finished)


def test_a_report_that_finds_no_room_leaves_the_old_one(
    recorded: Callable[..., str], here: Path
) -> None:
    compare = ("compare", recorded("old", [1] * 300), recorded("new", [0] * 300))
    Path("c.json").write_text("the old one")
    process = console(*compare, "-o", "c.json", preexec_fn=with_room(4_000))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and b"error: c.json: cannot be written: File too large" in err
    assert Path("c.json").read_text() == "the old one"
    assert not [path for path in Path().iterdir() if "partial" in path.name]
    shutil.rmtree("old")
