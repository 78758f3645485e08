"""What would two versions be like if these rates were the truth? Clusters to draw designs from."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Floats
from aiir_eval.stats.randomness import Rng, as_generator

Counts = NDArray[np.int64]

POOL = 200_000  # cases from which designs are drawn
MOST_KINDS = 2_000  # of clusters, told apart by what they lose and gain
STEPS = 5  # to which a standard deviation of graded differences is divided


@dataclass(frozen=True, slots=True)
class Assumptions(Shown):
    """What the two versions are taken to be like; rates are of single trials, in [0, 1].

    Attributes
    ----------
    pass_rate : float
        Of the baseline (mean score, where graded).
    discordance : float
        Chance that a trial of the baseline and one of the candidate disagree on a case.
    difference : float
        Candidate minus baseline; negative is a loss.
    trial_noise : float
        Share of the variance of a one-trial difference that is chance of the trials: what more
        trials average out. The rest lies between cases.
    icc : float
        Correlation of the one-trial differences of two cases of a cluster, at most
        1 - trial_noise.
    cluster_sizes : tuple of int
        Sizes that clusters have, all equally frequent; (1,) where cases are independent.
    spread : float, optional
        Standard deviation of the difference of two graded scores; None: trials pass or fail.
    """

    pass_rate: float
    discordance: float
    difference: float = 0.0
    trial_noise: float = 0.5
    icc: float = 0.0
    cluster_sizes: tuple[int, ...] = (1,)
    spread: float | None = None

    def __post_init__(self) -> None:
        for name in ("pass_rate", "discordance", "trial_noise", "icc"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [0, 1]")
        if self.icc + self.trial_noise > 1 + 1e-9:
            raise ValueError(
                f"icc: {self.icc:g} and trial_noise {self.trial_noise:g} are shares of one "
                "variance and sum to more than 1"
            )
        if not self.cluster_sizes or min(self.cluster_sizes) < 1:
            raise ValueError("cluster_sizes: every cluster holds at least one case")
        if self.spread is not None:
            if not 0 < self.spread <= 1:
                raise ValueError(f"spread: {self.spread} is not in (0, 1]")
            return
        lost_from, gained_from = self.pass_rate, 1 - self.pass_rate
        if not -lost_from <= self.difference <= gained_from:
            raise ValueError(
                f"difference: {self.difference:g} is not possible from a pass rate of "
                f"{self.pass_rate:g}"
            )
        if self.discordance < abs(self.difference) - 1e-12:
            raise ValueError(
                f"discordance: {self.discordance:g} is less than the difference "
                f"{abs(self.difference):g} alone makes"
            )
        if self.discordance > self.most_discordance + 1e-9:
            raise ValueError(
                f"discordance: {self.discordance:g} is more than versions have that agree by "
                f"chance alone ({self.most_discordance:.4g})"
            )

    @property
    def variance(self) -> float:
        """Of the difference of two trials."""
        if self.spread is not None:
            return self.spread**2
        return self.discordance - self.difference**2

    @property
    def most_discordance(self) -> float:
        """Discordance of versions that agree on a case no more than by chance."""
        after = self.pass_rate + self.difference
        return self.pass_rate * (1 - after) + after * (1 - self.pass_rate)

    @property
    def cluster_size(self) -> float:
        """Kish's: the mean over cases of the size of their cluster."""
        sizes = np.array(self.cluster_sizes, dtype=np.float64)
        return float((sizes**2).sum() / sizes.sum())

    def standard_error(self, n_cases: float, n_trials: int) -> float:
        """Of the difference, by so many cases and trials of each."""
        between = 1 - self.trial_noise + (self.cluster_size - 1) * self.icc
        return sqrt(self.variance * (between + self.trial_noise / n_trials) / n_cases)

    def trial_share(self, n_trials: int) -> float:
        """Share of the squared standard error that more trials would still remove."""
        noise = self.trial_noise / n_trials
        return noise / (1 - self.trial_noise + (self.cluster_size - 1) * self.icc + noise)

    def minimum_detectable_effect(
        self, n_cases: int, n_trials: int, *, power: float = 0.8, confidence_level: float = 0.95
    ) -> float:
        """(t_{1 - alpha/2} + t_{power}) x SE: the smallest true difference found so often."""
        from scipy.special import stdtrit

        clusters = n_cases / float(np.mean(self.cluster_sizes))
        df = max(clusters - 1, 1.0)
        reach = float(stdtrit(df, 0.5 + confidence_level / 2) + stdtrit(df, power))
        return min(reach * self.standard_error(n_cases, n_trials), 1.0)


@dataclass(frozen=True, slots=True)
class Population:
    """The kinds of clusters there are, and how frequent each is.

    lost, gained, squares: sums over a cluster's cases of max(-d, 0), max(d, 0) and d^2 (of that
    the mean over such clusters), d being the difference of a case; size: its cases.
    `single_flips`: cases alone that pass or fail in all their trials. `graded`: scores.
    """

    lost: Floats
    gained: Floats
    squares: Floats
    size: Floats
    share: Floats
    single_flips: bool
    graded: bool

    @property
    def mean_size(self) -> float:
        return float(self.share @ self.size)

    @property
    def difference(self) -> float:
        return float(self.share @ (self.gained - self.lost)) / self.mean_size


def population(assumptions: Assumptions, n_trials: int, *, rng: Rng = None) -> Population:
    """Clusters as they would be if the assumptions were true.

    Notes
    -----
    Pass or fail: a case passes with a rate that is beta distributed; between the versions the
    rates of some cases are drawn anew. The two shapes follow from the pass rate, the discordance
    and the share that is noise of trials. A difference turns passes of the candidate into
    failures (or the reverse), a case's trials together where they are alike. Cases copy what is
    drawn for their cluster with the chance that gives the icc. Graded: normal differences.
    """
    if n_trials < 1:
        raise ValueError(f"n_trials: {n_trials} is not positive")
    generator = as_generator(rng)
    sizes = np.array(assumptions.cluster_sizes, dtype=np.int64)
    if assumptions.spread is None and n_trials == 1 and sizes.max() == 1:
        loss = (assumptions.discordance - assumptions.difference) / 2
        gain = (assumptions.discordance + assumptions.difference) / 2
        share = np.array([loss, gain, 1 - loss - gain]).clip(0.0)
        rows = np.eye(3)
        flips = rows[0] + rows[1]
        return Population(rows[0], rows[1], flips, np.ones(3), share / share.sum(), True, False)
    number = int(np.clip(POOL / sizes.mean(), 2_000, POOL))
    drawn = np.resize(sizes, max(number, sizes.size))
    if assumptions.spread is None:
        lost, gained, squares = _passing(assumptions, n_trials, drawn, generator)
        unit = 1 / n_trials
    else:
        lost, gained, squares = _scoring(assumptions, n_trials, drawn, generator)
        unit = assumptions.spread / STEPS
    coarse = 1
    while True:
        kinds, kind, count = np.unique(
            np.stack([drawn, (lost + coarse // 2) // coarse, (gained + coarse // 2) // coarse]),
            axis=1,
            return_inverse=True,
            return_counts=True,
        )
        if count.size <= MOST_KINDS:
            break
        coarse *= 2
    size = kinds[0].astype(np.float64)
    lost, gained = kinds[1] * unit * coarse, kinds[2] * unit * coarse
    return Population(
        lost=lost,
        gained=gained,
        squares=np.bincount(kind.ravel(), weights=squares) / count * unit**2,
        size=size,
        share=_calibrated(
            count / count.sum(),
            gained - lost - size * assumptions.difference,
            assumptions.standard_error(1, n_trials) ** 2 * float(sizes.mean()),
        ),
        single_flips=bool(np.all(size == 1) and np.all((lost + gained) % 1 == 0)),
        graded=assumptions.spread is not None,
    )


def _calibrated(share: Floats, excess: Floats, variance: float) -> Floats:
    """The shares tilted until the excess has mean zero and this variance: a pool is off by luck."""
    if variance <= 0 or not np.any(excess):
        return share
    moments = np.stack([excess, excess**2])
    aims = np.array([0.0, variance])
    tilted = share
    for _ in range(30):
        off = moments @ tilted - aims
        if np.abs(off).max() <= 1e-12:
            return tilted
        about = moments - (moments @ tilted)[:, None]
        step = np.linalg.lstsq((about * tilted) @ about.T, off, rcond=None)[0]
        tilted = tilted * np.exp(np.clip(-step @ about, -1.0, 1.0))
        tilted = tilted / tilted.sum()
    return tilted


def _passing(
    assumptions: Assumptions, n_trials: int, sizes: Counts, rng: np.random.Generator
) -> tuple[Counts, Counts, Counts]:
    """Lost and gained by each cluster, in units of one trial of a case, and squares of both."""
    gains = assumptions.difference > 0
    # A gain is a loss of failures: everything below speaks of what can be lost.
    rate = 1 - assumptions.pass_rate if gains else assumptions.pass_rate
    fall = abs(assumptions.difference) / rate if rate > 0 else 0.0
    discordance = max(assumptions.discordance - fall * rate, 0.0) / (1 - fall) if fall < 1 else 0.0
    by_chance = 2 * rate * (1 - rate)
    apart = min(discordance / by_chance, 1.0) if by_chance > 0 else 0.0
    steady = 1 - assumptions.trial_noise * apart  # share of a rate's variance that is the case's
    changed = 1 - (1 - apart) / steady if steady > 0 else 0.0
    case = np.repeat(np.arange(sizes.size), sizes)
    between = 1 - assumptions.trial_noise
    copied = rng.random(case.size) < sqrt(min(assumptions.icc / between, 1.0) if between else 0.0)

    def rates(count: int) -> tuple[Floats, Floats]:
        before, other = (_beta(rate, steady, count, rng) for _ in range(2))
        return before, np.where(rng.random(count) < changed, other, before)

    own, shared = rates(case.size), rates(sizes.size)
    before, after = (
        np.where(copied, of_cluster[case], of_case)
        for of_case, of_cluster in zip(own, shared, strict=True)
    )
    old = rng.binomial(n_trials, before)
    new = rng.binomial(n_trials, after)
    if fall > 0:
        luck = np.where(copied, rng.random(sizes.size)[case], rng.random(case.size))
        whole = rng.random(case.size) < between
        left = np.where(luck < fall, 0, new)
        new = np.where(whole, left, new - rng.binomial(new, fall))
    change = new - old
    lost, gained, squares = _sums(change, case, sizes.size)
    return (gained, lost, squares) if gains else (lost, gained, squares)


def _sums(change: Counts, case: Counts, n: int) -> tuple[Counts, Counts, Counts]:
    """Losses, gains and squares of each of n clusters."""
    parts = (np.maximum(-change, 0), np.maximum(change, 0), change**2)
    lost, gained, squares = (
        np.bincount(case, weights=part, minlength=n).astype(np.int64) for part in parts
    )
    return lost, gained, squares


def _beta(mean: float, correlation: float, count: int, rng: np.random.Generator) -> Floats:
    """Rates of that mean, two trials of which correlate so."""
    if correlation <= 1e-9 or mean in (0.0, 1.0):
        return np.full(count, mean)
    if correlation >= 1 - 1e-9:
        return (rng.random(count) < mean).astype(np.float64)
    precision = 1 / correlation - 1
    return rng.beta(mean * precision, (1 - mean) * precision, count)


def _scoring(
    assumptions: Assumptions, n_trials: int, sizes: Counts, rng: np.random.Generator
) -> tuple[Counts, Counts, Counts]:
    """The same for graded scores, in units of their spread / STEPS."""
    case = np.repeat(np.arange(sizes.size), sizes)
    noise, icc = assumptions.trial_noise, assumptions.icc
    own = max(1 - noise - icc, 0.0) + noise / n_trials
    deviation = sqrt(icc) * rng.standard_normal(sizes.size)[case]
    deviation += sqrt(own) * rng.standard_normal(case.size)
    assert assumptions.spread is not None
    change = (assumptions.difference + assumptions.spread * deviation).clip(-1.0, 1.0)
    steps = np.rint(change * STEPS / assumptions.spread).astype(np.int64)
    return _sums(steps, case, sizes.size)
