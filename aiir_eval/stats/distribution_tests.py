"""Do two samples of numbers differ anywhere in their distribution? Tests made on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.randomness import Rng, as_generator
from aiir_eval.stats.two_sample import TestResult

Method = Literal["auto", "asymptotic", "permutation"]
Floats = NDArray[np.float64]
_PERMUTED_UP_TO = 1000  # pooled values; beyond, the limit law is as good as any permutation
_CELLS = 128  # in which larger samples are relabelled, and the limit law is computed
_DRAWS_AT_ONCE = 2**20
_OFF_THE_POLE = 0.05
_NODES = 1500


def anderson_darling(
    x: Floats, y: Floats, *, method: Method = "auto", n_resamples: int = 1999, rng: Rng = None
) -> TestResult:
    """Two-sample Anderson-Darling test: differences in the tails count as much as in the middle.

    Parameters
    ----------
    x, y : (n,), (m,) ndarray
        Sorted, finite.
    method : {"auto", "asymptotic", "permutation"}
        Where the p-value comes from; "auto" permutes up to 1,000 pooled values.
    n_resamples : int
        Relabellings; the p-value is (k + 1) / (n_resamples + 1).

    Returns
    -------
    TestResult
        The statistic is that of `scipy.stats.anderson_ksamp` (midranks, standardised). NaN with
        fewer than two values on a side.

    Notes
    -----
    The limit law, a weighted sum of chi-squares, is computed for the ties of these very samples, so
    counts and rounded values are no exception; scipy's is that of samples without ties and its
    p-values stop at .001 and .25. Above 1,000 pooled values a permutation relabels the counts of
    128 cells that keep ties together: a valid test of the statistic of those cells. Assumes
    independent rows.

    References
    ----------
    Scholz and Stephens (1987), J. Am. Stat. Assoc. 82, 918-924.

    Examples
    --------
    >>> x, y = np.arange(0.0, 30), np.arange(10.0, 50)
    >>> result = anderson_darling(x, y, rng=1)
    >>> round(result.statistic, 3), result.pvalue
    (14.681, 0.0005)
    """
    return _test(x, y, _ANDERSON_DARLING, method, n_resamples, rng)


def cramer_von_mises(
    x: Floats, y: Floats, *, method: Method = "auto", n_resamples: int = 1999, rng: Rng = None
) -> TestResult:
    """Two-sample Cramer-von Mises test: the mean squared gap of the cumulative shares.

    Parameters
    ----------
    x, y, method, n_resamples, rng
        As of `anderson_darling`.

    Notes
    -----
    Without ties the statistic is that of `scipy.stats.cramervonmises_2samp`. With ties it is the
    mean of the squared gaps on both sides of each value, the same whichever way one looks; scipy's
    formula in midranks grows there without bound when the sides differ in size, whatever the data.

    References
    ----------
    Anderson (1962), Ann. Math. Stat. 33, 1148-1159.

    Examples
    --------
    >>> x, y = np.arange(0.0, 30), np.arange(10.0, 50)
    >>> result = cramer_von_mises(x, y, rng=1)
    >>> round(result.statistic, 3), result.pvalue
    (2.223, 0.0005)
    """
    return _test(x, y, _CRAMER_VON_MISES, method, n_resamples, rng)


def wasserstein(x: Floats, y: Floats, *, n_resamples: int = 1999, rng: Rng = None) -> TestResult:
    """Test by the Wasserstein distance: how far values have to be moved, in their own unit.

    Parameters
    ----------
    x, y, n_resamples, rng
        As of `anderson_darling`; the p-value is always that of relabellings.

    Notes
    -----
    The statistic is that of `scipy.stats.wasserstein_distance`. It follows the scale of the values:
    with heavy tails it hangs on a few of them, and a rank test sees more.

    References
    ----------
    Ramdas, Garcia and Cuturi (2017), Entropy 19, 47.

    Examples
    --------
    >>> result = wasserstein(np.arange(0.0, 30), np.arange(10.0, 50), rng=1)
    >>> round(result.statistic, 3), result.pvalue
    (15.0, 0.0005)
    """
    return _test(x, y, _WASSERSTEIN, "permutation", n_resamples, rng)


def permutation_chi2(
    counts_x: ArrayLike, counts_y: ArrayLike, *, n_resamples: int = 1999, rng: Rng = None
) -> TestResult:
    """Pearson's chi-square of a 2 x k table against relabellings of the rows; no level is lumped.

    Parameters
    ----------
    counts_x, counts_y : (k,) array_like of int
        How often each level occurs on each side.

    Returns
    -------
    TestResult
        The p-value is (k + 1) / (n_resamples + 1). NaN when a side is empty, (0, 1) where no
        relabelling could change the statistic.

    Notes
    -----
    Relabelled counts are multivariate hypergeometric, so the test is exact at any counts.

    References
    ----------
    Phipson and Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9, 39.

    Examples
    --------
    >>> result = permutation_chi2([2] * 20 + [0] * 20, [0] * 20 + [2] * 20, rng=1)
    >>> result.statistic, result.pvalue
    (80.0, 0.0005)
    """
    name = "chi-square test, permutation"
    left, right = np.asarray(counts_x, np.int64), np.asarray(counts_y, np.int64)
    pooled = left + right
    left, pooled = left[pooled > 0], pooled[pooled > 0]
    n, total = int(left.sum()), int(pooled.sum())
    if min(n, total - n) == 0:
        return TestResult(nan, nan, nan, name)
    if pooled.size == 1 or pooled.max() == 1:
        return TestResult(0.0, 1.0, 0.0, name)
    scale = total**2 / (n * (total - n))

    def statistic(counts: NDArray[np.int64]) -> Floats:
        gaps: Floats = (counts - n * (pooled / total)) ** 2 / pooled
        result: Floats = scale * gaps.sum(axis=-1)
        return result

    observed = float(statistic(left))
    pvalue = _share_beyond(statistic, left, pooled, n, n_resamples, as_generator(rng))
    return TestResult(observed, pvalue, float(pooled.size - 1), name)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Pooled values in order: how many stand in each cell, and how far it is to the next one."""

    pooled: NDArray[np.int64]
    steps: Floats  # one fewer than the cells
    n: int

    @property
    def total(self) -> int:
        return int(self.pooled.sum())


@dataclass(frozen=True, slots=True)
class _Statistic:
    """What a test makes of the gaps between the cumulative shares after each cell.

    `of` takes those gaps, (..., k), the last one zero. Where it is a sum of squares of linear
    combinations of the others, `root` gives these, (r, k - 1). `shown` is what is reported.
    """

    name: str
    of: Callable[[Floats, _Cells], Floats]
    root: Callable[[_Cells], Floats] | None = None
    shown: Callable[[float, _Cells], float] = lambda value, _: value


def _test(
    x: Floats, y: Floats, kind: _Statistic, method: Method, n_resamples: int, rng: Rng
) -> TestResult:
    if min(x.size, y.size) < 2:
        return TestResult(nan, nan, nan, kind.name)
    counts, exact, values = _merged(x, y)
    if values.size == 1:
        return TestResult(0.0, 1.0, nan, kind.name)
    observed = float(kind.of(_gaps(counts, exact), exact))
    statistic = kind.shown(observed, exact)
    if method == "auto":
        small = exact.total <= _PERMUTED_UP_TO
        method = "permutation" if small or kind.root is None else "asymptotic"
    if method == "asymptotic":
        if kind.root is None:
            raise ValueError(f"{kind.name} has no asymptotic p-value")
        pvalue = _limit_pvalue(observed, kind.root, _coarse(counts, exact, values)[1])
        return TestResult(statistic, pvalue, nan, kind.name)
    if exact.total > _PERMUTED_UP_TO:
        counts, exact = _coarse(counts, exact, values)
    pvalue = _share_beyond(
        lambda drawn: kind.of(_gaps(drawn, exact), exact),
        counts,
        exact.pooled,
        exact.n,
        n_resamples,
        as_generator(rng),
    )
    return TestResult(statistic, pvalue, nan, f"{kind.name}, permutation")


def _merged(x: Floats, y: Floats) -> tuple[NDArray[np.int64], _Cells, Floats]:
    """How often each distinct value occurs in x, and in both; and those values."""
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")  # two sorted runs: merged in linear time
    both = both[order]
    last = np.append(np.flatnonzero(both[1:] != both[:-1]), both.size - 1)
    in_x = np.cumsum(order < x.size)[last]
    values = both[last]
    pooled = np.diff(last, prepend=-1)
    return np.diff(in_x, prepend=0), _Cells(pooled, np.diff(values), x.size), values


def _coarse(
    counts: NDArray[np.int64], cells: _Cells, values: Floats
) -> tuple[NDArray[np.int64], _Cells]:
    """About 128 cells of equal counts; equal values stay together."""
    if values.size <= _CELLS:
        return counts, cells
    ends = np.cumsum(cells.pooled)
    marks = np.linspace(0, ends[-1], _CELLS + 1)[1:]
    # A value that fills a cell alone starts a cell of its own.
    heavy = np.flatnonzero(cells.pooled >= ends[-1] / _CELLS)
    last = np.searchsorted(ends, marks, side="left")
    last = np.unique(np.concatenate([last, heavy, heavy[heavy > 0] - 1, [values.size - 1]]))
    first = np.append(0, last[:-1] + 1)
    middle = np.add.reduceat(values * cells.pooled, first) / np.add.reduceat(cells.pooled, first)
    pooled = np.add.reduceat(cells.pooled, first)
    return np.add.reduceat(counts, first), _Cells(pooled, np.diff(middle), cells.n)


def _gaps(counts: NDArray[np.int64], cells: _Cells) -> Floats:
    """F - G after each cell, where `counts` (..., k) are those of the first sample."""
    n, m = cells.n, cells.total - cells.n
    in_x = np.cumsum(counts, axis=-1)
    in_both = np.cumsum(cells.pooled)
    result: Floats = in_x / n - (in_both - in_x) / m
    return result


def _share_beyond(
    statistic: Callable[[NDArray[np.int64]], Floats],
    counts: NDArray[np.int64],
    pooled: NDArray[np.int64],
    n: int,
    n_resamples: int,
    generator: np.random.Generator,
) -> float:
    """(k + 1) / (B + 1): how many relabellings are at least as extreme as what was observed."""
    observed = float(statistic(counts))
    least = observed - 1e-9 * abs(observed)
    step = max(_DRAWS_AT_ONCE // pooled.size, 1)
    beyond = 0
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        drawn = generator.multivariate_hypergeometric(pooled, n, size=size, method="marginals")
        beyond += int(np.count_nonzero(statistic(drawn) >= least))
    return (beyond + 1) / (n_resamples + 1)


def _limit_pvalue(observed: float, root: Callable[[_Cells], Floats], cells: _Cells) -> float:
    """The tail of the quadratic form of a Brownian bridge that jumps where the pooled sample does.

    Under relabelling the gaps have covariance P_j (1 - P_k) (1/n + 1/m) N / (N - 1), j <= k.
    """
    n, total = cells.n, cells.total
    below = np.cumsum(cells.pooled)[:-1] / total
    covariance = np.minimum.outer(below, below) - np.outer(below, below)
    covariance *= (1 / n + 1 / (total - n)) * total / (total - 1)
    combined = root(cells)
    weights = np.linalg.eigvalsh(combined @ covariance @ combined.T)
    return _weighted_chi2_tail(observed, weights[weights > 1e-10 * weights.max()])


def _weighted_chi2_tail(value: float, weights: Floats) -> float:
    """P(sum of weights x chi-square(1) > value), to many digits however far out.

    The inverse Laplace integral of exp(K(s) - s value) / s through the saddlepoint, on a hyperbola
    that opens to the right, where the integrand dies exponentially (Rice 1980, SIAM J. Sci. Stat.
    Comput. 1, 438-448).
    """
    from scipy.optimize import brentq

    scaled = weights / weights.max()
    point = value / float(weights.max())
    if point <= 0:
        return 1.0

    def slope(s: float) -> float:
        return float((scaled / (1 - 2 * s * scaled)).sum()) - point

    low, high = -scaled.size / (2 * point) - 1.0, 0.5 - 1 / (4 * (point + scaled.size))
    saddle = high if slope(high) < 0 else float(brentq(slope, low, high))
    if abs(saddle) < _OFF_THE_POLE:
        saddle = _OFF_THE_POLE
    reach = np.arcsinh((1 + 750 / point) / _OFF_THE_POLE)
    t = np.linspace(0.0, float(reach), _NODES)
    up, speed = _OFF_THE_POLE * np.sinh(t), _OFF_THE_POLE * np.cosh(t)
    bent = np.hypot(1.0, up)
    s = saddle + (bent - 1) + 1j * up
    cumulant = -0.5 * np.log(1 - 2 * s[:, None] * scaled).sum(axis=1)
    along = np.exp(cumulant - s * point) / s * (1j + up / bent) * speed / 1j
    tail = float(np.trapezoid(along.real, t)) / pi
    return float(np.clip(tail + (1.0 if saddle < 0 else 0.0), 0.0, 1.0))


def _before(gaps: Floats) -> Floats:
    """The gap before each cell."""
    result: Floats = np.concatenate([np.zeros_like(gaps[..., :1]), gaps[..., :-1]], axis=-1)
    return result


def _darling_weights(cells: _Cells) -> Floats:
    """One over the variance of the gap in the middle of each cell, times its share."""
    n, total = cells.n, cells.total
    middle = np.cumsum(cells.pooled) - cells.pooled / 2
    spread = middle * (total - middle) - total * cells.pooled / 4
    result: Floats = (total - 1) * n * (total - n) * (cells.pooled / total) / spread
    return result


def _darling(gaps: Floats, cells: _Cells) -> Floats:
    result: Floats = ((gaps + _before(gaps)) / 2) ** 2 @ _darling_weights(cells)
    return result


def _darling_root(cells: _Cells) -> Floats:
    middle = (np.eye(cells.pooled.size) + np.eye(cells.pooled.size, k=-1)) / 2
    result: Floats = np.sqrt(_darling_weights(cells))[:, None] * middle[:, :-1]
    return result


def _darling_shown(value: float, cells: _Cells) -> float:
    """Less its mean, over its standard deviation without ties (Scholz and Stephens, eq. 4)."""
    total, m = cells.total, cells.total - cells.n
    if total < 4:
        return nan
    inverse = 1 / np.arange(total - 1, 1, -1, dtype=np.float64)
    partial = np.cumsum(inverse)
    h = float(partial[-1]) + 1
    g = float((partial / np.arange(2, total)).sum())
    sizes = 1 / cells.n + 1 / m
    a = 4 * g - 6 + (10 - 6 * g) * sizes
    b = 4 * (2 * g - 4) + 16 * h + (2 * g - 14 * h - 4) * sizes - 8 * h + 4 * g - 6
    c = 4 * (6 * h + 2 * g - 2) + 2 * (4 * h - 4 * g + 6) + (2 * h - 6) * sizes + 4 * h
    d = 4 * (2 * h + 6) - 8 * h
    variance = (a * total**3 + b * total**2 + c * total + d) / (
        (total - 1.0) * (total - 2.0) * (total - 3.0)
    )
    return (value - 1) / sqrt(variance)


def _cramer_weights(cells: _Cells) -> Floats:
    """The share of the values on both sides of each gap, scaled."""
    pooled = cells.pooled.astype(np.float64)
    beside = (pooled + np.append(pooled[1:], 0.0)) / 2
    result: Floats = cells.n * (cells.total - cells.n) / cells.total**2 * beside
    return result


def _cramer(gaps: Floats, cells: _Cells) -> Floats:
    result: Floats = gaps**2 @ _cramer_weights(cells)
    return result


def _cramer_root(cells: _Cells) -> Floats:
    result: Floats = np.diag(np.sqrt(_cramer_weights(cells)[:-1]))
    return result


def _moved(gaps: Floats, cells: _Cells) -> Floats:
    result: Floats = np.abs(gaps[..., :-1]) @ cells.steps
    return result


_ANDERSON_DARLING = _Statistic("Anderson-Darling test", _darling, _darling_root, _darling_shown)
_CRAMER_VON_MISES = _Statistic("Cramer-von Mises test", _cramer, _cramer_root)
_WASSERSTEIN = _Statistic("Wasserstein distance", _moved)
