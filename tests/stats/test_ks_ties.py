"""Is the p-value of a distance between tied samples the exact one?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from aiir_eval.stats.drift_tests import ks_pvalue
from aiir_eval.stats.ks_ties import MAX_STEPS, steps_of, tied_ks_pvalue


def _gap(first: np.ndarray, second: np.ndarray) -> float:
    return float(stats.ks_2samp(first, second).statistic)


@pytest.mark.parametrize("values", [[1, 1, 1, 2, 2, 3, 3, 3, 3, 4], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]])
def test_it_is_the_share_of_the_relabellings(values: list[int]) -> None:
    pooled = np.array(values, dtype=float)
    gaps = {}
    for chosen in combinations(range(10), 4):
        rest = np.setdiff1d(np.arange(10), chosen)
        gaps[chosen] = _gap(pooled[list(chosen)], pooled[rest])
    every = np.array(list(gaps.values()))
    upto = np.unique(pooled, return_counts=True)[1].cumsum()
    for gap in np.unique(every.round(9)):
        exact = np.mean(every >= gap - 1e-9)
        assert tied_ks_pvalue(gap, 4, 6, upto) == pytest.approx(exact, abs=1e-9)


def test_without_ties_it_is_the_usual_one() -> None:
    rng = np.random.default_rng(1)
    x, y = np.sort(rng.normal(size=70)), np.sort(rng.normal(0.3, 1, size=50))
    steps = steps_of((x, y))
    assert steps is not None
    assert steps.tolist() == list(range(1, 121))
    assert tied_ks_pvalue(_gap(x, y), 70, 50, steps) == pytest.approx(
        stats.ks_2samp(x, y).pvalue, abs=1e-9
    )


def test_two_values_are_fishers_table() -> None:
    expected = stats.fisher_exact([[30, 70], [45, 55]]).pvalue
    assert tied_ks_pvalue(0.15, 100, 100, [75, 200]) == pytest.approx(expected, abs=1e-9)


def test_large_samples_agree_with_relabelling_them() -> None:
    rng = np.random.default_rng(2)
    counts = rng.multinomial(6000, np.ones(12) / 12)
    upto = counts.cumsum()
    drawn = rng.multivariate_hypergeometric(counts, 3000, size=20_000)
    gaps = np.abs(drawn.cumsum(axis=1) - (counts - drawn).cumsum(axis=1)).max(axis=1) / 3000
    for gap in (0.02, 0.03, 0.04):
        exact = np.mean(gaps >= gap - 1e-9)
        assert tied_ks_pvalue(gap, 3000, 3000, upto) == pytest.approx(exact, abs=0.012)


def test_it_never_exceeds_the_usual_one() -> None:
    rng = np.random.default_rng(3)
    for n, m in ((20, 30), (300, 200), (3000, 2500)):
        x, y = np.sort(rng.poisson(3, n)), np.sort(rng.poisson(3.2, m))
        steps, gap = steps_of((x, y)), _gap(x, y)
        assert steps is not None
        assert tied_ks_pvalue(gap, n, m, steps) <= ks_pvalue(gap, n, m)


def test_steps_are_the_pooled_counts_up_to_each_value() -> None:
    rng = np.random.default_rng(4)
    x, y = np.sort(rng.integers(0, 200, 5000)), np.sort(rng.integers(3, 203, 4000))
    expected = np.unique(np.concatenate([x, y]), return_counts=True)[1].cumsum()
    found = steps_of((x, y))
    assert found is not None
    assert found.tolist() == expected.tolist()
    assert steps_of((np.sort(rng.normal(size=5000)), np.sort(rng.normal(size=5000)))) is None
    many = np.arange(MAX_STEPS + 1.0)
    assert steps_of((np.repeat(many, 9), many)) is None
