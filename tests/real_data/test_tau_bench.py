"""An agent against itself: four trials of the same fifty tasks must not be called a change."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from aiir_eval.compare.comparing import compare
from aiir_eval.gate.gating import gate
from aiir_eval.runs.importing import import_table
from aiir_eval.runs.model import Run

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def table(shared_data: Path) -> Path:
    return shared_data / "tau_bench" / "gpt4o_airline.parquet"


@pytest.fixture(scope="module")
def trials(table: Path) -> list[Run]:
    return [
        import_table(table, id="task_id", passed="success", where=f"trial = {number}")
        for number in range(4)
    ]


@pytest.mark.parametrize("pair", list(combinations(range(4), 2)))
@pytest.mark.parametrize("margin", [None, 0.05])
def test_no_trial_is_better_or_worse_than_another(
    trials: list[Run], pair: tuple[int, int], margin: float | None
) -> None:
    for old, new in (pair, pair[::-1]):
        comparison = compare(trials[old], trials[new], margin=margin)
        assert comparison.comparable
        assert comparison.difference is not None
        assert comparison.difference.pvalue_exact is not None
        assert comparison.difference.pvalue_exact >= 0.77
        assert comparison.conclusion == "inconclusive"
        assert {item.code for item in comparison.findings} == {"underpowered"}
        verdict = gate(comparison)
        assert (verdict.verdict, verdict.exit_code) == ("inconclusive", 3)


def test_repeated_trials_are_counted_by_case(table: Path) -> None:
    early, late = (
        import_table(table, id="task_id", passed="success", trial="trial", where=where)
        for where in ("trial < 2", "trial >= 2")
    )
    comparison = compare(early, late, margin=0.05)
    assert comparison.n_cases == 50 and comparison.n_trials == (100, 100)
    assert comparison.conclusion == "inconclusive"
    assert {item.code for item in comparison.findings} == {"underpowered", "flaky_cases"}


def test_the_standard_error_is_that_of_tasks_and_not_of_trials(table: Path) -> None:
    from aiir_eval.compare.pairing import pair
    from aiir_eval.stats import pass_rate

    run = import_table(table, id="task_id", passed="success", trial="trial")
    paired = pair(run, run)
    rate = pass_rate(paired.baseline, clusters=paired.clusters)
    assert round(rate.estimate, 3) == 0.420
    assert rate.standard_error == pytest.approx(0.0522, abs=5e-5)  # CR2
    assert rate.standard_error * (49 / 50) ** 0.5 == pytest.approx(0.0517, abs=5e-5)  # CR0
    assert (rate.estimate * (1 - rate.estimate) / 200) ** 0.5 == pytest.approx(0.0349, abs=5e-5)
