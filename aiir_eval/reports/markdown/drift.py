"""A drift report, and two of them compared, as markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import drift_view as view
from ..wording import drift_sentence
from .page import MARKS, MAX_BYTES, Page, answer, marked
from .text import code, plain

if TYPE_CHECKING:
    from ...drift.comparing import DriftComparison
    from ...drift.result import DriftReport

MAX_SEGMENTS = 15


def drift_markdown(report: DriftReport, *, max_bytes: int = MAX_BYTES) -> str:
    """A drift report as markdown."""
    page = Page(max_bytes)
    page.add(answer(report.conclusion, drift_sentence(report)))
    page.table(
        "",
        ["", "column", "before -> after", "effect", "adjusted p", "detectable", "test"],
        [
            [
                marked("drift") if row.column.drifted else "",
                code(row.column.column, 80) + (" (decides)" if row.column.primary else ""),
                row.before_after,
                row.effect,
                row.pvalue,
                row.detectable,
                plain(row.test),
            ]
            for row in map(view.told, view.ranked(report.columns))
        ],
    )
    if joint := view.joint_sentence(report):
        page.add(plain(joint))
    changes = [
        f"- {code(series.column, 80)} {plain(view.change_sentence(series, point))}"
        for series in report.series
        for point in series.change_points
    ]
    if changes:
        page.add("### Over time\n\n" + "\n".join(changes))
    elif report.series:
        page.add("### Over time\n\nNo change of level is shown.")
    rates = view.rate_columns(report)
    page.table(
        "Where it changed",
        view.SEGMENT_HEADS,
        [
            [plain(row[0], 80), code(row[1], 80), *row[2:]]
            for row in (view.segment_row(each, rates) for each in report.segments[:MAX_SEGMENTS])
        ],
    )
    if notes := [
        f"- {code(each.column, 80)}: {plain(each.note, 400)}"
        for each in view.ranked(report.columns)
        if each.note
    ]:
        page.folded("Of single columns", ["\n".join(notes)], 1)
    if report.notes:
        page.add("\n".join(f"- {plain(note, 400)}" for note in report.notes))
    return str(page)


def drift_comparison_markdown(comparison: DriftComparison, *, max_bytes: int = MAX_BYTES) -> str:
    """Two drift reports as markdown."""
    page = Page(max_bytes)
    page.add(f"**{plain(comparison.sentence)}**")
    rows = []
    for each in comparison.columns:
        state, column, *numbers = view.compared_row(each)
        mark = MARKS.get(view.STATE_WORDS[each.state], "")
        note = f" {plain(each.note, 200)}" if each.note else ""
        rows.append([f"{mark} {state}", code(column, 80) + note, *numbers])
    page.table("", view.COMPARED_HEADS, rows)
    if comparison.notes:
        page.add("\n".join(f"- {plain(note, 400)}" for note in comparison.notes))
    return str(page)
