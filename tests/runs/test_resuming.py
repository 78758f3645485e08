"""Resuming: a run that stopped is finished as it was begun, or it is refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import FakeTarget, small_suite

from aiir_eval.documents import read_json, write_json
from aiir_eval.errors import InputError, UnreachableError
from aiir_eval.runs import load_run, read_journal, run
from aiir_eval.runs.journal import JournalWriter
from aiir_eval.suites.model import Suite


def stopped(folder: Path, *, trials: int = 2, n_done: int = 3, **settings: Any) -> Suite:
    """Leave a run of 3 cases that stopped after `n_done` trials."""
    suite = small_suite()
    asked: list[str] = []

    def answer(request: Any) -> str:
        asked.append(request.case_id)
        if len(asked) > n_done:
            raise UnreachableError("gone")
        return f"ok {request.rng.integers(10**9)}"

    with pytest.raises(UnreachableError):
        run(suite, FakeTarget(answer), trials=trials, out=folder, concurrency=1, **settings)
    return suite


def draw(request: Any) -> str:
    return f"ok {request.rng.integers(10**9)}"


def facts(done: Any) -> Any:
    return done.trials.drop_columns(["latency_s", "started_at"])


def test_a_resumed_run_equals_one_that_was_never_stopped(tmp_path: Path) -> None:
    suite = stopped(tmp_path / "run")
    target = FakeTarget(draw)
    done = run(suite, target, out=tmp_path / "run", resume=True)
    assert len(target.asked) == 3
    whole = run(suite, FakeTarget(draw), trials=2, out=tmp_path / "whole")
    assert facts(load_run(tmp_path / "run")).equals(facts(whole))
    assert facts(done).equals(facts(whole))
    assert done.complete
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "run.json",
        "suite.jsonl",
        "trials.parquet",
    }


def test_without_trials_a_resumed_run_gets_those_it_was_begun_with(tmp_path: Path) -> None:
    suite = stopped(tmp_path / "run", trials=4)
    assert run(suite, FakeTarget(draw), out=tmp_path / "run", resume=True).trials.num_rows == 12


def test_progress_of_a_resumed_run_begins_where_it_stopped(tmp_path: Path) -> None:
    suite = stopped(tmp_path / "run")
    seen: list[Any] = []
    run(suite, FakeTarget(draw), out=tmp_path / "run", resume=True, progress=seen.append)
    assert (seen[0].done, seen[0].total, seen[-1].done) == (3, 6, 6)


def test_a_torn_line_runs_again(tmp_path: Path) -> None:
    suite = stopped(tmp_path / "run")
    journal = tmp_path / "run" / "trials.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    assert load_run(tmp_path / "run").trials.num_rows == 2
    target = FakeTarget(draw)
    done = run(suite, target, out=tmp_path / "run", resume=True)
    assert len(target.asked) == 4
    assert facts(done).equals(facts(run(suite, FakeTarget(draw), trials=2)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"suite": small_suite(4)}, "the cases of the suite changed"),
        ({"target": FakeTarget(draw, version="2")}, r"the target \(uri, version\) changed"),
        ({"seed": 9}, r"the seed \(it was 0, now 9\) changed"),
        ({"trials": 3}, r"the number of trials \(it was 2\) changed"),
    ],
)
def test_what_differs_from_what_was_begun_is_named(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    suite = stopped(tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    settings = {"suite": suite, "target": FakeTarget(draw), **changed}
    with pytest.raises(InputError, match=message):
        run(**settings, out=tmp_path / "run", resume=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_everything_that_differs_is_named_at_once(tmp_path: Path) -> None:
    stopped(tmp_path / "run")
    with pytest.raises(InputError) as raised:
        run(
            small_suite(4),
            FakeTarget(version="2"),
            seed=1,
            trials=9,
            out=tmp_path / "run",
            resume=True,
        )
    assert len(raised.value.problems) == 4


def test_another_version_of_a_scorer_is_refused(tmp_path: Path) -> None:
    suite = stopped(tmp_path / "run")
    stated = read_json(tmp_path / "run" / "run.json")
    stated["scorer_versions"]["contains"] = "0.9"
    write_json(tmp_path / "run" / "run.json", stated)
    with pytest.raises(InputError, match="the version of the scorers contains changed"):
        run(suite, FakeTarget(draw), out=tmp_path / "run", resume=True)


def test_a_complete_run_is_given_back_and_nothing_is_asked(tmp_path: Path) -> None:
    first = run(small_suite(), FakeTarget(), out=tmp_path / "run")
    target = FakeTarget()
    again = run(small_suite(), target, out=tmp_path / "run", resume=True)
    assert again.trials.equals(first.trials)
    assert not target.asked


def test_resuming_where_there_is_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "none"):
        assert run(small_suite(), FakeTarget(), out=tmp_path / name, resume=True).complete


def test_a_run_stopped_before_run_json_was_written_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "suite.jsonl").write_text("")
    (folder / "trials.jsonl").touch()
    assert run(small_suite(), FakeTarget(), out=folder, resume=True).complete


def test_a_run_stopped_between_its_table_and_its_seal_is_finished_without_asking(
    tmp_path: Path,
) -> None:
    suite = stopped(tmp_path / "run", n_done=5)
    target = FakeTarget(draw)
    with JournalWriter(tmp_path / "run" / "trials.jsonl") as journal:
        journal.read()
        for row in run_rows(suite, tmp_path):
            if (row.case_id, row.trial) == ("c2", 1):
                journal.append(row)
    (tmp_path / "run" / "trials.parquet").write_bytes(b"half")
    done = run(suite, target, out=tmp_path / "run", resume=True)
    assert done.complete
    assert not target.asked
    assert load_run(tmp_path / "run").trials.num_rows == 6


def run_rows(suite: Suite, tmp_path: Path) -> list[Any]:
    """All six rows, as a journal has them."""
    stopped(tmp_path / "other", trials=3, n_done=8)
    return read_journal(tmp_path / "other" / "trials.jsonl").rows


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    run(small_suite(), FakeTarget(), out=tmp_path / "run")
    with pytest.raises(InputError, match=r"not empty.*--resume, or name another folder"):
        run(small_suite(), FakeTarget(), out=tmp_path / "run")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not empty \(name another folder\)"):
        run(small_suite(), FakeTarget(), out=tmp_path / "notes")
    with pytest.raises(InputError, match="nothing to resume"):
        run(small_suite(), FakeTarget(), out=tmp_path / "notes", resume=True)
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["a.txt"]
    with pytest.raises(InputError, match="this is a file"):
        run(small_suite(), FakeTarget(), out=tmp_path / "notes" / "a.txt")


def test_a_run_that_another_process_is_at_is_refused(tmp_path: Path) -> None:
    suite = stopped(tmp_path / "run")
    with (
        JournalWriter(tmp_path / "run" / "trials.jsonl"),
        pytest.raises(InputError, match="another process is running this run"),
    ):
        run(suite, FakeTarget(draw), out=tmp_path / "run", resume=True)
