"""Incidents and suites on the terminal: a register, one record, a suite, its lint problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from .. import incident_view
from ..wording import count, name
from .page import NARROW, columns, cut, facts, heading, page, text, word

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...incidents.model import Incident
    from ...suites.model import Suite


class LintProblem(Protocol):
    """What suite lint says of a case."""

    @property
    def severity(self) -> str: ...

    def __str__(self) -> str: ...


def render_incidents(
    incidents: Sequence[Incident], *, color: bool = False, width: int = 100
) -> str:
    """A register as text, one line an incident, by class."""
    if not incidents:
        return "No incident."
    heads = ["id", "class", "status", "title", "cases"]
    rows = [
        [
            incident.id,
            name(incident.class_),
            incident_view.state(incident),
            incident.title,
            str(len(incident.cases)) if incident.cases else "not testable"
            if incident.regression else "-",
        ]
        for incident in sorted(incidents, key=lambda each: (each.class_, each.id))
    ]  # fmt: skip
    if width < NARROW:
        heads, rows = [heads[0], heads[3]], [[row[0], row[3]] for row in rows]
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
        checks = "\n".join(incident_view.check_texts(case))
        pairs = [("input", incident_view.input_text(case.input)), ("checks", checks)]
        pairs += [("must fail", incident_view.behaviour_text(each)) for each in case.bad]
        pairs += [("must pass", incident_view.behaviour_text(each)) for each in case.good]
        parts += [heading(f"Case {case.name}"), facts(pairs)]
    return page(parts, color=color, width=width)


def render_suite(suite: Suite, *, color: bool = False, width: int = 100) -> str:
    """A suite as text: how many cases of what, then each case on a line."""
    incidents = {case.incident_id for case in suite.cases if case.incident_id}
    checks = Counter(check.scorer for case in suite.cases for check in case.named_checks)
    trials = suite.trials if isinstance(suite.trials, int) else _counts(suite.trials.items())
    parts: list[RenderableType] = [
        text(f"{suite.name} {suite.version}: {count(len(suite), 'case')} of "
             f"{count(len(incidents), 'incident')}", "bold"),
        text(""),
        facts(
            [
                ("trials", str(trials)),
                ("origin", _counts(Counter(case.origin for case in suite.cases).items())),
                ("class", _counts(Counter(name(case.class_ or "unclassified")
                                          for case in suite.cases).items())),
                ("checks", _counts(checks.items())),
                ("to review", str(sum(case.label == "review" for case in suite.cases) or "")),
                ("digest", suite.digest()),
            ]
        ),
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
    ]  # fmt: skip
    return page(parts, color=color, width=width)


def render_lint(problems: Sequence[LintProblem], *, color: bool = False, width: int = 100) -> str:
    """Problems of a suite as text, errors first; one line where there is none."""
    if not problems:
        return "No problem: every check can fail, and no good output fails one."
    ranked = sorted(problems, key=lambda problem: problem.severity != "error")
    errors = sum(problem.severity == "error" for problem in problems)
    rows = [(word(problem.severity), str(problem)) for problem in ranked]
    return page(
        [
            columns(["", "problem"], rows),
            text(f"\n{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}"),
        ],
        color=color,
        width=width,
    )


def _counts(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in pairs)
