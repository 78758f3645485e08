"""The clocks of an incident as text and markdown. It never says that nothing is to be reported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from ..reports.markdown.text import code, plain
from ..reports.terminal.page import STYLES, columns, heading, page, text
from ..words import count
from .clocks import ADVICE, Assessment, ClockState

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

TITLES = {
    "may_have_started": "May have started",
    "waiting": "Would start with an event that the record does not have yet",
    "reported": "Reported",
    "flagged_no": "The record's flags answer no: ask counsel before relying on it",
    "not_in_force": "Not in force at that time, as far as the row says: check",
}


def render_clocks(assessment: Assessment, *, color: bool = False, width: int = 100) -> str:
    """An assessment as text for a terminal."""
    late = len(assessment.overdue)
    parts: list[RenderableType] = [
        text(f"{assessment.incident_id}: {_headline(assessment)}", "bold red" if late else "bold"),
        text(ADVICE, "dim"),
        *(text(f"note: {note}", "dim") for note in assessment.notes),
    ]
    for state, title in TITLES.items():
        found = [each for each in assessment.clocks if each.state == state]
        if not found:
            continue
        parts.append(heading(title))
        if state == "flagged_no":
            parts.append(text(_summed_up(found)))
            continue
        rows: list[list[str | Text]] = [
            [
                text(each.clock.id, STYLES["bad"] if each.overdue else ""),
                text(_due(each, assessment), STYLES["bad"] if each.overdue else ""),
                _told(each),
            ]
            for each in found
        ]
        parts.append(columns(["clock", "due", "what, to whom, why"], rows))
    return page(parts, color=color, width=width)


def clocks_markdown(assessment: Assessment) -> str:
    """An assessment as markdown."""
    parts = [f"## {code(assessment.incident_id)}: {_headline(assessment)}", f"*{ADVICE}*"]
    if assessment.notes:
        parts.append("\n".join(f"- {plain(note)}" for note in assessment.notes))
    for state, title in TITLES.items():
        found = [each for each in assessment.clocks if each.state == state]
        if not found:
            continue
        parts.append(f"### {title}")
        if state == "flagged_no":
            parts.append(plain(_summed_up(found)))
            continue
        lines = ["| clock | due | what, to whom, why |", "| --- | --- | --- |"]
        for each in found:
            due = _cell(_due(each, assessment))
            due = f"**{due}**" if each.overdue else due
            lines.append(f"| {code(each.clock.id)} | {due} | {_cell(_told(each))} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _headline(assessment: Assessment) -> str:
    begun = sum(each.state == "may_have_started" for each in assessment.clocks)
    waiting = sum(each.state == "waiting" for each in assessment.clocks)
    late = len(assessment.overdue)
    told = f"{count(begun, 'clock')} may have started, {late} overdue, {waiting} wait for an event"
    return f"{told} at {assessment.now:%Y-%m-%d %H:%M}Z"


def _due(each: ClockState, assessment: Assessment) -> str:
    told = each.notification
    if told is not None and told.reported_at is not None:
        return f"reported {told.reported_at}"
    if each.clock.kind == "constraint":
        return "holds now"
    if each.due is None:
        if each.missing:
            return f"needs the time of {', '.join(each.missing)}".replace("_", " ")
        return "without undue delay"
    left = each.due.at - assessment.now
    when = f"{each.due.at:%Y-%m-%d %H:%M}Z"
    if assessment.timezone != "UTC":
        when += f"\n{each.due.local:%Y-%m-%d %H:%M %Z}"
    return f"{when}\n{'overdue by' if each.overdue else 'in'} {_span(abs(left))}"


def _span(time: timedelta) -> str:
    hours = int(time.total_seconds() // 3600)
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"


def _told(each: ClockState) -> str:
    clock = each.clock
    parts = [
        f"{clock.regime}: {clock.title} ({clock.citation})",
        f"{clock.who} to {clock.to}, if: {clock.trigger.condition} [{each.because}]",
    ]
    if clock.limits:
        parts.append("; ".join(limit.words() for limit in clock.limits))
    if each.missing and each.due is not None:
        parts.append(f"not recorded yet: {', '.join(each.missing)}".replace("_", " "))
    if clock.note:
        parts.append(clock.note)
    if each.check_again:
        parts.append(f"this row was to be checked again by {clock.verify_by}")
    elif clock.checked == "unverified":
        parts.append("this row was not checked against the text of the law")
    return "\n".join(parts)


def _summed_up(found: Sequence[ClockState]) -> str:
    reasons: dict[str, list[str]] = {}
    for each in found:
        reasons.setdefault(each.because, []).append(each.clock.id)
    return "\n".join(f"{because}: {', '.join(ids)}" for because, ids in reasons.items())


def _cell(told: str) -> str:
    return "<br>".join(plain(line) for line in told.splitlines())
