"""Could chance alone have changed a column of independent rows this much?"""

from __future__ import annotations

from math import acos, copysign, cos, inf, nan, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.two_sample import TestResult, ks_2samp

Alternative = Literal["two-sided", "less", "greater"]
_EXACT_UP_TO = 10_000  # values a side: scipy's own limit for the exact Kolmogorov-Smirnov p-value
_LIMIT_FROM = 100_000  # effective values: the law of the distance is then slow to compute
_CERTAIN = 0.2  # scaled distances below this have a p-value of 1 - 1e-12 or more
_BLOCK = 64


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


def ks_sorted(x: NDArray[np.float64], y: NDArray[np.float64]) -> TestResult:
    """`stats.ks_2samp` for samples that are already sorted, several times faster when large.

    Parameters
    ----------
    x, y : (n,), (m,) ndarray
        Sorted, finite.

    Notes
    -----
    Only every 64th value of `x` is looked up in `y` at first. Between two of those both shares
    can only grow, which bounds their gap inside the block; only blocks whose bound beats the best
    gap seen are searched. The distance is exact, ties included. The p-value is scipy's up to an
    effective size n m / (n + m) of 100,000, beyond it Vrbik's corrected limit (within 2e-7).

    References
    ----------
    Vrbik (2018), Pioneer J. Theor. Appl. Stat. 15, 15-23.

    Examples
    --------
    >>> x, y = np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6, 7])
    >>> ks_sorted(x, y).statistic
    0.6
    """
    from scipy import special, stats

    name = "Kolmogorov-Smirnov test"
    n, m = x.size, y.size
    if min(n, m) < 2:
        return TestResult(nan, nan, nan, name)
    distance = _largest_gap(x, y)
    size = float(np.round(n * m / (n + m)))
    scaled = distance * sqrt(size)
    if scaled < _CERTAIN:
        pvalue = 1.0
    elif max(n, m) <= _EXACT_UP_TO:
        pvalue = ks_2samp(x, y).pvalue
    elif size <= _LIMIT_FROM:
        pvalue = float(np.clip(stats.kstwo.sf(distance, size), 0, 1))
    else:
        corrected = scaled + 1 / (6 * sqrt(size)) + (scaled - 1) / (4 * size)
        pvalue = float(special.kolmogorov(corrected))
    return TestResult(distance, pvalue, nan, name)


def _largest_gap(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """max |F - G| of two sorted samples."""
    n, m = x.size, y.size
    marks = np.append(np.arange(0, n, _BLOCK), n - 1)
    below_x = np.searchsorted(x, x[marks], side="right")
    below_y = np.searchsorted(y, x[marks], side="right")
    f, g = below_x / n, below_y / m
    before_x = float(np.searchsorted(y, x[0])) / m
    best = max(float(np.abs(f - g).max()), before_x, 1 - float(g[-1]))
    # Between two marks F lies in [f_i, f_j] and G in [g_i, g_j].
    open_blocks = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1]) > best
    inside_x = x[below_x[0] :][np.repeat(open_blocks, np.diff(below_x))]
    inside_y = y[below_y[0] : below_y[-1]][np.repeat(open_blocks, np.diff(below_y))]
    for points in (inside_x, inside_y):
        if points.size:
            points = points[np.append(True, points[1:] != points[:-1])]
            inner_f = np.searchsorted(x, points, side="right") / n
            inner_g = np.searchsorted(y, points, side="right") / m
            best = max(best, float(np.abs(inner_f - inner_g).max()))
    return best


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
    n, total, k = float(x.sum()), float(pooled.sum()), pooled.size
    m = total - n
    if min(n, m) == 0:
        return TestResult(nan, nan, nan, name)
    # S = sum x^2 / pooled; falling factorials of x have simple moments when rows are relabelled.
    f1, f2, f3, f4 = np.cumprod([(n - i) / (total - i) if total > i else 0.0 for i in range(4)])
    mean = f2 * (total - k) + f1 * k
    one, two, three = pooled - 1, pooled - 2, pooled - 3
    own = one * two * three * f4 + 6 * one * two * f3 + 7 * one * f2 + f1
    cross = (float(one.sum()) ** 2 - float((one**2).sum())) * f4
    cross += 2 * (k - 1) * (total - k) * f3 + k * (k - 1) * f2
    variance = float((own / pooled).sum()) + cross - mean**2
    scale = total**2 / (n * m)
    statistic = scale * (float((x**2 / pooled).sum()) - n**2 / total)
    mean, variance = scale * (mean - n**2 / total), scale**2 * variance
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
