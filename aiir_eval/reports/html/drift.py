"""The HTML pages of a drift report, and of two of them compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import drift_view as view
from ..wording import drift_sentence, name
from .distributions import Bars, Curves, picture
from .forest import Interval, Scale, make_scale
from .over_time import series_plot
from .page import Figure, page

if TYPE_CHECKING:
    from ...drift.comparing import ColumnThenAndNow, DriftComparison
    from ...drift.result import ColumnDrift, DriftReport, Effect

MAX_PICTURES = 60
MAX_SEGMENTS = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One column of a table with a forest plot."""

    told: view.Told
    interval: Interval


@dataclass(frozen=True, slots=True)
class Group:
    """Columns whose effects have one unit, on one scale."""

    title: str
    rows: Sequence[Row]
    scale: Scale | None


@dataclass(frozen=True, slots=True)
class Card:
    """A column that drifted or decides, with the picture of both sides."""

    told: view.Told
    curves: Curves | None
    bars: Bars | None


def drift_page(report: DriftReport) -> str:
    """The page of a drift report."""
    rates = view.rate_columns(report)
    loud = [each for each in view.ranked(report.columns) if each.drifted or each.primary]
    plots = [(each, series_plot(each)) for each in view.most_telling(report.series)]
    return page(
        "drift.html.j2",
        kind="Drift",
        word=report.conclusion,
        sentence=drift_sentence(report),
        figures=_figures(report),
        cards=[_card(column) for column in loud[:MAX_PICTURES]],
        n_loud=len(loud),
        groups=_groups(report),
        joint=view.joint_sentence(report),
        series=plots,
        changes={
            each.column: [view.change_sentence(each, point) for point in each.change_points]
            for each in report.series
        },
        segment_heads=view.SEGMENT_HEADS,
        segments=[view.segment_row(each, rates) for each in report.segments[:MAX_SEGMENTS]],
        n_segments=len(report.segments),
        notes=list(report.notes),
        command=report.command,
        digests=_digests(report),
    )


def drift_comparison_page(comparison: DriftComparison) -> str:
    """The page of two drift reports, an earlier and a later one."""
    rows = [
        (view.STATE_WORDS[each.state], view.compared_row(each), _difference(each), each.note)
        for each in comparison.columns
    ]
    groups: dict[str, list[tuple[str, tuple[str, ...], Interval, str]]] = {}
    for each, row in zip(comparison.columns, rows, strict=True):
        unit = "" if each.difference is None else each.difference.name
        groups.setdefault(unit, []).append(row)
    return page(
        "drift_comparison.html.j2",
        kind="Two drift reports",
        word=None,
        sentence=comparison.sentence,
        figures=[
            Figure(
                when,
                name(report.conclusion).capitalize(),
                f"{report.n_reference:,} reference and {report.n_current:,} current rows",
            )
            for when, report in (("Then", comparison.then), ("Now", comparison.now))
        ],
        groups=[
            (
                _title(unit) if unit else "Not comparable",
                make_scale([row[2] for row in kept], _label(unit)),
                kept,
            )
            for unit, kept in sorted(groups.items(), key=lambda item: not item[0])
        ],
        heads=view.COMPARED_HEADS,
        notes=list(comparison.notes),
        commands=[
            f"{report.command} -o {when}.json"
            for when, report in (("then", comparison.then), ("now", comparison.now))
            if report.command
        ],
        digests=list(dict.fromkeys([*_digests(comparison.then), *_digests(comparison.now)])),
    )


def _digests(report: DriftReport) -> list[tuple[str, str]]:
    return [(source, f"sha256 {digest}") for source, digest in report.digests.items()]


def _figures(report: DriftReport) -> list[Figure]:
    drifted = sum(column.drifted for column in report.columns)
    figures = [
        Figure("Reference", f"{report.n_reference:,}", "rows"),
        Figure("Current", f"{report.n_current:,}", "rows"),
        Figure("Columns changed", f"{drifted:,}", f"of {len(report.columns):,} tested"),
    ]
    changes = [point for series in report.series for point in series.change_points]
    if changes:
        first = min(changes, key=lambda point: point.at)
        span = f"between {first.low:%-d %b} and {first.high:%-d %b}"
        figures.append(Figure("First change", first.at.strftime("%-d %b %Y"), span))
    return figures


def _card(column: ColumnDrift) -> Card:
    drawn = picture(column.column, column.distribution)
    return Card(
        view.told(column),
        drawn if isinstance(drawn, Curves) else None,
        drawn if isinstance(drawn, Bars) else None,
    )


def _groups(report: DriftReport) -> list[Group]:
    """The columns in groups that share a unit, in the order of the report."""
    groups: dict[str, list[Row]] = {}
    for column in view.ranked(report.columns):
        row = Row(view.told(column), _interval(column.column, column.effect))
        groups.setdefault(column.effect.name, []).append(row)
    return [
        Group(
            _title(effect),
            rows,
            make_scale([row.interval for row in rows], _label(effect)),
        )
        for effect, rows in groups.items()
    ]


def _title(effect: str) -> str:
    unit = ", in points" if effect == "rate_difference" else ""
    return f"{name(effect).capitalize()}{unit}"


def _label(effect: str) -> Callable[[float], str]:
    """How the ticks of an effect are written."""
    scale = 100 if effect == "rate_difference" else 1
    return lambda value: f"{round(scale * value, 10):.3g}"


def _difference(each: ColumnThenAndNow) -> Interval:
    if each.difference is None:
        return Interval(None, None, None)
    return _interval(each.column, each.difference)


def _interval(column: str, effect: Effect) -> Interval:
    estimate, low, high = (
        None if value != value else value for value in (effect.estimate, effect.low, effect.high)
    )
    return Interval(estimate, low, high, label=f"{column}: {view.effect_text(effect)}")
