"""Are the stated numbers of recorded data recovered?"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from aiir_eval.stats import paired_difference, pass_rate, variance_components

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def airline(shared_data: Path) -> np.ndarray:
    """(50 tasks, 4 trials) of success."""
    table = pq.read_table(shared_data / "tau_bench" / "gpt4o_airline.parquet")
    columns = table.select(["task_id", "trial", "success"]).to_pydict()
    cells = np.full((50, 4), np.nan)
    tasks = {task: row for row, task in enumerate(sorted(set(columns["task_id"])))}
    trials = {trial: column for column, trial in enumerate(sorted(set(columns["trial"])))}
    for task, trial, success in zip(*columns.values(), strict=True):
        cells[tasks[task], trials[trial]] = float(success)
    assert not np.isnan(cells).any()
    return cells


def test_tau_bench_standard_error_is_clustered(airline: np.ndarray) -> None:
    by_case = pass_rate(airline.mean(axis=1))
    by_trial = pass_rate(airline.ravel(), clusters=np.repeat(np.arange(50), 4))
    assert by_case.estimate == pytest.approx(0.42)
    assert by_case.standard_error == pytest.approx(0.0522, abs=5e-5)
    assert by_trial.standard_error == pytest.approx(by_case.standard_error, rel=1e-9)
    assert by_trial.confidence_interval() == pytest.approx(by_case.confidence_interval(), abs=1e-9)
    naive = pass_rate(airline.ravel())
    assert naive.standard_error == pytest.approx(0.0349, abs=1e-4)


def test_tau_bench_trials_against_each_other_show_nothing(airline: np.ndarray) -> None:
    for one, other in itertools.combinations(range(4), 2):
        result = paired_difference(airline[:, one], airline[:, other])
        assert result.pvalue_exact is not None
        assert result.pvalue_exact >= 0.77
        assert result.conclusion(0.05) == "inconclusive"


def test_tau_bench_noise_is_split_between_tasks_and_trials(airline: np.ndarray) -> None:
    parts = variance_components(airline)
    assert parts.trials == pytest.approx(airline.var(axis=1, ddof=1).mean(), rel=1e-9)
    assert 0.25 < parts.trials_share < 0.5
    assert parts.advice == "either"
    assert parts.standard_error() == pytest.approx(0.0522, abs=1e-4)


@pytest.mark.parametrize(
    ("table", "label", "model", "flips", "n", "exact", "conclusion"),
    [
        ("sensitiveq", "response_rate", "gpt-4", (16, 0), 100, 3.05e-5, "regressed"),
        ("sensitiveq", "response_rate", "gpt-3.5", (0, 6), 100, 0.03125, "improved"),
        ("leetcode", "directly_executable", "gpt-4", (23, 2), 50, 1.94e-5, "regressed"),
        ("leetcode", "clean_accepted", "gpt-4", (2, 11), 50, 0.0225, "improved"),
    ],
)
def test_recorded_flips_give_the_stated_pvalues(
    shared_data: Path,
    table: str,
    label: str,
    model: str,
    flips: tuple[int, int],
    n: int,
    exact: float,
    conclusion: str,
) -> None:
    columns = pq.read_table(shared_data / "llmdrift" / f"{table}.parquet").to_pydict()
    outcomes: dict[str, dict[tuple[object, object], float]] = {}
    for row, name in enumerate(columns["model"]):
        key = (columns["id"][row], columns["occ"][row])
        outcomes.setdefault(name, {})[key] = float(columns[label][row])
    old, new = sorted(name for name in outcomes if model in name)
    keys = sorted(outcomes[old], key=str)
    result = paired_difference(
        [outcomes[old][key] for key in keys], [outcomes[new][key] for key in keys]
    )
    assert (result.broke, result.fixed, result.n_cases) == (*flips, n)
    assert result.pvalue_exact == pytest.approx(exact, rel=3e-3)
    assert result.conclusion() == conclusion
