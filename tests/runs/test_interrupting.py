"""Killing and interrupting a running process, and finishing what it left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import small_suite
from servers import Answer, Call, ChatServer, completion

from aiir_eval.documents import read_json
from aiir_eval.runs import load_run, read_journal, run
from aiir_eval.suites.model import save_suite
from aiir_eval.targets import make_target

ROOT = Path(__file__).resolve().parents[2]

TARGET = """\
import time
def answer(text, *, case_id, trial, rng):
    with open("calls.log", "a") as log:
        log.write(f"{case_id} {trial}\\n")
    time.sleep(0.01)
    return f"ok {rng.integers(10**12)}"
"""

PROGRAM = """\
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests ignore it
from aiir_eval.errors import AiirError
from aiir_eval.runs import run
from aiir_eval.targets import make_target
uri, url, inside_a_loop = sys.argv[1], sys.argv[2] or None, sys.argv[3] == "loop"
def go():
    return run("suite.yaml", make_target(uri, base_url=url), trials=10, out="run", resume=True,
               concurrency=4, resume_command="aiir run suite.yaml --resume")
async def notebook():
    return go()
try:
    asyncio.run(notebook()) if inside_a_loop else go()
except AiirError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_suite(small_suite(10), tmp_path / "suite.yaml")
    (tmp_path / "killed_target.py").write_text(TARGET)
    return tmp_path


def start(
    folder: Path, uri: str = "python:killed_target:answer", url: str = "", mode: str = "plain"
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, uri, url, mode],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until the condition holds; fails when the process ends first."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def n_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def facts(done: Any) -> Any:
    return done.trials.drop_columns(["latency_s", "started_at"])


def test_a_run_killed_again_and_again_loses_and_repeats_no_finished_trial(folder: Path) -> None:
    journal = folder / "run" / "trials.jsonl"
    finished: dict[str, int] = {}  # trials in the journal, and how often each was asked

    def asked() -> Counter[str]:
        return Counter((folder / "calls.log").read_text().splitlines())

    for goal in (15, 40, 70):
        process = start(folder)
        wait_for(lambda: n_lines(journal) >= goal, process)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert read_json(folder / "run" / "run.json")["status"] == "running"
        assert all(asked()[trial] == count for trial, count in finished.items())
        for row in read_journal(journal).rows:
            trial = f"{row.case_id} {row.trial}"
            finished.setdefault(trial, asked()[trial])
        assert len(finished) >= goal
    process = start(folder)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(asked()[trial] == count for trial, count in finished.items())
    assert len(asked()) == 100
    (folder / "whole").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "whole")
        patch.syspath_prepend(str(folder))
        whole = run(folder / "suite.yaml", "python:killed_target:answer", trials=10)
    sys.modules.pop("killed_target")
    done = load_run(folder / "run")
    assert done.complete
    assert facts(done).equals(facts(whole))
    assert done.manifest.fingerprint == whole.manifest.fingerprint


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("mode", ["plain", "loop"])
def test_an_interrupted_run_says_how_to_resume_and_repeats_no_call(
    folder: Path, chat_server: ChatServer, number: signal.Signals, mode: str
) -> None:
    def answer(call: Call) -> Answer:
        return completion(f"ok {call.last}", delay_s=0.02)

    chat_server.answer = answer
    process = start(folder, "openai:m", chat_server.url, mode)
    wait_for(lambda: len(chat_server.calls) >= 30, process)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    n_done = n_lines(folder / "run" / "trials.jsonl")
    assert f"{n_done} of 100 trials are done and kept in run" in told
    assert "resume with: aiir run suite.yaml --resume" in told
    assert read_json(folder / "run" / "run.json")["status"] == "interrupted"
    assert 30 <= n_done < 100
    assert n_done == len(chat_server.calls)  # those under way were finished, and kept
    process = start(folder, "openai:m", chat_server.url, mode)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(chat_server.calls) == 100
    done = load_run(folder / "run")
    target = make_target("openai:m", base_url=chat_server.url)
    assert facts(done).equals(facts(run(folder / "suite.yaml", target, trials=10)))


def test_a_second_signal_does_not_wait_for_trials_under_way(folder: Path) -> None:
    (folder / "hanging_target.py").write_text(
        "import time\n"
        "def answer(text, *, trial):\n"
        "    time.sleep(120 if trial else 0)\n"
        "    return 'ok'\n"
    )
    process = start(folder, "python:hanging_target:answer")
    wait_for(lambda: n_lines(folder / "run" / "trials.jsonl") >= 10, process)
    time.sleep(0.1)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - started < 4
    assert load_run(folder / "run").trials.num_rows == 10


def test_an_interruption_while_the_last_trials_finish_is_heeded_and_the_run_complete(
    folder: Path,
) -> None:
    (folder / "late_target.py").write_text(
        "import time\n"
        "def answer(text, *, case_id, trial):\n"
        "    if trial == 9: time.sleep(0.5)\n"
        "    return 'ok'\n"
    )
    save_suite(small_suite(4), folder / "suite.yaml")  # as many as run at once
    process = start(folder, "python:late_target:answer")
    wait_for(lambda: n_lines(folder / "run" / "trials.jsonl") == 36, process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "40 of 40 trials are done and kept in run" in told
    assert load_run(folder / "run").complete


def test_a_loop_that_a_target_blocks_can_still_be_interrupted(folder: Path) -> None:
    (folder / "blocking_target.py").write_text(
        "import time\n"
        "async def answer(text, *, trial):\n"
        "    if trial: open('blocked', 'w').close(); time.sleep(120)\n"
        "    return 'ok'\n"
    )
    process = start(folder, "python:blocking_target:answer")
    wait_for((folder / "blocked").exists, process)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert load_run(folder / "run").manifest.status == "interrupted"


@pytest.mark.server
def test_no_key_reaches_the_run_folder_or_the_terminal(
    tmp_path: Path, chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "fortyTwoCharactersWithoutAnyTellTalePrefix"
    monkeypatch.setenv("MY_KEY", secret)

    def answer(call: Call) -> Answer:
        said = call.headers["authorization"]
        if call.number % 2:
            return Answer(400, json.dumps({"error": {"message": f"you sent {said}"}}).encode())
        return completion(f"ok {said}", tool_calls=[("t", json.dumps({"k": said}))][: call.number])

    chat_server.answer = answer
    target = make_target("openai:m", base_url=chat_server.url, api_key_env="MY_KEY")
    done = run(small_suite(6), target, out=tmp_path / "run", concurrency=1)
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert secret.encode() not in written
    assert secret not in repr(done.trials.to_pylist())
    assert "you sent" in repr(done.trials["error"].to_pylist())
    assert chat_server.calls[0].headers["authorization"] == f"Bearer {secret}"


@pytest.mark.server
def test_a_key_that_is_refused_in_the_middle_ends_the_run_and_keeps_the_rest(
    tmp_path: Path, chat_server: ChatServer
) -> None:
    from servers import error

    from aiir_eval.errors import UnreachableError

    def answer(call: Call) -> Answer:
        return completion("ok") if call.number < 7 else error(401, "key revoked")

    chat_server.answer = answer
    target = make_target("openai:m", base_url=chat_server.url)
    with pytest.raises(UnreachableError, match="key revoked"):
        run(small_suite(), target, trials=5, out=tmp_path / "run", concurrency=1)
    assert load_run(tmp_path / "run").trials.num_rows == 7
    chat_server.answer = [completion("ok")]
    target = make_target("openai:m", base_url=chat_server.url)
    done = run(small_suite(), target, trials=5, out=tmp_path / "run", resume=True)
    assert done.trials["passed"].to_pylist() == [True] * 15
    assert len(chat_server.calls) == 8 + 8


@pytest.mark.server
def test_single_failures_of_a_server_are_error_rows(
    tmp_path: Path, chat_server: ChatServer
) -> None:
    from servers import error

    def answer(call: Call) -> Answer:
        if call.last.endswith("0"):
            return error(500, "boom")
        if call.last.endswith("1"):
            return completion("ok", delay_s=3)
        return completion("ok", usage=(7, 2))

    chat_server.answer = answer
    target = make_target("openai:m", base_url=chat_server.url)
    done = run(small_suite(4), target, out=tmp_path / "run", timeout_s=2.5)
    assert done.trials["error"].to_pylist() == [
        "HTTP 500: boom",
        "no reply within 2.5 s",
        None,
        None,
    ]
    assert done.trials["input_tokens"].to_pylist() == [None, None, 7, 7]
    assert done.trials["model_reported"].to_pylist()[2:] == ["test-model-2024"] * 2
    assert done.complete
