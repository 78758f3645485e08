"""The dashboard of an incident as text and markdown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..reports.markdown.text import code, plain
from ..reports.terminal.page import STYLES, columns, facts, heading, page, text
from .dashboard import Dashboard, PhaseView, StepView
from .playbook import FLAGS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

NOTHING_DUE = "reconstructed from public sources: nothing is due here"


def render_dashboard(view: Dashboard, *, color: bool = False, width: int = 100) -> str:
    """A dashboard as text for a terminal."""
    late = bool(view.overdue)
    parts: list[RenderableType] = [
        text(f"{view.incident.id}: {headline(view)}", "bold red" if late else "bold"),
        facts(summary(view)),
    ]
    for phase in view.phases:
        parts.append(heading(phase.name.capitalize(), _phase_note(phase, view.now)))
        rows: list[list[str | Text]] = [
            [
                text(each.step, STYLES["bad"] if each.overdue else ""),
                text(_mark(each), _style(each)),
                f"{each.title}{_detail(each)}",
            ]
            for each in phase.steps
        ]
        parts.append(columns(["step", "", "what"], rows))
    return page(parts, color=color, width=width)


def dashboard_markdown(view: Dashboard) -> str:
    """A dashboard as markdown."""
    lines = [f"## {code(view.incident.id)}: {headline(view)}", ""]
    lines += [f"- **{name}**: {_cell(value)}" for name, value in summary(view)]
    for phase in view.phases:
        note = _phase_note(phase, view.now)
        lines += ["", f"### {phase.name.capitalize()} ({plain(note)})", ""]
        lines += ["| step | status | what |", "| --- | --- | --- |"]
        lines += [
            f"| {each.step} | {'**overdue**' if each.overdue else plain(_mark(each))} | "
            f"{_cell(each.title + _detail(each))} |"
            for each in phase.steps
        ]
    return "\n".join(lines) + "\n"


def headline(view: Dashboard) -> str:
    """The phase, and what is overdue, in a line."""
    settled = sum(step.status != "open" for step in view.steps)
    told = f"phase {view.phase}, {settled} of {len(view.steps)} steps settled"
    if view.incident.reconstructed:
        return f"{told}, {NOTHING_DUE}"
    if view.incident.detected_at is None:
        return f"{told}, no deadlines without detected_at"
    return f"{told}, {len(view.overdue)} overdue at {view.now:%Y-%m-%d %H:%M}Z"


def summary(view: Dashboard) -> list[tuple[str, str]]:
    """Owners, flags, evidence, clocks and what stands before the next status."""
    record = view.incident
    kept = [f"{kind} {count}" for kind, count in view.evidence if count]
    counts = view.clock_counts()
    clocks = [
        f"{counts.get('may_have_started', 0)} may have started",
        f"{counts['overdue']} overdue",
        f"{counts.get('reported', 0)} reported",
    ]
    pairs = [
        ("Incident owner", record.incident_owner or "not named"),
        ("Communications", record.communications_owner or "not named"),
        ("Flags", ", ".join(f"{name} {getattr(record.flags, name).value}" for name in FLAGS)),
        ("Preserved", ", ".join(kept) or "nothing"),
        ("Not preserved", ", ".join(view.missing_evidence)),
        ("Clocks", f"{', '.join(clocks)} (aiir incident clocks {record.id}; ask counsel)"),
        ("Overdue", ", ".join(view.overdue)),
    ]
    if view.next_status is not None:
        left = len(view.in_the_way)
        told = f"{left} steps are not settled" if left else "every step is settled"
        pairs.append(("Next status", f"{view.next_status}: {told}"))
    return [(name, value) for name, value in pairs if value]


def _phase_note(phase: PhaseView, now: datetime) -> str:
    told = [phase.within]
    if phase.due_at is not None:
        left = phase.due_at - now
        told.append(f"due {phase.due_at:%Y-%m-%d %H:%M}Z")
        if phase.overdue:
            told.append(f"overdue by {_span(-left)}")
        elif phase.state != "done":
            told.append(f"in {_span(left)}")
    told.append(phase.state)
    return ", ".join(told)


def _span(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    if hours < 1:
        return f"{time.total_seconds() // 60:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def _mark(step: StepView) -> str:
    return "overdue" if step.overdue else "ready" if step.ready else step.status


def _style(step: StepView) -> str:
    if step.overdue:
        return STYLES["bad"]
    return STYLES["good"] if step.status == "done" else ""


def _detail(step: StepView) -> str:
    if step.status == "open":
        told = [*step.missing, *([f"for {step.owner}"] if step.owner else [])]
        return "".join(f"\n{each}" for each in told)
    who = ", ".join(filter(None, (step.by, step.at)))
    return "".join(f"\n{each}" for each in (who, step.note) if each)


def _cell(told: str) -> str:
    return "<br>".join(plain(line) for line in told.splitlines())
