"""What do whole clusters say of a column, when only the sums over each are left?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp, ldexp

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...stats.drift_tests import level_groups, level_test
from ...stats.relabelling import relabelling
from ..clusters import ClusterDesign, UnitTotals
from ..facts import (
    Clustered,
    Facts,
    LevelFacts,
    NumericFacts,
    RateFacts,
    Skipped,
    TestedFacts,
)
from .clusters import Keys, UnitSums, same_kind
from .histogram import Floats
from .table import TableSummary

_MAX_LEVELS = 1000


@dataclass(frozen=True, slots=True)
class JoinedDesign(ClusterDesign):
    """A design of clusters that were joined into groups, as there were too many to keep apart."""

    def __str__(self) -> str:
        return (
            f"clusters joined into {sum(self.n_clusters):,} groups, {self.n_clusters[2]:,} of "
            "them on both sides"
        )


@dataclass(frozen=True, slots=True)
class ClustersOfStates:
    """The units of two summaries, as the relabellings number them."""

    old: TableSummary
    new: TableSummary
    design: ClusterDesign
    bits: int
    keys: tuple[Keys, Keys]
    places: tuple[NDArray[np.intp], NDArray[np.intp]]

    @classmethod
    def of(
        cls, old: TableSummary, new: TableSummary, *, n_resamples: int, rng: int
    ) -> ClustersOfStates:
        """Deal the labels of whole units anew, `n_resamples` times."""
        bits = min((units.bits for side in (old, new) for units in side.units.values()), default=64)
        keys = _all_keys(old, bits), _all_keys(new, bits)
        both = np.intersect1d(*keys)
        only = np.setdiff1d(keys[0], both), np.setdiff1d(keys[1], both)
        pairs, left, right = both.size, only[0].size, only[1].size
        places = []
        for side, start in ((0, 0), (1, pairs)):
            place = np.empty(keys[side].size, dtype=np.intp)
            shared = np.isin(keys[side], both)
            place[shared] = start + np.arange(pairs)
            place[~shared] = 2 * pairs + side * left + np.arange(only[side].size)
            places.append(place)
        generator = np.random.default_rng(np.random.SeedSequence(rng))
        labels = relabelling(pairs, left, right, n_resamples=n_resamples, rng=generator)
        none = np.empty(0, dtype=np.intp)
        kind = ClusterDesign if bits == 64 else JoinedDesign
        design = kind(none, none, labels, (left, right, pairs))
        return cls(old, new, design, bits, keys, (places[0], places[1]))

    def add_to(self, column: str, facts: Facts | Skipped) -> Facts | Skipped:
        """The facts of a column, or of its missing values, with what its clusters say besides."""
        if isinstance(facts, Skipped | TestedFacts):
            return facts
        old, new = self.old.units[column], self.new.units[column]
        if facts.name != column:
            rows = [self._aligned(side, number, side)[0] for number, side in enumerate((old, new))]
            means = self._means(rows[0] + rows[1], (0, 1, 1))
            return replace(facts, clustered=self.design.rate_from(means))
        if not same_kind(old, new):
            raise InputError(
                "sums by cluster were made at other edges",
                file=self.new.name,
                field=column,
                hint="summarise one of the tables again with --like and the other summary",
            )
        total = old + new  # brings the levels of both to one form
        parts = [self._aligned(side, number, total) for number, side in enumerate((old, new))]
        sums, counts = parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]
        if isinstance(facts, LevelFacts):
            return replace(facts, clustered=self._levels(parts[0][1], parts[1][1], counts))
        if isinstance(facts, RateFacts):
            means = self._means(sums, (2, 3, 4))
            return replace(facts, clustered=self.design.rate_from(means))
        means = self._means_of(sums, facts)
        sizes = sums[:, 2]
        shares = counts[:, counts.sum(axis=0) < sizes.sum()]  # not where nothing lies beyond
        cumulative = self.design.totals_of_counts(shares, sizes)
        return replace(facts, clustered=self.design.numbers_from(means, cumulative))

    def _aligned(self, side: UnitSums, number: int, total: UnitSums) -> tuple[Floats, Floats]:
        """Sums and counts of a side, one row a unit of the design, one column a level of both."""
        side = side.like(self.bits, total)
        place = self.places[number][np.searchsorted(self.keys[number], side.keys)]
        n_units = self.design.labels.n_units
        sums = np.zeros((n_units, side.sums.shape[1]))
        counts = np.zeros((n_units, side.counts.shape[1]))
        sums[place], counts[place] = side.sums, side.counts
        return sums, counts

    def _means(self, sums: Floats, columns: tuple[int, int, int]) -> UnitTotals:
        """Sums of a value by unit; `columns` are those of its count, sum and sum of squares."""
        n, first, second = (sums[:, column] for column in columns)
        observed = self.design.labels.is_reference[0]
        independent = 0.0
        for rows in (observed, ~observed):
            size = float(n[rows].sum())
            mean = float(first[rows].sum()) / size
            independent += (float(second[rows].sum()) / size - mean * mean) / size
        centred = first - n * (first.sum() / n.sum())
        return UnitTotals(n, centred[:, None], max(independent, 0.0))

    def _means_of(self, sums: Floats, facts: NumericFacts) -> UnitTotals:
        """As `_means`; squares of numbers of any size are in `facts`, which know them exactly."""
        n, first = sums[:, 2], sums[:, 3]
        centred = first - n * (first.sum() / n.sum())
        sides = facts.reference, facts.current
        largest = max(float(np.abs(centred).max()), *(side.sd for side in sides))
        power = -frexp(largest)[1]
        independent = sum(ldexp(side.sd, power) ** 2 * (side.n - 1) / side.n**2 for side in sides)
        return UnitTotals(n, np.ldexp(centred, power)[:, None], independent)

    def _levels(self, old: Floats, new: Floats, counts: Floats) -> Clustered:
        both = [side.sum(axis=0).astype(np.int64) for side in (old, new)]
        lump = level_test(*both).method == "chi2_contingency"
        groups = level_groups(*both, lump=lump, most=_MAX_LEVELS)
        joined = np.zeros((len(counts), int(groups.max()) + 1))
        np.add.at(joined.T, groups, counts.T)
        sums = self.design.totals_of_counts(joined, joined.sum(axis=1))
        return self.design.levels_from(sums, joined.sum(axis=0))


def _all_keys(side: TableSummary, bits: int) -> Keys:
    """The units of a side, by the first bits of their digests."""
    keys = [units.keys >> np.uint64(units.bits - bits) for units in side.units.values()]
    return np.unique(np.concatenate(keys)) if keys else np.empty(0, dtype=np.uint64)
