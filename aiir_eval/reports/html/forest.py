"""Where the marks of a forest plot go: one scale for rows that share a unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

WIDTH = 260.0
INSET = 12.0  # room for half a label at both ends
TICKS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval and the line it is held against; any of it may be absent."""

    estimate: float | None
    low: float | None
    high: float | None
    limit: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Place:
    """The horizontal places of one row's marks; open ends run on beyond the scale."""

    point: float | None
    low: float | None
    high: float | None
    open_low: bool
    open_high: bool
    limit: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on `WIDTH` units."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    zero: float | None

    def x(self, value: float) -> float:
        return _x(value, self.low, self.high)

    def place(self, interval: Interval) -> Place:
        """The marks of one row, kept within the scale."""
        low = self.low if interval.low is None else interval.low
        high = self.high if interval.high is None else interval.high
        bare = interval.low is None and interval.high is None
        return Place(
            None if interval.estimate is None else self.x(self._within(interval.estimate)),
            None if bare else self.x(self._within(low)),
            None if bare else self.x(self._within(high)),
            interval.low is None or interval.low < self.low,
            interval.high is None or interval.high > self.high,
            None if interval.limit is None else self.x(self._within(interval.limit)),
            interval.label,
        )

    def _within(self, value: float) -> float:
        return min(max(value, self.low), self.high)


def make_scale(
    intervals: Sequence[Interval], label: Callable[[float], str], *, zero: bool = True
) -> Scale | None:
    """One scale for all rows, from round number to round number; None where nothing is finite.

    `zero` says that zero means something (no difference) and must be seen. An end that lies far
    beyond all estimates and limits is cut, so that one wide interval does not flatten the others.
    """
    centres = [
        value
        for item in intervals
        for value in (item.estimate, item.limit)
        if value is not None and isfinite(value)
    ]
    ends = [
        value
        for item in intervals
        for value in (item.low, item.high)
        if value is not None and isfinite(value)
    ]
    if not centres and not ends:
        return None
    core = [*centres, *([0.0] if zero else [])] or ends
    reach = max(max(core) - min(core), _median_width(intervals)) or 1.0
    low = max(min([*core, *ends]), min(core) - 1.5 * reach)
    high = min(max([*core, *ends]), max(core) + 1.5 * reach)
    step = round_step((high - low if high - low > 1e-290 else 1.0) / TICKS)
    first, last = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    low, high = first * step, max(last, first + 1) * step
    ticks = tuple(
        Tick(_x(index * step, low, high), label(index * step))
        for index in range(first, max(last, first + 1) + 1)
    )
    return Scale(low, high, ticks, _x(0.0, low, high) if zero and low <= 0 <= high else None)


def _x(value: float, low: float, high: float) -> float:
    return round(INSET + (WIDTH - 2 * INSET) * (value - low) / (high - low), 2)


def _median_width(intervals: Sequence[Interval]) -> float:
    widths = sorted(
        item.high - item.low
        for item in intervals
        if item.low is not None and item.high is not None and isfinite(item.high - item.low)
    )
    return widths[len(widths) // 2] if widths else 0.0


def round_step(raw: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** floor(log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
