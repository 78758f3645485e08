"""What a run says on its own agrees with its rows."""

import pyarrow as pa
import pytest
from results import answers, bad, desk_suite, good, made_run

from aiir_eval.reports.run_summary import summarize_run
from aiir_eval.runs.importing import import_table
from aiir_eval.stats import pass_rate


def test_rates_are_means_over_cases_not_over_trials() -> None:
    table = pa.table(
        {"id": ["a", "a", "a", "b"], "trial": [1, 2, 3, 1], "ok": [True, True, True, False]}
    )
    summary = summarize_run(import_table(table, id="id", trial="trial", passed="ok"))
    assert summary.rate == 0.5
    assert (summary.n_cases, summary.n_trials, summary.n_failing) == (2, 4, 1)
    expected = pass_rate([1.0, 0.0], clusters=["a", "b"]).confidence_interval()
    assert (summary.low, summary.high) == tuple(expected)


def test_levels_failing_cases_and_costs_agree_with_pandas() -> None:
    suite = desk_suite()
    wrong = {case.id: bad for case in suite.cases if case.incident_id == "INC-3"}
    run = made_run(suite, answers(wrong), name="x", trials=3)
    summary, frame = summarize_run(run, failing=2), run.to_pandas()
    means = frame.groupby("incident_id")["passed"].mean()
    levels = {level.value: level.rate for level in summary.levels if level.by == "incident_id"}
    assert levels == pytest.approx(means.to_dict())
    assert summary.n_failing == 8
    assert [(case.n_passed, case.n_trials) for case in summary.failing] == [(0, 3)] * 2
    assert summary.failing[0].output.startswith("Take your time")
    assert summary.cost_usd == pytest.approx(frame["cost_usd"].sum())
    assert summary.latency_median == pytest.approx(frame["latency_s"].median())
    assert summary.latency_p95 == pytest.approx(frame["latency_s"].quantile(0.95))
    assert summary.output_tokens is None


def test_an_error_counts_as_failed_and_is_counted() -> None:
    run = made_run(desk_suite(2, 2), good, name="x")
    column = run.trials.schema.get_field_index("error")
    errors = pa.array(["timed out", *[None] * (run.trials.num_rows - 1)], pa.string())
    passed = pa.array([None, *run.trials["passed"].to_pylist()[1:]], pa.bool_())
    trials = run.trials.set_column(column, "error", errors)
    trials = trials.set_column(trials.schema.get_field_index("passed"), "passed", passed)
    summary = summarize_run(type(run)(run.manifest, trials))
    assert summary.n_errors == 1
    assert summary.rate == pytest.approx(7 / 8)
    assert summary.failing[0].reason == "error: timed out"


def test_scores_are_summarized_as_scores() -> None:
    table = pa.table({"id": ["a", "b", "c"], "quality": [0.2, 0.4, 0.9]})
    summary = summarize_run(import_table(table, id="id", score="quality"))
    assert summary.graded
    assert summary.rate == pytest.approx(0.5)
    assert summary.n_failing == 0


def test_a_run_without_a_row_is_no_crash() -> None:
    run = made_run(desk_suite(2, 2), good, name="x")
    summary = summarize_run(type(run)(run.manifest, run.trials.slice(0, 0)))
    assert (summary.rate, summary.n_trials, summary.n_asked) == (None, 0, 8)
