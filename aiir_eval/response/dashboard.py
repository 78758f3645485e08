"""Where an incident stands: its steps, what is due and overdue, who sees to it, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..incidents.model import EvidenceKind, Incident, StepId
from ..incidents.moments import span
from ..incidents.phases import PHASES, WITHIN, PhaseName, phase_of
from .clocks import Assessment, text
from .decisions import Progress
from .playbook import (
    ASKS_FOR_FILE,
    ASKS_FOR_WORD,
    EVIDENCE_KINDS,
    FLAGS,
    TITLES,
    Known,
    lacking,
    missing_evidence,
    owner_of,
    steps_of,
)
from .stepping import AFTER, unsettled

PhaseState = Literal["done", "current", "ahead"]


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as it stands. `ready` says that the record has all that the step asks for."""

    step: StepId
    title: str
    status: Literal["done", "waived", "open"]
    owner: str | None
    due_at: datetime | None
    overdue: bool
    missing: tuple[str, ...]
    by: str | None = None
    at: str | None = None
    note: str | None = None

    @property
    def ready(self) -> bool:
        asked = self.step in ASKS_FOR_FILE | ASKS_FOR_WORD
        return self.status == "open" and not self.missing and not asked

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "step": self.step,
            "title": self.title,
            "status": self.status,
            "owner": self.owner,
            "due_at": None if self.due_at is None else text(self.due_at),
            "overdue": self.overdue,
            "missing": list(self.missing),
            "by": self.by,
            "at": self.at,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase with its four steps; `within` is what the playbook gives it from detection."""

    name: PhaseName
    within: str
    due_at: datetime | None
    state: PhaseState
    overdue: bool
    steps: tuple[StepView, ...]

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "phase": self.name,
            "within": self.within,
            "due_at": None if self.due_at is None else text(self.due_at),
            "state": self.state,
            "overdue": self.overdue,
            "steps": [each.to_mapping() for each in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """An incident on one page. Nothing is due where it was reconstructed from public sources."""

    incident: Incident
    now: datetime
    phase: PhaseName
    phases: tuple[PhaseView, ...]
    evidence: tuple[tuple[EvidenceKind, int], ...]
    clocks: Assessment
    next_status: str | None
    in_the_way: tuple[str, ...]

    @property
    def steps(self) -> list[StepView]:
        """All sixteen."""
        return [step for phase in self.phases for step in phase.steps]

    @property
    def overdue(self) -> list[str]:
        """Steps whose phase has run out, then clocks."""
        late: list[str] = [step.step for step in self.steps if step.overdue]
        if not self.incident.reconstructed:
            late += [f"clock:{each.clock.id}" for each in self.clocks.overdue]
        return late

    @property
    def missing_evidence(self) -> list[EvidenceKind]:
        """The kinds of which nothing is preserved."""
        return missing_evidence(self.incident)

    def clock_counts(self) -> dict[str, int]:
        """How many clocks are in which state; `overdue` among them."""
        counts: dict[str, int] = {}
        for each in self.clocks.clocks:
            counts[each.state] = counts.get(each.state, 0) + 1
        return {**counts, "overdue": len(self.clocks.overdue)}

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        record = self.incident
        coming = [each for each in self.clocks.clocks if each.due and not each.overdue]
        return {
            "phase": self.phase,
            "as_of": text(self.now),
            "overdue": self.overdue,
            "owners": {
                "incident": record.incident_owner,
                "communications": record.communications_owner,
                "remediation": record.remediation_owner,
            },
            "phases": [each.to_mapping() for each in self.phases],
            "evidence": {
                "preserved": dict(self.evidence),
                "missing": list(self.missing_evidence),
            },
            "flags": {
                name: {
                    "value": getattr(record.flags, name).value,
                    "reason": getattr(record.flags, name).reason,
                }
                for name in FLAGS
            },
            "clocks": {
                **self.clock_counts(),
                "next": [
                    {"id": each.clock.id, "due_at": text(each.due.at)}
                    for each in coming[:5]
                    if each.due is not None and each.state == "may_have_started"
                ],
            },
            "next_status": self.next_status,
            "in_the_way": list(self.in_the_way),
        }


def dashboard(
    incident: Incident,
    clocks: Assessment,
    *,
    now: datetime,
    assessed: bool | None = None,
    reviews: Progress | None = None,
) -> Dashboard:
    """Where an incident stands at a moment.

    `assessed`: whether its vendor's assessment says so; `reviews`: of the affected decisions.
    """
    phase = phase_of(incident)
    known = Known(clocks=clocks, assessed=assessed, reviews=reviews)
    order: Sequence[str] = list(AFTER)
    at = order.index(incident.status)
    coming = None if at + 1 == len(order) else list(AFTER)[at + 1]
    return Dashboard(
        incident=incident,
        now=now,
        phase=phase,
        phases=tuple(_phase(name, incident, known, phase, now) for name in WITHIN),
        evidence=tuple(
            (kind, sum(each.kind == kind for each in incident.evidence)) for kind in EVIDENCE_KINDS
        ),
        clocks=clocks,
        next_status=coming,
        in_the_way=() if coming is None else tuple(unsettled(incident, coming)),
    )


def _phase(
    name: PhaseName, incident: Incident, known: Known, now_in: PhaseName, now: datetime
) -> PhaseView:
    due: datetime | None = None
    if incident.detected_at is not None and not incident.reconstructed:
        due = span(incident.detected_at)[0] + WITHIN[name]
    settled = all(step in incident.steps for step in steps_of(name))
    done = settled or PHASES.index(name) < PHASES.index(now_in)
    state: PhaseState = "done" if done else "current" if name == now_in else "ahead"
    late = due is not None and due < now and not done
    steps = tuple(_step(step, incident, known, due, late) for step in steps_of(name))
    return PhaseView(name, _within(name), due, state, late, steps)


def _step(
    step: StepId, incident: Incident, known: Known, due: datetime | None, late: bool
) -> StepView:
    told = incident.steps.get(step)
    if told is not None:
        return StepView(
            step, TITLES[step], told.status, owner_of(step, incident), due, False, (),
            told.by, told.at, told.note,
        )  # fmt: skip
    missing = tuple(lacking(step, incident, known))
    owner = owner_of(step, incident)
    return StepView(step, TITLES[step], "open", owner, due, late, missing)


def _within(name: PhaseName) -> str:
    """``0-4 h``, ``4-24 h``, ``24-72 h``, ``7-14 days``: as the playbook says it."""
    return {"contain": "0-4 h", "assess": "4-24 h", "remediate": "24-72 h", "learn": "7-14 days"}[
        name
    ]
