"""Do the drift tests equal scipy's, and are their edges defined?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from aiir_eval.stats import contingency_chi2, ks_2samp, welch_t

RNG = np.random.default_rng(11)
PAIRS = [
    (RNG.normal(size=40), RNG.normal(0.5, 2, size=70)),
    (RNG.integers(0, 5, size=30), RNG.integers(0, 6, size=31)),
    (np.full(10, 2.0), RNG.normal(size=5)),
    (RNG.normal(size=2), RNG.normal(size=3)),
    (RNG.normal(1e9, 1e-3, size=50), RNG.normal(1e9, 1e-3, size=60)),
]


@pytest.mark.filterwarnings("ignore:Precision loss")
@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_welch_agrees_with_scipy(x: np.ndarray, y: np.ndarray) -> None:
    ours, theirs = welch_t(x, y), stats.ttest_ind(x, y, equal_var=False)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-6)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-6)
    assert ours.df == pytest.approx(theirs.df, rel=1e-6)


@pytest.mark.parametrize(("x", "y"), PAIRS[:4])
def test_kolmogorov_smirnov_agrees_with_scipy(x: np.ndarray, y: np.ndarray) -> None:
    ours, theirs = ks_2samp(x, y), stats.ks_2samp(x, y)
    assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y"), [([10, 20, 30], [15, 15, 15]), ([50, 50], [30, 70]), ([9, 8, 7, 6], [9, 9, 9, 9])]
)
def test_chi_square_agrees_with_scipy(x: list[int], y: list[int]) -> None:
    ours = contingency_chi2(x, y)
    theirs = stats.chi2_contingency([x, y], correction=False)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.df == theirs.dof


def test_rare_levels_are_lumped_on_pooled_counts() -> None:
    many, few = [40, 40, 3, 2, 4, 3], [38, 42, 4, 3, 2, 3]
    lumped = stats.chi2_contingency([[40, 40, 12], [38, 42, 12]], correction=False)
    ours = contingency_chi2(many, few)
    assert (ours.statistic, ours.df) == pytest.approx((lumped.statistic, 2))
    # a lump that is still rare joins the rarest common level
    joined = stats.chi2_contingency([[40, 22], [42, 20]], correction=False)
    assert contingency_chi2([40, 20, 2], [42, 19, 1]).statistic == pytest.approx(joined.statistic)
    # the order of the levels does not matter, levels never seen do not count
    assert contingency_chi2(many[::-1], few[::-1]) == ours
    assert contingency_chi2([0, *many], [0, *few]) == ours


def test_constant_columns_are_defined() -> None:
    assert welch_t([3, 3, 3], [3, 3]).pvalue == 1.0
    different = welch_t([3, 3, 3], [4, 4])
    assert (different.statistic, different.pvalue) == (-math.inf, 0.0)
    assert ks_2samp([3, 3, 3], [3, 3]).pvalue == 1.0
    assert contingency_chi2([7], [9]).pvalue == 1.0


@pytest.mark.parametrize("test", [welch_t, ks_2samp])
def test_fewer_than_two_values_make_no_test(test: object) -> None:
    for x in ([], [1.0], [1.0, math.nan]):
        assert math.isnan(test(x, [1.0, 2.0, 3.0]).pvalue)  # type: ignore[operator]


def test_an_empty_side_makes_no_chi_square() -> None:
    assert math.isnan(contingency_chi2([0, 0], [3, 4]).pvalue)


def test_missing_values_are_dropped() -> None:
    assert welch_t([1, 2, math.nan, 4], [2, 5, 7]) == welch_t([1, 2, 4], [2, 5, 7])


@pytest.mark.slow
def test_levels_are_kept_under_no_drift() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.5, 0.3, 0.1, 0.05, 0.02, 0.01, 0.01, 0.01])
    rejected = [
        contingency_chi2(rng.multinomial(150, shares), rng.multinomial(60, shares)).pvalue <= 0.05
        for _ in range(4000)
    ]
    assert np.mean(rejected) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)
