"""Do two samples differ anywhere? (against scipy, enumeration and simulation)"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from aiir_eval.stats.distribution_tests import (
    anderson_darling,
    cramer_von_mises,
    permutation_chi2,
    wasserstein,
)
from aiir_eval.stats.two_sample import TestResult, contingency_chi2

Test = Callable[..., TestResult]
ALL = [anderson_darling, cramer_von_mises, wasserstein]


def drawn(n: int, m: int, digits: int, seed: int = 0, shift: float = 0.1) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [
        np.sort(np.round(rng.normal(size=n), digits)),
        np.sort(np.round(rng.standard_t(4, size=m) + shift, digits)),
    ]


@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize(("n", "m"), [(2, 3), (50, 50), (300, 200), (3000, 700)])
def test_statistics_are_scipys_with_ties(n: int, m: int, digits: int) -> None:
    x, y = drawn(n, m, digits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's p-values are capped
        darling = stats.anderson_ksamp([x, y], variant="midrank").statistic
    assert anderson_darling(x, y, n_resamples=1).statistic == pytest.approx(darling, abs=1e-12)
    moved = stats.wasserstein_distance(x, y)
    assert wasserstein(x, y, n_resamples=1).statistic == pytest.approx(moved, abs=1e-12)
    if n == m or digits == 8:  # scipy's formula does not hold for ties at unequal sizes
        cramer = stats.cramervonmises_2samp(x, y).statistic
        assert cramer_von_mises(x, y, n_resamples=1).statistic == pytest.approx(cramer, abs=1e-12)


def test_cramer_von_mises_stays_small_where_scipys_midranks_grow_with_the_rows() -> None:
    ours, theirs = [], []
    for n in (3000, 30_000):
        x, y = np.sort(np.arange(n) % 4.0), np.sort(np.arange(2 * n) % 4.0)  # the same shares
        ours.append(cramer_von_mises(x, y).statistic)
        theirs.append(stats.cramervonmises_2samp(x, y, method="asymptotic").statistic)
    assert max(ours) < 1e-9
    assert theirs[1] > 9 * theirs[0] > 100


@pytest.mark.parametrize("test", ALL)
def test_a_statistic_does_not_depend_on_the_direction_of_the_scale(test: Test) -> None:
    x, y = drawn(80, 50, 0)
    there, back = test(x, y, n_resamples=1), test(np.sort(-x), np.sort(-y), n_resamples=1)
    assert there.statistic == pytest.approx(back.statistic, rel=1e-12)


@pytest.mark.parametrize("test", ALL)
def test_permutation_pvalues_are_those_of_all_relabellings(test: Test) -> None:
    pooled = np.array([0.0, 0, 1, 1, 2, 3, 3, 5, 7])
    chosen = (3, 4, 7, 8)

    def statistic(picked: tuple[int, ...]) -> float:
        inside = np.isin(np.arange(pooled.size), picked)
        return test(pooled[inside], pooled[~inside], n_resamples=1).statistic

    every = np.array([statistic(picked) for picked in combinations(range(pooled.size), 4)])
    exact = np.mean(every >= statistic(chosen) - 1e-9)
    inside = np.isin(np.arange(pooled.size), chosen)
    seen = test(pooled[inside], pooled[~inside], n_resamples=20_000, rng=3).pvalue
    assert seen == pytest.approx(exact, abs=0.015)


def test_the_limit_law_is_scipys_without_ties() -> None:
    for shift in (0.0, 0.04, 0.1):
        x, y = drawn(9000, 6000, 12, shift=shift)
        ours = cramer_von_mises(x, y, method="asymptotic").pvalue
        assert ours == pytest.approx(stats.cramervonmises_2samp(x, y).pvalue, abs=1e-4)


@pytest.mark.parametrize("test", [anderson_darling, cramer_von_mises])
@pytest.mark.parametrize("digits", [0, 8])
def test_the_limit_law_agrees_with_relabelling_at_any_ties(test: Test, digits: int) -> None:
    for shift in (0.0, 0.12):
        x, y = drawn(600, 900, digits, seed=4, shift=shift)
        limit = test(x, y, method="asymptotic").pvalue
        permuted = test(x, y, method="permutation", n_resamples=8000, rng=5).pvalue
        assert limit == pytest.approx(permuted, abs=0.02)


def test_anderson_darlings_limit_has_the_published_quantiles() -> None:
    # Marsaglia and Marsaglia (2004), J. Stat. Softw. 9(2)
    from aiir_eval.stats.distribution_tests import _weighted_chi2_tail

    weights = 1 / (np.arange(1.0, 500) * np.arange(2.0, 501))
    for value, tail in ((1.933, 0.10), (2.492, 0.05), (3.8781, 0.01)):
        assert _weighted_chi2_tail(value, weights) == pytest.approx(tail, rel=6e-3)


def test_a_sum_of_chi_squares_has_its_tail_however_far_out() -> None:
    from aiir_eval.stats.distribution_tests import _weighted_chi2_tail

    for df in (1, 2, 5, 120):
        for value in (1e-3, 0.3, 2.0, 4.9, 5.0, 40.0, 119.0, 120.1, 300.0, 900.0):
            exact = stats.chi2.sf(value, df)
            assert _weighted_chi2_tail(value, np.ones(df)) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("test", ALL)
def test_degenerate_samples_have_an_answer(test: Test) -> None:
    one = np.ones(5)
    assert np.isnan(test(np.array([1.0]), one).pvalue)
    assert test(one, np.ones(7)).pvalue == 1.0
    assert test(one * 0, np.ones(5), rng=1).pvalue < 0.02


@pytest.mark.parametrize("test", ALL)
def test_a_million_rows_take_a_moment_and_a_small_shift_is_seen(test: Test) -> None:
    rng = np.random.default_rng(8)
    x, y = np.sort(rng.normal(size=200_000)), np.sort(rng.normal(0.015, 1, size=200_000))
    assert test(x, y, n_resamples=999).pvalue < 0.02


def test_permuted_chi_square_is_that_of_the_table_and_its_law() -> None:
    x, y = [30, 20, 11, 9], [25, 30, 20, 5]
    ours, limit = permutation_chi2(x, y, n_resamples=19_999), contingency_chi2(x, y)
    assert ours.statistic == pytest.approx(limit.statistic, abs=1e-12)
    assert ours.pvalue == pytest.approx(limit.pvalue, abs=0.015)
    assert permutation_chi2([1, 0, 1], [0, 1, 0]).pvalue == 1.0
    assert np.isnan(permutation_chi2([0, 0], [1, 2]).pvalue)


@pytest.mark.slow
@pytest.mark.parametrize("digits", [0, 6])
@pytest.mark.parametrize("test", ALL)
def test_false_alarms_stay_at_the_level(test: Test, digits: int) -> None:
    rng = np.random.default_rng(11)
    repeats, alarms = 300, 0
    for _ in range(repeats):
        x = np.sort(np.round(rng.standard_t(3, size=150), digits))
        y = np.sort(np.round(rng.standard_t(3, size=90), digits))
        alarms += test(x, y, n_resamples=199, rng=rng).pvalue <= 0.05
    assert alarms / repeats <= 0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("levels", [3, 500])
def test_permuted_chi_square_keeps_its_level_at_rare_levels(levels: int) -> None:
    rng = np.random.default_rng(12)
    repeats, alarms = 300, 0
    for _ in range(repeats):
        share = rng.dirichlet(np.ones(levels) / 2)
        x, y = rng.multinomial(120, share), rng.multinomial(60, share)
        alarms += permutation_chi2(x, y, n_resamples=199, rng=rng).pvalue <= 0.05
    assert alarms / repeats <= 0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5
