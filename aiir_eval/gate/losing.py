"""What would the runs be if no version were better, or if one had lost so many points?

Two operations on a pair of runs. Swapping: baseline and candidate exchange places in a cluster, all
of it or nothing, by the toss of a coin; where the versions are exchangeable that is as likely as
what was seen. Losing: a trial that passed fails, with the chance that makes the loss wanted;
trials of a case and cases of a cluster fall together as much as they are alike in the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from ..compare.columns import Bools, Floats, Ints, in_order
from ..compare.pairing import Paired, SideTrials
from ..compare.pilot import by_trial


@dataclass(frozen=True, slots=True)
class Likeness:
    """Correlation of the losses of two trials of a case, and of two cases of a cluster."""

    trials: float
    cases: float


def likeness(paired: Paired) -> Likeness:
    """How alike trials of a case and cases of a cluster are: the more of outcomes and differences.

    Two versions that differ by the noise of trials alone say nothing of how a loss would spread;
    their outcomes do.
    """
    from ..stats import variance_components

    cases = paired.has_outcome
    clusters = in_order(paired.clusters[cases])
    old, new = by_trial(paired.old, cases), by_trial(paired.new, cases)
    found = [Likeness(0.0, 0.0)]
    if old.shape[0] > 1:
        for sides in ((old, new), (old, None), (new, None)):
            parts = variance_components(*sides, clusters=clusters)
            noise = 0.0 if np.isnan(parts.trials) else parts.trials
            whole = parts.clusters + parts.cases + noise
            if whole > 0:
                found.append(Likeness(1 - noise / whole, parts.clusters / whole))
    if len(found) == 1:  # nothing varies
        return Likeness(1.0, 0.0)
    return Likeness(max(like.trials for like in found), max(like.cases for like in found))


@dataclass(frozen=True)
class Versions:
    """One redrawn pair of versions, from which any loss can be taken.

    swap: cases in which the sides have changed places. luck: by side, a number in [0, 1) for each
    trial; it falls in a version whose losses have a rate above that.
    """

    paired: Paired
    swap: Bools
    luck: tuple[Floats, Floats]

    @property
    def baseline(self) -> Floats:
        """Case means of the version that plays the baseline."""
        return np.where(self.swap, self.paired.candidate, self.paired.baseline)

    def candidate(self, rate: float) -> Floats:
        """Case means of the other version, its passes lost at this rate."""
        old, new = (
            side.case_means(np.where(luck < rate, 0.0 * side.outcome, side.outcome))
            for side, luck in zip((self.paired.old, self.paired.new), self.luck, strict=True)
        )
        return np.where(self.swap, old, new)

    def trials(self, rate: float) -> Floats:
        """The real candidate's trials, its passes lost at this rate."""
        outcome = self.paired.new.outcome
        return np.where(self.luck[1] < rate, 0.0 * outcome, outcome)


@dataclass(frozen=True)
class Redrawing:
    """Draws versions; the same seed and repetition give the same, whatever rows are called."""

    paired: Paired
    like: Likeness
    cluster: Ints  # of each case, numbered as they first appear among the sorted cases
    seed: int

    def draw(self, repetition: int) -> Versions:
        seed = np.random.SeedSequence(self.seed, spawn_key=(20, repetition))
        rng = np.random.default_rng(seed)
        clusters, cases = int(self.cluster.max()) + 1, self.cluster.size
        swap = rng.random(clusters) < 0.5
        shared = rng.random(clusters)[self.cluster]
        copied = rng.random(cases) < self._chance(self.like.cases, self.like.trials)
        of_case = np.where(copied, shared, rng.random(cases))
        luck = tuple(self._luck(side, of_case, rng) for side in (self.paired.old, self.paired.new))
        return Versions(self.paired, swap[self.cluster], (luck[0], luck[1]))

    def _luck(self, side: SideTrials, of_case: Floats, rng: np.random.Generator) -> Floats:
        """A trial copies its case's luck with the chance that makes trials as alike as they are."""
        copied = rng.random(side.case.size) < sqrt(self.like.trials)
        return np.where(copied, of_case[side.case], rng.random(side.case.size))

    @staticmethod
    def _chance(of_cases: float, of_trials: float) -> float:
        return sqrt(min(of_cases / of_trials, 1.0)) if of_trials > 0 else 0.0


def redrawing(paired: Paired, seed: int, like: Likeness | None = None) -> Redrawing:
    """Draw versions of these runs."""
    like = likeness(paired) if like is None else like
    return Redrawing(paired, like, paired.clusters, seed)
