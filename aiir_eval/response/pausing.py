"""Pausing a workflow, route, tool permission or trigger for an incident, and resuming it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..incidents.editing import edit_incident
from ..incidents.loading import load_incident
from ..incidents.model import Incident, Pause, PauseKind
from .flag_file import FlagChange, flag_key, switch_back, switch_off

FLAGS = "flags.json"


@dataclass(frozen=True, slots=True)
class Pausing:
    """What is paused or resumed for an incident, in which file of flags, when and by whom."""

    kind: PauseKind
    ref: str
    at: str
    by: str | None
    flags: str = FLAGS
    flag: str | None = None  # the flag's name, where it is not KIND.REF

    @property
    def key(self) -> str:
        """The name of the flag."""
        return self.flag or flag_key(self.kind, self.ref)


def pause(path: str | Path, what: Pausing, *, dry_run: bool = False) -> FlagChange:
    """Switch the flag of something off, then record it.

    The flag comes first: what is not recorded can be recorded, what runs on does harm. What is
    paused for this incident already is not recorded twice.
    """
    incident = load_incident(path, draft=True)
    change = switch_off(what.flags, what.key, incident.id, dry_run=dry_run)
    if not dry_run:
        edit_incident(path, lambda record: _with_pause(record, what))
    return change


def resume(path: str | Path, what: Pausing, *, dry_run: bool = False) -> FlagChange:
    """Put back what stood, then record it. Raises `InputError` where nothing such is paused."""
    incident = load_incident(path, draft=True)
    standing = [each for each in incident.pause if each.resumed_at is None]
    if not any((each.kind, each.ref) == (what.kind, what.ref) for each in standing):
        paused = ", ".join(f"{each.kind} {each.ref}" for each in standing) or "nothing"
        raise InputError(
            f"{what.kind} {what.ref!r} is not paused for {incident.id}; paused: {paused}",
            file=str(path),
            field="pause",
        )
    change = switch_back(what.flags, what.key, incident.id, dry_run=dry_run)
    if not dry_run:
        edit_incident(path, lambda record: _without_pause(record, what))
    return change


def _with_pause(record: Incident, what: Pausing) -> Incident:
    for each in record.pause:
        if (each.kind, each.ref, each.resumed_at) == (what.kind, what.ref, None):
            return record
    added = Pause(kind=what.kind, ref=what.ref, at=what.at, by=what.by)
    return record.model_copy(update={"pause": [*record.pause, added]})


def _without_pause(record: Incident, what: Pausing) -> Incident:
    ended = {"resumed_at": what.at, "resumed_by": what.by}
    return record.model_copy(
        update={
            "pause": [
                each.model_copy(update=ended)
                if (each.kind, each.ref, each.resumed_at) == (what.kind, what.ref, None)
                else each
                for each in record.pause
            ]
        }
    )
