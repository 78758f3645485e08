"""Running a suite: every trial is a row, the same in any order."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeTarget, small_suite

from aiir_eval.documents import file_digest, read_json
from aiir_eval.errors import InputError, UnreachableError
from aiir_eval.runs import Progress, load_run, run
from aiir_eval.scorers.protocol import Check
from aiir_eval.suites.model import Suite, save_suite
from aiir_eval.targets.protocol import Reply, TargetError
from aiir_eval.tool_calls import ToolCall


def column(done: Any, name: str) -> list[Any]:
    return done.trials[name].to_pylist()


def test_every_trial_of_every_case_is_a_row() -> None:
    suite = Suite(
        name="s",
        trials={"incident": 3, "control": 2},
        cases=[
            {
                "id": "I.1",
                "incident_id": "INC-1",
                "class": "hallucination",
                "origin": "incident",
                "tags": ["refund"],
                "by": {"lang": "en"},
                "expected": {"days": 14},
                "input": "How long?",
                "checks": [
                    {"scorer": "contains", "value": "14"},
                    {"scorer": "not_contains", "name": "no-90", "value": "90"},
                ],
            },
            {"id": "C.1", "input": "x", "checks": [{"scorer": "contains", "value": "90"}]},
        ],
    )
    target = FakeTarget(
        lambda request: Reply(
            "14 or 90 days", [ToolCall("find", {"q": 1})], input_tokens=3, cost_usd=0.5
        )
    )
    done = run(suite, target)
    assert list(zip(column(done, "case_id"), column(done, "trial"), strict=True)) == [
        ("C.1", 0),
        ("C.1", 1),
        ("I.1", 0),
        ("I.1", 1),
        ("I.1", 2),
    ]
    row = done.trials.to_pylist()[-1]
    assert row["incident_id"] == row["cluster"] == "INC-1"
    assert (row["class"], row["origin"], row["tags"]) == ("hallucination", "incident", ["refund"])
    assert row["by"] == [("lang", "en")]
    assert json.loads(row["expected"]) == {"days": 14}
    assert row["tool_calls"] == [{"name": "find", "arguments": '{"q": 1}'}]
    assert [(check["check"], check["passed"]) for check in row["checks"]] == [
        ("contains", True),
        ("no-90", False),
    ]
    assert (row["passed"], row["score"], row["error"]) == (False, 0.5, None)
    assert (row["input_tokens"], row["cost_usd"]) == (3, 0.5)
    assert row["latency_s"] >= 0
    assert row["started_at"].tzinfo is not None
    assert column(done, "passed")[0] is True
    assert done.complete
    assert done.manifest.trials == {"I.1": 3, "C.1": 2}
    assert done.manifest.scorer_versions.keys() == {"contains", "not_contains"}
    assert target.closed == 1


def test_the_folder_holds_what_the_design_says(tmp_path: Path) -> None:
    suite = small_suite()
    done = run(suite, FakeTarget(), trials=2, out=tmp_path / "run", seed=5)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"run.json", "suite.jsonl", "trials.parquet"}
    stated = read_json(tmp_path / "run" / "run.json")
    assert stated["schema"] == "aiir/run/1"
    assert (stated["status"], stated["seed"], stated["n_rows"]) == ("complete", 5, 6)
    assert stated["suite_digest"] == suite.digest()
    assert stated["files"] == {
        name: file_digest(tmp_path / "run" / name) for name in ("suite.jsonl", "trials.parquet")
    }
    loaded = load_run(tmp_path / "run")
    assert loaded.trials.equals(done.trials)
    assert loaded.manifest == done.manifest
    assert [case.to_mapping() for case in loaded.cases.values()] == [
        case.to_mapping() for case in suite.cases
    ]


def test_a_suite_file_and_a_python_target_run_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_suite(small_suite(), tmp_path / "suite.yaml")
    (tmp_path / "runs_by_name.py").write_text(
        "def answer(text, *, word): return word\ndef judge(answer): return answer.output == 'ok'\n"
    )
    (tmp_path / "aiir.yaml").write_text(
        "targets:\n  desk@v1: {uri: 'python:runs_by_name:answer', params: {word: ok}}\n"
        "scorers: ['python:runs_by_name:judge']\n"
    )
    monkeypatch.chdir(tmp_path)
    done = run("suite.yaml", "desk@v1")
    assert column(done, "passed") == [True] * 3
    assert done.name == "desk@v1"
    monkeypatch.chdir(tmp_path.parent)
    check = {"scorer": "python:runs_by_name:judge"}
    suite = Suite(name="s", cases=[{"id": "a", "input": "x", "checks": [check]}])
    assert run(suite, "desk@v1", config=tmp_path / "aiir.yaml").trials["passed"].to_pylist() == [
        True
    ]
    with pytest.raises(InputError, match="code, and a suite may not decide to run it"):
        run(suite, FakeTarget())


def test_random_draws_depend_on_seed_case_and_trial_and_on_nothing_else() -> None:
    def draw(request: Any) -> str:
        return f"ok {request.rng.integers(10**12)}"

    suite = small_suite(5)
    first = column(run(suite, FakeTarget(draw), trials=4, concurrency=1), "output")
    assert len(set(first)) == 20
    assert column(run(suite, FakeTarget(draw), trials=4, concurrency=7), "output") == first
    turned = suite.model_copy(update={"cases": suite.cases[::-1]})
    assert column(run(turned, FakeTarget(draw), trials=4), "output") == first
    fewer = column(run(suite, FakeTarget(draw), trials=2), "output")
    assert fewer == [output for n, output in enumerate(first) if n % 4 < 2]
    assert set(column(run(suite, FakeTarget(draw), trials=4, seed=1), "output")).isdisjoint(first)


def test_no_more_trials_are_under_way_than_allowed() -> None:
    async def wait(request: Any) -> str:
        await asyncio.sleep(0.001)
        return "ok"

    target = FakeTarget(lambda request: wait(request))
    run(small_suite(10), target, trials=3, concurrency=4)
    assert target.most_under_way == 4


def test_a_trial_cannot_change_the_input_of_another() -> None:
    suite = Suite(
        name="s",
        cases=[
            {
                "id": "a",
                "input": [{"role": "user", "content": "hi"}],
                "context": [{"id": "p", "text": "t"}],
                "tools": [{"name": "t", "parameters": {"type": "object"}}],
                "checks": [{"scorer": "contains", "value": "ok"}],
            }
        ],
    )

    def spoil(request: Any) -> str:
        assert (request.input, request.context) == (
            [{"role": "user", "content": "hi"}],
            [{"id": "p", "text": "t"}],
        )
        assert request.tools[0]["parameters"] == {"type": "object"}
        request.input[0]["content"] = request.context[0]["text"] = "spoiled"
        request.tools[0]["parameters"].clear()
        return "ok"

    assert column(run(suite, FakeTarget(spoil), trials=3), "error") == [None] * 3


def test_an_error_is_a_row_with_its_reason_and_no_verdict() -> None:
    def answer(request: Any) -> str:
        if request.case_id == "c1":
            raise TargetError("HTTP 500: boom")
        if request.case_id == "c2":
            raise ZeroDivisionError("by zero")
        return "ok"

    done = run(small_suite(), FakeTarget(answer))
    assert column(done, "error") == [None, "HTTP 500: boom", "ZeroDivisionError: by zero"]
    assert column(done, "passed") == [True, None, None]
    assert column(done, "score") == [1.0, None, None]
    assert done.complete
    assert done.manifest.problems == []


def test_a_target_that_always_errors_makes_a_complete_run_that_says_so(tmp_path: Path) -> None:
    def answer(request: Any) -> str:
        raise TargetError("no such deployment")

    done = run(small_suite(), FakeTarget(answer), out=tmp_path / "run")
    assert done.complete
    assert done.manifest.problems == [
        "every trial errored (3 of 3), so the run says nothing about the target; "
        "the first error: no such deployment"
    ]
    assert load_run(tmp_path / "run").manifest.problems == done.manifest.problems


def test_a_trial_that_takes_too_long_is_an_error_and_the_run_goes_on() -> None:
    async def slow(request: Any) -> str:
        await asyncio.sleep(30 if request.case_id == "c1" else 0)
        return "ok"

    done = run(small_suite(), FakeTarget(lambda request: slow(request)), timeout_s=0.2)
    assert column(done, "error") == [None, "no reply within 0.2 s", None]


def test_a_function_that_hangs_keeps_neither_the_run_nor_the_process(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(
        "import time\ndef f(text): time.sleep(120 if text.endswith('1') else 0); return 'ok'\n"
    )
    save_suite(small_suite(), tmp_path / "suite.yaml")
    program = (
        "import aiir_eval.runs as runs\n"
        "done = runs.run('suite.yaml', 'python:hangs:f', timeout_s=0.5, concurrency=1, trials=2)\n"
        "print(done.trials['error'].to_pylist())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    late = "no reply within 0.5 s"
    assert ended.stdout.strip() == str([None, None, late, late, None, None])


@pytest.mark.parametrize("error", [asyncio.CancelledError(), TimeoutError("of its own")])
def test_a_target_that_cancels_or_times_out_itself_is_an_error_row(error: BaseException) -> None:
    def answer(request: Any) -> str:
        raise error

    done = run(small_suite(1), FakeTarget(answer))
    assert column(done, "error")[0].startswith(type(error).__name__)


GARBAGE = {
    "none": None,
    "bytes": b"ok",
    "number": 5,
    "huge": "x" * 1_000_001,
    "no reply": Reply(None),  # type: ignore[arg-type]
    "calls": Reply("ok", [{"name": "t", "arguments": {1, 2}}]),  # type: ignore[list-item]
    "tokens": Reply("ok", input_tokens=-1),
    "cost": Reply("ok", cost_usd=float("nan")),
    "latency": Reply("ok", latency_s="fast"),  # type: ignore[arg-type]
    "seconds": Reply("ok", latency_s=float("inf")),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_an_error_row_on_disk(name: str, tmp_path: Path) -> None:
    run(small_suite(1), FakeTarget(lambda request: GARBAGE[name]), out=tmp_path / "run")
    row = load_run(tmp_path / "run").trials.to_pylist()[0]
    assert row["error"]
    assert (row["passed"], row["score"], row["output"]) == (None, None, None)


def test_strange_text_reaches_the_disk_and_comes_back(tmp_path: Path) -> None:
    text = "ok \0 \x1b[31m \ud800 \u2028 \u202e \U0001f600 <script>"
    call = ToolCall("t\0", {"k": "\udfff", "$raw": "\n"})
    target = FakeTarget(lambda request: Reply(text, [call], finish_reason="\ud800"))
    done = run(small_suite(1), target, out=tmp_path / "run")
    row = load_run(tmp_path / "run").trials.to_pylist()[0]
    assert row["output"] == text.replace("\ud800", "\ufffd")
    assert row["finish_reason"] == "\ufffd"
    assert json.loads(row["tool_calls"][0]["arguments"]) == {"k": "\ufffd", "$raw": "\n"}
    assert row["passed"] is True
    assert row == done.trials.to_pylist()[0]


def test_a_secret_in_an_exception_does_not_reach_the_row() -> None:
    def answer(request: Any) -> str:
        raise RuntimeError("POST https://me:hunter2@h/v1 Bearer abc.def sk-abcdefghijklmnop failed")

    error = column(run(small_suite(1), FakeTarget(answer)), "error")[0]
    assert error.endswith("failed")
    for secret in ("hunter2", "abc.def", "sk-abcdefgh"):
        assert secret not in error


def test_an_endless_error_is_cut_and_says_how_long_it_was() -> None:
    def answer(request: Any) -> str:
        raise TargetError("a.b" * 1_000_000)

    error = column(run(small_suite(1), FakeTarget(answer)), "error")[0]
    assert error.endswith("... (3,000,000 characters)")
    assert len(error) < 2100


def test_a_scorer_that_fails_makes_the_trial_an_error_and_keeps_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_scorers.py").write_text(
        "from aiir_eval.scorers import Judgement\n"
        "def raises(answer): raise KeyError('label')\n"
        "def nan(answer): return Judgement(float('nan'), True, 'x')\n"
        "def text(answer): return Judgement(1.0, 'yes', 'x')\n"
        "def reason(answer): return Judgement(1.0, True, None)\n"
    )
    monkeypatch.chdir(tmp_path)
    for function in ("raises", "nan", "text", "reason"):
        check = Check(f"python:failing_scorers:{function}", "mine")
        case = {"id": "a", "input": "x", "checks": [check.to_mapping()]}
        done = run(
            Suite(name="s", cases=[case]),
            FakeTarget(),
            allow_python=[check.scorer],
            out=tmp_path / function,
        )
        row = load_run(tmp_path / function).trials.to_pylist()[0]
        assert "mine" in row["error"]
        assert (row["output"], row["passed"], row["score"]) == ("ok", None, None)
        assert done.complete


def test_an_unreachable_target_ends_the_run_and_keeps_what_was_done(tmp_path: Path) -> None:
    def answer(request: Any) -> str:
        if request.trial == 1:
            raise UnreachableError("connection refused")
        return "ok"

    with pytest.raises(
        UnreachableError, match=r"connection refused\n3 of 6 trials .*run"
    ) as raised:
        run(small_suite(), FakeTarget(answer), trials=2, out=tmp_path / "run", concurrency=1)
    assert "resume=True" in str(raised.value)
    stopped = load_run(tmp_path / "run")
    assert stopped.manifest.status == "failed"
    assert not stopped.complete
    assert column(stopped, "passed") == [True] * 3
    again = FakeTarget()
    done = run(small_suite(), again, trials=2, out=tmp_path / "run", resume=True)
    assert done.complete
    assert sorted(again.asked) == [("c0", 1), ("c1", 1), ("c2", 1)]


def test_it_works_inside_a_running_loop() -> None:
    async def notebook() -> Any:
        return run(small_suite(), FakeTarget())

    assert column(asyncio.run(notebook()), "passed") == [True] * 3


def test_an_error_inside_a_running_loop_arrives() -> None:
    def answer(request: Any) -> str:
        raise UnreachableError("gone")

    async def notebook() -> Any:
        return run(small_suite(), FakeTarget(answer))

    with pytest.raises(UnreachableError, match="gone"):
        asyncio.run(notebook())


def test_progress_counts_up_to_the_end() -> None:
    def answer(request: Any) -> str:
        if request.case_id == "c0":
            raise TargetError("no")
        time.sleep(0.02)
        return "ok"

    seen: list[Progress] = []
    run(small_suite(), FakeTarget(answer), trials=10, progress=seen.append, concurrency=1)
    assert [state.done for state in seen] == sorted(state.done for state in seen)
    assert 3 < len(seen) <= 12
    assert (seen[0].done, seen[0].eta_s) == (0, None)
    assert (seen[-1].done, seen[-1].total, seen[-1].errors, seen[-1].eta_s) == (30, 30, 10, 0)
    middle = seen[len(seen) // 2]
    assert middle.eta_s is not None
    assert middle.eta_s == pytest.approx((30 - middle.done) / middle.rate)


@pytest.mark.parametrize(
    "setting", [{"trials": 0}, {"seed": -1}, {"concurrency": 0}, {"timeout_s": 0}]
)
def test_settings_out_of_range_are_errors(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        run(small_suite(), FakeTarget(), **setting)


def test_a_check_that_cannot_be_made_is_an_error_before_any_trial(tmp_path: Path) -> None:
    case = {"id": "a", "input": "x", "checks": [{"scorer": "contians", "value": "x"}]}
    target = FakeTarget()
    with pytest.raises(InputError, match="contians"):
        run(Suite(name="s", cases=[case]), target, out=tmp_path / "run")
    assert not target.asked
    assert not (tmp_path / "run").exists()


def test_a_trial_costs_far_less_than_a_millisecond() -> None:
    started = time.process_time()
    run(small_suite(500), FakeTarget(), trials=4)
    assert (time.process_time() - started) / 2000 < 0.001
