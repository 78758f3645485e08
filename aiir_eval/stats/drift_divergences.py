"""How far apart are the shares of levels on both sides, beyond what chance alone gives?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.drift_effects import EffectEstimate, total_variation

Floats = NDArray[np.float64]
_TAIL = 9.0  # standard deviations of a relabelled count that are summed over
_EXACT_UP_TO = 400  # a pooled count; the expectation of commoner levels is a quadrature
_BINS = 10


@dataclass(frozen=True, slots=True)
class Divergences:
    """Debiased sizes of a change in shares: 0 is no change beyond chance.

    `jensen_shannon` (base 2) and `hellinger` are distances in [0, 1], as is `total_variation`;
    `psi`, the population stability index, is at least 0.
    """

    psi: EffectEstimate
    jensen_shannon: EffectEstimate
    hellinger: EffectEstimate
    total_variation: EffectEstimate


def divergences(
    counts_x: ArrayLike,
    counts_y: ArrayLike,
    *,
    design_effect: float = 1.0,
    confidence_level: float = 0.95,
) -> Divergences:
    """PSI, Jensen-Shannon, Hellinger and total variation of two columns of counts, debiased.

    Parameters
    ----------
    counts_x, counts_y : (k,) array_like
        How often each level (or bin of a number) occurs on each side.
    design_effect : float
        By what factor clusters inflate the variance of the counts.

    Returns
    -------
    Divergences
        Each with a normal interval (delta method, and the spread of the divergence where nothing
        changed). Every estimate is NaN where a side is empty.

    Notes
    -----
    These are sizes, not tests: a plain divergence grows with the number of levels and falls with
    the rows, whatever the data. Each is a sum over the levels of a function of two counts, whose
    expectation over all relabellings of the rows is a sum over the hypergeometric distribution of
    one count; that expectation is subtracted, and what has a largest value is scaled to reach it
    (as agreement coefficients are). Distances are roots: up to two standard errors beyond chance
    the root itself is corrected, beyond that its square. Zero counts: PSI adds half a row to each
    level of each side. With most levels seen once or twice the estimates are too small, for no
    data could tell such changes from chance.

    References
    ----------
    Lin (1991), IEEE Trans. Inf. Theory 37, 145-151 (Jensen-Shannon); Yurdakul (2018), Statistical
    properties of population stability index (its bias (k - 1)(1/n + 1/m)).

    Examples
    --------
    >>> unchanged = divergences([20] * 10, [19] * 5 + [21] * 5)
    >>> unchanged.psi.estimate, unchanged.hellinger.estimate
    (0.0, 0.0)
    >>> changed = divergences([500, 500], [300, 700])
    >>> round(changed.psi.estimate, 3), round(changed.jensen_shannon.estimate, 3)
    (0.167, 0.173)
    """
    x, y = np.asarray(counts_x, np.float64), np.asarray(counts_y, np.float64)
    pooled = x + y
    x, y, pooled = x[pooled > 0], y[pooled > 0], pooled[pooled > 0]
    n, m = float(x.sum()), float(y.sum())
    if min(n, m) == 0:
        nothing = EffectEstimate(np.nan, np.nan, np.nan, np.nan)
        return Divergences(nothing, nothing, nothing, nothing)
    sides = _Sides(x, y, pooled, n, m, design_effect, confidence_level)
    return Divergences(
        sides.plain(_Psi(n, m, pooled.size)),
        sides.root(_jensen_shannon, _jensen_shannon_slope),
        sides.root(_hellinger, _hellinger_slope),
        total_variation(x, y, design_effect=design_effect, confidence_level=confidence_level),
    )


def quantile_counts(
    x: NDArray[np.float64], y: NDArray[np.float64], *, bins: int = _BINS
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many values of two sorted samples lie in each of `bins` bins of pooled quantiles.

    Fewer bins where values are tied. The bins are those of both sides together, for which the
    expectation over relabellings holds; those of the reference alone give much the same.

    Examples
    --------
    >>> quantile_counts(np.arange(10.0), np.arange(5.0, 15), bins=3)
    (array([5, 4, 1]), array([0, 4, 6]))
    """
    both = np.sort(np.concatenate([x, y]), kind="stable")
    marks = np.arange(1, bins) * both.size // bins
    edges = np.unique(both[marks])
    at = [np.append(np.searchsorted(side, edges, side="left"), side.size) for side in (x, y)]
    left, right = (np.diff(ends, prepend=0) for ends in at)
    used = left + right > 0
    return left[used], right[used]


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of a sum over levels, over all relabellings of the rows."""

    mean: float
    variance: float


Slopes = tuple[Floats, Floats]
Term = Callable[[Floats, Floats], Floats]
"""What a level adds, given its share on both sides."""


@dataclass(frozen=True, slots=True)
class _Sides:
    x: Floats
    y: Floats
    pooled: Floats
    n: float
    m: float
    design_effect: float
    confidence_level: float

    def plain(self, psi: _Psi) -> EffectEstimate:
        """The index less its expectation."""
        moments = self._relabelled(psi.of_counts)
        excess = float(psi.of_counts(self.x, self.y).sum()) - moments.mean
        error = self._error(psi.slopes(self.x, self.y), psi.shares(self.x, self.y), moments, 1.0)
        reach = self._z * error
        low, high = max(excess - reach, 0.0), max(excess + reach, 0.0)
        return EffectEstimate(max(excess, 0.0), low, high, sqrt(moments.variance))

    def root(self, term: Term, slope_of: Callable[[Floats, Floats], Slopes]) -> EffectEstimate:
        """The root of a divergence that is 1 at most, corrected for its expectation."""
        p, q = self.x / self.n, self.y / self.m
        moments = self._relabelled(lambda a, b: term(a / self.n, b / self.m))
        expected = min(moments.mean, 1 - 1e-9)
        observed = min(max(float(term(p, q).sum()), 0.0), 1.0)
        stretch = 1 / (1 - expected)
        excess = (observed - expected) * stretch
        null_error = sqrt(moments.variance) * stretch
        reach = self._z * self._error(slope_of(p, q), (p, q), moments, stretch)
        chance = sqrt(expected)
        estimate = max((sqrt(observed) - chance) / (1 - chance), 0.0)
        if excess > 2 * null_error:
            estimate = max(estimate, sqrt(min(excess, 1.0)))
        low = min(sqrt(max(excess - reach, 0.0)), estimate)
        high = max(sqrt(min(max(excess + reach, 0.0), 1.0)), estimate)
        spread = null_error / (2 * chance) if chance > 0 else 0.0
        return EffectEstimate(estimate, low, high, max(spread, 1e-12))

    @property
    def _z(self) -> float:
        from scipy.special import ndtri

        return float(ndtri((1 + self.confidence_level) / 2))

    def _error(self, slopes: Slopes, shares: Slopes, moments: _Moments, stretch: float) -> float:
        """The delta method where the sides differ, and the null spread where they do not."""
        variance = 0.0
        for slope, share, size in zip(slopes, shares, (self.n, self.m), strict=True):
            mean = float(share @ slope)
            variance += max(float(share @ slope**2) - mean**2, 0.0) / size
        return stretch * sqrt(variance * self.design_effect + moments.variance)

    def _relabelled(self, term: Term) -> _Moments:
        """Mean and variance over all relabellings of the rows.

        The mean is exact. The variance is that of independent levels, scaled by what the fixed
        totals do to Pearson's chi-square.
        """
        counts, times = np.unique(self.pooled, return_counts=True)
        total = self.n + self.m
        share, width = self.n / total, self.pooled.size
        mean = variance = 0.0
        smooth, at, mass = _smooth_counts(counts, self.n, total, share)
        if at.size:  # all common levels at once
            values = term(at, counts[smooth, None] - at)
            firsts = values @ mass
            mean += float(times[smooth] @ firsts)
            variance += float(times[smooth] @ ((values - firsts[:, None]) ** 2 @ mass))
        for count, repeated in zip(counts[~smooth], times[~smooth], strict=True):
            at, mass = _relabelled_count(float(count), self.n, total, share)
            values = term(at, count - at)
            first = float(mass @ values)
            mean += float(repeated) * first
            variance += float(repeated) * float(mass @ (values - first) ** 2)
        free = float(((1 - self.pooled / total) ** 2).sum())
        if free > 0:
            variance *= (width - 1) / free
        return _Moments(mean * self.design_effect, variance * self.design_effect**2)


def _smooth_counts(
    counts: Floats, n: float, total: float, share: float
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Levels so common that one side's count is nearly normal: which, and nodes and weights."""
    from scipy.special import roots_hermitenorm

    mean, spread, low, high = _law_of_count(counts, n, total, share)
    clear = (low < mean - _TAIL * spread) & (high > mean + _TAIL * spread)
    smooth = (counts > _EXACT_UP_TO) & clear
    nodes, weights = roots_hermitenorm(11)
    at = mean[smooth, None] + spread[smooth, None] * nodes
    return smooth, at, weights / weights.sum()


def _law_of_count(
    count: Floats, n: float, total: float, share: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, standard deviation and range of one side's count of a level."""
    mean = count * share
    spread = np.sqrt(mean * (1 - share) * (total - count) / max(total - 1, 1))
    return mean, spread, np.maximum(0.0, count - (total - n)), np.minimum(count, n)


def _relabelled_count(count: float, n: float, total: float, share: float) -> tuple[Floats, Floats]:
    """The values that one side's count of a level can take, and their probabilities."""
    from scipy.special import gammaln

    mean, spread, low, high = map(float, _law_of_count(np.array(count), n, total, share))
    low, high = max(low, np.floor(mean - _TAIL * spread - 5)), min(high, mean + _TAIL * spread + 5)
    at = np.arange(low, np.floor(high) + 1)
    log_mass = -(
        gammaln(at + 1)
        + gammaln(count - at + 1)
        + gammaln(n - at + 1)
        + gammaln(total - count - n + at + 1)
    )
    mass = np.exp(log_mass - log_mass.max())
    return at, mass / mass.sum()


@dataclass(frozen=True, slots=True)
class _Psi:
    """The population stability index with half a row added to each level."""

    n: float
    m: float
    width: int

    def shares(self, a: Floats, b: Floats) -> Slopes:
        p = (a + 0.5) / (self.n + self.width / 2)
        return p, (b + 0.5) / (self.m + self.width / 2)

    def of_counts(self, a: Floats, b: Floats) -> Floats:
        p, q = self.shares(a, b)
        result: Floats = (p - q) * np.log(p / q)
        return result

    def slopes(self, a: Floats, b: Floats) -> Slopes:
        p, q = self.shares(a, b)
        ratio = np.log(p / q)
        return ratio + 1 - q / p, 1 - ratio - p / q


def _jensen_shannon(p: Floats, q: Floats) -> Floats:
    from scipy.special import rel_entr

    middle = (p + q) / 2
    result: Floats = (rel_entr(p, middle) + rel_entr(q, middle)) / (2 * log(2))
    return result


def _jensen_shannon_slope(p: Floats, q: Floats) -> Slopes:
    with np.errstate(divide="ignore"):
        left, right = (np.log2(2 * side / (p + q)) / 2 for side in (p, q))
    return np.where(left == -inf, 0.0, left), np.where(right == -inf, 0.0, right)


def _hellinger(p: Floats, q: Floats) -> Floats:
    result: Floats = (np.sqrt(p) - np.sqrt(q)) ** 2 / 2
    return result


def _hellinger_slope(p: Floats, q: Floats) -> Slopes:
    with np.errstate(divide="ignore", invalid="ignore"):
        left, right = -np.sqrt(q / p) / 2, -np.sqrt(p / q) / 2
    return np.where(p > 0, left, 0.0), np.where(q > 0, right, 0.0)
