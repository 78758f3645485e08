"""A drift report, and two of them compared, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...words import count
from .. import drift_view as view
from ..visible import one_line
from ..wording import drift_sentence
from .page import columns, cut, facts, heading, headline, page, text, word

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from ...drift.comparing import DriftComparison
    from ...drift.result import DriftReport, Series
    from .page import Justify

SHOWN = 60  # columns that drifted or decide
SHOWN_QUIET = 20  # columns that did not
SHOWN_SEGMENTS = 10
NAMED = 18  # what a name needs before less telling columns get room
WIDE, WIDER = 100, 138  # from where there is room for the sides, and for kind and test
_RIGHT = {"adjusted p", "detectable", "reference", "current", "part", "change", "difference"}
_BARS = "▁▂▃▄▅▆▇█"


def render_drift(report: DriftReport, *, color: bool = False, width: int = 100) -> str:
    """A drift report as text: the conclusion, then the columns that decide, then what drifted."""
    rows = [view.told(column) for column in view.ranked(report.columns)]
    loud = [row for row in rows if row.column.drifted or row.column.primary]
    quiet = [row for row in rows if not (row.column.drifted or row.column.primary)]
    shown = [*loud[:SHOWN], *quiet[:SHOWN_QUIET]]
    parts: list[RenderableType | None] = [
        headline(report.conclusion, drift_sentence(report)),
        text(""),
        _columns(shown, width),
        _left_out(loud, quiet),
    ]
    if notes := [(one_line(row.column.column, width // 4), row.note) for row in shown if row.note]:
        parts += [heading("Of single columns"), facts(notes)]
    if further := [
        (one_line(row.column.column, width // 4), row.further)
        for row in loud[:SHOWN]
        if row.further and row.column.drifted
    ]:
        parts += [heading("Further sizes of the change"), facts(further)]
    if joint := view.joint_sentence(report):
        parts += [text(""), text(joint)]
    if report.series:
        parts += [heading("Over time"), *_over_time(report.series, width)]
    if report.segments:
        parts += [heading("Where", _segments_note(report)), _segments(report, width)]
    parts += [text(""), *_notes(report.notes)]
    return page(parts, color=color, width=width)


def render_drift_comparison(
    comparison: DriftComparison, *, color: bool = False, width: int = 100
) -> str:
    """Two drift reports as text: what is new first."""
    rows: list[list[str | Text]] = []
    for each in comparison.columns[:SHOWN]:
        state, name, *numbers = view.compared_row(each, intervals=width >= WIDER)
        shown = word(view.STATE_WORDS[each.state], label=state)
        rows.append([shown, name, *numbers])
    keep = [i for i in range(6) if width >= WIDE or i not in (2, 5)]  # what the rest implies
    heads = _heads(view.COMPARED_HEADS[i] for i in keep)
    more = len(comparison.columns) - len(rows)
    notes = [
        (one_line(each.column, width // 4), each.note)
        for each in comparison.columns[:SHOWN]
        if each.note
    ]
    parts: list[RenderableType | None] = [
        text(comparison.sentence, "bold"),
        text(""),
        _table(heads, [[row[i] for i in keep] for row in rows], 1, width),
        text(f"and {more:,} more", "dim") if more > 0 else None,
        heading("Of single columns") if notes else None,
        facts(notes) if notes else None,
        text("") if comparison.notes else None,
        *_notes(comparison.notes),
    ]
    return page(parts, color=color, width=width)


def _notes(notes: Iterable[str]) -> list[Text]:
    return [text(f"note: {one_line(note, 600)}", "dim") for note in notes]


def _heads(names: Iterable[str]) -> list[tuple[str, Justify]]:
    return [(name, "right" if name in _RIGHT else "left") for name in names]


def _columns(rows: Sequence[view.Told], width: int) -> RenderableType | None:
    """The table: as many of its columns as there is room for, the less telling left out."""
    if not rows:
        return None
    fields: list[tuple[str, bool, list[str | Text]]] = [
        ("", False, [_mark(row) for row in rows]),
        ("column", False, [_named(row) for row in rows]),
        ("kind", width >= WIDER, [row.kind for row in rows]),
        ("before -> after", width >= WIDE, [row.before_after for row in rows]),
        ("effect", False, [row.effect for row in rows]),
        ("adjusted p", False, [row.pvalue for row in rows]),
        ("detectable", False, [row.detectable for row in rows]),
        ("test", width >= WIDER, [row.test for row in rows]),
    ]
    wide = {"kind", "before -> after", "test"}
    kept = [
        (name, cells)
        for name, room, cells in fields
        if (room or name not in wide) and (not name or any(cells))
    ]
    longest = max(len(one_line(_named(row))) for row in rows)
    for least_telling in ("test", "kind", "before -> after"):
        if _room([[name, *cells] for name, cells in kept], 1, width) >= min(NAMED, longest):
            break
        kept = [field for field in kept if field[0] != least_telling]
    heads = _heads(name for name, _ in kept)
    table = [list(row) for row in zip(*(cells for _, cells in kept), strict=True)]
    return _table(heads, table, 1, width)


def _mark(row: view.Told) -> Text:
    return word("drift") if row.column.drifted else text("-", "dim")


def _named(row: view.Told) -> str:
    return f"{row.column.column} *" if row.column.primary else row.column.column


def _left_out(loud: Sequence[view.Told], quiet: Sequence[view.Told]) -> Text | None:
    told = []
    if any(row.column.primary for row in loud):
        told.append("* decides")
    if len(loud) > SHOWN:
        told.append(f"{len(loud) - SHOWN:,} more that drifted are not shown here")
    if len(quiet) > SHOWN_QUIET:
        told.append(f"{len(quiet) - SHOWN_QUIET:,} more without drift are not shown here")
    return text("; ".join(told), "dim") if told else None


def _over_time(series: Sequence[Series], width: int) -> list[RenderableType]:
    """One line a column: its values as bars; below it, when its level changed."""
    lines: list[RenderableType] = []
    rows: list[tuple[str, str | Text]] = []
    for each in view.most_telling(series):
        write = view.value_text(each)
        room = max(20, min(width - 50, 60))
        windows = each.windows[-room:]
        known = [window.value for window in windows if window.value == window.value]
        ends = f"{write(min(known))} to {write(max(known))}" if known else "nothing in it"
        earlier = f", the last {room} of {count(len(each.windows), 'window')}"
        note = earlier if len(each.windows) > room else ""
        name = one_line(each.column, width // 4)
        rows.append((name, f"{_sparkline([window.value for window in windows])}  {ends}{note}"))
        rows += [("", text(view.change_sentence(each, point), "red"))
                 for point in each.change_points]  # fmt: skip
    lines.append(facts(rows))
    return lines


def _sparkline(values: Sequence[float]) -> str:
    """Values as bars from the lowest to the highest; a dot where there is none."""
    known = [value for value in values if value == value]
    if not known:
        return "·" * len(values)
    low, reach = min(known), max(known) - min(known)
    return "".join(
        "·" if value != value
        else _BARS[3] if not reach
        else _BARS[min(7, int(8 * (value - low) / reach))]
        for value in values
    )  # fmt: skip


def _segments_note(report: DriftReport) -> str:
    more = len(report.segments) - SHOWN_SEGMENTS
    return f"{more:,} more not shown here" if more > 0 else ""


def _segments(report: DriftReport, width: int) -> RenderableType:
    rates = view.rate_columns(report)
    rows = [view.segment_row(segment, rates) for segment in report.segments[:SHOWN_SEGMENTS]]
    keep = (0, 1, 2, 3, 4, 5, 6) if width >= WIDER else (0, 1, 4, 5, 6)
    heads = _heads(view.SEGMENT_HEADS)
    cells: list[list[str | Text]] = [
        [cut(row[i], width // 6) if i == 1 else row[i] for i in keep] for row in rows
    ]
    return _table([heads[i] for i in keep], cells, 0, width)


def _table(
    heads: Sequence[tuple[str, Justify]], rows: list[list[str | Text]], named: int, width: int
) -> RenderableType:
    """A table whose column `named` is cut to the room that the others leave, so that none wraps."""
    cells = [[head, *(row[i] for row in rows)] for i, (head, _) in enumerate(heads)]
    room = _room(cells, named, width)
    for row in rows:
        row[named] = cut(str(row[named]), max(room, len(heads[named][0])))
    return columns(heads, rows, flexible=named)


def _room(fields: Sequence[Sequence[str | Text]], named: int, width: int) -> int:
    """What the other columns of a table, their heads among the cells, leave to column `named`."""
    others = [
        max(len(one_line(str(cell))) for cell in cells)
        for i, cells in enumerate(fields)
        if i != named
    ]
    return width - sum(others) - 3 * len(others)
