"""Importing a table as a run: recorded verdicts, graded scores, or outputs that a suite scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from aiir_eval.errors import DocumentError, InputError, TableError
from aiir_eval.runs.importing import import_table
from aiir_eval.runs.model import Run, load_run, trial_schema
from aiir_eval.suites.model import Case, Suite, save_suite

ROWS = {
    "id": ["b", "a", "c"],
    "ok": [True, False, True],
    "fast": [1, 1, 0],
    "grade": [0.5, 1.0, 0.0],
    "answer": ["yes indeed", "no", ""],
    "want": ["yes", "yes", "no"],
    "team": ["x", "x", "y"],
    "site": ["n", "s", None],
    "secs": [0.5, None, 2.0],
    "usd": [0.01, 0.02, 0.0],
}


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({**ROWS, **columns})


def suite(*ids: str) -> Suite:
    cases = [
        Case(
            id=name,
            incident_id=f"INC-{name}",
            class_="hallucination",
            origin="incident",
            by={"lang": "en"},
            input=f"question {name}",
            expected="yes" if name != "c" else "no",
            checks=[{"scorer": "contains", "value": "yes"}, {"scorer": "regex", "pattern": r"\S"}],
        )
        for name in ids
    ]
    return Suite(name="s", version="3", cases=cases)


def error_of(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        import_table(*args, **kwargs)
    return str(caught.value)


def test_each_verdict_column_is_a_check_and_a_trial_passes_when_all_do() -> None:
    run = import_table(frame(), id="id", passed=["ok", "fast"])
    rows = run.trials.to_pylist()
    assert run.trials.schema == trial_schema()
    assert [row["case_id"] for row in rows] == ["a", "b", "c"]
    assert [row["passed"] for row in rows] == [False, True, False]
    assert [row["score"] for row in rows] == [0.5, 1.0, 0.5]
    assert [[check["check"] for check in row["checks"]] for row in rows] == [["ok", "fast"]] * 3
    assert [check["passed"] for check in rows[0]["checks"]] == [False, True]
    assert run.manifest.outcome == "passed"
    assert run.manifest.scorer_versions == {"recorded": "1"}
    assert run.manifest.status == "complete"
    assert run.complete
    assert run.manifest.problems == []


def test_scores_alone_are_a_graded_run_without_verdicts() -> None:
    run = import_table(frame(), id="id", score=["grade", "fast"])
    assert run.manifest.outcome == "score"
    assert run.trials["passed"].null_count == 3
    assert run.trials["score"].to_pylist() == [1.0, 0.75, 0.0]
    assert run.trials["checks"].to_pylist()[0][0]["passed"] is None


def test_a_score_beside_verdicts_does_not_decide() -> None:
    run = import_table(frame(), id="id", passed="ok", score="grade")
    assert run.manifest.outcome == "passed"
    assert run.trials["passed"].to_pylist() == [False, True, True]
    assert run.trials["score"].to_pylist() == [0.5, 0.75, 0.5]


def test_everything_beside_the_verdict_is_kept() -> None:
    run = import_table(
        frame(),
        id="id",
        passed="ok",
        output="answer",
        expected="want",
        cluster="team",
        by=["site", "team"],
        latency="secs",
        cost="usd",
        target_name="v1",
        expect_pass_rate=0.7,
    )
    first, second, third = run.trials.to_pylist()
    assert (first["output"], first["expected"], first["cluster"]) == ("no", "yes", "x")
    assert dict(first["by"]) == {"site": "s", "team": "x"}
    assert dict(third["by"]) == {"site": "null", "team": "y"}
    assert (first["latency_s"], second["latency_s"], first["cost_usd"]) == (None, 0.5, 0.02)
    assert run.name == "v1"
    assert run.manifest.stated_pass_rate == 0.7
    assert first["error"] is None


def test_recorded_outputs_are_scored_by_the_checks_of_the_suite(tmp_path: Path) -> None:
    save_suite(suite("a", "b", "c"), tmp_path / "s.yaml")
    for given in (suite("a", "b", "c"), tmp_path / "s.yaml"):
        run = import_table(frame(), id="id", output="answer", suite=given, by="team")
        rows = run.trials.to_pylist()
        assert [row["passed"] for row in rows] == [False, True, False]
        assert [row["score"] for row in rows] == [0.5, 1.0, 0.0]
        assert rows[0]["checks"][0]["reason"]
        assert [row["incident_id"] for row in rows] == ["INC-a", "INC-b", "INC-c"]
        assert (rows[0]["class"], rows[0]["origin"]) == ("hallucination", "incident")
        assert dict(rows[0]["by"]) == {"lang": "en", "team": "x"}
        assert rows[0]["expected"] == "yes"
        assert run.manifest.suite_digest == suite("a", "b", "c").digest()
        assert run.manifest.suite_version == "3"
        assert set(run.manifest.scorer_versions) == {"contains", "regex"}
        assert set(run.cases) == {"a", "b", "c"}


def test_an_id_that_is_not_in_the_suite_is_an_error_that_names_the_row() -> None:
    text = error_of(frame(), id="id", output="answer", suite=suite("a", "b"))
    assert "row 3: no case of the suite has the id 'c'" in text
    assert "1 ids of the table are not in the suite, whose ids look like 'a'" in text


def test_a_case_without_a_row_makes_the_run_incomplete() -> None:
    run = import_table(frame(), id="id", output="answer", suite=suite("a", "b", "c", "d"))
    assert not run.complete
    assert run.manifest.problems == ["missing cases: 1 cases of the suite have no row: 'd'"]
    assert run.manifest.trials == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_a_missing_output_is_an_error_of_its_trial_and_an_empty_one_is_an_answer() -> None:
    run = import_table(
        frame(answer=["yes", None, ""]), id="id", output="answer", suite=suite("a", "b", "c")
    )
    first, _, third = run.trials.to_pylist()
    assert (first["output"], first["passed"], first["score"]) == (None, None, None)
    assert first["error"] == "the table has no output for this trial"
    assert (third["output"], third["passed"], third["error"]) == ("", False, None)


def test_an_expected_column_that_disagrees_with_the_suite_is_an_error() -> None:
    options: dict[str, Any] = {"id": "id", "output": "answer", "suite": suite("a", "b", "c")}
    assert import_table(frame(), expected="want", **options).complete
    text = error_of(frame(want=["yes", "no", "no"]), expected="want", **options)
    assert "row 2 (id 'a'): expects 'no', the suite's case expects 'yes'" in text


def test_trials_are_numbered_and_rows_stand_in_order_of_case_and_trial() -> None:
    rows = frame(id=["b", "a", "a"], k=[0, 1, 0])
    run = import_table(rows, id="id", passed="ok", trial="k")
    pairs = run.trials.select(["case_id", "trial"]).to_pylist()
    assert pairs == [
        {"case_id": "a", "trial": 0},
        {"case_id": "a", "trial": 1},
        {"case_id": "b", "trial": 0},
    ]
    assert run.manifest.trials == {"a": 2, "b": 2}
    assert not run.complete  # b has lost a trial, or never had it: no one can tell
    assert run.manifest.problems == [
        "missing trials: 1 cases have fewer than the 2 trials others have: 'b'"
    ]


@pytest.mark.parametrize("trial", [None, "k"])
def test_an_id_that_stands_twice_is_imported_and_reported(trial: str | None) -> None:
    run = import_table(frame(id=["a", "a", "c"], k=[0, 0, 0]), id="id", passed="ok", trial=trial)
    assert run.trials.num_rows == 3
    assert run.trials["trial"].to_pylist() == [0, 0, 0]
    assert len(run.manifest.problems) == 1
    assert run.manifest.problems[0].startswith("duplicate ids: 1 ")
    assert "'a'" in run.manifest.problems[0]


@pytest.mark.parametrize("column", ["expected", "cluster"])
def test_a_case_with_two_expected_answers_or_clusters_is_a_problem(column: str) -> None:
    rows = pd.DataFrame({"id": ["a", "a"], "k": [0, 1], "ok": [1, 1], "w": ["x", "y"]})
    run = import_table(rows, id="id", passed="ok", trial="k", **{column: "w"})  # type: ignore[arg-type]
    assert run.manifest.problems == [f"inconsistent {column}: 1 cases have several: 'a'"]


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ({}, {"passed": "okay"}, "no column 'okay'"),
        ({}, {"passed": "ok", "cost": "dollars", "by": ["teem"]}, "did you mean 'team'?"),
        ({"id": ["a", None, "c"]}, {"passed": "ok"}, "row 2: an id may not be null or empty"),
        ({"ok": ["yes", "no", "perhaps"]}, {"passed": "ok"}, "row 3 (id 'c'): neither pass"),
        ({"ok": [1.0, np.nan, 0.0]}, {"passed": "ok"}, "row 2 (id 'a'): neither pass"),
        ({"grade": [0.1, np.nan, 1]}, {"score": "grade"}, "row 2 (id 'a'): not a finite number"),
        ({"grade": [0.1, np.inf, 1]}, {"score": "grade"}, "row 2 (id 'a'): not a finite number"),
        ({"grade": [0.1, 7, -1]}, {"score": "grade"}, "row 2 (id 'a'): a score is in [0, 1]: 7"),
        ({"secs": [1, -1, 2]}, {"passed": "ok", "latency": "secs"}, "below zero: -1"),
        ({"usd": ["1", "x", "2"]}, {"passed": "ok", "cost": "usd"}, "not a number: 'x'"),
        ({"k": [0, 0.5, 1]}, {"passed": "ok", "trial": "k"}, "a trial is a whole number from 0"),
        ({"k": [0, -1, 1]}, {"passed": "ok", "trial": "k"}, "a trial is a whole number from 0"),
        ({}, {}, "nothing says which trials passed"),
        ({}, {"output": "answer"}, "nothing says which trials passed"),
        ({}, {"suite": suite("a")}, "name the column of the outputs"),
        ({}, {"suite": suite("a"), "output": "answer", "passed": "ok"}, "give either a suite"),
        ({}, {"passed": ["ok", "ok"]}, "named twice"),
        ({}, {"passed": "ok", "expect_pass_rate": 84}, "not in [0, 1]"),
        ({}, {"passed": "ok", "where": "id = 'zz'"}, "it selects none of the 3 rows"),
    ],
)
def test_bad_input_is_an_error_that_says_what_and_where(
    change: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    assert says in error_of(frame(**change), id="id", **options)


def test_every_missing_column_is_named_at_once() -> None:
    text = error_of(frame(), id="idd", passed="okay", cost="dollars")
    assert all(f"no column {name!r}" in text for name in ("idd", "okay", "dollars"))


def fingerprint(source: Any, **options: Any) -> str:
    return import_table(source, **{"id": "id", "passed": "ok", **options}).manifest.fingerprint


def test_the_fingerprint_is_that_of_the_rows_their_where_and_the_outcome(tmp_path: Path) -> None:
    one = fingerprint(frame())
    assert one == fingerprint(pl.DataFrame(frame())) == fingerprint(frame(), target_name="other")
    assert one == fingerprint(frame(), latency="secs", by="team")
    others = [
        fingerprint(frame(), where="true"),
        fingerprint(frame(), where="id <> 'a'"),
        fingerprint(frame(ok=[True, True, True])),
        fingerprint(frame(), passed="fast"),
    ]
    assert len({one, *others}) == 5
    frame().to_csv(tmp_path / "one.csv", index=False)
    frame().to_csv(tmp_path / "two.csv", index=False)
    assert fingerprint(tmp_path / "one.csv") == fingerprint(tmp_path / "two.csv")


def suite_digest(rows: pd.DataFrame, **options: Any) -> str:
    return import_table(rows, **{"id": "id", "passed": "ok", **options}).manifest.suite_digest


def test_two_imports_have_one_suite_digest_when_cases_checks_and_expectations_agree() -> None:
    digest = suite_digest(frame())
    assert digest == suite_digest(frame(ok=[False] * 3)[::-1])
    with_expected = suite_digest(frame(), expected="want")
    others = [
        suite_digest(frame(id=["b", "a", "d"])),
        suite_digest(frame()[:2]),
        suite_digest(frame(), passed="fast"),
        suite_digest(frame(), expected="team"),
    ]
    assert len({digest, with_expected, *others}) == 6
    assert with_expected == suite_digest(frame(ok=[False] * 3), expected="want")


def test_a_run_that_was_written_reads_back_the_same(tmp_path: Path) -> None:
    run = import_table(
        frame(), id="id", output="answer", suite=suite("a", "b", "c"), out=tmp_path / "run"
    )
    back = load_run(tmp_path / "run")
    assert back.manifest == run.manifest
    assert back.trials.equals(run.trials)
    assert set(back.cases) == {"a", "b", "c"}
    assert set(back.manifest.files) == {"trials.parquet", "suite.jsonl"}
    assert not list((tmp_path / "run").glob(".*"))
    trials = tmp_path / "run" / "trials.parquet"
    trials.write_bytes(trials.read_bytes() + b" ")
    with pytest.raises(DocumentError, match="SHA-256 differs"):
        load_run(tmp_path / "run")


def test_an_import_replaces_an_import_but_never_a_run_of_a_target(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    import_table(frame(), id="id", output="answer", suite=suite("a", "b", "c"), out=folder)
    again = import_table(frame(), id="id", passed="ok", out=folder)
    assert load_run(folder).manifest == again.manifest
    assert not (folder / "suite.jsonl").exists()
    manifest = (folder / "run.json").read_text().replace('"table":', '"uri":')
    (folder / "run.json").write_text(manifest)
    text = error_of(frame(), id="id", passed="ok", out=folder)
    assert "a run of a target stands here" in text
    assert (folder / "run.json").read_text() == manifest


def test_bad_input_leaves_no_run_behind(tmp_path: Path) -> None:
    with pytest.raises(TableError):
        import_table(frame(), id="nope", passed="ok", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ids_of_csv_and_parquet_pair_up(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["001", "17077"], "occ": [0, 1], "ok": [True, False]})
    rows.to_csv(tmp_path / "t.csv", index=False)
    rows.to_parquet(tmp_path / "t.parquet")
    runs = [
        import_table(tmp_path / f"t.{kind}", id="id,occ", passed="ok", where="occ < 5")
        for kind in ("csv", "parquet")
    ]
    assert runs[0].trials["case_id"].to_pylist() == ["001|0", "17077|1"]
    assert runs[0].trials.equals(runs[1].trials)
    assert runs[0].manifest.suite_digest == runs[1].manifest.suite_digest


def test_two_hundred_thousand_rows_take_a_few_seconds() -> None:
    n = 200_000
    rows = pa.table(
        {
            "id": [f"case {number}" for number in range(n)],
            "ok": np.arange(n) % 3 > 0,
            "g": np.linspace(0, 1, n),
        }
    )
    began = time.process_time()
    run = import_table(rows, id="id", passed="ok", score="g", where="g >= 0")
    assert time.process_time() - began < 10
    assert run.trials.num_rows == n
    assert pc.mean(run.trials["passed"]).as_py() == pytest.approx(2 / 3, abs=1e-4)


def rate(run: Run) -> float:
    return float(np.mean(run.trials["passed"].to_numpy(zero_copy_only=False).astype(bool)))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("task", "label", "rates"),
    [
        ("sensitiveq", "response_rate", (0.21, 0.05, 0.02, 0.08)),
        ("leetcode", "directly_executable", (0.52, 0.10, None, None)),
        ("leetcode", "clean_accepted", (0.52, 0.70, None, None)),
    ],
)
def test_recorded_labels_give_the_published_rates(
    shared_data: Path, task: str, label: str, rates: tuple[float | None, ...]
) -> None:
    models = ("gpt-4-0314", "gpt-4-0613", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613")
    for model, wanted in zip(models, rates, strict=True):
        run = import_table(
            shared_data / "llmdrift" / f"{task}.parquet",
            id=["id", "occ"],
            passed=label,
            output="answer",
            latency="latency",
            cost="cost",
            where=f"model = '{model}'",
        )
        assert run.complete
        assert run.manifest.problems == []
        if wanted is not None:
            assert round(rate(run), 3) == wanted


@pytest.mark.real_data
def test_recorded_answers_scored_by_a_suite_give_the_published_rates(shared_data: Path) -> None:
    path = shared_data / "llmdrift" / "prime.parquet"
    rows = pd.read_parquet(path).query("model == 'gpt-4-0314'")
    cases = [
        Case(
            id=f"{row.id}|{row.occ}",
            input=row.query,
            expected=row.ref_answer,
            checks=[{"scorer": "choice", "options": ["yes", "no"]}],
        )
        for row in rows.itertuples()
    ]
    primes = Suite(name="prime", cases=cases)
    runs = [
        import_table(
            path,
            id="id,occ",
            output="answer",
            suite=primes,
            expected="ref_answer",
            where=f"model = 'gpt-4-{version}'",
        )
        for version in ("0314", "0613")
    ]
    assert [round(rate(run), 3) for run in runs] == [0.84, 0.511]
    assert runs[0].manifest.suite_digest == runs[1].manifest.suite_digest == primes.digest()
    assert runs[0].manifest.fingerprint != runs[1].manifest.fingerprint


@pytest.mark.real_data
def test_trials_of_an_agent_benchmark_are_trials(shared_data: Path) -> None:
    path = shared_data / "tau_bench" / "gpt4o_airline.parquet"
    run = import_table(path, id="task_id", passed="success", trial="trial")
    assert (run.complete, run.trials.num_rows, len(run.manifest.trials)) == (True, 200, 50)
    assert rate(run) == pytest.approx(0.42)
    without = import_table(path, id="task_id", passed="success")
    assert without.manifest.problems[0].startswith("duplicate ids: 50 ids")
    lost = import_table(
        path, id="task_id", passed="success", trial="trial", where="task_id <> 3 OR trial <> 2"
    )
    assert not lost.complete
