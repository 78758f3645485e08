"""Incidents and suites on the terminal: a register, one record, a suite, its lint problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .. import incident_view
from ..visible import one_line
from ..wording import count, name
from .page import NARROW, columns, cut, facts, heading, page, text, word

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...incidents.model import Incident
    from ...suites.lint import LintProblem
    from ...suites.model import Suite


def render_incidents(
    incidents: Sequence[Incident], *, color: bool = False, width: int = 100
) -> str:
    """A register as text, one line an incident, by class."""
    if not incidents:
        return "No incident."
    heads = ["id", "what", "title", "cases"]
    rows = [
        [
            incident.id,
            f"{name(incident.class_)}\n{incident_view.state(incident)}",
            incident.title,
            "not testable"
            if incident.regression is not None and incident.regression.not_testable
            else str(len(incident.cases)),
        ]
        for incident in sorted(incidents, key=lambda each: (each.class_, each.id))
    ]
    if width < NARROW:
        heads, rows = [heads[0], heads[2]], [[row[0], row[2]] for row in rows]
    parts: list[RenderableType] = [
        columns(heads, rows, flexible=heads.index("title")),
        text(f"\n{count(len(incidents), 'incident')}"),
    ]
    return page(parts, color=color, width=width)


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
