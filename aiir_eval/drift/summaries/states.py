"""What is kept of a column: one state a kind, each merged by ``+`` in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .histogram import Floats, Histogram, empty_histogram, histogram_of
from .levels import Caps, LevelCounts
from .moments import Moments, moments_of


@dataclass(frozen=True, slots=True, eq=False)
class NumericState:
    """Numbers: how many, what is missing, their range, moments, and counts at fixed edges.

    `n_odd` are NaN and infinities, which are left out of everything else; `n_nan` of them are NaN,
    which count as missing. `n_zero` and `n_one` tell
    rates (0 and 1 throughout) from numbers. `whole` says that the column's type is an integer, and
    `truth` that it is a truth value.
    """

    n_null: int
    n_odd: int
    n_nan: int
    moments: Moments
    low: float
    high: float
    n_zero: int
    n_one: int
    histogram: Histogram
    type_name: str
    whole: bool = False
    truth: bool = False

    @property
    def n(self) -> int:
        return self.moments.n

    @property
    def n_missing(self) -> int:
        return self.n_null + self.n_nan

    @property
    def is_rate(self) -> bool:
        """Whether every number is 0 or 1."""
        return self.n_zero + self.n_one == self.n

    @property
    def mean(self) -> float:
        return self.moments.mean

    @property
    def sd(self) -> float:
        """Standard deviation; exactly zero for a constant."""
        return 0.0 if self.low == self.high else self.moments.sd

    @property
    def numbers_rows(self) -> bool:
        """Consecutive whole numbers, each once, as far as counts at the edges can tell."""
        if not self.whole or self.n < 10 or self.high - self.low != self.n - 1:
            return False
        hist = self.histogram
        expected = np.clip(np.ceil(hist.edges) - self.low, 0, self.n)
        inside = (hist.edges >= self.low) & (hist.edges <= self.high)
        own = (inside & (hist.edges == np.floor(hist.edges))).astype(np.int64)
        once = self.moments.variance - self.n * (self.n + 1) / 12
        return bool(
            np.array_equal(hist.below, expected.astype(np.int64))
            and np.array_equal(hist.upto - hist.below, own)
            and abs(once) <= 1e-9 * self.n**2
        )

    def __add__(self, other: NumericState) -> NumericState:
        return NumericState(
            self.n_null + other.n_null,
            self.n_odd + other.n_odd,
            self.n_nan + other.n_nan,
            self.moments + other.moments,
            min(self.low, other.low),
            max(self.high, other.high),
            self.n_zero + other.n_zero,
            self.n_one + other.n_one,
            self.histogram + other.histogram,
            self.type_name,
            self.whole and other.whole,
            self.truth and other.truth,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LevelState:
    """Texts: how many are missing, and counts by level.

    `times` says that every text is a date or a time (ISO 8601).
    """

    n_null: int
    levels: LevelCounts
    type_name: str
    times: bool = False

    @property
    def n(self) -> int:
        return self.levels.n

    @property
    def n_missing(self) -> int:
        return self.n_null

    def __add__(self, other: LevelState) -> LevelState:
        times = [side.times for side in (self, other) if side.n]
        return LevelState(
            self.n_null + other.n_null,
            self.levels + other.levels,
            self.type_name,
            bool(times) and all(times),
        )


@dataclass(frozen=True, slots=True, eq=False)
class OpaqueState:
    """A column of a type that is not tested, or null throughout: only counted."""

    n_null: int
    n: int
    type_name: str

    @property
    def n_missing(self) -> int:
        return self.n_null

    def __add__(self, other: OpaqueState) -> OpaqueState:
        return OpaqueState(self.n_null + other.n_null, self.n + other.n, self.type_name)


ColumnState = NumericState | LevelState | OpaqueState
StateKind = Literal["numeric", "levels", "opaque"]


def kind_of(state: ColumnState) -> StateKind:
    if isinstance(state, NumericState):
        return "numeric"
    return "levels" if isinstance(state, LevelState) else "opaque"


def numeric_state(
    values: NDArray[np.float64],
    edges: Floats,
    *,
    type_name: str,
    n_null: int = 0,
    whole: bool = False,
    truth: bool = False,
) -> NumericState:
    """The state of numbers, nulls taken out; NaN and infinities may be among them.

    Parameters
    ----------
    values : (n,) ndarray of float64
    edges : (k,) ndarray
        Increasing and finite; states on different edges cannot be merged.
    """
    ordered = np.sort(values)  # NaN last
    n_nan = values.size - int(np.searchsorted(ordered, np.inf, side="right"))
    if ordered.size and not (np.isfinite(ordered[0]) and np.isfinite(ordered[-1])):
        ordered = ordered[np.isfinite(ordered)]
    n_odd = values.size - ordered.size
    zero, one = (
        int(np.searchsorted(ordered, mark, "right") - np.searchsorted(ordered, mark, "left"))
        for mark in (0.0, 1.0)
    )
    return NumericState(
        n_null,
        int(n_odd),
        n_nan,
        moments_of(ordered),
        float(ordered[0]) + 0.0 if ordered.size else inf,
        float(ordered[-1]) + 0.0 if ordered.size else -inf,
        zero,
        one,
        histogram_of(ordered, edges),
        type_name,
        whole,
        truth,
    )


def empty_like(state: ColumnState) -> ColumnState:
    """The state of no rows that merges with `state`."""
    if isinstance(state, LevelState):
        return LevelState(0, LevelCounts(caps=state.levels.caps), state.type_name)
    if isinstance(state, OpaqueState):
        return OpaqueState(0, 0, state.type_name)
    return replace(
        state,
        n_null=0,
        n_odd=0,
        n_nan=0,
        moments=Moments(),
        low=inf,
        high=-inf,
        n_zero=0,
        n_one=0,
        histogram=empty_histogram(state.histogram.edges),
    )


__all__ = [
    "Caps",
    "ColumnState",
    "LevelState",
    "NumericState",
    "OpaqueState",
    "empty_like",
    "kind_of",
    "numeric_state",
]
