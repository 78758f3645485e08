"""What does each cluster of rows contribute to a column, when rows are never seen together?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .histogram import Floats

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]
Codes = NDArray[np.intp]

UNITS = 1024  # clusters kept apart; more are joined at random, which is as valid
UNIT_BITS = 10
LEVELS = 256  # told apart inside clusters; more are joined at random
LEVEL_BITS = 8
THRESHOLDS = 64  # where the distribution inside a cluster is known


@dataclass(frozen=True, slots=True, eq=False)
class UnitSums:
    """Sums of one column over the rows of each unit: a cluster, or clusters joined by digest.

    `keys` (u,) are the digests of the clusters' texts, increasing, or their first `bits` bits once
    there are more than `UNITS` of them: clusters are joined by a function of their name alone, so a
    joined unit is independent of the others as a cluster is, and the halves of a cluster that is on
    both sides of a comparison meet in units of the same key.

    `sums` begins with the rows and the missing values (null or NaN) of each unit, (u, 2). Of
    numbers it goes on with count, sum and sum of squares about `pivot`, (u, 5), and `counts` (u, t)
    are how many are at most each threshold. Of levels, `counts` (u, w) are those of the levels (or
    joined levels) `level_keys`.
    """

    keys: Keys
    bits: int
    sums: Floats
    counts: Counts
    pivot: float = 0.0
    level_keys: Keys | None = None
    level_bits: int = 64

    def like(self, bits: int, other: UnitSums) -> UnitSums:
        """The same sums by the first `bits` bits of the clusters, over the levels of another."""
        units = _folded(self, bits)
        if units.level_keys is None or other.level_keys is None:
            return units
        return _spread(_levels_folded(units, other.level_bits), other.level_keys)

    def __add__(self, other: UnitSums) -> UnitSums:
        one, two = self, other
        bits = min(one.bits, two.bits)
        one, two = _folded(one, bits), _folded(two, bits)
        if one.level_keys is not None and two.level_keys is not None:
            level_bits = min(one.level_bits, two.level_bits)
            one, two = _levels_folded(one, level_bits), _levels_folded(two, level_bits)
            assert one.level_keys is not None
            assert two.level_keys is not None
            levels = np.union1d(one.level_keys, two.level_keys)
            one, two = _spread(one, levels), _spread(two, levels)
        keys = np.union1d(one.keys, two.keys)
        sums = np.zeros((keys.size, one.sums.shape[1]))
        counts = np.zeros((keys.size, one.counts.shape[1]), dtype=np.int64)
        for part in (one, two):
            place = np.searchsorted(keys, part.keys)
            sums[place] += part.sums
            counts[place] += part.counts
        return _within_caps(replace(one, keys=keys, sums=sums, counts=counts))


def same_kind(one: UnitSums, two: UnitSums) -> bool:
    """Whether two states were made alike: both of levels, or of numbers at the same edges."""
    if (one.level_keys is None) != (two.level_keys is None):
        return False
    if one.level_keys is not None:
        return True
    return one.pivot == two.pivot and one.counts.shape[1] == two.counts.shape[1]


def thresholds(edges: Floats) -> Floats:
    """A few of the edges, evenly spaced."""
    if edges.size <= THRESHOLDS:
        return edges
    return edges[np.linspace(0, edges.size - 1, THRESHOLDS + 2)[1:-1].round().astype(np.intp)]


def number_units(
    codes: Codes, keys: Keys, values: Floats, edges: Floats, missing: NDArray[np.bool_]
) -> UnitSums:
    """The sums of numbers by unit; `codes` say which of the (distinct) `keys` each row belongs to.

    `missing` are the rows without a number; `values` are those of the other rows, in order.
    """
    at = thresholds(edges)
    pivot = float(edges[edges.size // 2]) if edges.size else 0.0
    keys, bits, codes = _joined(keys, codes)
    size, width = keys.size, at.size + 1
    rows = _rows(codes, missing, size)
    finite = np.isfinite(values)
    codes, values = codes[~missing][finite], values[finite]
    apart = values - pivot
    with np.errstate(over="ignore"):  # a spread beyond doubles is infinite
        weights = np.ones(values.size), apart, apart**2
    own = [np.bincount(codes, each, size) for each in weights]
    cells = codes * width + np.searchsorted(at, values, side="left")
    table = np.bincount(cells, minlength=size * width).reshape(size, width)
    counts = np.cumsum(table, axis=1)[:, :-1].astype(np.int64)
    return _sorted(UnitSums(keys, bits, np.column_stack([rows, *own]), counts, pivot))


def level_units(
    codes: Codes, keys: Keys, levels: Codes, level_keys: Keys, missing: NDArray[np.bool_]
) -> UnitSums:
    """The counts of levels by unit; `levels` say which of the (distinct) `level_keys` each is.

    `missing` are the rows without a level; `levels` are those of the other rows, in order.
    """
    bits = 64
    if level_keys.size > LEVELS:
        level_keys, joined = np.unique(
            level_keys >> np.uint64(64 - LEVEL_BITS), return_inverse=True
        )
        levels, bits = joined[levels], LEVEL_BITS
    order = np.argsort(level_keys, kind="stable")
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    keys, unit_bits, codes = _joined(keys, codes)
    size, width = keys.size, level_keys.size
    cells = np.bincount(codes[~missing] * width + rank[levels], minlength=size * width)
    counts = cells.reshape(size, width).astype(np.int64)
    rows = _rows(codes, missing, size)
    return _sorted(UnitSums(keys, unit_bits, rows, counts, 0.0, level_keys[order], bits))


def missing_units(codes: Codes, keys: Keys, missing: NDArray[np.bool_]) -> UnitSums:
    """The rows and the missing values of each unit, where no more is asked of a column."""
    keys, bits, codes = _joined(keys, codes)
    counts = np.zeros((keys.size, 0), dtype=np.int64)
    return _sorted(UnitSums(keys, bits, _rows(codes, missing, keys.size), counts))


def _rows(codes: Codes, missing: NDArray[np.bool_], size: int) -> Floats:
    """Rows and missing values of each unit."""
    counts = [np.bincount(part, minlength=size) for part in (codes, codes[missing])]
    return np.column_stack(counts).astype(np.float64)


def _joined(keys: Keys, codes: Codes) -> tuple[Keys, int, Codes]:
    """Units, their bits, and the unit of each value: clusters, or joined where they are many."""
    if keys.size <= UNITS:
        return keys, 64, codes
    keys, place = np.unique(keys >> np.uint64(64 - UNIT_BITS), return_inverse=True)
    return keys, UNIT_BITS, place[codes]


def _sorted(units: UnitSums) -> UnitSums:
    order = np.argsort(units.keys, kind="stable")
    return _within_caps(
        replace(units, keys=units.keys[order], sums=units.sums[order], counts=units.counts[order])
    )


def _within_caps(units: UnitSums) -> UnitSums:
    if units.bits == 64 and units.keys.size > UNITS:
        units = _folded(units, UNIT_BITS)
    if units.level_keys is not None and units.level_bits == 64 and units.level_keys.size > LEVELS:
        units = _levels_folded(units, LEVEL_BITS)
    return units


def _folded(units: UnitSums, bits: int) -> UnitSums:
    if units.bits == bits:
        return units
    keys, place = np.unique(units.keys >> np.uint64(units.bits - bits), return_inverse=True)
    sums = np.zeros((keys.size, units.sums.shape[1]))
    counts = np.zeros((keys.size, units.counts.shape[1]), dtype=np.int64)
    np.add.at(sums, place, units.sums)
    np.add.at(counts, place, units.counts)
    return replace(units, keys=keys, bits=bits, sums=sums, counts=counts)


def _levels_folded(units: UnitSums, bits: int) -> UnitSums:
    if units.level_keys is None or units.level_bits == bits:
        return units
    keys, place = np.unique(
        units.level_keys >> np.uint64(units.level_bits - bits), return_inverse=True
    )
    counts = np.zeros((keys.size, units.keys.size), dtype=np.int64)
    np.add.at(counts, place, units.counts.T)
    return replace(units, level_keys=keys, level_bits=bits, counts=counts.T.copy())


def _spread(units: UnitSums, levels: Keys) -> UnitSums:
    """The same counts over more levels."""
    assert units.level_keys is not None
    counts = np.zeros((units.keys.size, levels.size), dtype=np.int64)
    counts[:, np.searchsorted(levels, units.level_keys)] = units.counts
    return replace(units, level_keys=levels, counts=counts)
