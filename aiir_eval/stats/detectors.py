"""Has a mean fallen, at whatever time, when one looks again and again and for ever?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

N_STAKES = 24
_LARGEST, _RATIO = 0.9, 1.5
_AT_ONCE = 1 << 16
_MOST_SDS = 3.0
_SD_STAKES = np.geomspace(0.25, 4.0, N_STAKES)


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What is promised of false alarms.

    Exactly one is given. `looks`: the mean number of looks until a false alarm is at least that
    many, and the chance of one within the first n looks at most n / looks. `alpha`: the chance
    that there is ever a false alarm is at most alpha.
    """

    looks: float | None = None
    alpha: float | None = None

    def __post_init__(self) -> None:
        if (self.looks is None) == (self.alpha is None):
            raise ValueError("give either looks or alpha")
        if self.looks is not None and not self.looks > 1:
            raise ValueError(f"looks: {self.looks} is not above 1")
        if self.alpha is not None and not 0 < self.alpha < 1:
            raise ValueError(f"alpha: {self.alpha} is not between 0 and 1")

    @property
    def log_threshold(self) -> float:
        """Log of the evidence that alarms."""
        if self.looks is not None:
            return log(self.looks)
        assert self.alpha is not None
        return -log(self.alpha)

    def log_stake(self, look: int) -> float:
        """Log of what is newly bet on a change just before this look (from 1)."""
        return 0.0 if self.looks is not None else -log(look) - log(look + 1)


def stakes(limit: float) -> Floats:
    """(24,) shares of bets that a mean of values in [0, 1] is below `limit`.

    From 90% of what could be lost on a value of 1 downwards in steps of 1.5, to one ten-thousandth
    of it: one of them is nearly the best for falls of any size.
    """
    if not 0 < limit <= 1:
        raise ValueError(f"limit: {limit} is not in (0, 1]")
    # where only 1 is above reproach nothing can be lost on it: what 0 wins is bounded instead
    most = min(1 / max(1 - limit, 1e-12), 1e4)
    return np.asarray(_LARGEST * most * _RATIO ** -np.arange(N_STAKES))


def log_gains(values: ArrayLike, limit: float, weights: ArrayLike | None = None) -> Floats:
    """Log of what each stake makes of one look: sum of log(1 + stake w (limit - x)).

    Parameters
    ----------
    values : (n,) array_like
        The values of a look, or the means of its clusters, in [0, 1].
    limit : float
        The bets are that the mean is below it.
    weights : (n,) array_like, optional
        In (0, 1]: size of each cluster over that of the largest.

    Returns
    -------
    (24,) ndarray
        The exponential is an e-value against "the mean is at least `limit`", for each stake, and
        so is their average: whatever the distribution, the number of values, and their order.
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or x.shape != w.shape:
        raise ValueError(f"values of shape {x.shape} and weights of shape {w.shape} do not fit")
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise ValueError("values must lie in [0, 1]")
    if x.size and not (w.min() > 0 and w.max() <= 1 + 1e-9):
        raise ValueError("weights must lie in (0, 1]")
    bets = stakes(limit)
    if weights is None:
        x, counts = np.unique(x, return_counts=True)
        w = np.ones_like(x)
    else:
        counts = np.ones(x.size, dtype=np.int64)
    total = np.zeros(bets.size)
    for start in range(0, x.size, _AT_ONCE):
        own = slice(start, start + _AT_ONCE)
        pulls = w[own] * (limit - x[own])
        total += counts[own] @ np.log1p(np.outer(pulls, bets))
    return total


def log_gains_of_mean(mean: ArrayLike, limit: ArrayLike, sd: ArrayLike) -> Floats:
    """Log of what each stake makes of a look whose mean has a known spread.

    Parameters
    ----------
    mean, limit : (...) array_like
        The mean of a look (of several), and what it is bet to lie below.
    sd : (...) array_like
        By how much the means of quiet looks differ by themselves, above 0.

    Returns
    -------
    (..., 24) ndarray
        lambda z - lambda^2 / 2, z being (limit - mean) / sd, at most 3, and lambda from .25 to 4.

    Notes
    -----
    The exponential is an e-value against "the mean is at least `limit`" where the fall of a quiet
    look has no heavier a tail than a normal one with this `sd` (sub-Gaussian). What lies beyond
    three of them counts as three, so that a single odd look is no alarm: with days of t with 3
    degrees of freedom one alarms falsely in fewer years than 3 in 100, at one promised a year.
    Sees more than `log_gains` of a look's mean, which allows for quiet looks of any value.

    Examples
    --------
    >>> bool(log_gains_of_mean(0.90, 0.94, 0.02).max() > 1.9)
    True
    """
    apart = np.asarray(limit, np.float64) - np.asarray(mean, np.float64)
    fall = np.minimum(apart / np.asarray(sd, np.float64), _MOST_SDS)[..., None]
    return np.asarray(_SD_STAKES * fall - _SD_STAKES**2 / 2)


class Detector:
    """Evidence that the mean fell below a limit at some look, and stayed there.

    Parameters
    ----------
    promise : FalseAlarms
        What is promised of false alarms.
    log_wealth : (24,) array_like, optional
        Evidence so far, as `log_wealth` gave it; nothing by default.
    n_looks : int
        Looks so far.

    Notes
    -----
    A Shiryaev-Roberts e-detector: before each look one unit (or, with `alpha`, 1 / (t (t + 1)) of
    one) is newly bet on a change just now, and what was bet before is multiplied by the e-value of
    the look. While the mean given the past is at no look below the limit, the evidence minus its
    inflow is a supermartingale. So with an inflow of one the mean time to an evidence of N is at
    least N looks, and P(evidence reaches N within n looks) <= n / N; with inflows that sum to one
    P(evidence ever reaches 1 / alpha) <= alpha.

    No distribution is assumed. What is assumed is that a quiet mean, given what was seen before,
    is never below the limit: a weekday on which it always is, is a change each week.

    References
    ----------
    Shin, Ramdas and Rinaldo (2023), "E-detectors: a nonparametric framework for sequential change
    detection", New England J. Stat. Data Sci. 2, 229-260; Waudby-Smith and Ramdas (2024), J. R.
    Stat. Soc. B 86, 1-27; Ville (1939), Etude critique de la notion de collectif.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> detector = Detector(FalseAlarms(looks=365))
    >>> for day in range(60):
    ...     rate = 0.95 if day < 40 else 0.90
    ...     gains = log_gains(rng.random(200) < rate, limit=0.94)
    ...     if detector.look(gains):
    ...         break
    >>> 40 < day < 50
    True
    """

    __slots__ = ("log_wealth", "n_looks", "promise")

    def __init__(
        self, promise: FalseAlarms, log_wealth: ArrayLike | None = None, n_looks: int = 0
    ) -> None:
        self.promise = promise
        self.log_wealth: Floats = (
            np.full(N_STAKES, -inf) if log_wealth is None else np.array(log_wealth, np.float64)
        )
        if self.log_wealth.shape != (N_STAKES,):
            raise ValueError(f"log_wealth: {self.log_wealth.shape} is not ({N_STAKES},)")
        self.n_looks = n_looks

    def look(self, gains: ArrayLike) -> bool:
        """Take the `log_gains` of the next look; True while the evidence is an alarm."""
        self.n_looks += 1
        inflow = self.promise.log_stake(self.n_looks)
        self.log_wealth = np.logaddexp(self.log_wealth, inflow) + np.asarray(gains)
        return self.alarm

    @property
    def log_evidence(self) -> float:
        """Log of the average evidence of all stakes."""
        top = float(self.log_wealth.max())
        if top == -inf:
            return -inf
        return top + log(float(np.exp(self.log_wealth - top).mean()))

    @property
    def alarm(self) -> bool:
        return self.log_evidence >= self.promise.log_threshold


@dataclass(frozen=True, slots=True)
class Since:
    """The look (from 0) from which the mean is below its level, with an interval of looks."""

    first: int
    low: int
    high: int
    after: float


def fallen_since(
    means: ArrayLike, sizes: ArrayLike, *, level: float, variance: float
) -> Since | None:
    """Estimate since which look the mean has been below `level`.

    Parameters
    ----------
    means, sizes : (k,) array_like
        Mean of each look, and how many values it is a mean of.
    level : float
        The mean before the change.
    variance : float
        Of one value.

    Returns
    -------
    Since or None
        The most likely first look of a step down from a known level that lasts to the end. The
        interval holds the looks whose profile likelihood is within 7.35 / 2 of the best one (95%
        for a single step, asymptotically; a gradual fall is dated within its course). None where
        no end of the series is below the level.

    References
    ----------
    Page (1954), Biometrika 41, 100-115; Hansen (2000), Econometrica 68, 575-603 (the quantile).

    Examples
    --------
    >>> found = fallen_since([0.95, 0.94, 0.95, 0.9, 0.89], [500] * 5, level=0.95, variance=0.05)
    >>> found.first, found.low, found.high
    (3, 3, 3)
    """
    x, n = np.asarray(means, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    falls = np.cumsum((n * (level - x))[::-1])[::-1]
    weight = np.cumsum(n[::-1])[::-1]
    if x.size == 0 or not (falls > 0).any():
        return None
    gains = np.where(falls > 0, falls**2 / weight, 0.0) / max(variance, 1e-12)
    first = int(np.argmax(gains))
    near = np.flatnonzero(gains >= gains[first] - 7.352)
    after = float((n[first:] * x[first:]).sum() / n[first:].sum())
    return Since(first, int(near[0]), int(near[-1]), after)
