"""What a reader sees of an incident, and in what order: shared by all its renderers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..incidents.index import Entry
    from ..incidents.model import Incident
    from ..incidents.regression import Behaviour, RegressionCase

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of names and values; values that are empty are left out."""

    title: str
    pairs: Pairs


def state(incident: Incident | Entry) -> str:
    """The kind and status in words: ``near miss, remediated``."""
    return f"{incident.kind.replace('_', ' ')}, {incident.status}"


def sections(incident: Incident) -> list[Section]:
    """The record in the order of the playbook; sections without content are left out."""
    radius, control, restoration = (
        incident.blast_radius,
        incident.failed_control,
        incident.restoration,
    )
    flags = [(name, getattr(incident.flags, name)) for name in type(incident.flags).model_fields]
    found = [
        Section(
            "What happened",
            [
                ("Input", incident.triggering_input),
                ("Output", incident.observed_output or ""),
                ("Action", incident.observed_action or ""),
                ("Impact", incident.downstream_impact),
                ("Root cause", incident.root_cause or ""),
                ("Failed control", "" if control is None else
                 _words(_term(control.kind), control.patch)),
            ],
        ),
        Section(
            "Where",
            [
                ("System", incident.system),
                ("Model", incident.model),
                ("Prompt", incident.prompt_version),
                ("Version", incident.deployment_version or ""),
                ("Data", incident.data_source),
                ("Retrieval", incident.retrieval_corpus or ""),
                ("Tools", ", ".join(incident.tool_permissions)),
                ("Users", incident.user_population),
                ("Vendor", incident.vendor or ""),
                ("PSF domains",
                 f"{', '.join(incident.psf_domains)} (edition {incident.psf_edition})"),
            ],
        ),
        Section(
            "Response",
            [
                ("Occurred", incident.occurred_at or ""),
                ("Detected", incident.detected_at or ""),
                ("Containment", incident.containment_decision),
                ("Paused", _lines(_words(_term(each.kind), each.ref, each.at, each.by,
                                         each.resumed_at and f"resumed {each.resumed_at}",
                                         each.resumed_by)
                                  for each in incident.pause)),
                ("Restored by", "" if restoration is None else
                 _words(", ".join(map(_term, restoration.decisions)), restoration.by,
                        restoration.at, restoration.reason, *restoration.changes)),
                ("Remediation", incident.remediation_owner),
                ("Incident owner", incident.incident_owner or ""),
                ("Communications", incident.communications_owner or ""),
                ("Told", _lines(_words(each.at, each.to, each.channel, each.summary, each.ref)
                                for each in incident.communications)),
                ("Clocks", _lines(_words(each.clock, each.status,
                                         each.due_at and f"due {each.due_at}",
                                         each.reported_at and f"reported {each.reported_at}",
                                         each.by)
                                  for each in incident.notifications)),
            ],
        ),
        Section(
            "May involve",
            [
                (
                    name.replace("_", " ").capitalize(),
                    f"{flag.value}: {flag.reason}" if flag.reason else flag.value,
                )
                for name, flag in flags
                if flag.value != "unknown" or flag.reason
            ],
        ),
        Section(
            "Blast radius",
            [] if radius is None else [
                (name.replace("_", " ").capitalize(), _radius_text(getattr(radius, name)))
                for name in type(radius).model_fields
            ],
        ),
        Section(
            "Steps",
            [
                (name, _words(step.status, step.by, step.at, step.note, _evidence(step.evidence)))
                for name, step in incident.steps.items()
            ],
        ),
        Section(
            "Record",
            [
                ("Tags", ", ".join(incident.tags)),
                ("Evidence", _lines(_words(_term(each.kind), each.path, f"sha256 {each.sha256}")
                                    for each in incident.evidence)),
                ("Confidence", _words(incident.confidence,
                                      "reconstructed from public sources"
                                      if incident.reconstructed else None)),
                ("Sources", _lines(incident.sources)),
            ],
        ),
    ]  # fmt: skip
    return [
        Section(section.title, kept)
        for section in found
        if (kept := [(key, value) for key, value in section.pairs if value])
    ]


def input_text(value: Any) -> str:
    """An input (of a record or of a case) as text: itself, or its messages a line each."""
    if isinstance(value, str):
        return value
    return "\n".join(f"{message.role}: {message.content}" for message in value)


def behaviour_text(behaviour: Behaviour) -> str:
    """What was said and done."""
    calls = [f"{call.name}({_arguments(call.arguments)})" for call in behaviour.tool_calls]
    return "\n".join([*([behaviour.output] if behaviour.output else []), *calls])


def check_texts(case: RegressionCase) -> list[str]:
    """Each check of a case on a line: its name, then the scorer with its parameters."""
    return [_check_text(check) for check in case.checks]


def _check_text(check: dict[str, Any]) -> str:
    rest = {key: value for key, value in check.items() if key not in {"scorer", "name"}}
    inside = _arguments(rest)
    name = check.get("name", check["scorer"])
    scorer = f"{check['scorer']}({inside})"
    return scorer if name == check["scorer"] else f"{name}: {scorer}"


def _arguments(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={json.dumps(value, ensure_ascii=False, default=str)}"
        for key, value in values.items()
    )


def _words(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _term(word: str) -> str:
    """A word of the schema as one reads it."""
    return word.replace("_", " ")


def _evidence(evidence: str | list[str] | None) -> str:
    return ", ".join(evidence) if isinstance(evidence, list) else evidence or ""


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _radius_text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
