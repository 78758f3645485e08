"""How rare is a Kolmogorov-Smirnov distance where few distinct values make many ties?"""

from __future__ import annotations

from math import lcm, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.drift_tests import ks_pvalue

Floats = NDArray[np.float64]
MAX_STEPS = 256
"""With more distinct values than this the usual p-value is hardly too large."""
_COUNTED_UP_TO = 2_000  # values of both samples: paths are counted, beyond it they are Brownian
_CELLS = 100
_SURE = 1e-6


def tied_ks_pvalue(distance: float, n: int, m: int, upto: ArrayLike) -> float:
    """P-value of a Kolmogorov-Smirnov distance given the ties of both samples together, two-sided.

    Parameters
    ----------
    distance : float
        Largest gap between both cumulative shares.
    n, m : int
        Values in each sample.
    upto : (k,) array_like of int
        How many values of both samples lie up to each distinct value, increasing; the last is
        n + m.

    Returns
    -------
    float
        At most `ks_pvalue`, which is right without ties and too large with them.

    Notes
    -----
    The gap can only be seen between distinct values. Given these, the number of values of the first
    sample among the smallest ones is a Markov chain with hypergeometric steps, and the p-value one
    minus the chance that it stays inside the band at all of them: the exact permutation p-value.
    Above 2,000 values the chain is a Brownian bridge at those points, on a grid, with half a step
    of the distance as continuity correction. Without all of this a shift of a count or of a rounded
    number is missed: at 300 rows of normal values rounded to half a standard deviation the usual
    p-value has 30% power where this one has half as much again.

    References
    ----------
    Hodges (1958), Arkiv foer Matematik 3, 469-486; Schroeer and Trenkler (1995), Comput. Stat. Data
    Anal. 20, 185-202.

    Examples
    --------
    Two values only: the test is Fisher's.

    >>> round(tied_ks_pvalue(0.5, 10, 10, [11, 20]), 4)      # 3 of 10 against 8 of 10
    0.0698
    """
    usual = ks_pvalue(distance, n, m)
    marks = np.asarray(upto, dtype=np.int64)[:-1]
    scaled = distance * sqrt(n * m / (n + m))
    if usual < _SURE or scaled < 1e-9:
        return usual
    if marks.size == 0:
        return 1.0
    inside = _counted(distance, n, m, marks) if n + m <= _COUNTED_UP_TO else None
    if inside is None:
        scaled -= sqrt(n * m / (n + m)) / (2 * lcm(n, m))
        inside = _brownian(scaled, marks / (n + m))
    return float(min(max(1 - inside, 0.0), usual)) if inside < 1 - 1e-10 else usual


def steps_of(values: tuple[NDArray[np.float64], NDArray[np.float64]]) -> NDArray[np.int64] | None:
    """How many values of two sorted samples lie up to each distinct one; None where these are many.

    Examples
    --------
    >>> steps_of((np.array([1.0, 1, 2]), np.array([1.0, 3]))).tolist()
    [3, 4, 5]
    """
    some = [side[np.linspace(0, side.size - 1, 1024).astype(np.intp)] for side in values]
    if np.unique(np.concatenate(some)).size > MAX_STEPS:
        return None
    distinct: list[float] = []
    low = min(values[0][0], values[1][0])
    at = [0, 0]
    while len(distinct) <= MAX_STEPS:
        distinct.append(low)
        at = [int(np.searchsorted(side, low, side="right")) for side in values]
        ahead = [side[i] for side, i in zip(values, at, strict=True) if i < side.size]
        if not ahead:
            break
        low = min(ahead)
    if len(distinct) > MAX_STEPS:
        return None
    found = [np.searchsorted(side, np.array(distinct), side="right") for side in values]
    return (found[0] + found[1]).astype(np.int64)


def _counted(distance: float, n: int, m: int, marks: NDArray[np.int64]) -> float:
    """Chance that the gap is smaller than `distance` at all marks."""
    from scipy.special import gammaln

    log_factorial = gammaln(np.arange(n + m + 1) + 1.0)
    half = distance * n * m / (n + m) - 1e-6  # less than any step between two gaps
    taken, before = np.zeros(1, dtype=np.int64), 0
    chance = np.ones(1)
    for mark in marks:
        centre = mark * n / (n + m)
        low = max(int(np.floor(centre - half)) + 1, 0, mark - m)
        high = min(int(np.ceil(centre + half)) - 1, n, mark)
        if low > high:
            return 0.0
        after = np.arange(low, high + 1)
        step = after - taken[:, None]  # of the first sample among the next values
        size, left_x = mark - before, (n - taken)[:, None]
        left_y = (m - (before - taken))[:, None]
        other = size - step
        there = (step >= 0) & (other >= 0) & (step <= left_x) & (other <= left_y)
        step, other = np.where(there, step, 0), np.where(there, other, 0)
        log_chance = (
            log_factorial[left_x]
            - log_factorial[step]
            - log_factorial[np.maximum(left_x - step, 0)]
            + log_factorial[left_y]
            - log_factorial[other]
            - log_factorial[np.maximum(left_y - other, 0)]
        )
        rest = n + m - before
        log_all = log_factorial[rest] - log_factorial[size] - log_factorial[rest - size]
        chance = chance @ np.where(there, np.exp(log_chance - log_all), 0.0)
        taken, before = after, int(mark)
    return float(chance.sum())


def _brownian(distance: float, times: Floats) -> float:
    """Chance that a Brownian bridge stays within +-`distance` at these times of (0, 1)."""
    from scipy.special import ndtr

    edges = np.linspace(-distance, distance, _CELLS + 1)
    at, before = np.zeros(1), 0.0
    chance = np.ones(1)
    middles = (edges[1:] + edges[:-1]) / 2
    for time in times:
        left = (1 - time) / (1 - before)
        spread = sqrt((time - before) * left)
        below = ndtr((edges - at[:, None] * left) / spread)
        chance = chance @ np.diff(below, axis=1)
        at, before = middles, float(time)
    return float(chance.sum())
