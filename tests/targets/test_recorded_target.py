"""Targets that replay a run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aiir_eval.errors import DocumentError, InputError
from aiir_eval.runs import load_run, run
from aiir_eval.suites.model import Suite
from aiir_eval.targets import Reply, Request, Target, TargetError, fingerprint, make_target
from aiir_eval.tool_calls import ToolCall


class Counting:
    """A target whose replies are all different."""

    name = uri = "test:counting"

    def __init__(self) -> None:
        self.n = 0

    def describe(self) -> dict[str, Any]:
        return {"uri": self.uri}

    async def reply(self, request: Request) -> Reply:
        if request.case_id == "bad":
            raise TargetError("it was down")
        self.n += 1
        return Reply(
            f"{request.case_id} {request.trial} {self.n}",
            [ToolCall("t", {"n": self.n})],
            latency_s=0.25,
            input_tokens=self.n,
            finish_reason="stop",
        )

    async def close(self) -> None: ...


def suite(*ids: str) -> Suite:
    checks = [{"scorer": "regex", "pattern": "[0-9]"}]
    return Suite(name="s", cases=[{"id": id_, "input": "x", "checks": checks} for id_ in ids])


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    run(suite("a", "b", "bad"), Counting(), trials=3, out=tmp_path / "run", concurrency=1)
    return tmp_path / "run"


def ask(target: Target, case_id: str, trial: int) -> Reply:
    return asyncio.run(target.reply(Request("x", case_id, trial)))


def test_a_replayed_run_says_what_the_recorded_one_said(recorded: Path) -> None:
    again = run(suite("a", "b", "bad"), f"recorded:{recorded}", trials=3)
    columns = ["case_id", "trial", "output", "tool_calls", "error", "passed", "latency_s"]
    columns += ["input_tokens", "finish_reason"]
    first = load_run(recorded)
    both = [
        [row for row in recorded.trials.select(columns).to_pylist() if row["error"] is None]
        for recorded in (first, again)
    ]
    assert both[0] == both[1]
    assert len(both[0]) == 6
    assert again.trials["error"].to_pylist() == first.trials["error"].to_pylist()
    assert again.manifest.fingerprint != first.manifest.fingerprint


def test_no_output_is_used_twice(recorded: Path) -> None:
    again = run(suite("a"), f"recorded:{recorded}", trials=5)
    errors = again.trials["error"].to_pylist()
    assert errors[:3] == [None] * 3
    assert errors[3] == "the recorded run has 3 trials of this case; trial 4 was not recorded"
    assert len(set(again.trials["output"].to_pylist()[:3])) == 3


def test_an_output_whose_judgement_failed_is_judged_again(recorded: Path, tmp_path: Path) -> None:
    class Says:
        name = uri = "test:says"

        def describe(self) -> dict[str, Any]:
            return {"uri": self.uri}

        async def reply(self, request: Request) -> Reply:
            return Reply("7")

        async def close(self) -> None: ...

    (tmp_path / "judges_that_fail.py").write_text("def f(answer): raise ValueError('boom')\n")
    check = {"scorer": "python:judges_that_fail:f"}
    broken = Suite(name="s", cases=[{"id": "a", "input": "x", "checks": [check]}])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        first = run(broken, Says(), out=tmp_path / "f", allow_python=[check["scorer"]])
    assert first.trials["output"].to_pylist() == ["7"]
    assert "boom" in first.trials["error"].to_pylist()[0]
    assert first.trials["passed"].to_pylist() == [None]
    again = run(suite("a"), f"recorded:{tmp_path / 'f'}")
    assert again.trials["passed"].to_pylist() == [True]


def test_a_case_that_was_not_recorded_is_an_error(recorded: Path) -> None:
    with pytest.raises(TargetError, match="does not have this case"):
        ask(make_target(f"recorded:{recorded}"), "z", 0)


def test_the_fingerprint_is_of_the_rows_and_not_of_the_folder(recorded: Path) -> None:
    first = fingerprint(make_target(f"recorded:{recorded}"))
    moved = recorded.rename(recorded.with_name("moved"))
    assert fingerprint(make_target(f"recorded:{moved}")) == first


def test_a_folder_that_is_no_complete_run_is_an_error(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"no run\.json"):
        make_target(f"recorded:{tmp_path}")
    (recorded / "trials.parquet").rename(tmp_path / "kept.parquet")
    with pytest.raises(DocumentError, match="not complete"):
        make_target(f"recorded:{recorded}")
    (recorded / "trials.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DocumentError, match="SHA-256 differs"):
        make_target(f"recorded:{recorded}")


def test_settings_that_mean_nothing_to_a_recorded_run_are_refused(recorded: Path) -> None:
    with pytest.raises(InputError, match="takes no params"):
        make_target(f"recorded:{recorded}", params={"temperature": 0})


def test_trials_that_were_recorded_twice_are_an_error(recorded: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aiir_eval.documents import read_json, write_json

    table = pq.read_table(recorded / "trials.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), recorded / "trials.parquet")
    manifest = read_json(recorded / "run.json")
    manifest["files"] = {}
    write_json(recorded / "run.json", manifest)
    target = make_target(f"recorded:{recorded}")
    with pytest.raises(TargetError, match="more than once"):
        ask(target, "a", 0)
    assert ask(target, "b", 0).output.startswith("b 0")
