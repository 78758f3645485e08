"""Which are the sixteen steps of the playbook, and what does a record still lack for each?

What can be read off the record is read off it: a step is not done because somebody says so. What
only a person can know asks for a note or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from ..incidents.model import STEPS, EvidenceKind, Flags, Incident, StepId
from ..incidents.unfinished import is_known, open_points

if TYPE_CHECKING:
    from .clocks import Assessment
    from .decisions import Progress

EVIDENCE_KINDS: tuple[EvidenceKind, ...] = get_args(EvidenceKind)
FLAGS: tuple[str, ...] = tuple(Flags.model_fields)

TITLES: Mapping[StepId, str] = {
    "contain.1": "Pause the workflow, route, tool permission or trigger",
    "contain.2": "Preserve the evidence, all seven kinds",
    "contain.3": "Name an incident owner and a communications owner",
    "contain.4": "Answer the five flags",
    "assess.1": "State the affected system",
    "assess.2": "Estimate the blast radius",
    "assess.3": "Determine which notification clocks have started",
    "assess.4": "Decide what comes before restoration",
    "remediate.1": "Patch the control that failed",
    "remediate.2": "Run the regression cases and the adjacent ones",
    "remediate.3": "Review the decisions that were affected",
    "remediate.4": "Log what was told to customers and regulators",
    "learn.1": "Review the incident: systems and controls, no blame",
    "learn.2": "Map the root cause to PSF domains, update the checklist",
    "learn.3": "Complete the record in the register",
    "learn.4": "Update the vendor's assessment",
}
# What a person must bring, as no record shows it.
ASKS_FOR_FILE: frozenset[StepId] = frozenset({"remediate.2", "learn.1"})
ASKS_FOR_WORD: frozenset[StepId] = frozenset({"assess.3", "remediate.3", "learn.2"})

_SYSTEM_FACTS = (
    "system", "deployment_version", "model", "prompt_version", "retrieval_corpus",
    "user_population",
)  # fmt: skip


def steps_of(phase: str) -> list[StepId]:
    """The four steps of a phase."""
    return [step for step in STEPS if step.startswith(f"{phase}.")]


def owner_of(step: StepId, incident: Incident) -> str | None:
    """Who sees to a step: the incident owner, or the owner of remediation or communications."""
    if step in ("remediate.4", "assess.3"):
        return incident.communications_owner or incident.incident_owner
    if step.startswith("remediate."):
        known = is_known(incident.remediation_owner)
        return incident.remediation_owner if known else incident.incident_owner
    return incident.incident_owner


@dataclass(frozen=True, slots=True)
class Known:
    """What a step is judged by besides the record.

    `clocks` are those of the record; `assessed` says whether an assessment of the record's vendor
    names this incident; `reviews` are those of the affected decisions. None: not looked up, and
    then not held against the step.
    """

    clocks: Assessment | None = None
    assessed: bool | None = None
    reviews: Progress | None = None


def lacking(step: StepId, incident: Incident, known: Known | None = None) -> list[str]:
    """What the record lacks for a step, a sentence each; nothing where the facts are there.

    What a person must bring (a verdict, a review, a word) is not asked for here: see
    `ASKS_FOR_FILE` and `ASKS_FOR_WORD`.
    """
    return _LACKING[step](incident, known or Known())


def missing_evidence(incident: Incident) -> list[EvidenceKind]:
    """The kinds of evidence of which nothing is preserved."""
    there = {each.kind for each in incident.evidence}
    return [kind for kind in EVIDENCE_KINDS if kind not in there]


def _paused(incident: Incident, _: Known) -> list[str]:
    return [] if incident.pause else ["nothing is paused (aiir incident pause)"]


def _preserved(incident: Incident, _: Known) -> list[str]:
    gone = missing_evidence(incident)
    return [f"not preserved: {', '.join(gone)} (aiir incident preserve)"] if gone else []


def _owned(incident: Incident, _: Known) -> list[str]:
    options = {"incident_owner": "--owner", "communications_owner": "--communications-owner"}
    return [
        f"{name} is not named (aiir incident set {option})"
        for name, option in options.items()
        if not getattr(incident, name)
    ]


def _flagged(incident: Incident, _: Known) -> list[str]:
    bare = [name for name in FLAGS if not getattr(incident.flags, name).reason]
    if not bare:
        return []
    return [f"no reason is given for {', '.join(bare)} (aiir incident set --flag NAME=yes:WHY)"]


def _described(incident: Incident, _: Known) -> list[str]:
    unknown = [name for name in _SYSTEM_FACTS if not is_known(getattr(incident, name))]
    unknown += ["tool_permissions"] * (not incident.tool_permissions)
    return [f"not stated: {', '.join(unknown)} (aiir incident set; 'none' is an answer)"][
        : bool(unknown)
    ]


def _measured(incident: Incident, _: Known) -> list[str]:
    radius = incident.blast_radius
    counts = ("users", "decisions", "records", "messages")
    if radius is None or all(getattr(radius, name) is None for name in counts):
        return ["no blast radius is recorded (aiir blast-radius)"]
    return []


def _clocked(incident: Incident, known: Known) -> list[str]:
    if known.clocks is None:
        return []
    silent = [each.clock.id for each in known.clocks.overdue if each.notification is None]
    if not silent:
        return []
    told = ", ".join(silent)
    return [f"overdue, and nothing is recorded of them: {told} (aiir incident notify)"]


def _decided(incident: Incident, _: Known) -> list[str]:
    decided = incident.restoration
    if decided is None:
        return ["no decision is recorded (aiir incident restore)"]
    return [] if decided.reason else ["the decision has no reason (aiir incident restore)"]


def _patched(incident: Incident, _: Known) -> list[str]:
    control = incident.failed_control
    if control is None:
        return ["the control that failed is not named (aiir incident set --failed-control)"]
    return [] if control.patch else ["its patch is not named (aiir incident set --patch)"]


def _testable(incident: Incident, _: Known) -> list[str]:
    if incident.cases:
        return []
    regression = incident.regression
    why = regression and regression.not_testable
    return [f"not testable: {why}" if why else "the record has no regression cases"]


def _reviewed(_: Incident, known: Known) -> list[str]:
    """A queue that is there is gone through; where there is none, a person's word must do."""
    reviews = known.reviews
    if reviews is None or reviews.total == reviews.reviewed:
        return []
    waiting = reviews.total - reviews.reviewed
    return [
        f"{waiting:,} of {reviews.total:,} affected decisions are not reviewed "
        "(aiir incident decisions import)"
    ]


def _told(incident: Incident, _: Known) -> list[str]:
    logged = incident.communications
    return [] if logged else ["nothing is logged (aiir incident communicate)"]


def _rooted(incident: Incident, _: Known) -> list[str]:
    found = [] if incident.root_cause else ["no root cause (aiir incident set --root-cause)"]
    return found + _patched(incident, Known())[: incident.failed_control is None]


def _complete(incident: Incident, _: Known) -> list[str]:
    points = [".".join(map(str, where)) for where, _ in open_points(incident.to_mapping())]
    return [f"still to be filled in: {', '.join(points)}"] if points else []


def _assessed(incident: Incident, known: Known) -> list[str]:
    if not incident.vendor or known.assessed is not False:
        return []
    return [
        f"no assessment of {incident.vendor} names this incident (aiir vendor add, or --evidence)"
    ]


def _nothing(_: Incident, __: Known) -> list[str]:
    return []


_LACKING: Mapping[StepId, Callable[[Incident, Known], list[str]]] = {
    "contain.1": _paused,
    "contain.2": _preserved,
    "contain.3": _owned,
    "contain.4": _flagged,
    "assess.1": _described,
    "assess.2": _measured,
    "assess.3": _clocked,
    "assess.4": _decided,
    "remediate.1": _patched,
    "remediate.2": _testable,
    "remediate.3": _reviewed,
    "remediate.4": _told,
    "learn.1": _nothing,
    "learn.2": _rooted,
    "learn.3": _complete,
    "learn.4": _assessed,
}
