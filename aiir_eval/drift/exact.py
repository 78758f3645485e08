"""What do all values of a column, in memory, say of it? Exact facts, one column at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import frexp, ldexp, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..stats.drift_tests import ks_distance, level_groups, level_test
from ..stats.ks_ties import steps_of
from ..stats.randomness import Rng
from ..stats.two_sample import TestResult
from .columns import Column, Side, sort
from .declared import NumericTest
from .facts import (
    Bound,
    Counts,
    Facts,
    LevelFacts,
    Moments,
    NumericFacts,
    RateFacts,
    Skipped,
    are_ids,
)
from .result import Distribution

if TYPE_CHECKING:
    from .clusters import ClusterDesign

_MAX_LEVELS = 1000  # told apart when clusters are relabelled; the rarest beyond are lumped
_POINTS = 64  # at most, of a plot
_BINS = 10
_AT_ONCE, _IN_CACHE = 1 << 20, 1 << 15
_PLAIN_RANGE = 1e-120, 1e140


def facts_of(
    column: Column,
    design: ClusterDesign | None = None,
    *,
    numeric_test: NumericTest = "auto",
    rng: Rng = None,
) -> Facts | Skipped:
    """The facts of a column; with a `design`, what its clusters say besides.

    A `numeric_test` that needs every value is made here, `rng` deals its relabellings.
    """
    if design is not None and design.paired:
        from .pairing import complete_pairs

        complete = complete_pairs(column)
        if isinstance(complete, Skipped):
            return complete
        column = complete
    if column.kind == "boolean":
        return _rate_facts(column, design)
    if column.kind == "categorical":
        return _level_facts(column, design)
    return _numeric_facts(column, design, numeric_test, rng)


def _numeric_facts(
    column: Column, design: ClusterDesign | None, numeric_test: NumericTest, rng: Rng
) -> NumericFacts:
    clustered = None if design is None else design.of_numbers(column)
    x, y = column.reference.values, column.current.values
    if not column.in_order:
        x, y = sort(x), sort(y)
    return NumericFacts(
        column.name,
        moments_of(x),
        moments_of(y),
        Bound.exactly(ks_distance(x, y)),
        missing=column.missing,
        bins=_bins(x, y),
        distribution=_ecdf(x, y),
        clustered=clustered,
        tests=_requested(numeric_test, x, y, rng),
        note=column.note,
        steps=steps_of((x, y)) if design is None else None,
    )


def _requested(
    numeric_test: NumericTest, x: NDArray[Any], y: NDArray[Any], rng: Rng
) -> dict[str, TestResult]:
    from ..stats.distribution_tests import anderson_darling, cramer_von_mises, wasserstein

    tests: dict[str, Callable[..., TestResult]] = {
        "anderson-darling": anderson_darling,
        "cramer-von-mises": cramer_von_mises,
        "wasserstein": wasserstein,
    }
    if numeric_test not in tests:
        return {}
    sides = (side.astype(np.float64, copy=False) for side in (x, y))
    return {numeric_test: tests[numeric_test](*sides, rng=rng)}


def moments_of(values: NDArray[Any]) -> Moments:
    """Moments of sorted values."""
    low, high = float(values[0]), float(values[-1])
    if values[0] == values[-1]:
        return Moments(values.size, low, 0.0, low, high)
    shift = _exponent(max(abs(low), abs(high)))
    sizes, means, squares = [], [], []
    for start in range(0, values.size, _IN_CACHE):  # once through memory
        block = values[start : start + _IN_CACHE]
        if shift:
            block = np.ldexp(block, -shift)
        middle = block.mean()
        apart = block - middle
        sizes.append(block.size)
        means.append(middle)
        squares.append(np.einsum("i,i->", apart, apart))  # a dot product would wake BLAS's threads
    weights, centres = np.array(sizes) / values.size, np.array(means)
    mean = float(weights @ centres)
    total = float(np.sum(squares)) + values.size * float(weights @ (centres - mean) ** 2)
    sd = sqrt(total / (values.size - 1))
    return Moments(values.size, ldexp(mean, shift), ldexp(sd, shift), low, high)


def _exponent(largest: float) -> int:
    """The power of two by which numbers are divided where their squares overflow or vanish."""
    return 0 if _PLAIN_RANGE[0] < largest < _PLAIN_RANGE[1] else frexp(largest)[1]


def _bins(x: NDArray[Any], y: NDArray[Any]) -> tuple[Counts, Counts]:
    """Counts between the deciles of the reference, as is usual for PSI."""
    marks = (np.arange(1, _BINS) * x.size) // _BINS
    edges = np.unique(x[marks])
    counts = []
    for values in (x, y):
        below = np.searchsorted(values, edges, side="right")
        counts.append(np.diff(below, prepend=0, append=values.size))
    return counts[0], counts[1]


def _ecdf(x: NDArray[Any], y: NDArray[Any]) -> Distribution:
    """Both cumulative shares at order statistics of both sides, the extremes among them."""
    half = _POINTS // 2
    at = np.unique(
        np.concatenate(
            [side[np.linspace(0, side.size - 1, half).astype(np.intp)] for side in (x, y)]
        )
    )
    shares = [np.searchsorted(side, at, side="right") / side.size for side in (x, y)]
    return Distribution(
        "ecdf", tuple(map(float, at)), tuple(map(float, shares[0])), tuple(map(float, shares[1]))
    )


def _rate_facts(column: Column, design: ClusterDesign | None) -> RateFacts:
    left, right = column.reference, column.current
    clustered = paired = None
    if design is not None and design.paired:
        from .pairing import paired_rate

        paired = paired_rate(column, design)
    elif design is not None:
        clustered = design.of_rate(column)
    ones = int(np.count_nonzero(left.values)), int(np.count_nonzero(right.values))
    n = left.n, right.n
    return RateFacts(column.name, ones, n, column.missing, clustered, column.note, paired)


def _level_facts(column: Column, design: ClusterDesign | None) -> LevelFacts | Skipped:
    import pyarrow as pa
    import pyarrow.compute as pc

    assert column.levels is not None
    name, width = column.name, len(column.levels)
    for side, label in ((column.reference, "reference"), (column.current, "current")):
        if side.n < 2:
            return Skipped(name, f"fewer than two values in {label}")
    counts = _counts(column.reference, width), _counts(column.current, width)
    used = (counts[0] > 0) | (counts[1] > 0)
    levels, n = int(np.count_nonzero(used)), column.reference.n + column.current.n
    if levels == 1:
        return Skipped(name, "one value throughout")
    if are_ids(levels, *counts):
        return Skipped(name, f"{levels:,} distinct texts in {n:,} values: ids or free text")
    clustered = None
    if design is not None:
        lump = level_test(counts[0][used], counts[1][used]).method == "chi2_contingency"
        groups = np.zeros(width, dtype=np.intp)
        groups[used] = level_groups(counts[0][used], counts[1][used], lump=lump, most=_MAX_LEVELS)
        clustered = design.of_levels(column, groups)
    texts = column.levels.filter(pa.array(used))
    order = pc.sort_indices(texts)
    by_name = order.to_numpy()
    return LevelFacts(
        name,
        counts[0][used][by_name],
        counts[1][used][by_name],
        texts.take(order),
        column.missing,
        clustered,
        column.note,
    )


def _counts(side: Side, width: int) -> Counts:
    total = np.zeros(width, dtype=np.int64)
    for start in range(0, side.n, _AT_ONCE):
        total += np.bincount(side.values[start : start + _AT_ONCE], minlength=width)
    return total
