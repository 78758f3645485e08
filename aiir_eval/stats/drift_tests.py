"""Could chance alone have changed a column of independent rows this much?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from math import acos, copysign, cos, exp, inf, log2, nan, pi, sqrt
from operator import mul
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.two_sample import TestResult, contingency_chi2, ks_2samp

Alternative = Literal["two-sided", "less", "greater"]
_EXACT_UP_TO = 10_000  # values a side: scipy's own limit for the exact Kolmogorov-Smirnov p-value
_SUMMED_AT = 100_000, 1_000_000  # effective values over which scipy sums for up to a second
_SUMMED_FROM = sqrt(2.2)  # scaled distances
_LOWER_TAIL_UP_TO = 3.5
_CERTAIN = 0.2  # scaled distances below this have a p-value of 1 - 1e-12 or more
_MERGED_AT, _MERGED_FROM = 64, 0.25  # blocks this small hold so much: merging all is faster
_LUMPED_AT_MOST = 0.2  # of the rows; where more are in rare levels, no level is lumped


def cauchy_combination(pvalues: ArrayLike) -> NDArray[np.float64] | float:
    """Combine dependent p-values of one hypothesis into one (Cauchy combination test).

    Parameters
    ----------
    pvalues : (k,) or (k, n) array_like
        P-values in [0, 1], combined along the first axis. NaN marks a test that was not made.

    Returns
    -------
    float or (n,) ndarray
        NaN where no test was made.

    Notes
    -----
    Holds at any dependence for small levels; at .05 it is within a few thousandths of nominal.
    A p-value of exactly 1 (a Kolmogorov-Smirnov distance of next to nothing) would outweigh any
    other, so each is taken as at most .99.

    References
    ----------
    Liu and Xie (2020), J. Am. Stat. Assoc. 115, 393-402.

    Examples
    --------
    >>> round(cauchy_combination([0.01, 0.5]), 4)
    0.02
    """
    p = np.asarray(pvalues, dtype=np.float64)
    made = ~np.isnan(p)
    capped = np.clip(np.where(made, p, 0.5), 1e-300, 0.99)
    # tan(pi (1/2 - p)) = 1 / tan(pi p), without the loss of digits at small p
    total = np.where(made, 1.0 / np.tan(pi * capped), 0.0).sum(axis=0)
    count = made.sum(axis=0)
    mean = total / np.maximum(count, 1)
    combined = np.where(count > 0, np.arctan2(1.0, mean) / pi, nan)
    return float(combined) if combined.ndim == 0 else combined


def ks_sorted(x: NDArray[Any], y: NDArray[Any]) -> TestResult:
    """`stats.ks_2samp` for samples that are already sorted, several times faster when large.

    Parameters
    ----------
    x, y : (n,), (m,) ndarray
        Sorted, finite, of one dtype.

    Examples
    --------
    >>> x, y = np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6, 7])
    >>> ks_sorted(x, y).statistic
    0.6
    """
    if min(x.size, y.size) < 2:
        return TestResult(nan, nan, nan, "Kolmogorov-Smirnov test")
    distance = ks_distance(x, y)
    pvalue = ks_pvalue(distance, x.size, y.size)
    return TestResult(distance, pvalue, nan, "Kolmogorov-Smirnov test")


def ks_pvalue(distance: float, n: int, m: int) -> float:
    """P-value of a Kolmogorov-Smirnov distance between samples of `n` and `m` values, two-sided.

    Notes
    -----
    scipy's rule: exact up to 10,000 values a side, beyond it the law of one sample of the
    effective size n m / (n + m), as scipy has it to 1e-12. Where scipy sums 100,000 terms or more,
    its expansion for the lower tail (Pelz and Good) gives the same at once, and beyond a scaled
    distance of 3.5, where one minus that has no digits left, Vrbik's corrected limit.

    References
    ----------
    Hodges (1958), Arkiv foer Matematik 3, 469-486; Pelz and Good (1976), J. R. Stat. Soc. B 38,
    152-156; Vrbik (2018), Pioneer J. Theor. Appl. Stat. 15, 15-23.

    Examples
    --------
    >>> round(ks_pvalue(0.6, 4, 5), 4)
    0.2857
    """
    from scipy import special, stats

    size = float(np.round(n * m / (n + m)))
    scaled = distance * sqrt(size)
    if scaled < _CERTAIN:
        return 1.0
    if max(n, m) <= _EXACT_UP_TO:
        return ks_2samp(*_two_values(distance, n, m)).pvalue
    if scaled < _SUMMED_FROM or not _SUMMED_AT[0] < size <= _SUMMED_AT[1]:
        return float(np.clip(stats.kstwo.sf(distance, size), 0, 1))
    if scaled < _LOWER_TAIL_UP_TO:
        # scipy doubles the one-sided tail, which counts what is far on both sides twice.
        square = scaled**2
        twice = 1 - 8 * scaled / (3 * sqrt(size)) - (128 * square - 96) * square / (18 * size)
        twice *= 2 * exp(-8 * square)
        return float(np.clip(1 - stats.kstwo.cdf(distance, size) + twice, 0, 1))
    corrected = scaled + 1 / (6 * sqrt(size)) + (scaled - 1) / (4 * size)
    return float(special.kolmogorov(corrected))


def _two_values(distance: float, n: int, m: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Samples of zeros and ones this far apart: i of n and j of m ones, |i / n - j / m| = d."""
    i = np.arange(n + 1)
    j = np.clip(np.round((i / n - distance) * m), 0, m).astype(np.intp)
    best = int(np.argmin(np.abs(i / n - j / m - distance)))
    return np.arange(n) < i[best], np.arange(m) < j[best]


def ks_distance(x: NDArray[Any], y: NDArray[Any]) -> float:
    """The largest gap between the cumulative shares of two sorted samples, max |F - G|.

    Notes
    -----
    Only some values of `x` are looked up in `y` at first (of a million every 256th). Between two of
    those both shares can only grow, which bounds their gap inside the block; only blocks whose
    bound beats the best gap seen are looked into, more closely each time. Where that leaves many
    blocks open (samples that are all but equal), both samples are merged instead. Exact, ties
    included.

    Examples
    --------
    >>> ks_distance(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6, 7]))
    0.6
    """
    n, m = x.size, y.size
    step = 1 << max(int(log2(n) / 2) - 1, 0)
    first, last = np.array([0]), np.array([n - 1])  # of each open block
    best = 0.0
    while True:
        block, at = _marks(first, last, step)
        values = x[at]
        fresh = np.append(True, values[1:] != values[:-1])
        block, values = block[fresh], values[fresh]
        before_x, upto_x = _places(x, values)
        before_y, upto_y = _places(y, values)
        gaps = np.abs(before_x / n - before_y / m), np.abs(upto_x / n - upto_y / m)
        best = max(best, float(gaps[0].max()), float(gaps[1].max()))
        if step == 1:
            return best
        # Strictly between two marks F lies in [f, f_next] and G in [g, g_next].
        f, f_next = upto_x[:-1] / n, before_x[1:] / n
        g, g_next = upto_y[:-1] / m, before_y[1:] / m
        is_open = np.maximum(f_next - g, g_next - f) > best
        is_open &= (block[1:] == block[:-1]) & (before_x[1:] > upto_x[:-1])
        first, last = upto_x[:-1][is_open], before_x[1:][is_open] - 1
        if first.size == 0:
            return best
        if step <= _MERGED_AT and (last - first).sum() > _MERGED_FROM * n:
            return _largest_gap_of_all(x, y)
        step = max(step // 8, 1)


def _marks(
    first: NDArray[np.intp], last: NDArray[np.intp], step: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every `step`-th place of each block and its last one; and which block it is of."""
    counts = (last - first) // step + 2
    block = np.repeat(np.arange(first.size), counts)
    within = np.arange(block.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return block, np.minimum(first[block] + within * step, last[block])


def _places(values: NDArray[Any], at: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many of the sorted values are below each of `at`, and how many at most as large."""
    before = np.searchsorted(values, at, "left")
    upto = before.copy()
    equal = np.flatnonzero(values[np.minimum(before, values.size - 1)] == at)
    upto[equal] = np.searchsorted(values, at[equal], "right")
    return before, upto


def _largest_gap_of_all(x: NDArray[Any], y: NDArray[Any]) -> float:
    """The same by merging: a stable sort finds the two runs and merges them in one pass."""
    n, m = x.size, y.size
    if n == m and np.array_equal(x, y):
        return 0.0
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")
    both = both[order]
    apart = np.cumsum(np.where(order < n, m, -n))  # n m (F - G), in whole numbers
    last = np.append(both[1:] != both[:-1], True)  # of equal values
    return float(np.abs(apart[last]).max()) / (n * m)


def welch_of_moments(
    n_x: int, mean_x: float, variance_x: float, n_y: int, mean_y: float, variance_y: float
) -> TestResult:
    """`stats.welch_t` from sizes, means and sample variances; the sign is that of x minus y.

    Examples
    --------
    >>> result = welch_of_moments(4, 2.5, 5 / 3, 5, 6.0, 10.0)
    >>> round(result.statistic, 4), round(result.pvalue, 4)
    (-2.2514, 0.0691)
    """
    from scipy.special import stdtr

    name = "Welch t-test"
    if min(n_x, n_y) < 2:
        return TestResult(nan, nan, nan, name)
    gap = mean_x - mean_y
    spread_x, spread_y = variance_x / n_x, variance_y / n_y
    spread = spread_x + spread_y
    if spread == 0:
        statistic = 0.0 if gap == 0 else inf if gap > 0 else -inf
        return TestResult(statistic, 1.0 if gap == 0 else 0.0, nan, name)
    statistic = gap / sqrt(spread)
    share = spread_x / spread  # keeps tiny variances from underflowing when squared
    df = 1 / (share**2 / (n_x - 1) + (1 - share) ** 2 / (n_y - 1))
    return TestResult(statistic, float(2 * stdtr(df, -abs(statistic))), df, name)


def level_test(counts_x: NDArray[Any], counts_y: NDArray[Any]) -> TestResult:
    """The test of the contingency table of a column of levels that suits its counts.

    Parameters
    ----------
    counts_x, counts_y : (k,) ndarray
        How often each level occurs on each side.

    Returns
    -------
    TestResult
        `method` names the test: ``chi2_contingency`` with rare levels lumped; where more than a
        fifth of the rows would be lumped, ``chi2_contingency, all levels`` (`sparse_chi2`); for
        two levels with small expected counts ``fisher_exact, mid-p``.

    Examples
    --------
    >>> level_test(np.array([10, 20, 30]), np.array([15, 15, 15])).method
    'chi2_contingency'
    """
    n_x, n_y = int(counts_x.sum()), int(counts_y.sum())
    if counts_x.size == 2:
        ones = rate_difference_test(counts_x[0], n_x, counts_y[0], n_y)
        if ones.method.startswith("Fisher"):
            return TestResult(ones.statistic**2, ones.pvalue, 1.0, "fisher_exact, mid-p")
    pooled = counts_x + counts_y
    tested = contingency_chi2(counts_x, counts_y)
    if counts_x.size > 2 and (
        tested.df < 1 or pooled[_rare(pooled, n_x, n_y)].sum() > _LUMPED_AT_MOST * (n_x + n_y)
    ):
        return replace(sparse_chi2(counts_x, counts_y), method="chi2_contingency, all levels")
    return replace(tested, method="chi2_contingency")


def level_groups(
    counts_x: NDArray[Any], counts_y: NDArray[Any], *, lump: bool, most: int
) -> NDArray[np.intp]:
    """A column number for each level: its own, or the last one for all that are lumped.

    With `lump` the rare levels are, as in `contingency_chi2`; the rarest beyond `most` always are.

    Examples
    --------
    >>> level_groups(np.array([90, 1, 1, 80]), np.array([90, 1, 1, 80]), lump=True, most=9)
    array([0, 2, 2, 1])
    """
    pooled = counts_x + counts_y
    kept = np.ones(pooled.size, dtype=np.bool_)
    if lump:
        kept = ~_rare(pooled, int(counts_x.sum()), int(counts_y.sum()))
    if np.count_nonzero(kept) > most:
        order = np.argsort(np.where(kept, -pooled, 1), kind="stable")
        kept = np.zeros(pooled.size, dtype=np.bool_)
        kept[order[:most]] = True
    groups = np.full(pooled.size, np.count_nonzero(kept), dtype=np.intp)
    groups[kept] = np.arange(np.count_nonzero(kept))
    return groups


def _rare(pooled: NDArray[Any], n_x: int, n_y: int) -> NDArray[np.bool_]:
    """Levels expected fewer than five times on the smaller side."""
    rare: NDArray[np.bool_] = pooled * min(n_x, n_y) < 5 * (n_x + n_y)
    return rare


def sparse_chi2(counts_x: ArrayLike, counts_y: ArrayLike) -> TestResult:
    """Chi-square test of a 2 x k table whose levels are mostly too rare for the usual one.

    Parameters
    ----------
    counts_x, counts_y : (k,) array_like
        How often each level occurs on each side; no level is lumped.

    Returns
    -------
    TestResult
        NaN when a side is empty; (0, 1) where no relabelling could change the statistic.

    Notes
    -----
    The mean and variance of Pearson's statistic over all relabellings of the rows are known
    exactly; a gamma distribution with these two moments gives the p-value. `df` is twice its shape.
    Right where counts are small but many; `contingency_chi2` is for common levels.

    References
    ----------
    Haldane (1940), Biometrika 31, 346-355; Mielke and Berry (1985), J. Am. Stat. Assoc. 80.

    Examples
    --------
    >>> result = sparse_chi2([2] * 20 + [0] * 20, [0] * 20 + [2] * 20)
    >>> result.statistic, result.pvalue < 1e-6
    (80.0, True)
    """
    from scipy.special import gammaincc

    name = "chi-square test of all levels"
    x, y = np.asarray(counts_x, np.float64), np.asarray(counts_y, np.float64)
    pooled = x + y
    x, pooled = x[pooled > 0], pooled[pooled > 0]
    n, total, k = int(x.sum()), int(pooled.sum()), pooled.size
    m = total - n
    if min(n, m) == 0:
        return TestResult(nan, nan, nan, name)
    # S = sum x^2 / pooled; falling factorials of x have simple moments when rows are relabelled.
    # As fractions: E[S^2] and E[S]^2 agree in most of their digits.
    f1, f2, f3, f4 = accumulate((Fraction(n - i) / max(total - i, 1) for i in range(4)), mul)
    inverse = Fraction(float((1 / pooled).sum()))
    variance = f4 * ((total - k) ** 2 - 4 * total + 10 * k - 6 * inverse)
    variance += f3 * (6 * total - 18 * k + 12 * inverse + 2 * (k - 1) * (total - k))
    variance += f2 * (7 * (k - inverse) + k * (k - 1)) + f1 * inverse
    variance -= (f2 * (total - k) + f1 * k) ** 2
    mean = (k - 1) * total / (total - 1)
    variance = float(variance * Fraction(total * total, n * m) ** 2)
    statistic = float(((x * total - pooled * n) ** 2 / pooled).sum()) / (n * m)
    if mean <= 0 or variance <= 1e-9 * mean:
        return TestResult(0.0, 1.0, 0.0, name)
    shape = mean**2 / variance
    pvalue = float(gammaincc(shape, max(statistic, 0.0) * mean / variance))
    return TestResult(statistic, pvalue, 2 * shape, name)


def rate_difference_test(
    successes_x: float,
    n_x: float,
    successes_y: float,
    n_y: float,
    *,
    difference: float = 0.0,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Score test that rate(y) - rate(x) equals `difference` (one-sided: is at most, at least).

    Parameters
    ----------
    successes_x, n_x, successes_y, n_y : float
        Counts; effective counts (divided by a design effect) need not be whole.
    difference : float
        In (-1, 1). The default is the chi-square test of the 2 x 2 table without Yates: the
        statistic is then signed, and its square is Pearson's.
    alternative : {"two-sided", "less", "greater"}
        "less": rate(y) - rate(x) is below `difference`.

    Notes
    -----
    The variance is that of the most likely rates with this difference (Farrington and Manning).
    Where no change is tested on whole counts and one of the four is expected below 5, the p-value
    is Fisher's mid-p.

    References
    ----------
    Miettinen and Nurminen (1985), Stat. Med. 4, 213-226; Farrington and Manning (1990), Stat. Med.
    9, 1447-1454; Lancaster (1961), J. Am. Stat. Assoc. 56, 223-234.

    Examples
    --------
    >>> result = rate_difference_test(180, 200, 170, 200, alternative="less")
    >>> round(result.statistic, 3), round(result.pvalue, 3)
    (-1.512, 0.065)
    """
    from scipy.special import ndtr

    p, q = successes_x / n_x, successes_y / n_y
    pooled = (successes_x + successes_y) / (n_x + n_y)
    rare = min(pooled, 1 - pooled) * min(n_x, n_y) < 5
    whole = all(float(v).is_integer() for v in (successes_x, n_x, successes_y, n_y))
    if difference == 0:
        variance = pooled * (1 - pooled) * (1 / n_x + 1 / n_y)
    else:
        likely_q = _likely_rate(q, n_y, p, n_x, difference)
        likely_p = min(max(likely_q - difference, 0.0), 1.0)
        variance = likely_q * (1 - likely_q) / n_y + likely_p * (1 - likely_p) / n_x
    gap = q - p - difference
    statistic = gap / sqrt(variance) if variance > 0 else copysign(inf, gap) if gap else 0.0
    if difference == 0 and rare and whole:
        pvalue = _fisher_midp(successes_x, n_x, successes_y, n_y, alternative)
        return TestResult(statistic, pvalue, nan, "Fisher's exact test, mid-p")
    tail = {"less": statistic, "greater": -statistic, "two-sided": -abs(statistic)}[alternative]
    pvalue = float(ndtr(tail)) * (2 if alternative == "two-sided" else 1)
    return TestResult(statistic, pvalue, nan, "score test of two proportions")


def _likely_rate(p1: float, n1: float, p2: float, n2: float, difference: float) -> float:
    """The most likely first rate where the first minus the second is `difference`."""
    theta = n2 / n1
    a = 1 + theta
    b = -(1 + theta + p1 + theta * p2 + difference * (theta + 2))
    c = difference**2 + difference * (2 * p1 + theta + 1) + p1 + theta * p2
    d = -p1 * difference * (1 + difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = copysign(sqrt(max((b / (3 * a)) ** 2 - c / (3 * a), 0.0)), v)
    angle = (pi + acos(min(max(v / u**3, -1.0), 1.0))) / 3 if u else pi / 2
    return min(max(2 * u * cos(angle) - b / (3 * a), max(difference, 0.0)), 1.0)


def _fisher_midp(
    successes_x: float, n_x: float, successes_y: float, n_y: float, alternative: Alternative
) -> float:
    from scipy.stats import hypergeom

    drawn = successes_x + successes_y
    law = hypergeom(round(n_x + n_y), round(drawn), round(n_y))
    low, high = max(0, round(drawn - n_x)), min(round(drawn), round(n_y))
    counts = np.arange(low, high + 1)
    mass = law.pmf(counts)
    seen = mass[counts == round(successes_y)]
    if alternative == "less":
        return float(mass[counts < successes_y].sum() + seen.sum() / 2)
    if alternative == "greater":
        return float(mass[counts > successes_y].sum() + seen.sum() / 2)
    rarer = mass < seen * (1 - 1e-7)
    equal = ~rarer & (mass <= seen * (1 + 1e-7))
    return min(float(mass[rarer].sum() + mass[equal].sum() / 2), 1.0)
