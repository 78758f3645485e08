"""What is the largest gap exactly, where counts at fixed edges leave it open?

Only the open cells in which it could lie are read again, as many at a time as memory allows. The
values that the smaller side has there become edges of their own, at which both sides are counted:
between two neighbours of them that side does not grow, so nothing is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .histogram import Counts, Floats, Gap, Histogram, largest_gap

AT_ONCE = 500_000  # values held, of one side

Reader = Callable[
    [], Iterable[Floats]
]  # the values of a column, batch by batch, any number of times


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Open cells between edges: `left` and `right` are (k,) ends, increasing, infinite at most."""

    left: Floats
    right: Floats

    def inside(self, ordered: Floats) -> Floats:
        """Those of sorted values that lie in one of the cells."""
        first = np.searchsorted(ordered, self.left, side="right")
        last = np.maximum(np.searchsorted(ordered, self.right, side="left"), first)
        size = int((last - first).sum())
        if size == 0:
            return ordered[:0]
        ends = np.cumsum(last - first)
        offsets = np.repeat(first - np.append(0, ends[:-1]), last - first)
        inside: Floats = ordered[np.arange(size) + offsets]
        return inside


def exact_gap(
    x: Histogram, y: Histogram, read_x: Reader, read_y: Reader, *, at_once: int = AT_ONCE
) -> Gap:
    """The largest gap, `low` and `high` being one.

    Parameters
    ----------
    x, y : Histogram
        On the same edges.
    read_x, read_y : callable
        Give all values of the sides again, NaN and infinities among them, in any order.
    at_once : int
        How many values may be held.
    """
    gap = largest_gap(x, y)
    while gap.cells.size:
        mass_x, mass_y = _masses(x), _masses(y)
        smaller = np.minimum(mass_x, mass_y)[gap.cells]
        many = max(int(np.searchsorted(np.cumsum(smaller), at_once, side="right")), 1)
        chosen = np.sort(gap.cells[:many])
        edges = x.edges
        cells = Cells(np.append(-np.inf, edges)[chosen], np.append(edges, np.inf)[chosen])
        read = read_x if mass_x[chosen].sum() <= mass_y[chosen].sum() else read_y
        points = _distinct_inside(read, cells, at_once)
        x, y = (
            _extended(side, points, _counts_at(again, cells, points))
            for side, again in ((x, read_x), (y, read_y))
        )
        gap = largest_gap(x, y)
    return gap


def with_all_values(
    x: Histogram, y: Histogram, read_x: Reader, read_y: Reader, *, most: int
) -> tuple[Histogram, Histogram] | None:
    """Both sides counted at every value there is; None where there are more than `most`.

    For columns of few distinct values, some of which were not in the sample that edges came from.
    """
    sides = []
    for side, read in ((x, read_x), (y, read_y)):
        found: dict[float, int] = {}
        if _masses(side).sum():
            for values in read():
                ordered = _ordered(values)
                place = np.minimum(np.searchsorted(side.edges, ordered), side.edges.size - 1)
                rest, counts = np.unique(ordered[side.edges[place] != ordered], return_counts=True)
                if rest.size > most:
                    return None
                for value, count in zip(rest.tolist(), counts.tolist(), strict=True):
                    found[value] = found.get(value, 0) + count
                if len(found) > most:
                    return None
        sides.append(found)
    points = np.array(sorted({*sides[0], *sides[1]}), dtype=np.float64)
    if x.edges.size + points.size > most:
        return None
    extended = []
    for side, found in zip((x, y), sides, strict=True):
        at = np.array([found.get(value, 0) for value in points.tolist()], dtype=np.int64)
        extended.append(_extended(side, points, (np.zeros_like(at), at)))
    return extended[0], extended[1]


def _masses(side: Histogram) -> Counts:
    """How many values lie in each open cell."""
    masses: Counts = np.append(side.below, side.n) - np.append(0, side.upto)
    return masses


def _distinct_inside(read: Reader, cells: Cells, at_once: int) -> Floats:
    """The distinct values inside cells; where they are too many to hold, every second of them."""
    kept = np.empty(0)
    for values in read():
        kept = np.union1d(kept, cells.inside(_ordered(values)))
        while kept.size > at_once:
            kept = kept[::2]
    return kept + 0.0


def _counts_at(read: Reader, cells: Cells, points: Floats) -> tuple[Counts, Counts]:
    """How many values inside the cells lie before each point, and how many at it."""
    before = np.zeros(points.size, dtype=np.int64)
    at = np.zeros(points.size, dtype=np.int64)
    ends = cells.right[np.searchsorted(cells.right, points, side="right")]
    for values in read():
        inside = cells.inside(_ordered(values))
        place = np.searchsorted(points, inside, side="left")
        own = place < points.size  # behind the last point of its cell nothing needs a count
        own &= cells.right[np.searchsorted(cells.right, inside, side="right")] == ends[place * own]
        place, inside = place[own], inside[own]
        hit = points[place] == inside
        at += np.bincount(place[hit], minlength=points.size)
        before += np.bincount(place[~hit], minlength=points.size)
    return before, at


def _extended(side: Histogram, points: Floats, counts: tuple[Counts, Counts]) -> Histogram:
    """The histogram with more edges; `counts` are those between and at the points, cell by cell."""
    before, at = counts
    cell = np.searchsorted(side.edges, points)
    total = np.cumsum(before + at)
    first = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
    earlier = np.append(0, total)[first]  # of the cells before this one
    own = np.repeat(earlier, np.diff(np.append(first, points.size)))
    start = np.append(0, side.upto)[cell]
    upto = start + total - own
    order = np.argsort(np.concatenate([side.edges, points]), kind="stable")
    return Histogram(
        side.n,
        np.concatenate([side.edges, points])[order],
        np.concatenate([side.below, upto - at])[order],
        np.concatenate([side.upto, upto])[order],
    )


def _ordered(values: NDArray[np.float64]) -> Floats:
    """Sorted, without NaN and infinities."""
    ordered = np.sort(values)
    if ordered.size and not (np.isfinite(ordered[0]) and np.isfinite(ordered[-1])):
        ordered = ordered[np.isfinite(ordered)]
    return ordered
