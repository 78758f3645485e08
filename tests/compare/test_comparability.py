"""What makes two runs incomparable, and that each reason is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from made_runs import case, suite_run, table_run

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison
from aiir_eval.runs.model import Run, trial_schema

CASES = [case(f"c{i:02}", incident_id=f"INC-{i // 4}", tags=["a"]) for i in range(40)]


def made(name: str, broken: int = 0, **options: Any) -> Run:
    def say(this, trial):  # type: ignore[no-untyped-def]
        passed = int(this.id[1:]) >= broken
        return ("yes" if passed else "no"), {"ok": passed}

    return suite_run(name, CASES, say, **options)


def changed(run: Run, column: str, row: int, value: Any) -> Run:
    """The run with one value of its trials replaced."""
    rows = run.trials.to_pylist()
    rows[row][column] = value
    return replace(run, trials=pa.Table.from_pylist(rows, schema=trial_schema()))


def invalid(old: Run, new: Run, *words: str, code: str | None = None) -> Comparison:
    comparison = compare(old, new, margin=0.05)
    assert comparison.conclusion == "invalid"
    assert not comparison.comparable
    assert comparison.sentence.startswith("Not comparable: ")
    text = " | ".join(comparison.problems)
    for word in words:
        assert word in text, text
    if code is not None:
        finding = next(item for item in comparison.findings if item.code == code)
        assert finding.severity == "error"
    assert all(item.conclusion == "invalid" for item in (*comparison.checks, *comparison.slices))
    return comparison


def test_two_good_runs_are_comparable() -> None:
    comparison = compare(made("old"), made("new"), margin=0.1)
    assert comparison.comparable and comparison.problems == []


def test_different_case_sets_say_how_many_and_which() -> None:
    old, new = (
        table_run("old", [1] * 10),
        table_run("new", [1] * 9, ids=[f"x{i}" for i in range(9)]),
    )
    comparison = invalid(
        old, new, "10 cases", "'case-0000'", "9 cases", "no case is on both sides",
        code="case_set_differs",
    )  # fmt: skip
    assert comparison.difference is None and comparison.baseline is None
    assert comparison.n_cases == 0


def test_the_shared_cases_still_give_numbers() -> None:
    ids = [f"case-{i:04}" for i in range(31)]
    comparison = invalid(
        table_run("old", [1] * 30), table_run("new", [1] * 20 + [0] * 11, ids=ids),
        "only in the candidate", code="case_set_differs",
    )  # fmt: skip
    assert comparison.n_cases == 30
    assert comparison.difference is not None
    assert comparison.difference.estimate == pytest.approx(-1 / 3)


def test_a_changed_input_is_named() -> None:
    new = made("new")
    cases = [CASES[0].model_copy(update={"input": "something else"}), *CASES[1:]]
    manifest = new.manifest.model_copy(update={"suite_digest": "0" * 64})
    invalid(
        made("old"), replace(new, manifest=manifest, loaded_cases=cases), "input of 1 case", "c00"
    )


def test_another_suite_digest_without_a_visible_change_is_said() -> None:
    new = made("new")
    manifest = new.manifest.model_copy(update={"suite_digest": "0" * 64})
    invalid(made("old"), replace(new, manifest=manifest), "the suites differ")


def test_another_version_of_a_scorer_is_another_judge() -> None:
    new = made("new")
    manifest = new.manifest.model_copy(update={"scorer_versions": {"contains": "2"}})
    invalid(
        made("old"), replace(new, manifest=manifest), "'contains'", code="scorer_version_differs"
    )


def test_the_version_in_the_trials_counts_too() -> None:
    new = made("new")
    checks = [{**new.trials["checks"][3].as_py()[0], "version": "9"}]
    invalid(made("old"), changed(new, "checks", 3, checks), code="scorer_version_differs")


def test_duplicate_rows_are_counted_and_named() -> None:
    new = made("new")
    doubled = replace(new, trials=pa.concat_tables([new.trials, new.trials.slice(7, 2)]))
    invalid(made("old"), doubled, "2 duplicate rows", "'c07'", code="duplicate_ids")


def test_an_imported_table_with_duplicate_ids_cannot_be_compared() -> None:
    ids = ["a", "b", "c", "c"]
    invalid(
        table_run("old", [1, 1, 1], ids=ids[:3]), table_run("new", [1, 1, 1, 0], ids=ids),
        code="duplicate_ids",
    )  # fmt: skip


def test_a_missing_row_makes_a_run_incomplete() -> None:
    new = made("new", trials=3)
    fewer = replace(new, trials=new.trials.slice(1))
    invalid(
        made("old", trials=3), fewer, "rows are missing of 1 case ('c00')", code="incomplete_run"
    )


def test_a_missing_trial_of_an_imported_table_is_noticed() -> None:
    ids = [f"c{i}" for i in range(12) for _ in range(3)]
    trial = [0, 1, 2] * 12
    old = table_run("old", [1] * 36, ids=ids, trial=trial)
    new = table_run("new", [1] * 35, ids=ids[:-1], trial=trial[:-1])
    invalid(old, new, "fewer than the 3 trials", code="incomplete_run")


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_did_not_finish_is_incomplete(status: str) -> None:
    new = made("new")
    manifest = new.manifest.model_copy(update={"status": status})
    invalid(made("old"), replace(new, manifest=manifest), status, code="incomplete_run")


def test_more_rows_than_were_run_are_refused() -> None:
    new = made("new")
    extra = new.trials.slice(0, 1).to_pylist()
    extra[0]["trial"] = 5
    more = pa.concat_tables([new.trials, pa.Table.from_pylist(extra, schema=trial_schema())])
    invalid(made("old"), replace(new, trials=more), "more rows than trials were run")


def test_a_row_count_that_disagrees_with_the_manifest_is_refused() -> None:
    new = made("new")
    manifest = new.manifest.model_copy(update={"n_rows": 41})
    invalid(made("old"), replace(new, manifest=manifest), "run.json states 41")


def test_the_same_target_twice_is_refused_unless_it_is_meant() -> None:
    run = made("old")
    invalid(run, run, "the same target", code="same_target")
    meant = compare(run, run, aa=True, margin=0.5)
    assert meant.comparable and meant.conclusion == "non_inferior"


def test_a_run_without_a_row_is_refused() -> None:
    new = made("new")
    comparison = invalid(made("old"), replace(new, trials=new.trials.slice(0, 0)), "holds no trial")
    assert comparison.difference is None
    assert comparison.to_dict()["difference"] is None


def test_a_run_in_which_every_trial_errored_says_with_what() -> None:
    new = suite_run("new", CASES, lambda this, trial: "TimeoutError: no answer")
    comparison = invalid(made("old"), new, "every trial of the candidate errored", "TimeoutError")
    assert comparison.difference is None


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("score", float("nan"), "whose score is not a number"),
        ("score", 1.5, "whose score is not a number"),
        ("score", -0.1, "whose score is not a number"),
        ("passed", None, "neither an outcome nor an error"),
        ("passed", False, "contradicts its checks"),
        ("error", "boom", "both an error and an outcome"),
        ("checks", [], "no check has judged"),
        ("case_id", None, "without a case id"),
        ("origin", "incident", "origin differs in 1 case ('c03')"),
        ("class", "hallucination", "class differs"),
        ("cluster", "elsewhere", "cluster differs"),
        ("incident_id", "INC-99", "incident id differs"),
        ("expected", "42", "expected differs"),
        ("tags", ["b"], "tags differs"),
    ],
)
def test_a_corrupted_value_is_found(column: str, value: Any, words: str) -> None:
    invalid(made("old"), changed(made("new"), column, 3, value), words)
    invalid(changed(made("old"), column, 3, value), made("new"), words)


def test_a_check_score_out_of_range_is_found() -> None:
    new = made("new")
    checks = [{**new.trials["checks"][3].as_py()[0], "score": 7.0}]
    invalid(made("old"), changed(new, "checks", 3, checks), "a check whose score")


def test_other_checks_on_a_case_are_a_changed_suite() -> None:
    new = made("new")
    checks = [{**new.trials["checks"][3].as_py()[0], "check": "lenient"}]
    invalid(made("old"), changed(new, "checks", 3, checks), "other checks judged 1 case ('c03')")


def test_identical_answers_with_other_verdicts_are_a_changed_evaluator() -> None:
    def same(passes: Callable[[int], bool]):  # type: ignore[no-untyped-def]
        return lambda this, trial: ("the same answer", {"ok": passes(int(this.id[1:]))})

    old = suite_run("old", CASES, same(lambda i: True))
    new = suite_run("new", CASES, same(lambda i: i > 10))
    comparison = invalid(old, new, "all 40 answers are identical", code="evaluator_changed")
    assert "11 of them were judged differently" in comparison.problems[0]


def test_some_identical_answers_judged_differently_are_a_warning() -> None:
    old = suite_run(
        "old", CASES, lambda this, t: ("same" if this.id < "c20" else "x", {"ok": True})
    )
    new = suite_run(
        "new", CASES, lambda this, t: ("same" if this.id < "c20" else "y", {"ok": this.id > "c04"})
    )
    comparison = compare(old, new)
    assert comparison.comparable
    finding = next(item for item in comparison.findings if item.code == "evaluator_changed")
    assert finding.severity == "warning"
    assert finding.evidence["identical"] == 20 and finding.evidence["judged_differently"] == 5


def test_a_graded_and_a_passing_run_are_not_compared() -> None:
    graded = table_run("new", {"ok": [0.5] * 40}, score="ok")
    invalid(table_run("old", [1] * 40), graded, "judged by 'passed'")


def test_different_numbers_of_trials_may_be_compared() -> None:
    comparison = compare(made("old", trials=2), made("new", trials=5), margin=0.1)
    assert comparison.comparable
    assert comparison.n_trials == (80, 200)


def test_all_problems_are_given_at_once() -> None:
    new = changed(changed(made("new"), "score", 3, 9.0), "origin", 5, "incident")
    manifest = new.manifest.model_copy(update={"scorer_versions": {"contains": "2"}})
    comparison = compare(made("old"), replace(new, manifest=manifest))
    assert len(comparison.problems) == 3
    assert "(and 2 more problems)" in comparison.sentence
