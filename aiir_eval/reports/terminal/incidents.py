"""Incidents and suites on the terminal: a register, one record, a suite, its lint problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...words import count
from .. import incident_view
from ..visible import one_line
from ..wording import name
from .page import NARROW, columns, cut, facts, heading, page, text, word

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import RenderableType
    from rich.text import Text

    from ...incidents.index import Entry
    from ...incidents.model import Incident
    from ...suites.lint import LintProblem
    from ...suites.model import Suite

MAX_WRAPPED = 300  # incidents of a table whose titles wrap


def render_incidents(
    entries: Sequence[Entry],
    *,
    now: datetime | None = None,
    color: bool = False,
    width: int = 100,
) -> str:
    """A register as text, one line an incident, by class; what is due where `now` is given."""
    if not entries:
        return "No incident."
    heads = ["id", "what", "title", "due", "cases"]
    rows: list[list[str | Text]] = [
        [
            entry.id,
            f"{name(entry.class_)}\n{incident_view.state(entry)}",
            entry.title,
            _due(entry, now),
            "not testable" if entry.not_testable else str(entry.cases),
        ]
        for entry in sorted(entries, key=lambda each: (each.class_, each.id))
    ]
    shown = [0, 2] if width < NARROW else [0, 1, 2, 4] if not any(r[3] for r in rows) else range(5)
    heads, rows = [heads[n] for n in shown], [[row[n] for n in shown] for row in rows]
    late = sum(bool(now and entry.overdue(now)) for entry in entries)
    drafts = sum(bool(entry.unfinished) for entry in entries)
    told = [count(len(entries), "incident")]
    told += [f"{late} overdue"] * bool(late) + [count(drafts, "unfinished draft")] * bool(drafts)
    flexible = heads.index("title")
    if len(rows) > MAX_WRAPPED:
        lines = _lines([heads, *rows], flexible, width)
        return "\n".join([*lines, "", ", ".join(told)])
    parts: list[RenderableType] = [
        columns(heads, rows, flexible=flexible),
        text("\n" + ", ".join(told)),
    ]
    return page(parts, color=color, width=width)


def _lines(rows: Sequence[Sequence[str | Text]], flexible: int, width: int) -> list[str]:
    """A long table with every row on one line, cut to the width: wrapping would take seconds."""
    cells = [[one_line(str(cell).replace("\n", ", ")) for cell in row] for row in rows]
    widths = [min(max(map(len, column)), 40) for column in zip(*cells, strict=True)]
    widths[flexible] = max(width - sum(widths) + widths[flexible] - 2 * len(widths), 20)
    return [
        "  ".join(
            (cell if len(cell) <= room else f"{cell[: room - 1]}…").ljust(room)
            for cell, room in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _due(entry: Entry, now: datetime | None) -> str | Text:
    """What is overdue, else what is due next, where anything is."""
    if now is None:
        return ""
    if late := entry.overdue(now):
        return text("overdue: " + ", ".join(late), "red")
    coming = entry.next_due(now)
    return "" if coming is None else f"{coming.what} {coming.due_at:%Y-%m-%d %H:%M}Z"


def render_incident(incident: Incident, *, color: bool = False, width: int = 100) -> str:
    """One record as text."""
    parts: list[RenderableType] = [
        text(f"{incident.id}  {incident.title}", "bold"),
        text(f"{name(incident.class_)}, {incident_view.state(incident)}", "dim"),
    ]
    for section in incident_view.sections(incident):
        parts += [heading(section.title), facts(section.pairs)]
    if incident.regression is not None and incident.regression.not_testable:
        parts += [heading("Not testable"), text(incident.regression.not_testable)]
    for case in incident.cases:
        checks = "\n".join(one_line(check, 160) for check in incident_view.check_texts(case))
        pairs = [("input", incident_view.input_text(case.input)), ("checks", checks)]
        pairs += [("must fail", incident_view.behaviour_text(each)) for each in case.bad]
        pairs += [("must pass", incident_view.behaviour_text(each)) for each in case.good]
        parts += [heading(f"Case {case.name}"), facts(pairs)]
    return page(parts, color=color, width=width)


def render_suite(suite: Suite, *, color: bool = False, width: int = 100) -> str:
    """A suite as text: how many cases of what, then each case on a line."""
    from ...suites.summary import summarize

    summary = summarize(suite)
    scorers: Counter[str] = Counter()
    for (_, scorer), cases in summary.checks.items():
        scorers[scorer] += cases
    review = f"{len(summary.to_review)} adjacent cases are labelled for review"
    same = f"every case expects {summary.constant_expected!r}: ability and bias look alike"
    warnings = [
        text(f"warning: {warning}", "yellow")
        for warning, holds in (
            (review, bool(summary.to_review)),
            (same, summary.constant_expected is not None),
        )
        if holds
    ]
    incidents = {case.incident_id for case in suite.cases if case.incident_id}
    parts: list[RenderableType] = [
        text(
            f"{suite.name} {suite.version}: {count(summary.n_cases, 'case')} of "
            f"{count(len(incidents), 'incident')}",
            "bold",
        ),
        text(""),
        facts(
            [
                ("trials", f"{summary.n_trials:,} in a run"),
                ("origin", _counts(summary.by_origin)),
                ("class", _counts(summary.by_class)),
                ("checks", _counts(scorers)),
                ("tags", _counts(summary.tags)),
                ("digest", summary.digest),
            ]
        ),
        *warnings,
        heading("Cases"),
        columns(
            ["case", "origin", "input", "checks"],
            [
                (
                    cut(case.id, width // 3),
                    case.origin,
                    cut(incident_view.input_text(case.input), width // 2),
                    cut(", ".join(check.name for check in case.named_checks), width // 3),
                )
                for case in suite.cases
            ],
            flexible=2,
        ),
    ]
    return page(parts, color=color, width=width)


def render_lint(problems: Sequence[LintProblem], *, color: bool = False, width: int = 100) -> str:
    """Problems of a suite as text, errors first; one line where there is none."""
    if not problems:
        return "No problem: every check can fail, and no good output fails one."
    ranked = sorted(problems, key=lambda problem: problem.severity != "error")
    errors = sum(problem.severity == "error" for problem in problems)
    rows = []
    for problem in ranked:
        where = f"{problem.file or ''}:{problem.line}" if problem.line else problem.file or ""
        told = "\n".join(part for part in (problem.message, problem.hint, where) if part)
        rows.append((word(problem.severity), problem.case_id, problem.check or "-", told))
    return page(
        [
            columns(["", "case", "check", "what is wrong"], rows),
            text(f"\n{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}"),
        ],
        color=color,
        width=width,
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name(what)}" for what, number in counts.items())
