"""May we stop running cases now, and with which verdict, however often we have looked?"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, inf, log
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.showing import Shown
from aiir_eval.stats.betting import Betting, log_threshold
from aiir_eval.stats.clustering import Floats, as_values
from aiir_eval.stats.intervals import ConfidenceInterval, checked_level

Decision = Literal["pass", "fail", "inconclusive"]

GRID = 0.002
"""Ends of a confidence sequence are rounded outwards by so much, or a tenth of the margin."""

CLEAN = (0.03, 1.0)
FAILING = (1.0, 1.0)
"""Beta priors of the failure rate below and above the bound: near never, and anything."""


@dataclass(frozen=True, slots=True)
class ConfidenceSequence(Shown):
    """An interval after each look; all of them hold together with the confidence level.

    n counts clusters (trials) seen at each look. Ends only move inwards; should they ever cross,
    the values are not of one mean.
    """

    n: NDArray[np.intp]
    low: Floats
    high: Floats
    confidence_level: float


class SequentialTest:
    """Is the candidate non-inferior, or worse? Looks after each cluster, stops when one is shown.

    Parameters
    ----------
    margin : float
        Largest loss that is tolerated, in (0, 1).
    confidence_level : float
        1 - confidence_level bounds the chance of a false pass, and that of a false fail, over all
        looks.
    fail_beyond : float
        Loss beyond which the candidate fails: 0 (any loss) up to `margin` (only a loss that
        non-inferiority excludes).
    cap : int, optional
        Clusters after which an open test is "inconclusive"; twice the fixed design
        (`cases_needed`) is usual. None: no end.

    Attributes
    ----------
    decision : "pass", "fail", "inconclusive" or None
        "pass" once a true difference above -margin is shown, "fail" once one below -fail_beyond
        is, "inconclusive" at the cap, None while open. The first one stands.
    decided_after : int or None
        Clusters seen at the decision.
    n_clusters : int
        Clusters seen.
    e_non_inferiority, e_loss : float
        Wealth of the bets on either claim: evidence after the last look. 20 shows it at 95%.
    estimate : float
        Weighted mean of the clusters seen, NaN before the first. After stopping early it is
        biased away from zero; `confidence_interval` is not.

    Notes
    -----
    Betting e-processes on cluster means (`Betting`), one against "difference <= -margin", one
    against "difference >= -fail_beyond". Valid at any stopping time, so the number of looks and
    the reason to stop do not matter. Under the cap no fixed-sample test may be made on the same
    data.

    Assumes clusters in random order (shuffled by a seed, before any outcome is known), each with
    the same conditional mean. Values are means over the cases and trials of a cluster. Where the
    order is stratified, give each block, in which every stratum has its share, to `update_block`:
    bets are frozen within it and there is one look, after it. A block cut short must not be looked
    at. Clusters of unequal size: weight = size / size of the largest, for the mean over cases.

    It fails where the order follows the outcome (easy cases first, slow answers last), or where
    clusters share an incident. Under discordances of 2 to 40% it takes 40 to 45% of the cases of
    the fixed design over true differences of {1, 0, -2, -5} margins; where nothing ever flips it
    takes 1.3 to 1.5 times as many.

    References
    ----------
    Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting",
    J. R. Stat. Soc. B 86, 1-27; Ramdas, Gruenwald, Vovk and Shafer (2023), Stat. Sci. 38, 576-601.

    Examples
    --------
    >>> test = SequentialTest(margin=0.05, cap=400)
    >>> test.update_many([0, 0, 1, 0, 0] * 80)
    'pass'
    >>> test.decided_after < 80
    True
    >>> test = SequentialTest(margin=0.05)
    >>> test.update_many([0, -1, 0, 0] * 3) is None
    True
    >>> test.update_many([-1, 0, 0, -1, 0] * 20)
    'fail'
    """

    def __init__(
        self,
        margin: float,
        *,
        confidence_level: float = 0.95,
        fail_beyond: float = 0.0,
        cap: int | None = None,
    ) -> None:
        if not 0 < margin < 1:
            raise ValueError(f"margin: {margin} is not between 0 and 1")
        if not 0 <= fail_beyond <= margin:
            raise ValueError(f"fail_beyond: {fail_beyond} is not in [0, {margin}] (the margin)")
        self.margin = margin
        self.confidence_level = checked_level(confidence_level)
        self.fail_beyond = fail_beyond
        self.cap = _cap(cap)
        self.decision: Decision | None = None
        self.decided_after: int | None = None
        self._gains = Betting(-margin, margin)
        self._losses = Betting(fail_beyond, margin)
        self._blocks: list[tuple[Floats, Floats]] = []

    def update(self, cluster_mean: float, weight: float = 1.0) -> Decision | None:
        """Take the next cluster's mean difference, in [-1, 1], and look."""
        return self.update_block([cluster_mean], [weight])

    def update_block(
        self, cluster_means: ArrayLike, weights: ArrayLike | None = None
    ) -> Decision | None:
        """Take the clusters of one block of a stratified order, and look once, at its end."""
        values, shares = _clusters(cluster_means, weights)
        self._blocks.append((values, shares))
        self._gains.play(values, shares)
        self._losses.play(-values, shares)
        if self.decision is None:
            enough = log_threshold(1 - self.confidence_level)
            if float(self._gains.log_evidence()) >= enough:
                self.decision = "pass"
            elif float(self._losses.log_evidence()) >= enough:
                self.decision = "fail"
            elif self.cap is not None and self.n_clusters >= self.cap:
                self.decision = "inconclusive"
            if self.decision is not None:
                self.decided_after = self.n_clusters
        return self.decision

    def update_many(
        self, cluster_means: ArrayLike, weights: ArrayLike | None = None
    ) -> Decision | None:
        """Look after each of these clusters; those after a decision are not used."""
        values, shares = _clusters(cluster_means, weights)
        for value, share in zip(values.tolist(), shares.tolist(), strict=True):
            if self.decision is not None:
                break
            self.update(value, share)
        return self.decision

    @property
    def n_clusters(self) -> int:
        return self._gains.n_clusters

    @property
    def e_non_inferiority(self) -> float:
        return _exp(float(self._gains.log_evidence()))

    @property
    def e_loss(self) -> float:
        return _exp(float(self._losses.log_evidence()))

    @property
    def estimate(self) -> float:
        weight = sum(float(shares.sum()) for _, shares in self._blocks)
        total = sum(float((values * shares).sum()) for values, shares in self._blocks)
        return total / weight if weight else float("nan")

    def confidence_sequence(self, confidence_level: float | None = None) -> ConfidenceSequence:
        """Two-sided interval of the true difference after every look so far.

        Both ends come from the bets of the test, played against every value of a grid. The ends at
        level 2 * confidence_level - 1 are the one-sided bounds behind the decision: the lower one
        reaches -margin only if the test has passed.
        """
        level = checked_level(
            self.confidence_level if confidence_level is None else confidence_level
        )
        step = self.margin / min(10, ceil(self.margin / GRID))
        count = ceil(1 / step) - 1
        grid = np.arange(-count, count + 1) / (1 / step)
        grid[np.abs(grid + self.margin) < step / 2] = -self.margin
        above, below = Betting(grid, self.margin), Betting(-grid, self.margin)
        enough = log_threshold((1 - level) / 2)
        too_low, too_high = np.zeros(grid.size, bool), np.zeros(grid.size, bool)
        n, low, high = [], [], []
        for values, shares in self._blocks:
            above.play(values, shares)
            below.play(-values, shares)
            too_low |= above.log_evidence() >= enough
            too_high |= below.log_evidence() >= enough
            # a value is excluded only together with all beyond it: what is left is the hull
            lowest = int(np.argmin(too_low)) if not too_low.all() else grid.size
            highest = int(np.argmin(too_high[::-1])) if not too_high.all() else grid.size
            low.append(-1.0 if lowest == 0 else float(grid[lowest - 1]))
            high.append(1.0 if highest == 0 else float(grid[grid.size - highest]))
            n.append(above.n_clusters)
        return ConfidenceSequence(np.array(n, dtype=np.intp), np.array(low), np.array(high), level)

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """The last interval of the confidence sequence; (-1, 1) before the first look."""
        sequence = self.confidence_sequence(confidence_level)
        if sequence.n.size == 0:
            return ConfidenceInterval(-1.0, 1.0)
        return ConfidenceInterval(float(sequence.low[-1]), float(sequence.high[-1]))


class FailureRateSequence:
    """Is the failure rate below a bound, or above it? Looks after each trial.

    Parameters
    ----------
    bound : float
        Failure rate in (0, 1) that must not be reached.
    confidence_level : float
        1 - confidence_level bounds the chance of a false pass, and that of a false fail, over all
        looks.
    cap : int, optional
        Trials after which an open test is "inconclusive".

    Attributes
    ----------
    decision : "pass", "fail", "inconclusive" or None
        "pass" once a rate below the bound is shown, "fail" once one above it is. The first stands.
    decided_after : int or None
        Trials seen at the decision.
    n_trials, failures : int
    e_below, e_above : float
        Evidence (e-value) that the rate is below, and above, the bound.

    Notes
    -----
    Likelihood ratios against the bound, averaged over a Beta prior cut off at it. Below it is
    Beta(0.03, 1), nearly all on "never": 60 clean trials show 5% at 95%, where a fixed test needs
    59 and no test can do with fewer; after a failure it takes 172 (fixed: 93). Above it is
    uniform: against 5%, two failures in the first three trials show it, or three in eight.

    Assumes fresh, independent trials of one incident; repeats of a cached or deterministic answer
    are one behaviour and must be given once.

    References
    ----------
    Robbins (1970), Ann. Math. Stat. 41, 1397-1409; Waudby-Smith and Ramdas (2024), J. R. Stat.
    Soc. B 86, 1-27.

    Examples
    --------
    >>> fixed = FailureRateSequence(bound=0.05)
    >>> fixed.update_many([0] * 100), fixed.decided_after
    ('pass', 60)
    >>> FailureRateSequence(bound=0.05).update_many([1, 1])
    'fail'
    """

    def __init__(
        self, bound: float, *, confidence_level: float = 0.95, cap: int | None = None
    ) -> None:
        if not 0 < bound < 1:
            raise ValueError(f"bound: {bound} is not between 0 and 1")
        self.bound = bound
        self.confidence_level = checked_level(confidence_level)
        self.cap = _cap(cap)
        self.decision: Decision | None = None
        self.decided_after: int | None = None
        self.failures = 0
        self.n_trials = 0
        self._looks: list[tuple[int, int]] = []

    def update(self, failed: bool | int) -> Decision | None:
        """Take the next trial (True or 1: it failed) and look."""
        return self.update_block([failed])

    def update_block(self, failed: ArrayLike) -> Decision | None:
        """Take several trials and look once, at their end.

        For trials of unlike inputs in turn: give a round in which each has its share. The product
        of what the bets expect is then at most that of trials which are all alike.
        """
        for one in as_values(failed, "failed").tolist():
            if one not in (0, 1):
                raise ValueError(f"failed: {one!r} is neither 0 nor 1")
            self.failures += int(one)
            self.n_trials += 1
        self._looks.append((self.n_trials, self.failures))
        if self.decision is None:
            enough = log_threshold(1 - self.confidence_level)
            if self._below() >= enough:
                self.decision = "pass"
            elif self._above() >= enough:
                self.decision = "fail"
            elif self.cap is not None and self.n_trials >= self.cap:
                self.decision = "inconclusive"
            if self.decision is not None:
                self.decided_after = self.n_trials
        return self.decision

    def update_many(self, failed: ArrayLike) -> Decision | None:
        """Look after each of these trials; those after a decision are not used."""
        for one in as_values(failed, "failed").tolist():
            if self.decision is not None:
                break
            self.update(one)
        return self.decision

    @property
    def e_below(self) -> float:
        return _exp(self._below())

    @property
    def e_above(self) -> float:
        return _exp(self._above())

    def confidence_sequence(self, confidence_level: float | None = None) -> ConfidenceSequence:
        """Two-sided interval of the failure rate after every look so far.

        The ends at level 2 * confidence_level - 1 are the one-sided bounds behind the decision.
        """
        level = checked_level(
            self.confidence_level if confidence_level is None else confidence_level
        )
        enough = log_threshold((1 - level) / 2)
        looks = np.array(self._looks, dtype=np.float64).reshape(-1, 2)
        n, failures = looks[:, 0], looks[:, 1]
        high = 1 - _highest_excluded(n - failures, n, enough, CLEAN[::-1])
        low = _highest_excluded(failures, n, enough, FAILING)
        return ConfidenceSequence(
            n.astype(np.intp), np.maximum.accumulate(low), np.minimum.accumulate(high), level
        )

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """The last interval of the confidence sequence; (0, 1) before the first trial."""
        sequence = self.confidence_sequence(confidence_level)
        if sequence.n.size == 0:
            return ConfidenceInterval(0.0, 1.0)
        return ConfidenceInterval(float(sequence.low[-1]), float(sequence.high[-1]))

    def _below(self) -> float:
        passes = self.n_trials - self.failures
        return float(_log_evidence_above(passes, self.n_trials, 1 - self.bound, CLEAN[::-1]))

    def _above(self) -> float:
        return float(_log_evidence_above(self.failures, self.n_trials, self.bound, FAILING))


def _log_evidence_above(hits: Any, n: Any, rate: Any, prior: tuple[float, float]) -> Floats:
    """Log e-value that the rate of hits exceeds `rate`: Beta(prior) above it, against it."""
    from scipy.special import betaincc, betaln, xlogy

    a, b = prior
    with np.errstate(divide="ignore"):  # a tail too small for a float is no evidence
        tail = np.log(betaincc(a + hits, b + n - hits, rate)) - np.log(betaincc(a, b, rate))
    mixed = betaln(a + hits, b + n - hits) - betaln(a, b) + tail
    return np.asarray(mixed - xlogy(hits, rate) - xlogy(n - hits, 1 - rate))


def _highest_excluded(hits: Floats, n: Any, enough: float, prior: tuple[float, float]) -> Floats:
    """Highest rate that the hits exceed with enough evidence; 0 where there is none."""
    low, high = np.zeros(hits.size), hits / n
    for _ in range(40):  # evidence falls from infinity at 0 to less than 1 at the estimate
        middle = (low + high) / 2
        with np.errstate(invalid="ignore"):
            excluded = _log_evidence_above(hits, n, middle, prior) >= enough
        low, high = np.where(excluded, middle, low), np.where(excluded, high, middle)
    return low


def _clusters(means: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    values = as_values(means, "cluster_means")
    if np.abs(values).max() > 1 + 1e-9:
        raise ValueError("cluster_means: differences must lie in [-1, 1]")
    if weights is None:
        return values.clip(-1.0, 1.0), np.ones(values.size)
    shares = as_values(weights, "weights")
    if shares.size != values.size:
        raise ValueError(f"weights: {shares.size} for {values.size} clusters")
    if shares.min() <= 0 or shares.max() > 1 + 1e-9:
        raise ValueError("weights must lie in (0, 1]: size / size of the largest cluster")
    return values.clip(-1.0, 1.0), shares.clip(0.0, 1.0)


def _cap(cap: int | None) -> int | None:
    if cap is not None and cap < 1:
        raise ValueError(f"cap: {cap} is not positive")
    return cap


def _exp(value: float) -> float:
    return exp(value) if value < log(1.7e308) else inf
