"""What chance has a design of so many cases and trials to settle the question, by our own tests?"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, sqrt

import numpy as np
from numpy.typing import NDArray

from aiir_eval.stats.assuming import Assumptions, Counts, Population, population
from aiir_eval.stats.clustering import FEW_NONZERO, Floats
from aiir_eval.stats.intervals import checked_level
from aiir_eval.stats.paired import MIN_CLUSTERS
from aiir_eval.stats.randomness import Rng, as_generator

MOST_CASES = 10_000_000
BLOCK = 1 << 18  # numbers held at a time, whatever n_resamples


def settling_power(
    assumptions: Assumptions | Population,
    n_cases: int,
    n_trials: int = 1,
    *,
    margin: float | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 4_000,
    rng: Rng = None,
) -> float:
    """Chance that `paired_difference` on n_cases settles the question.

    Parameters
    ----------
    assumptions : Assumptions or Population
        What the versions are like (a population already stands for its number of trials).
    n_cases, n_trials : int
        Cases in all, and trials of each on each side.
    margin : float, optional
        The question is whether non-inferiority at this margin is shown; without one, whether the
        difference is shown by the two-sided test.
    confidence_level : float
        As of `paired_difference`.
    n_resamples : int
        Simulated comparisons; the standard error of the chance is below 0.5 / sqrt(n_resamples).
    rng : Generator, SeedSequence, int or None
        Source of the simulation; None is a fixed seed.

    Returns
    -------
    float

    Notes
    -----
    Simulated comparisons are judged by the same statistics as `paired_difference`: score with
    design effect, Satterthwaite degrees of freedom, McNemar's mid-p. The sign-flip distribution
    alone is expanded to its fourth cumulant (Edgeworth) in place of its exact value.

    References
    ----------
    Hall (1992), The Bootstrap and Edgeworth Expansion, chapter 2.

    Examples
    --------
    >>> versions = Assumptions(pass_rate=0.9, discordance=0.1)
    >>> 0.78 < settling_power(versions, 276, margin=0.05) < 0.83
    True
    """
    kinds = (
        assumptions
        if isinstance(assumptions, Population)
        else population(assumptions, n_trials, rng=rng)
    )
    clusters = max(round(n_cases / kinds.mean_size), 1)
    return _settled(kinds, clusters, margin, confidence_level, n_resamples, rng)


def cases_for_power(
    assumptions: Assumptions | Population,
    n_trials: int = 1,
    *,
    margin: float | None = None,
    power: float = 0.8,
    confidence_level: float = 0.95,
    n_resamples: int = 4_000,
    rng: Rng = None,
) -> int:
    """Cases in all that settle the question with this `power`.

    Parameters
    ----------
    assumptions, n_trials, margin, confidence_level, n_resamples, rng
        As for `settling_power`.
    power : float
        Chance to settle it, in (0, 1).

    Returns
    -------
    int
        The smallest number found, within 1%; whole clusters of the mean size.

    Raises
    ------
    ValueError
        The truth lies where nothing can be shown (a difference of zero without a margin, or a
        loss of the margin or more), or more than 10 million cases would be needed.

    Notes
    -----
    Searched along the root of the number, on which the normal quantile of the power is nearly
    straight, with the same random numbers at each. Where flips are few, power grows in steps and
    may lie a few points above what was asked.

    References
    ----------
    Tango (1998), Stat. Med. 17, 891-908 (the test); Nam (1997), Biometrics 53, 1422-1430 (its
    power in closed form, for pairs of single trials).

    Examples
    --------
    >>> versions = Assumptions(pass_rate=0.9, discordance=0.1)
    >>> abs(cases_for_power(versions, margin=0.05) - 280) <= 10
    True
    """
    if not 0 < power < 1:
        raise ValueError(f"power: {power} is not between 0 and 1")
    kinds = (
        assumptions
        if isinstance(assumptions, Population)
        else population(assumptions, n_trials, rng=rng)
    )
    distance = abs(kinds.difference) if margin is None else kinds.difference + margin
    if distance < 1e-9:
        what = "a margin above the true loss" if margin is not None else "a difference or a margin"
        raise ValueError(f"no number of cases shows it: there must be {what}")

    def reached(clusters: int) -> float:
        return _settled(kinds, clusters, margin, confidence_level, n_resamples, rng)

    first = _first_guess(kinds, distance, margin, power, confidence_level)
    clusters = _smallest(reached, first, power, MOST_CASES / kinds.mean_size)
    return max(round(clusters * kinds.mean_size), clusters)


def _first_guess(
    kinds: Population, distance: float, margin: float | None, power: float, level: float
) -> int:
    from scipy.special import ndtri

    total = kinds.gained - kinds.lost
    spread = float(kinds.share @ total**2) / kinds.mean_size  # variance by n, of the mean
    tail = 1 - level if margin is not None else (1 - level) / 2
    reach = float(ndtri(1 - tail) + ndtri(power))
    cases = spread * (reach / distance) ** 2
    if margin is not None:  # no flip at all still leaves the null variance
        cases = max(cases, float(ndtri(1 - tail)) ** 2 / max(distance, 1e-9))
    return max(ceil(cases / kinds.mean_size), MIN_CLUSTERS)


def _smallest(reached: Callable[[int], float], first: int, power: float, most: float) -> int:
    """The smallest number that reaches the power, searched where a normal curve points."""
    from scipy.special import ndtri

    target = float(ndtri(power))
    seen: dict[int, float] = {}

    def excess(n: int) -> float:
        if n not in seen:
            chance = reached(n)
            seen[n] = float(ndtri(min(max(chance, 1e-4), 1 - 1e-4))) - target
        return seen[n]

    low, high = MIN_CLUSTERS - 1, 0
    n = first
    while not high:
        if n > most:
            raise ValueError(f"more than {MOST_CASES:,} cases would be needed")
        if excess(n) >= 0:
            high = n
        else:
            low, n = n, ceil(n * 1.3) + 1
    while high - low > max(1, round(0.008 * high)):
        below = seen.get(low, -3.0 - target)
        share = min(max(-below / (seen[high] - below), 0.1), 0.9)
        middle = round((sqrt(low) + share * (sqrt(high) - sqrt(low))) ** 2)
        middle = min(max(middle, low + 1), high - 1)
        if excess(middle) >= 0:
            high = middle
        else:
            low = middle
    return high


def _settled(
    kinds: Population,
    clusters: int,
    margin: float | None,
    confidence_level: float,
    n_resamples: int,
    rng: Rng,
) -> float:
    checked_level(confidence_level)
    if n_resamples < 1:
        raise ValueError(f"n_resamples: {n_resamples} is not positive")
    if clusters < MIN_CLUSTERS:
        return 0.0
    generator = as_generator(rng)
    rows = max(BLOCK // kinds.share.size, 1)
    settled = 0
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        drawn = _Drawn(kinds, generator.multinomial(clusters, kinds.share, size=size), clusters)
        settled += int(drawn.settled(kinds, margin, 1 - confidence_level).sum())
    return settled / n_resamples


class _Drawn:
    """Many simulated comparisons at once: what `paired_difference` computes, a row each.

    number: (comparisons, kinds), how often each kind of cluster is in each. The leverage of a
    cluster is that in a comparison of the expected size.
    """

    def __init__(self, kinds: Population, number: Counts, clusters: int) -> None:
        size, change = kinds.size, kinds.gained - kinds.lost
        leverage = 1 - size / (clusters * kinds.mean_size)
        rows = [size, kinds.lost, kinds.gained, change != 0, change**2, change**4, size**2]
        rows += [change ** (2 - k) * size**k / leverage for k in range(3)]
        rows += [change ** (4 - k) * size**k / (leverage * size) ** 2 for k in range(5)]
        rows += [change**2 / (leverage * size), change / leverage, size / leverage]
        rows += [size**4 / leverage**2, kinds.squares]
        sums = number.astype(np.float64) @ np.stack(rows, axis=1).astype(np.float64)
        self.n, lost, gained, self.nonzero, self.squares, self.fourths, sizes = sums[:, :7].T
        self.lost, self.gained = lost, gained
        self.loss, self.gain = lost / self.n, gained / self.n
        self.estimate = mean = self.gain - self.loss
        second, fourth, level = sums[:, 7:10], sums[:, 10:15], sums[:, 15:18]
        heaviest, self.case_squares = sums[:, 18:].T
        self.variance = _about(mean, second, (1, 2, 1)) / self.n**2
        levels = _about(mean, level, (1, 2, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            heavy = clusters * _about(mean, fourth, (1, 4, 6, 4, 1)) / levels**2 - 3
        self.kurtosis = np.where(levels > 0, heavy, 0.0)
        self.clusters = clusters
        self.df = self.n**2 / (sizes + (second[:, 2] ** 2 - heaviest) / self.n**2)
        self.kish = sizes / self.n

    def settled(self, kinds: Population, margin: float | None, alpha: float) -> NDArray[np.bool_]:
        if margin is None:
            towards = self.estimate * kinds.difference > 0
            return np.asarray(towards & (self._no_change(kinds.single_flips) <= alpha + 1e-12))
        return np.asarray(self._margin_pvalue(kinds, margin) < alpha)

    def _margin_pvalue(self, kinds: Population, margin: float) -> Floats:
        from scipy.special import stdtr

        trinomial = np.maximum(self.loss + self.gain - self.estimate**2, 0.0) / self.n
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = np.where(trinomial > 0, self.variance / trinomial, 0.0)
            tails = 2 / (2 / self.df + np.maximum(self.kurtosis, 0.0) / self.clusters)
        few = (self.nonzero < FEW_NONZERO) | (effect == 0)
        df = np.where(few, self.df, np.minimum(tails, self.nonzero - 1))
        effect = np.where(few, np.maximum(effect, self.kish), effect)
        unseen = self._unseen(effect) if not kinds.graded else np.zeros_like(effect)
        statistic = _score(self.loss, self.gain, margin, unseen) * np.sqrt(self.n / effect)
        pvalue = stdtr(self.df if kinds.single_flips else df, -statistic)
        if kinds.graded:
            with np.errstate(invalid="ignore", divide="ignore"):
                t = (self.estimate + margin) / np.sqrt(self.variance)
            pvalue = np.where(self.variance > 0, np.maximum(pvalue, stdtr(self.df, -t)), pvalue)
        return np.asarray(pvalue)

    def _unseen(self, effect: Floats) -> Floats:
        """`paired_difference`'s: the design effect of the clusters alone over the whole one."""
        spread = (self.case_squares - self.n * self.estimate**2) / (self.n - 1) / self.n
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = np.maximum(self.variance / spread / effect - 1, 0.0)
        return np.where((spread > 1e-15) & (self.clusters < self.n), excess, 0.0)

    def _no_change(self, single_flips: bool) -> Floats:
        """Two-sided mid-p of the sign flips: McNemar's, else its Edgeworth expansion."""
        from scipy.special import bdtr, gammaln, ndtr

        if single_flips:
            n, fewer = self.lost + self.gained, np.minimum(self.lost, self.gained)
            point = np.exp(
                gammaln(n + 1) - gammaln(fewer + 1) - gammaln(n - fewer + 1) - n * np.log(2)
            )
            exact = 2 * bdtr(fewer, n.astype(np.int64), 0.5)
            return np.asarray(np.where(self.lost == self.gained, 1 - point / 2, exact - point))
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.nan_to_num(np.abs(self.estimate) * self.n / np.sqrt(self.squares))
            excess = np.nan_to_num(-2 * self.fourths / self.squares**2)
        density = np.exp(-(z**2) / 2) / sqrt(2 * np.pi)
        pvalue = 2 * (ndtr(-z) + density * (z**3 - 3 * z) * excess / 24)
        return np.asarray(np.maximum(pvalue, 0.5**self.nonzero))  # all of them on one side


def _about(mean: Floats, sums: Floats, binomial: tuple[int, ...]) -> Floats:
    """Sum of (t - s m)^k from the sums of t^(k-j) s^j, never negative."""
    signs = (-1.0) ** np.arange(len(binomial)) * np.array(binomial)
    powers = mean[:, None] ** np.arange(len(binomial))
    return np.asarray(np.maximum((sums * signs * powers).sum(axis=1), 0.0))


def _score(loss: Floats, gain: Floats, margin: float, unseen: Floats) -> Floats:
    """`score_interval.score` of arrays, at a loss of the margin."""
    discordant = loss + gain
    slope = -(2 - gain + loss) * margin - discordant
    constant = loss * margin * (1 + margin)
    lost = (np.sqrt(np.maximum(slope**2 - 8 * constant, 0.0)) - slope) / 4
    variance = 2 * lost - margin * (1 + margin)
    excess = np.clip(variance + margin**2 - discordant, 0.0, variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = (gain - loss + margin) / np.sqrt(variance + unseen * excess)
        least = np.where(discordant > 0, (gain - loss) / np.sqrt(discordant), 0.0)
    statistic = np.where(unseen > 0, np.maximum(statistic, least), statistic)
    return np.where(variance > 0, statistic, inf)
