"""Where an incident stands in the playbook, and what of it is due when.

Four phases, counted from detection: contain within 4 hours, assess within 24, remediate within 72,
learn within 14 days. A time of detection that is only known to the day counts from its first
instant. A record reconstructed from public sources is nobody's duty here and has no deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from .moments import span

if TYPE_CHECKING:
    from .model import Incident

PhaseName = Literal["contain", "assess", "remediate", "learn", "closed"]
WITHIN: dict[PhaseName, timedelta] = {
    "contain": timedelta(hours=4),
    "assess": timedelta(hours=24),
    "remediate": timedelta(hours=72),
    "learn": timedelta(days=14),
}
PHASES: tuple[PhaseName, ...] = (*WITHIN, "closed")
STEPS_IN_A_PHASE = 4
_REACHED: dict[str, PhaseName] = {
    "open": "contain",
    "contained": "assess",
    "assessed": "remediate",
    "remediated": "learn",
    "closed": "closed",
}
_SETTLED = {"reported", "sent", "done", "closed", "waived"}


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that is due: a phase by its name, or ``clock:ID``."""

    what: str
    due_at: datetime
    done: bool = False

    def overdue(self, now: datetime) -> bool:
        """Whether it is past and not done."""
        return not self.done and self.due_at < now


def phase_of(incident: Incident) -> PhaseName:
    """The phase that is going on: by the status, or by the steps where they are further."""
    if incident.status == "closed":
        return "closed"
    by_steps = next(name for name in PHASES if name == "closed" or not _complete(incident, name))
    return max(_REACHED[incident.status], by_steps, key=PHASES.index)


def _complete(incident: Incident, phase: str) -> bool:
    return sum(step.startswith(f"{phase}.") for step in incident.steps) == STEPS_IN_A_PHASE


def deadlines_of(incident: Incident) -> list[Deadline]:
    """The ends of the phases and of the recorded notifications, the first one first."""
    if incident.reconstructed:
        return []
    found: list[Deadline] = []
    if incident.detected_at is not None:
        began = span(incident.detected_at)[0]
        now_in = PHASES.index(phase_of(incident))
        found += [
            Deadline(name, began + within, done=PHASES.index(name) < now_in)
            for name, within in WITHIN.items()
        ]
    for each in incident.notifications:
        if each.due_at is not None:
            settled = each.reported_at is not None or (each.status or "").casefold() in _SETTLED
            found.append(Deadline(f"clock:{each.clock}", span(each.due_at)[0], settled))
    return sorted(found, key=lambda each: (each.due_at, each.what))
