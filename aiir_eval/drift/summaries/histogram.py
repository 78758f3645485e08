"""How do two samples differ in distribution, when only counts at fixed edges are known?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

EDGES = 8192  # as many quantiles of the reference: an open cell holds some 0.01% of its rows


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How many of `n` numbers lie below each edge, and how many up to it (the edge included).

    `edges` are (k,), increasing; `below` and `upto` are (k,) counts. Because ties with an edge are
    counted apart, the distribution function is known exactly at every edge and just before it,
    atoms included; between two edges it is known to within the mass of the open cell.
    """

    n: int
    edges: Floats
    below: Counts
    upto: Counts

    def __add__(self, other: Histogram) -> Histogram:
        if not same_edges(self.edges, other.edges):
            raise InputError("histograms on different edges cannot be added")
        return Histogram(
            self.n + other.n, self.edges, self.below + other.below, self.upto + other.upto
        )


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Bounds of the largest gap |F - G| of two samples.

    It is at least `low` and at most `high`. `cells` are the numbers of the open cells (cell i lies
    before edge i) in which it could exceed `low`, the most promising first, and `bounds` what it
    could be there.
    """

    low: float
    high: float
    cells: NDArray[np.intp]
    bounds: Floats


def empty_histogram(edges: Floats) -> Histogram:
    zero = np.zeros(edges.size, dtype=np.int64)
    return Histogram(0, edges, zero, zero)


def histogram_of(ordered: Floats, edges: Floats) -> Histogram:
    """The histogram of sorted numbers."""
    return Histogram(
        int(ordered.size),
        edges,
        np.searchsorted(ordered, edges, side="left").astype(np.int64),
        np.searchsorted(ordered, edges, side="right").astype(np.int64),
    )


def same_edges(one: Floats, other: Floats) -> bool:
    return one is other or np.array_equal(one, other)


def quantile_edges(sample: Floats, *, count: int = EDGES) -> Floats:
    """Edges at evenly spaced order statistics of a sample: at most `count`, each once.

    A sample with no more distinct values than that gives all of them, so a column of ties is
    described exactly. The sample need not be large: the edges decide how narrow the bounds are,
    never whether they hold.
    """
    ordered = np.unique(sample[np.isfinite(sample)]) + 0.0  # -0.0 and 0.0 are one number
    if ordered.size > count:
        every = np.sort(sample[np.isfinite(sample)])
        marks = np.linspace(0, every.size - 1, count).round().astype(np.intp)
        ordered = np.unique(every[marks]) + 0.0
    return ordered


def largest_gap(x: Histogram, y: Histogram) -> Gap:
    """Bounds of the Kolmogorov-Smirnov distance of two samples.

    Notes
    -----
    At an edge, and just before it, both distribution functions are known, so the largest gap
    found there is reached. Inside the open cell between two edges F only grows, from F(a) to
    F(b-), and so does G: their gap there is at most max(F(b-) - G(a), G(b-) - F(a)). Where only one
    sample has values in a cell that bound is reached at one end of it. Samples on different edges
    are brought to all edges of both, where each is known between two of its own.
    """
    edges = x.edges if same_edges(x.edges, y.edges) else np.union1d(x.edges, y.edges)
    f_low, f_high, f_exact = _bounds_on(x, edges)
    g_low, g_high, g_exact = _bounds_on(y, edges)
    # Row 0 is just before an edge, row 1 at it.
    apart = np.maximum(np.maximum(f_low - g_high, g_low - f_high), 0.0)
    reach = np.maximum(f_high - g_low, g_high - f_low)
    low = float(apart.max(initial=0.0))
    starts_f, starts_g = (np.append(0.0, side[1]) for side in (f_low, g_low))
    ends_f, ends_g = (np.append(side[0], 1.0) for side in (f_high, g_high))
    inside = np.maximum(ends_f - starts_g, ends_g - starts_f)
    # Cells that one sample leaves empty are settled by their ends (as far as those are known).
    settled = (ends_f == starts_f) | (ends_g == starts_g)
    if f_exact and g_exact:
        inside = np.where(settled, 0.0, inside)
    high = max(low, float(reach.max(initial=0.0)), float(inside.max(initial=0.0)))
    cells = np.flatnonzero(inside > low)
    cells = cells[np.argsort(-inside[cells], kind="stable")]
    return Gap(low, min(high, 1.0), cells, inside[cells])


def _bounds_on(side: Histogram, edges: Floats) -> tuple[Floats, Floats, bool]:
    """Lower and upper bounds of a distribution function, (2, k): just before each edge, and at it.

    And whether they are one.
    """
    n = max(side.n, 1)
    if same_edges(side.edges, edges):
        known = np.stack([side.below, side.upto]) / n
        return known, known, True
    place = np.searchsorted(side.edges, edges, side="left")
    after = np.minimum(place, side.edges.size - 1)
    hit = (place < side.edges.size) & (side.edges[after] == edges)
    before = np.append(0, side.upto)[place]  # up to the last edge of its own before this one
    ahead = np.append(side.below, side.n)[place]
    low = np.stack(
        [np.where(hit, side.below[after], before), np.where(hit, side.upto[after], before)]
    )
    high = np.stack(
        [np.where(hit, side.below[after], ahead), np.where(hit, side.upto[after], ahead)]
    )
    return low / n, high / n, bool(hit.all())
