"""Where the marks of a series go: its windows from left to right, and where its level changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING

from ..drift_view import change_sentence, day, value_text, window_text
from ..visible import one_line
from .forest import Tick, round_step

if TYPE_CHECKING:
    from ...drift.result import Series, Window

WIDTH, HEIGHT = 1040.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 24.0, 22.0, 26.0
MARGIN = 0.06  # of the range of values, above and below


@dataclass(frozen=True, slots=True)
class Run:
    """Windows in a row that hold something: their line, and the band of their intervals."""

    line: str
    band: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change-point: its place, the reach of its date, and what it was."""

    x: float
    low: float
    high: float
    label: str
    told: str


@dataclass(frozen=True, slots=True)
class SeriesPlot:
    """Everything of the drawing, in its own units."""

    column: str
    unit: str
    runs: tuple[Run, ...]
    marks: tuple[tuple[float, float, str], ...]
    changes: tuple[Change, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def series_plot(series: Series) -> SeriesPlot | None:
    """The drawing of a series; None where no window holds anything."""
    known = [window for window in series.windows if isfinite(window.value)]
    if not known:
        return None
    begin, end = series.windows[0].start, max(window.end for window in series.windows)
    whole = (end - begin).total_seconds() or 1.0
    ends = [value for window in known for value in (window.value, window.low, window.high)]
    finite = [value for value in ends if isfinite(value)]
    low, high = min(finite), max(finite)
    reach = (high - low) or abs(high) or 1.0
    low, high = low - MARGIN * reach, high + MARGIN * reach
    write = value_text(series)

    def x(moment: datetime) -> float:
        part = (moment - begin).total_seconds() / whole
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(max(part, 0.0), 1.0), 1)

    def y(value: float) -> float:
        part = (min(max(value, low), high) - low) / (high - low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part, 1)

    def middle(window: Window) -> float:
        return x(window.start + (window.end - window.start) / 2)

    def run(windows: list[Window]) -> Run:
        line = [(middle(each), y(each.value)) for each in windows]
        if len(windows) == 1:  # a band needs two ends: those of the only window
            (only,) = windows
            places = [(x(only.start), only.high), (x(only.end), only.high)]
            places += [(x(only.end), only.low), (x(only.start), only.low)]
            band = [(across, y(value)) for across, value in places if isfinite(value)]
            return Run(_points(line), _points(band))
        upper = [(middle(each), y(each.high)) for each in windows if isfinite(each.high)]
        lower = [(middle(each), y(each.low)) for each in windows if isfinite(each.low)]
        return Run(_points(line), _points([*upper, *reversed(lower)]))

    step = round_step((high - low) / 4)
    first = -int(-low // step)
    return SeriesPlot(
        column=series.column,
        unit=series.unit,
        runs=tuple(run(windows) for windows in _runs(series)),
        marks=tuple((middle(each), y(each.value), window_text(series, each)) for each in known),
        changes=tuple(
            Change(x(each.at), x(each.low), x(each.high), day(each.at),
                   f"{one_line(series.column, 80)}: {change_sentence(series, each)}")
            for each in series.change_points
        ),
        across=_dates(series, x),
        up=tuple(
            Tick(y(value), write(round(value / step) * step))
            for value in ((first + i) * step for i in range(7))
            if value <= high
        ),
    )  # fmt: skip


def _runs(series: Series) -> list[list[Window]]:
    """The windows without the empty ones, in pieces between them."""
    pieces: list[list[Window]] = [[]]
    for window in series.windows:
        if isfinite(window.value):
            pieces[-1].append(window)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _dates(series: Series, x: Callable[[datetime], float]) -> tuple[Tick, ...]:
    """The starts of some windows, with room for their labels."""
    starts = [window.start for window in series.windows]
    every = max(1, -(-len(starts) // 10))
    return tuple(Tick(x(start), day(start)) for start in starts[::every])


def _points(places: list[tuple[float, float]]) -> str:
    return " ".join(f"{across},{up}" for across, up in places)
