"""Do two independent samples of a column come from the same distribution?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.showing import Shown


@dataclass(frozen=True, slots=True)
class TestResult(Shown):
    """`statistic` and `pvalue` (both NaN when the test cannot be made), `df` where it has one."""

    __test__ = False  # not a test of pytest's

    statistic: float
    pvalue: float
    df: float
    method: str


def welch_t(x: ArrayLike, y: ArrayLike) -> TestResult:
    """Compare two means without assuming equal variances (Welch's t-test, two-sided).

    Parameters
    ----------
    x, y : (n,), (m,) array_like
        The samples; NaN values are dropped.

    Returns
    -------
    TestResult
        The sign of the statistic is that of mean(x) - mean(y). NaN with fewer than two values on
        a side. Two constant columns: (0, 1) when equal, (+-inf, 0) when not.

    Notes
    -----
    Assumes independent rows and means that are nearly normal: heavy tails need large samples, and
    rows that share a user or a document need `paired_difference` or a cluster test instead.

    References
    ----------
    Welch (1947), Biometrika 34, 28-35.

    Examples
    --------
    >>> result = welch_t([1, 2, 3, 4], [2, 4, 6, 8, 10])
    >>> round(result.statistic, 4), round(result.pvalue, 4)
    (-2.2514, 0.0691)
    """
    from scipy.special import stdtr

    left, right = _present(x, "x"), _present(y, "y")
    if min(left.size, right.size) < 2:
        return TestResult(nan, nan, nan, "Welch t-test")
    gap = float(left.mean() - right.mean())
    spread_x = 0.0 if np.ptp(left) == 0 else float(left.var(ddof=1)) / left.size
    spread_y = 0.0 if np.ptp(right) == 0 else float(right.var(ddof=1)) / right.size
    spread = spread_x + spread_y
    if spread == 0:
        gap = float(left[0] - right[0])
        statistic = 0.0 if gap == 0 else inf if gap > 0 else -inf
        return TestResult(statistic, 1.0 if gap == 0 else 0.0, nan, "Welch t-test")
    statistic = gap / sqrt(spread)
    share = spread_x / spread  # keeps tiny variances from underflowing when squared
    df = 1 / (share**2 / (left.size - 1) + (1 - share) ** 2 / (right.size - 1))
    return TestResult(statistic, float(2 * stdtr(df, -abs(statistic))), df, "Welch t-test")


def ks_2samp(x: ArrayLike, y: ArrayLike) -> TestResult:
    """Compare two distributions by the largest gap of their cumulative shares, two-sided.

    Parameters
    ----------
    x, y : (n,), (m,) array_like
        The samples; NaN values are dropped.

    Returns
    -------
    TestResult
        NaN when a side has fewer than two values.

    Notes
    -----
    scipy's rule: exact p-value up to 10,000 values a side, else the limiting distribution. Assumes
    independent rows. With ties (counts, rounded values) the p-value is too large, never too small.

    References
    ----------
    Hodges (1958), Arkiv foer Matematik 3, 469-486.

    Examples
    --------
    >>> result = ks_2samp([1, 2, 3, 4], [3, 4, 5, 6, 7])
    >>> result.statistic, round(result.pvalue, 4)
    (0.6, 0.2857)
    """
    from scipy import stats

    left, right = _present(x, "x"), _present(y, "y")
    if min(left.size, right.size) < 2:
        return TestResult(nan, nan, nan, "Kolmogorov-Smirnov test")
    result = stats.ks_2samp(left, right)
    return TestResult(float(result.statistic), float(result.pvalue), nan, "Kolmogorov-Smirnov test")


def contingency_chi2(
    counts_x: ArrayLike, counts_y: ArrayLike, *, min_expected: float = 5.0
) -> TestResult:
    """Compare the shares of the levels of a categorical column (chi-square of a 2 x k table).

    Parameters
    ----------
    counts_x, counts_y : (k,) array_like
        How often each level occurs on each side, in the same order of levels.
    min_expected : float
        Levels expected less often than this on the smaller side are lumped into one.

    Returns
    -------
    TestResult
        Without Yates' correction. NaN when a side is empty; (0, 1) with df 0 when only one level
        is left.

    Notes
    -----
    Both sides are samples, so this is a contingency test, never a goodness of fit to the
    reference. Which levels are rare is decided on the pooled counts alone: looking at the sides
    would favour the levels that differ. If the lump is itself too rare it joins the rarest level
    that is not. Assumes independent rows.

    References
    ----------
    Pearson (1900), Phil. Mag. 50, 157-175; Cochran (1954), Biometrics 10, 417-451.

    Examples
    --------
    >>> result = contingency_chi2([10, 20, 30], [15, 15, 15])
    >>> round(result.statistic, 4), round(result.pvalue, 4), result.df
    (4.6667, 0.097, 2.0)
    """
    from scipy.special import chdtrc

    left, right = _counts(counts_x, "counts_x"), _counts(counts_y, "counts_y")
    if left.size != right.size:
        raise ValueError(f"counts_x has {left.size} levels, counts_y {right.size}")
    sides = np.array([left.sum(), right.sum()])
    if sides.min() == 0:
        return TestResult(nan, nan, nan, "chi-square test")
    table = _lump_rare(np.stack([left, right]), sides, min_expected)
    df = float(table.shape[1] - 1)
    if df < 1:
        return TestResult(0.0, 1.0, 0.0, "chi-square test")
    expected = np.outer(sides, table.sum(axis=0)) / sides.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return TestResult(statistic, float(chdtrc(df, statistic)), df, "chi-square test")


def _lump_rare(
    table: NDArray[np.float64], sides: NDArray[np.float64], min_expected: float
) -> NDArray[np.float64]:
    table = table[:, table.sum(axis=0) > 0]
    share = sides.min() / sides.sum()
    expected = table.sum(axis=0) * share
    rare = expected < min_expected
    if not rare.any():
        return table
    common, lump = table[:, ~rare], table[:, rare].sum(axis=1)
    if lump.sum() * share < min_expected and common.shape[1] > 0:
        common = common[:, np.argsort(common.sum(axis=0), kind="stable")]
        common[:, 0] += lump
        return common
    return np.column_stack([common, lump])


def _present(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {array.shape}")
    array = array[~np.isnan(array)]
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: infinite values cannot be compared")
    return array


def _counts(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{name}: expected one dimension of counts, none negative")
    return array
