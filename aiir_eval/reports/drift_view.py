"""A drift report as a reader wants it: which columns first, and what is said of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..words import count
from .wording import name, points, pvalue, rate, rate_span, span

if TYPE_CHECKING:
    from ..drift.comparing import ColumnThenAndNow, State
    from ..drift.result import (
        ChangePoint,
        ColumnDrift,
        Distribution,
        DriftReport,
        Effect,
        Segment,
        Series,
        Window,
    )

MAX_BARS = 12  # levels of a distribution that a picture has room for

# What became of a column, as a word that has a colour.
STATE_WORDS: Mapping[State, str] = {
    "new": "drift", "worse": "drift", "gone": "pass", "better": "pass",
    "not_comparable": "invalid", "unchanged": "info",
}  # fmt: skip

# Effects by the short names of their units.
UNITS: Mapping[str, str] = {
    "standardised_mean_difference": "sd",
    "rate_difference": "points",
    "total_variation": "TV",
    "ks_distance": "KS",
    "wasserstein": "Wasserstein",
    "auc": "AUC",
    "psi": "PSI",
    "jensen_shannon": "JS",
    "hellinger": "Hellinger",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one column."""

    column: ColumnDrift
    word: str  # drift or no_drift, which gives the colour
    kind: str
    before_after: str
    effect: str
    pvalue: str
    detectable: str  # what a "no drift" could have missed; empty where it drifted
    test: str
    further: str
    note: str


def ranked(columns: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Primaries first, then what drifted, then the rest; the clearest first in each."""
    return sorted(columns, key=lambda each: (not each.primary, not each.drifted, _last(each)))


def _last(column: ColumnDrift) -> tuple[bool, float, float]:
    pvalue = column.pvalue_adjusted
    return pvalue != pvalue, pvalue, -abs(column.statistic)


def told(column: ColumnDrift) -> Told:
    """A column in words and numbers."""
    smallest = column.minimum_detectable_effect
    rates = column.effect.name == "rate_difference"
    return Told(
        column,
        "drift" if column.drifted else "no_drift",
        f"{column.kind}, primary" if column.primary else column.kind,
        before_after(column),
        effect_text(column.effect),
        pvalue(column.pvalue_adjusted),
        "" if column.drifted or smallest != smallest else _size(smallest, rates),
        column.test.replace("_", " "),
        "; ".join(
            f"{unit_name(effect)} {short(effect.estimate)} {_ends(effect)}".rstrip()
            for effect in column.effects
            if effect.name != column.effect.name
        ),
        column.note,
    )


def before_after(column: ColumnDrift) -> str:
    """``90.0% -> 82.0%`` or ``1.27 -> 2.02``: the rate or the mean of both sides."""
    for what, write in (("rate", rate), ("mean", short)):
        sides = [column.statistics.get(f"{what}_{side}") for side in ("reference", "current")]
        if sides[0] is not None and sides[1] is not None:
            return " -> ".join(write(side) for side in sides)
    return ""


def effect_text(effect: Effect, *, interval: bool = True, unit: bool = True) -> str:
    """An effect with its interval: ``-8.0 points [-11.0, -5.0]``, ``0.6 sd [0.5, 0.7]``."""
    if effect.estimate != effect.estimate:
        return "-"
    if effect.name == "rate_difference":
        told, ends = points(effect.estimate, unit=unit), span(effect.low, effect.high)
    else:
        told = f"{short(effect.estimate)} {unit_name(effect)}" if unit else short(effect.estimate)
        ends = _ends(effect)
    return f"{told} {ends}".rstrip() if interval else told


def unit_name(effect: Effect) -> str:
    """The unit of an effect; of one that is not ours, words without signs."""
    known = UNITS.get(effect.name)
    return known or " ".join(re.sub(r"[^\w +-]|_", " ", effect.name[:60]).split())


def _ends(effect: Effect) -> str:
    if effect.low != effect.low and effect.high != effect.high:
        return ""
    return f"[{short(effect.low)}, {short(effect.high)}]"


def _size(value: float, rates: bool) -> str:
    return points(value).lstrip("+") if rates else short(value)


def short(value: float | None) -> str:
    """Any number in three digits; thousands separated where it is whole."""
    if value is None or value != value:
        return "-"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"


def bars(distribution: Distribution) -> list[tuple[str, float, float]]:
    """(level, reference, current) of the levels there is room for, the rest as one."""
    rows = list(
        zip(map(str, distribution.at), distribution.reference, distribution.current, strict=True)
    )
    if len(rows) <= MAX_BARS:
        return rows
    rows.sort(key=lambda row: -abs(row[1] - row[2]))
    kept, rest = rows[: MAX_BARS - 1], rows[MAX_BARS - 1 :]
    others = (f"{len(rest):,} others", sum(row[1] for row in rest), sum(row[2] for row in rest))
    return [*kept, others]


def joint_sentence(report: DriftReport) -> str:
    """What the test of all columns together says; empty where it was not asked for."""
    joint = report.joint
    if joint is None:
        return ""
    answer = "changed" if joint.drifted else "show no change"
    what = f"All columns together {answer}: {effect_text(joint.effect)}"
    drivers = f"; {joint.note}" if joint.note else ""
    return f"{what}, p = {pvalue(joint.pvalue)} ({joint.test.replace('_', ' ')}{drivers})."


def most_telling(series: Sequence[Series]) -> list[Series]:
    """Those whose level changed before the others, the clearest first."""

    def least(each: Series) -> float:
        return min((point.pvalue for point in each.change_points), default=2.0)

    return sorted(series, key=least)


def change_sentence(series: Series, point: ChangePoint) -> str:
    """``2024-03-13 (2024-03-12 to 2024-03-14): 90.0% -> 80.0%, p = 2e-05``."""
    write = value_text(series)
    when = f"{day(point.at)} ({day(point.low)} to {day(point.high)})"
    if point.until is not None:
        when = f"{when}, by degrees until {day(point.until)}"
    return f"{when}: {write(point.before)} -> {write(point.after)}, p = {pvalue(point.pvalue)}"


def value_text(series: Series) -> Callable[[float], str]:
    """How the values of a series are written."""
    return rate if series.unit == "rate" else short


def window_text(series: Series, window: Window) -> str:
    """A window, its value with the interval, and its rows."""
    when = f"{day(window.start)} to {day(window.end)}"
    if not window.n or window.value != window.value:
        return f"{when}: nothing"
    write = value_text(series)
    ends = (
        rate_span(window.low, window.high)
        if series.unit == "rate"
        else f"[{short(window.low)}, {short(window.high)}]"
    )
    return f"{when}: {write(window.value)} {ends}, {count(window.n, 'row')}"


def day(moment: datetime) -> str:
    """A date, with the time of day where it is not midnight."""
    midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M")


SEGMENT_HEADS = ("segment", "column", "reference", "current", "change", "adjusted p", "part")


def segment_row(segment: Segment, units: Mapping[str, bool]) -> tuple[str, ...]:
    """A segment under `SEGMENT_HEADS`; `units` says of which columns the change is one of rates."""
    rates = units.get(segment.column, False)
    if segment.difference != segment.difference:
        change = "-"
    elif rates:
        change = f"{points(segment.difference, unit=False)} {span(segment.low, segment.high)}"
    else:
        change = f"{short(segment.difference)} [{short(segment.low)}, {short(segment.high)}]"
    part = points(segment.contribution, unit=False) if rates else short(segment.contribution)
    return (
        f"{segment.by}: {segment.value}",
        segment.column,
        f"{segment.n_reference:,}",
        f"{segment.n_current:,}",
        change,
        pvalue(segment.pvalue_adjusted),
        part,
    )


def rate_columns(report: DriftReport) -> dict[str, bool]:
    """Which columns are rates."""
    return {each.column: each.effect.name == "rate_difference" for each in report.columns}


COMPARED_HEADS = ("", "column", "effect then", "effect now", "difference", "adjusted p")


def compared_row(each: ColumnThenAndNow, *, intervals: bool = True) -> tuple[str, ...]:
    """A column of two reports, under `COMPARED_HEADS`."""
    effects = [
        "-" if side is None else effect_text(side.effect, interval=intervals)
        for side in (each.then, each.now)
    ]
    difference = "-" if each.difference is None else effect_text(each.difference, unit=False)
    return state_text(each), each.column, *effects, difference, pvalue(each.pvalue_adjusted)


def state_text(each: ColumnThenAndNow) -> str:
    """What became of a column; one that drifted in both reports alike is ``still drifted``."""
    still = each.state == "unchanged" and each.now is not None and each.now.drifted
    return "still drifted" if still else name(each.state)
