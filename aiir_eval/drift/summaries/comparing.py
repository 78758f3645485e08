"""What do the states of a column on both sides say of it? The facts that judging works on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...stats.ks_ties import MAX_STEPS
from ..facts import Bound, LevelFacts, Missing, Moments, NumericFacts, RateFacts, Skipped, are_ids
from ..result import Distribution
from .histogram import Counts, Gap, Histogram, largest_gap, same_edges
from .levels import AlignedLevels, aligned
from .states import ColumnState, LevelState, NumericState, OpaqueState

if TYPE_CHECKING:
    import pyarrow as pa

StateFacts = NumericFacts | RateFacts | LevelFacts
MISSING = " is missing"  # what the missing values of a column are tested as

_POINTS = 64  # of a distribution that is drawn
_BINS = 10
_NAMED, _MOST_NAMED = 3, 10_000  # levels a report names; others as frequent, looked up too
_EXACT = 2.0**53  # whole numbers up to here are doubles


def compare_states(
    name: str, reference: ColumnState, current: ColumnState, *, primary: bool = False
) -> list[StateFacts | Skipped]:
    """The facts of a column, and of its missing values where there are any.

    They are those that the engine finds which has all values in memory, but for the largest gap
    between the cumulative shares of numbers, which is known within bounds.
    """
    found = [_values(name, reference, current, primary=primary)]
    gaps = missing_values(name, reference, current)
    return found if gaps is None else [*found, gaps]


def missing_values(
    name: str, reference: ColumnState, current: ColumnState
) -> RateFacts | Skipped | None:
    """How often values are missing (null or NaN); None where none is, or all are."""
    name = name + MISSING
    sides = reference, current
    ones = (reference.n_missing, current.n_missing)
    rows = tuple(side.n + side.n_null + getattr(side, "n_odd", 0) for side in sides)
    if sum(ones) in (0, sum(rows)):
        return None
    for n, side in zip(rows, ("reference", "current"), strict=True):
        if n < 2:
            return Skipped(name, f"fewer than two values in {side}")
    return RateFacts(name, ones, (rows[0], rows[1]))


def _values(
    name: str, reference: ColumnState, current: ColumnState, *, primary: bool
) -> StateFacts | Skipped:
    for state, side in ((reference, "reference"), (current, "current")):
        if state.n == 0 and not (isinstance(state, NumericState) and state.n_odd):
            return Skipped(name, f"every value is null in {side}")
    for state in (current, reference):
        if isinstance(state, OpaqueState):
            return Skipped(
                name, f"columns of type {state.type_name} are only tested where they fit in memory"
            )
    if isinstance(reference, NumericState) and isinstance(current, NumericState):
        return _numbers(name, reference, current, primary=primary)
    if isinstance(reference, LevelState) and isinstance(current, LevelState):
        return _levels(name, reference, current)
    return Skipped(name, f"its type changed from {reference.type_name} to {current.type_name}")


def _numbers(
    name: str, old: NumericState, new: NumericState, *, primary: bool
) -> NumericFacts | RateFacts | Skipped:
    for state, side in ((old, "reference"), (new, "current")):
        if state.n < 2:
            return Skipped(name, f"fewer than two finite values in {side}")
    truth = old.is_rate and new.is_rate
    if min(old.low, new.low) == max(old.high, new.high) and not (truth and primary):
        return Skipped(name, "one value throughout")
    missing = Missing((old.n_null, new.n_null), (old.n_odd, new.n_odd))
    if truth:
        return RateFacts(name, (old.n_one, new.n_one), (old.n, new.n), missing)
    if old.truth or new.truth:
        return Skipped(name, "its type changed between truth values and numbers")
    if old.numbers_rows and new.numbers_rows:
        return Skipped(name, "it numbers the rows")
    gap = gap_of(old, new)
    beyond = max(abs(end) for side in (old, new) for end in (side.low, side.high)) > _EXACT
    return NumericFacts(
        name,
        _moments(old),
        _moments(new),
        Bound(gap.low, gap.high),
        missing,
        bins=_bins(old, new),
        distribution=_ecdf(old, new),
        note="whole numbers beyond 2^53 are rounded" if old.whole and beyond else "",
        steps=steps_of(old.histogram, new.histogram),
    )


def steps_of(old: Histogram, new: Histogram) -> Counts | None:
    """Values up to each distinct one, where every value is an edge and these are few."""
    if not same_edges(old.edges, new.edges):
        return None
    there = (old.upto - old.below) + (new.upto - new.below)
    if there.sum() != old.n + new.n or np.count_nonzero(there) > MAX_STEPS:
        return None
    steps: Counts = (old.upto + new.upto)[there > 0]
    return steps


def gap_of(old: NumericState, new: NumericState) -> Gap:
    """The largest gap between the cumulative shares, or what is known of it."""
    return largest_gap(old.histogram, new.histogram)


def _moments(state: NumericState) -> Moments:
    return Moments(state.n, state.mean, state.sd, state.low, state.high)


def _bins(old: NumericState, new: NumericState) -> tuple[Counts, Counts] | None:
    """Counts between (about) the deciles of the reference, where both count at the same edges."""
    if not same_edges(old.histogram.edges, new.histogram.edges) or not old.histogram.edges.size:
        return None
    wanted = np.arange(1, _BINS) / _BINS * old.n
    marks = np.searchsorted(old.histogram.upto, wanted, side="right")
    marks = np.unique(np.minimum(marks, old.histogram.edges.size - 1))
    sides = [np.diff(side.histogram.upto[marks], prepend=0, append=side.n) for side in (old, new)]
    return sides[0], sides[1]


def _ecdf(old: NumericState, new: NumericState) -> Distribution:
    """Cumulative shares of both sides at evenly spaced edges of the reference."""
    edges = old.histogram.edges
    marks = np.unique(np.linspace(0, edges.size - 1, _POINTS).round().astype(np.intp))
    at = edges[marks]
    return Distribution(
        "ecdf",
        tuple(at.tolist()),
        tuple((old.histogram.upto[marks] / old.n).tolist()),
        tuple(_shares_at(new.histogram, at, new.n)),
    )


def _shares_at(histogram: Histogram, at: np.ndarray, n: int) -> list[float]:
    """Shares up to some numbers; of those between two edges, what is certain."""
    upto = np.append(0, histogram.upto)[np.searchsorted(histogram.edges, at, side="right")]
    shares: list[float] = (upto / n).tolist()
    return shares


def _levels(name: str, old: LevelState, new: LevelState) -> LevelFacts | Skipped:
    if old.times and new.times:
        return Skipped(name, "dates and times are only tested where they fit in memory")
    for state, side in ((old, "reference"), (new, "current")):
        if state.n < 2:
            return Skipped(name, f"fewer than two values in {side}")
    both = aligned(old.levels, new.levels)
    levels, n = both.reference.size, old.n + new.n
    if levels == 1 and both.bits == 64:
        return Skipped(name, "one value throughout")
    distinct = levels if both.bits == 64 else (old.levels + new.levels).n_levels()
    if are_ids(distinct, both.reference, both.current):
        about = "" if both.bits == 64 else "about "
        return Skipped(
            name,
            f"{about}{distinct:,.0f} distinct texts in {n:,} values: ids, or free text, which is "
            "only tested where it fits in memory",
        )
    note = ""
    if both.bits < 64:
        note = (
            f"about {distinct:,.0f} levels, counted in {levels:,} groups of levels: a change that "
            "is shown is real, one inside the groups is not seen"
        )
    elif both.texts is None:
        note = f"{levels:,} levels, counted without their texts"
    return LevelFacts(
        name,
        both.reference,
        both.current,
        level_texts(both),
        Missing((old.n_null, new.n_null)),
        note=note,
    )


def new_and_vanished(both: AlignedLevels) -> NDArray[np.intp]:
    """Which levels a report may name: the most frequent of those that one side does not have."""
    chosen = []
    for own, other in ((both.current, both.reference), (both.reference, both.current)):
        only = np.flatnonzero((own > 0) & (other == 0))
        if only.size:
            least = np.sort(own[only])[-_NAMED:][0]
            chosen.append(only[own[only] >= least][:_MOST_NAMED])
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.intp)


def level_texts(both: AlignedLevels, known: Mapping[int, str] | None = None) -> pa.Array:
    """Texts of the levels; where they were not kept, the digest of each but the `known` ones."""
    import pyarrow as pa

    if both.texts is not None:
        return pa.array(both.texts, pa.large_string())
    import pyarrow.compute as pc

    digits = pa.array(both.keys).cast(pa.large_string())
    texts = pc.binary_join_element_wise(
        pa.scalar("digest ", pa.large_string()), digits, pa.scalar("", pa.large_string())
    )
    if not known or both.keys is None:
        return texts
    keys = np.array(sorted(known), dtype=np.uint64)
    names = pa.array([known[int(key)] for key in keys], pa.large_string())
    return pc.replace_with_mask(texts, pa.array(np.isin(both.keys, keys)), names)
