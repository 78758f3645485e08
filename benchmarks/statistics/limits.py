"""Where another method finds more: what can a test that is right for all data find at most?

Two bounds that no test escapes, and three simulations of what the methods that find more do on
data like those of the cell, but with the other truth.

- Nobody is told the ICC. In the normal model (means of equal clusters, noise within them known), a
  test must keep its level whatever variance v the clusters add; the Neyman-Pearson test of the
  alternative without ICC against one such null therefore has at least its power.
- Nobody sees what did not happen. Where each cluster, with chance q, loses everything, so that
  exactly the margin is lost, a share (1 - q)^G of the runs shows nothing of it and looks as if
  nothing had changed: a test that passes those with chance p passes falsely at least p (1 - q)^G
  of the time, so that p is at most level / (1 - q)^G.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from batched import compare_many
from grid import MARGINS, Count
from peers import PEERS
from population import Sample, Setting, case_law, draw
from power import MOST_BELOW, Gap, difference_gaps, ignores_clusters, margin_gaps
from scipy import special

LEVEL = 0.05
DRAWS = 400_000
ADDED = (1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.75, 2.0)


@dataclass(frozen=True, slots=True)
class Limit:
    """Of a cell in which another method finds more.

    most: power of any test that is right for all data, at most (1: no bound is known).
    elsewhere: worst false rate of that method over the other truths of the same shape (cases,
    trials and clusters, which is what a user knows). rare, rare_ours: how often that method and
    ours pass when whole clusters are lost; None for the test of no change.
    """

    gap: Gap
    most: float
    elsewhere: float
    rare: float | None
    rare_ours: float | None

    @property
    def missed(self) -> float:
        """How far ours is below what any test can have."""
        return min(self.most, self.gap.best) - self.gap.ours


@dataclass(frozen=True, slots=True)
class Floor:
    """False passes if clusters counted as one case each only below so many nonzero ones."""

    setting: Setting
    margin: float
    rates: dict[int, float]


def limits(counts: Sequence[Count], runs: int, seed: int) -> list[Limit]:
    """Bounds and counter-examples for every cell in which another method finds clearly more."""
    found = []
    for margins, find in ((False, difference_gaps), (True, margin_gaps)):
        gaps = {gap for clustered in (True, False) for gap in find(counts, clustered)}
        ordered = sorted((gap for gap in gaps if gap.below > MOST_BELOW), key=repr)
        found += _limits(ordered, counts, margins, runs, seed)
    return found


def most_without_icc(n_clusters: int, blind: float, level: float, seed: int) -> float:
    """Largest power without ICC of a one-sided test that is right with and without.

    blind: power of the test that is told that there is none (known variance).
    """
    rng = np.random.default_rng([seed, n_clusters])
    far = special.ndtri(1 - level) + special.ndtri(blind)
    mean = far / sqrt(n_clusters)
    total = sqrt(n_clusters) * rng.standard_normal(DRAWS)
    squares = total**2 / n_clusters + rng.chisquare(n_clusters - 1, DRAWS)
    there = total + n_clusters * mean
    squares_there = squares + 2 * mean * total + n_clusters * mean**2
    least = blind
    for added in ADDED:
        null = mean * sqrt(added) * total - squares * added * (1 - 1 / added) / 2
        alternative = mean * there - squares_there * (1 - 1 / added) / 2
        least = min(least, float((alternative > np.quantile(null, 1 - level)).mean()))
    return least


def lose_clusters(setting: Setting, share: float, runs: int, rng: np.random.Generator) -> Sample:
    """No change, but that each cluster with that chance fails all its trials after."""
    shape = setting.n_cases, setting.cluster_size, setting.icc
    sample = draw(case_law(setting, 0.0), *shape, runs, rng)
    lost = rng.random((runs, setting.n_clusters)) < share
    kept = ~np.repeat(lost, setting.cluster_size, axis=1)
    return replace(sample, after=sample.after * kept, both=sample.both * kept)


def floors(runs: int, seed: int) -> list[Floor]:
    """Could the design effect be trusted with fewer than ten nonzero clusters?"""
    found = []
    for number, setting in enumerate(
        Setting(20 * clusters, 1, 20, 0.5, rate, redrawn)
        for clusters in (6, 8, 10)
        for rate, redrawn in ((0.9, 0.2), (0.99, 1.0))
    ):
        rng = np.random.default_rng([seed, 78, number])
        sample = draw(case_law(setting, -0.1), setting.n_cases, 20, setting.icc, runs, rng)
        rates = {
            few: float((compare_many(sample, few).lower > -0.1 + 1e-12).mean())
            for few in (10, 7, 5)
        }
        found.append(Floor(setting, 0.1, rates))
    return found


def _limits(
    gaps: Sequence[Gap], counts: Sequence[Count], margins: bool, runs: int, seed: int
) -> list[Limit]:
    found = []
    for number, gap in enumerate(gaps):
        setting, rare, ours = gap.setting, None, None
        level = LEVEL if margins else LEVEL / 2  # one-sided
        most = 1.0
        if setting.cluster_size > 1 and setting.icc == 0 and ignores_clusters(gap.method):
            most = most_without_icc(setting.n_clusters, gap.best, level, seed)
        if margins:
            share = gap.loss / setting.pass_rate
            most = min(most, level / (1 - share) ** setting.n_clusters)
            sample = lose_clusters(setting, share, runs, np.random.default_rng([seed, 77, number]))
            lower = PEERS[gap.method](sample).lower
            assert lower is not None
            rare = float((lower > -gap.loss + 1e-12).mean())
            ours = float((compare_many(sample).lower > -gap.loss + 1e-12).mean())
        worst = _worst_of_shape(gap, counts, margins)
        found.append(Limit(gap, most, worst, rare, ours))
    return found


def _worst_of_shape(gap: Gap, counts: Sequence[Count], margins: bool) -> float:
    """Largest false rate of the method in cells of that many cases, trials and clusters."""
    here = gap.setting
    worst = 0.0
    for item in counts:
        setting = item.setting
        same = (here.n_cases, here.n_trials, here.cluster_size)
        if (setting.n_cases, setting.n_trials, setting.cluster_size) != same:
            continue
        tally = item.peers[gap.method]
        if margins and item.difference == -gap.loss and tally.passed is not None:
            worst = max(worst, tally.passed[MARGINS.index(gap.loss)] / tally.runs)
        elif not margins and item.difference == 0:
            worst = max(worst, tally.rejected / tally.runs)
    return worst
