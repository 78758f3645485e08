"""What would all resamples of a ratio of sums say? Their law, without drawing any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf, log, sqrt

import numpy as np

from aiir_eval.stats.clustering import Floats

SLACK = 1e-4
"""Every share is overstated by at most this: what 9,999 resamples would add as (k + 1) / (n + 1)"""

TAIL = log(4 / SLACK)  # three events of at most SLACK / 4 are left out
CELLS = 128  # of the lattice in a standard deviation of a cluster
CLOSE = 4e-3  # standard errors that a bound is searched to


@dataclass(frozen=True, slots=True)
class EveryResample:
    """Law of sum(w above) / sum(w below), w being how often each cluster is drawn.

    Parameters
    ----------
    above, below : (clusters,) ndarray
        Sums of each cluster, those below positive (`defined`): a resample's ratio then lies
        between the smallest and the largest of a cluster.

    Notes
    -----
    The ratio is at most t when the sum of as many independent draws of above - t below is at most
    0. The law of that sum is the observed one, convolved with itself by a Fourier transform. Two
    things are approximate, both with a bound that is added on the safe side: draws are split over
    the two nearest points of a lattice, which keeps their mean and adds a noise whose size
    Bernstein's inequality bounds; and sums too far out to occur are left out, by the same
    inequality. A share is thereby never understated; it is overstated by at most SLACK and by what
    a shift of a few hundredths of a standard error (5 / CELLS) amounts to.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 6 (the ideal bootstrap);
    Bernstein's inequality: Boucheron, Lugosi and Massart (2013), theorem 2.10.

    Examples
    --------
    >>> law = EveryResample(np.arange(100.0), np.ones(100))
    >>> round(law.at_most(49.5), 2), round(law.lower(0.05), 1), round(law.upper(0.05), 1)
    (0.51, 44.7, 54.3)
    """

    above: Floats
    below: Floats

    def at_most(self, limit: float) -> float:
        """Share of the resamples with a ratio of at most `limit`, never understated."""
        return _at_most_zero(self.above - limit * self.below)

    def at_least(self, limit: float) -> float:
        """Share of the resamples with a ratio of at least `limit`, never understated."""
        return _at_most_zero(limit * self.below - self.above)

    def lower(self, tail: float) -> float:
        """Largest limit found with `at_most` of it within `tail`: never above all resamples' own.

        The smallest ratio there is where `tail` is too small to be told from 0.
        """
        from scipy.special import ndtri

        ratios = self.above / self.below
        least, most = float(ratios.min()), float(ratios.max())
        centre = float(self.above.sum() / self.below.sum())
        residuals = (self.above - centre * self.below) / self.below.mean()
        error = float(residuals.std()) / sqrt(residuals.size)
        if tail <= 2 * SLACK or error <= 1e-12 * (abs(centre) + float(np.abs(residuals).max())):
            return least
        wanted = float(ndtri(tail))
        skewness = float((residuals**3).mean()) / (error**3 * residuals.size**2)
        guess = centre + error * (wanted + skewness * (wanted**2 - 1) / 6)

        def excess(limit: float) -> float:
            return float(ndtri(min(self.at_most(limit), 1 - 1e-9))) - wanted

        return _last_below(excess, guess, error, least, most)

    def upper(self, tail: float) -> float:
        """Smallest limit found with `at_least` of it within `tail`."""
        return -EveryResample(-self.above, self.below).lower(tail)

    @property
    def defined(self) -> bool:
        """Has every cluster something below?"""
        return bool((self.below > 0).all())


def _at_most_zero(values: Floats) -> float:
    """Upper bound on the chance that as many draws of the values as there are sum to at most 0."""
    n, centre, spread = values.size, float(values.mean()), float(values.std())
    if spread <= 1e-12 * float(np.abs(values).max()):
        return 1.0 if centre <= 1e-12 * float(np.abs(values).max()) else SLACK
    scaled = (values - centre) / (spread * sqrt(n))  # the sum has mean 0 and variance 1
    end = -centre * sqrt(n) / spread
    largest = float(np.abs(scaled).max())
    reach = min(_bernstein(1.0, largest), n * largest)
    if abs(end) > reach * (1 + 1e-9):  # all draws of the smallest value reach it to rounding
        return 1.0 if end > 0 else SLACK
    cell = 1 / (CELLS * sqrt(n))
    places = np.floor(scaled / cell)
    part = scaled / cell - places
    noise = _bernstein(float((part * (1 - part)).sum()) * cell**2, cell)
    half = ceil((reach + noise) / cell) + 2
    length = _even_length(2 * half)
    first = places.astype(np.intp)
    lattice = np.bincount(first % length, weights=1 - part, minlength=length)
    lattice += np.bincount((first + 1) % length, weights=part, minlength=length)
    chance = _sum_up_to(lattice / n, n, -half, int((end + noise) / cell // 1))
    return min(max(chance, 0.0) + SLACK, 1.0)


def _bernstein(variance: float, largest: float) -> float:
    """What a sum of mean 0 with terms of that size exceeds with a chance of at most SLACK / 4."""
    third = TAIL * largest / 3
    return third + sqrt(third * third + 2 * TAIL * variance)


def _even_length(least: int) -> int:
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len(ceil(least / 2), real=True))


def _sum_up_to(lattice: Floats, n: int, first: int, last: int) -> float:
    """Chance that n draws from a circular lattice sum to between first and last."""
    from scipy.fft import rfft

    transform = rfft(lattice)
    size = transform.real**2 + transform.imag**2
    seen = np.flatnonzero(size > np.exp(-72.0 / n))  # the others are below 1e-15 once n are drawn
    seen = seen[(seen > 0) & (seen < lattice.size // 2)]
    powers = transform[seen] ** n
    step = 2j * np.pi * seen / lattice.size
    waves = (np.exp(step * (last + 1)) - np.exp(step * first)) / np.expm1(step)
    steady = float(last + 1 - first)
    if size[-1] > np.exp(-72.0 / n):  # the fastest wave alternates and has no twin
        steady += float(transform[-1].real) ** n * ((-1) ** first if (last - first) % 2 == 0 else 0)
    return float((2 * (powers * waves).real.sum() + steady) / lattice.size)


def _last_below(
    excess: Callable[[float], float], guess: float, error: float, low: float, high: float
) -> float:
    """Largest argument found, from `low` to `high`, at which an increasing function is at most 0.

    The function grows by about one in `error`, but may jump or stand still: then the range is
    halved. Where a few clusters hold nearly all there is below, it stands still for long.
    """
    at, before = min(max(guess, low), high), inf
    while True:
        value = excess(at)
        low, high = (at, high) if value <= 0 else (low, at)
        if -CLOSE <= value <= 0 or high - low <= CLOSE * error:
            return low
        at -= (value + CLOSE / 2) * error
        if not low < at < high or abs(value) > before / 2:
            at = (low + high) / 2
            if not low < at < high:  # no number lies between
                return low
        before = abs(value)
