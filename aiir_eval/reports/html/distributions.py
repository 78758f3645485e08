"""Where the marks of a column's two distributions go: two steps of shares, or bars in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..drift_view import bars, short
from ..visible import one_line
from ..wording import rate
from .forest import Tick, round_step

if TYPE_CHECKING:
    from ...drift.result import Distribution

WIDTH, HEIGHT = 306.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 10.0, 8.0, 24.0
LABEL, LETTER = 118.0, 6.4  # the most room for a level's name, and what a letter of it takes
ROW = 32.0  # the height of a pair of bars
VALUE = 42.0  # room for the share behind a bar
TAIL = 0.004  # of the rows at either end that a curve leaves out, so that a long tail fits


@dataclass(frozen=True, slots=True)
class Curves:
    """The shares of values up to each point, as two lines."""

    reference: str
    current: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    label: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Bar:
    """A level's pair of bars: their lengths, and what they stand for."""

    level: str
    y: float
    reference: float
    current: float
    shares: tuple[str, str]
    told: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The shares of levels, in pairs."""

    rows: tuple[Bar, ...]
    height: float
    label: str
    start: float
    width: float = WIDTH


def picture(column: str, distribution: Distribution | None) -> Curves | Bars | None:
    """The drawing of a distribution; None where there is nothing to draw."""
    if distribution is None or not distribution.at:
        return None
    if distribution.form == "bars":
        return _bars(column, distribution)
    return _curves(column, distribution)


def _bars(column: str, distribution: Distribution) -> Bars:
    rows = bars(distribution)
    longest = max((share for _, *shares in rows for share in shares), default=0.0) or 1.0
    names = [one_line(level, 18) for level, _, _ in rows]
    start = min(LABEL, LETTER * max(map(len, names), default=0) + 10)
    reach = WIDTH - start - VALUE
    placed = tuple(
        Bar(
            names[i],
            round(ROW * i + 4, 1),
            round(reach * old / longest, 1),
            round(reach * new / longest, 1),
            (rate(old), rate(new)),
            f"{one_line(level, 80)}: {rate(old)} of reference, {rate(new)} of current",
        )
        for i, (level, old, new) in enumerate(rows)
    )
    label = f"Shares of the levels of {one_line(column, 80)}"
    return Bars(placed, ROW * len(rows) + 4, label, start)


def _curves(column: str, distribution: Distribution) -> Curves | None:
    sides = zip(distribution.reference, distribution.current, strict=True)
    places = [float(at) for at in distribution.at]
    points = [
        (at, old, new)
        for at, (old, new) in zip(places, sides, strict=True)
        if abs(at) < 1e300  # neither infinite nor NaN
    ]
    if not points:
        return None
    # From the first point with more than the tail below it to the first with all but the tail.
    first = next((i for i, (_, *both) in enumerate(points) if max(both) > TAIL), 0)
    last = next((i for i, (_, *both) in enumerate(points) if min(both) >= 1 - TAIL), -1)
    low, high = points[first][0], points[last][0]
    if not high - low > 1e-12 * max(abs(low), abs(high), 1e-280):
        low, high = low - 0.5, high + 0.5
    step = round_step((high - low) / 5)
    start = -int(-low // step)  # the first multiple of the step that is not below

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(value, low), high) - low) / (high - low)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def line(side: int) -> str:
        places = [(LEFT, y(_below(points, low, side)))]
        for at, *shares in points:
            if low <= at <= high:
                places += [(x(at), places[-1][1]), (x(at), y(shares[side]))]
        places.append((WIDTH - RIGHT, places[-1][1]))
        return " ".join(f"{across:.1f},{up:.1f}" for across, up in places)

    ticks = [(start + i) * step for i in range(7)]
    return Curves(
        line(0),
        line(1),
        tuple(Tick(round(x(at), 1), short(_plain(at, step))) for at in ticks if low <= at <= high),
        tuple(Tick(round(y(share), 1), f"{share:.0%}") for share in (0, 0.5, 1)),
        f"Shares of values up to each point, {one_line(column, 80)}",
    )


def _below(points: Sequence[tuple[float, float, float]], low: float, side: int) -> float:
    """The share of values below the left end."""
    before = [point for point in points if point[0] < low]
    return before[-1][1 + side] if before else 0.0


def _plain(value: float, step: float) -> float:
    """A multiple of the step without the dust of binary fractions."""
    return round(value / step) * step if abs(value / step) < 1e15 else value
