"""Are the stated error rates kept in simulation, where other methods lose them?"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from aiir_eval.stats import PairedDifference, paired_difference, pass_rate

pytestmark = pytest.mark.slow

RUNS = 1500
SLACK = 3.5  # standard errors of simulation: about 1 in 4,000 a bound

# cases, trials, cases a cluster, correlation inside a cluster, pass rate
CELLS = [
    (20, 1, 1, 0.0, 0.9),
    (20, 5, 1, 0.0, 0.5),
    (50, 1, 5, 0.5, 0.9),
    (200, 1, 1, 0.0, 0.99),
    (200, 5, 5, 0.0, 0.5),
    (200, 1, 10, 0.5, 0.99),
    (200, 5, 10, 0.5, 0.9),
    (1000, 1, 10, 0.5, 0.99),
]


def simulate(cell: tuple[int, int, int, float, float], difference: float) -> list[PairedDifference]:
    """Comparisons of versions with that true difference.

    A case copies its cluster's shared draw with chance sqrt(correlation); case rates are
    beta-distributed over versions, or single flips as sparse as the rates allow.
    """
    n, trials, size, correlation, rate = cell
    rng = np.random.default_rng([n, trials, size, round(-100 * difference)])

    def cases(count: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (RUNS, count)
        if trials > 1:
            before = rng.beta(rate, 1 - rate, shape)
            after = rng.beta(rate + difference, 1 - rate - difference, shape)
            return rng.binomial(trials, before) / trials, rng.binomial(trials, after) / trials
        passed = rng.random(shape) < rate
        gain = min(0.02, (1 - rate) / 2)
        luck = rng.random(shape)
        lost, won = luck < (gain - difference) / rate, luck < gain / (1 - rate)
        return passed.astype(float), np.where(passed, ~lost, won).astype(float)

    before, after = cases(n)
    shared_before, shared_after = (np.repeat(side, size, axis=1) for side in cases(n // size))
    copied = rng.random((RUNS, n)) < sqrt(correlation)
    before, after = np.where(copied, shared_before, before), np.where(copied, shared_after, after)
    clusters = np.arange(n) // size if size > 1 else None
    return [
        paired_difference(one, other, clusters=clusters, single_trial=trials == 1)
        for one, other in zip(before, after, strict=True)
    ]


def bound(rate: float) -> float:
    return SLACK * sqrt(rate * (1 - rate) / RUNS)


@pytest.mark.parametrize("cell", CELLS)
def test_no_change_is_called_regressed_at_most_as_often_as_stated(cell: tuple[float, ...]) -> None:
    results = simulate(cell, 0.0)  # type: ignore[arg-type]
    regressed = np.mean([result.conclusion(0.02) == "regressed" for result in results])
    assert regressed <= 0.05 + bound(0.05)
    rejected = np.mean([result.pvalue <= 0.05 for result in results])
    assert rejected <= 0.06 + bound(0.06)  # both sides; a mid-p may pass its level slightly


@pytest.mark.parametrize("margin", [0.02, 0.05])
@pytest.mark.parametrize("cell", CELLS)
def test_a_loss_of_the_margin_passes_at_most_as_often_as_stated(
    cell: tuple[float, ...], margin: float
) -> None:
    results = simulate(cell, -margin)  # type: ignore[arg-type]
    assert np.mean([r.non_inferiority(margin).holds for r in results]) <= 0.05 + bound(0.05)
    covered = [
        interval.low <= -margin <= interval.high
        for interval in (result.confidence_interval() for result in results)
    ]
    assert np.mean(covered) >= 0.94 - bound(0.06)


def test_a_t_interval_on_sparse_flips_passes_falsely_and_ours_does_not() -> None:
    results = simulate((50, 1, 1, 0.0, 0.99), -0.02)
    t = stats.t.ppf(0.95, 49)
    by_t = np.mean([r.estimate - t * r.standard_error > -0.02 for r in results])
    ours = np.mean([r.non_inferiority(0.02).holds for r in results])
    assert by_t > 0.2
    assert ours <= 0.05 + bound(0.05)


def test_ten_steady_trials_of_twenty_cases_find_five_points() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(RUNS):
        case = rng.beta(0.9 * 1.0, 0.1 * 1.0, 20)
        before = rng.binomial(10, case) / 10
        after = rng.binomial(10, case * 0.85 / 0.9) / 10
        found.append(paired_difference(before, after, single_trial=False).pvalue <= 0.05)
    assert np.mean(found) >= 0.48


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("size", [1, 5])
def test_intervals_of_a_pass_rate_cover(rate: float, size: int) -> None:
    rng = np.random.default_rng([size, round(100 * rate)])
    covered = 0
    for _ in range(RUNS):
        group = rng.beta(rate, 1 - rate, 40) if size > 1 else np.full(40, rate)
        passed = rng.random((40, size)) < group[:, None]
        interval = pass_rate(passed.ravel(), clusters=np.repeat(np.arange(40), size))
        low, high = interval.confidence_interval()
        covered += low <= rate <= high
    assert covered / RUNS >= 0.94 - bound(0.06)


@pytest.mark.parametrize(("n", "share"), [(60, 0.05), (200, 0.15), (60, 1.0)])
def test_graded_scores_keep_the_level(n: int, share: float) -> None:
    # all cases lose 0 to 0.1, or a few of them 0 to 1
    rng = np.random.default_rng([n, round(100 * share)])
    loss = rng.random((RUNS, n)) * (0.1 if share == 1 else 1.0) * (rng.random((RUNS, n)) < share)
    truth = -0.05 if share == 1 else -share / 2
    passed_falsely = covered = 0
    for row in loss:
        result = paired_difference(np.ones(n), 1 - row, binary=False, n_resamples=9)
        passed_falsely += result.non_inferiority(-truth).holds
        low, high = result.confidence_interval()
        covered += low <= truth <= high
    assert passed_falsely / RUNS <= 0.05 + bound(0.05)
    assert covered / RUNS >= 0.94 - bound(0.06)
