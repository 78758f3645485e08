"""The post-incident review as a document: written from the record, about systems and controls.

It names what happened, which control let it, and what was done. People stand in it in the roles
they had in the response, never as a cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..incidents.moments import span
from ..incidents.unfinished import is_known
from ..reports.markdown.text import code, plain
from .clocks import ADVICE, text
from .dashboard import Dashboard
from .playbook import FLAGS

if TYPE_CHECKING:
    from ..incidents.model import Incident
    from ..incidents.psf import Taxonomy
    from .preserving import Preserved

UNKNOWN = "*not recorded*"
_QUESTIONS = {
    "validation": "Which outputs does the validation still let through? Which rule would have "
    "stopped this one, and what else would it stop?",
    "retrieval_filter": "Which sources may reach an answer without being checked for date, "
    "standing and hidden orders?",
    "approval_gate": "Which actions that cannot be taken back still run without a person's yes?",
    "eval": "Which behaviour does no suite test, and how would one know that it became worse?",
    "permission": "What may the system read or do that its task does not need?",
    "monitoring": "How long could this have gone on unseen, and which signal would show it first?",
    "fallback": "What answers when the first way fails, and when was it last tried?",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as exactly as its time is known."""

    at: str
    what: str

    def first(self) -> datetime:
        """Where it stands in the order of things."""
        return span(self.at)[0]


def timeline(incident: Incident, preserved: Iterable[Preserved] = ()) -> list[Event]:
    """What the record and the evidence say happened when, the first thing first."""
    return sorted(_events(incident, preserved), key=Event.first)


def _events(incident: Incident, preserved: Iterable[Preserved]) -> Iterator[Event]:
    if incident.occurred_at:
        yield Event(incident.occurred_at, "it happened")
    if incident.detected_at:
        yield Event(incident.detected_at, "it was detected; deadlines run from here")
    for each in incident.pause:
        if each.at:
            yield Event(each.at, f"{each.kind.replace('_', ' ')} {each.ref} paused")
        if each.resumed_at:
            yield Event(each.resumed_at, f"{each.kind.replace('_', ' ')} {each.ref} resumed")
    for line in preserved:
        yield Event(line.at, f"{line.kind.replace('_', ' ')} preserved ({line.path})")
    for told in incident.notifications:
        if told.started_at:
            yield Event(told.started_at, f"clock {told.clock} started")
        if told.due_at:
            yield Event(told.due_at, f"clock {told.clock} due")
        if told.reported_at:
            yield Event(told.reported_at, f"reported under {told.clock}")
    for said in incident.communications:
        yield Event(said.at, f"told {said.to}: {said.summary}")
    if incident.restoration is not None and incident.restoration.at:
        made = ", ".join(incident.restoration.decisions).replace("_", " ")
        yield Event(incident.restoration.at, f"decided before restoration: {made}")
    for name, step in incident.steps.items():
        if step.at:
            yield Event(step.at, f"step {name} {step.status}")


def review_document(
    incident: Incident,
    view: Dashboard,
    *,
    taxonomy: Taxonomy,
    preserved: Iterable[Preserved] = (),
    problems: Iterable[str] = (),
) -> str:
    """A post-incident review as markdown.

    `preserved` are the lines of the evidence's manifest, `problems` what its verification found.
    """
    lines = list(preserved)
    parts = [
        f"# Post-incident review: {code(incident.id)} {plain(incident.title)}",
        "This review asks how the system and its controls let this happen, and what keeps it from "
        "happening again. It is not about who did what: people acted on what they could see.",
        _summary(incident),
        _what_happened(incident),
        _timeline(incident, lines),
        _reach(incident),
        _controls(incident, taxonomy),
        _decisions(incident),
        _evidence(incident, lines, list(problems)),
        _clocks(view),
        _steps(view),
        _to_discuss(incident, view),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(incident: Incident) -> str:
    answered = [f"{name} {getattr(incident.flags, name).value}" for name in FLAGS]
    rows = [
        ("Kind", f"{incident.kind}, {incident.class_}, {incident.status}".replace("_", " ")),
        ("System", f"{_known(incident.system)}, {_known(incident.model)}"),
        ("Prompt and version", f"{_known(incident.prompt_version)}, "
         f"{_known(incident.deployment_version)}"),
        ("Users", _known(incident.user_population)),
        ("May involve", plain(", ".join(answered).replace("_", " "))),
        ("Incident owner", _known(incident.incident_owner)),
        ("Communications owner", _known(incident.communications_owner)),
        ("Remediation owner", _known(incident.remediation_owner)),
    ]  # fmt: skip
    return _table(("", ""), rows)


def _what_happened(incident: Incident) -> str:
    rows = [
        ("Input", _known(incident.triggering_input)),
        ("Output", _known(incident.observed_output)),
        ("Action", _known(incident.observed_action)),
        ("Impact", _known(incident.downstream_impact)),
        ("Containment", _known(incident.containment_decision)),
    ]
    return "## What happened\n\n" + _table(("", ""), rows)


def _timeline(incident: Incident, preserved: list[Preserved]) -> str:
    events = timeline(incident, preserved)
    rows = [(code(each.at), plain(each.what)) for each in events]
    text = "## Timeline (UTC)\n\n" + _table(("when", "what"), rows)
    gaps = []
    if incident.occurred_at and incident.detected_at:
        gaps.append(("detection", incident.occurred_at, incident.detected_at))
    starts = [each.at for each in incident.pause if each.at]
    if incident.detected_at and starts:
        gaps.append(("the first pause", incident.detected_at, min(starts)))
    told = [f"- {_gap(first, last)} to {what}" for what, first, last in gaps]
    return text + ("\n\n" + "\n".join(told) if told else "")


def _gap(first: str, last: str) -> str:
    hours = (span(last)[0] - span(first)[0]).total_seconds() / 3600
    exact = "T" in first and "T" in last
    return f"{'' if exact else 'about '}{hours:.1f} h" if hours < 72 else f"{hours / 24:.0f} days"


def _reach(incident: Incident) -> str:
    radius = incident.blast_radius
    if radius is None:
        return f"## Blast radius\n\n{UNKNOWN}"
    rows = []
    for name in type(radius).model_fields:
        value = getattr(radius, name)
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        rows.append((name.replace("_", " "), UNKNOWN if shown in (None, "") else plain(str(shown))))
    return "## Blast radius\n\n" + _table(("", ""), rows)


def _controls(incident: Incident, taxonomy: Taxonomy) -> str:
    control = incident.failed_control
    names = {domain.id: domain for domain in taxonomy.domains}
    lines = ["## Why the system let it happen", ""]
    lines += [f"**Root cause.** {_known(incident.root_cause)}", ""]
    if control is None:
        lines.append(f"**Control that failed.** {UNKNOWN}")
    else:
        lines.append(
            f"**Control that failed.** {control.kind.replace('_', ' ')}; patch: "
            f"{_known(control.patch)}"
        )
    lines += ["", f"**{plain(f'{taxonomy.name} {taxonomy.edition}')}**", ""]
    lines += [
        f"- {plain(id_)} {plain(names[id_].name)}: {plain(names[id_].summary)}"
        for id_ in incident.psf_domains
        if id_ in names
    ]
    return "\n".join(lines)


def _decisions(incident: Incident) -> str:
    restoration = incident.restoration
    lines = ["## Decisions", ""]
    if restoration is None:
        lines.append(UNKNOWN)
    else:
        made = ", ".join(restoration.decisions).replace("_", " ")
        lines.append(f"- before restoration: {made}; because {_known(restoration.reason)}")
        lines += [f"- {plain(change)}" for change in restoration.changes]
    waived = [(name, step) for name, step in incident.steps.items() if step.status == "waived"]
    lines += [f"- step {name} left out: {_known(step.note)}" for name, step in waived]
    return "\n".join(lines)


def _evidence(incident: Incident, preserved: list[Preserved], problems: list[str]) -> str:
    text = "## Evidence\n\n"
    if problems:
        text += "**Not as it was preserved:**\n\n"
        text += "\n".join(f"- {plain(each)}" for each in problems) + "\n\n"
    if not incident.evidence:
        return text + UNKNOWN
    redacted = {line.path: ", ".join(line.redacted) for line in preserved}
    rows = [
        (each.kind.replace("_", " "), code(each.path), code(each.sha256),
         plain(redacted.get(each.path, "")))
        for each in incident.evidence
    ]  # fmt: skip
    return text + _table(("kind", "file", "SHA-256", "redacted"), rows)


def _clocks(view: Dashboard) -> str:
    shown = [each for each in view.clocks.clocks if each.state in ("may_have_started", "reported")]
    rows = []
    for each in shown:
        told = each.notification
        reported = told is not None and told.reported_at
        state = f"reported {reported}" if reported else "overdue" if each.overdue else "may run"
        due = "" if each.due is None else text(each.due.at)
        rows.append((code(each.clock.id), plain(each.clock.title), plain(due), plain(state)))
    lines = ["## Notification clocks", "", f"*{ADVICE}*"]
    if rows:
        lines += ["", _table(("clock", "what", "due", "state"), rows)]
    return "\n".join(lines)


def _steps(view: Dashboard) -> str:
    rows = [
        (each.step, plain(each.title), each.status, plain(each.at or ""), plain(each.note or ""))
        for each in view.steps
    ]
    return "## The sixteen steps\n\n" + _table(("step", "what", "status", "when", "note"), rows)


def _to_discuss(incident: Incident, view: Dashboard) -> str:
    """Questions the record raises: about controls, never about people."""
    asked = [
        "Which other systems rest on the same control, and does their suite test it?",
        "Which check would have caught this before release, and is it in the gate now?",
    ]
    if incident.failed_control is not None:
        asked.insert(0, _QUESTIONS[incident.failed_control.kind])
    if incident.vendor:
        asked.append(f"What does the assessment of {plain(incident.vendor)} say now?")
    left = [step for step in view.steps if step.status == "open"]
    lines = ["## To discuss", "", *(f"- {each}" for each in asked)]
    if left:
        lines += ["", "## Still open", ""]
        lines += [
            f"- {step.step} {plain(step.title)}"
            + (f": {plain('; '.join(step.missing))}" if step.missing else "")
            for step in left
        ]
    return "\n".join(lines)


def _known(text: str | None) -> str:
    """A text of the record in a line of markdown; what is not known is said to be."""
    if text is None or not is_known(text):
        return UNKNOWN
    return "<br>".join(plain(line) for line in text.splitlines())


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    lines += [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join(lines)
