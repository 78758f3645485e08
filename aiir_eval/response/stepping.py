"""Marking a step of the playbook, and moving a record on: neither goes against the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, Problem
from ..incidents.editing import edit_incident
from ..incidents.loading import load_incident
from ..incidents.model import STEPS, Incident, Status, Step, StepId
from ..incidents.phases import PhaseName
from .playbook import ASKS_FOR_FILE, ASKS_FOR_WORD, TITLES, Known, lacking, steps_of
from .preserving import STEP, EvidenceStore, source_file
from .proving import is_verdict, unproven

# The phases whose steps must be settled before a record has a status.
AFTER: Mapping[Status, tuple[PhaseName, ...]] = {
    "open": (),
    "contained": ("contain",),
    "assessed": ("contain", "assess"),
    "remediated": ("contain", "assess", "remediate"),
    "closed": ("contain", "assess", "remediate", "learn"),
}
MAX_COPIED = 50_000_000  # bytes of a file that backs a step


@dataclass(frozen=True, slots=True)
class Marking:
    """What is said of a step: by whom, when, why, and the files that back it.

    `waived` is why the step is left out. `suites` are where the cases of a verdict may be found.
    """

    step: StepId
    at: str
    by: str | None
    waived: str | None = None
    note: str | None = None
    files: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()


def mark_step(path: str | Path, marking: Marking, known: Known | None = None) -> Incident:
    """Record that a step was done or waived, and keep the files that back it as evidence.

    Raises `InputError` with everything that is missing where the facts say that it is not done.
    """
    incident = load_incident(path, draft=True)
    if marking.waived is None:
        missing = missing_of(incident, marking, known)
        if missing:
            raise InputError(
                f"{marking.step} ({TITLES[marking.step].lower()}) is not done: "
                + "; ".join(missing),
                file=str(path),
                field=f"steps.{marking.step}",
                hint='or leave it out, and say why: --waive "..."',
            )
    elif not marking.waived.strip():
        raise InputError("say why the step is left out", field=f"steps.{marking.step}")
    kept = _kept(path, incident, marking)
    notes = [text for text in (marking.waived, marking.note) if text]
    step = Step(
        status="done" if marking.waived is None else "waived",
        by=marking.by,
        at=marking.at,
        note="\n".join(notes) or None,
        evidence=kept[0] if len(kept) == 1 else kept or None,
    )

    def change(record: Incident) -> Incident:
        if marking.waived is None and (late := missing_of(record, marking, known)):
            raise InputError("; ".join(late), file=str(path))  # another took it away meanwhile
        steps = {**record.steps, marking.step: step}
        return record.model_copy(
            update={"steps": {id_: steps[id_] for id_ in STEPS if id_ in steps}}
        )

    return edit_incident(path, change)


def unmark_step(path: str | Path, step: StepId) -> Incident:
    """Take back what was said of a step.

    Raises `InputError` where the status of the record rests on it.
    """

    def change(record: Incident) -> Incident:
        if step in record.steps and step.split(".")[0] in AFTER[record.status]:
            raise InputError(
                f"the record is {record.status}, which rests on this step",
                file=str(path),
                field=f"steps.{step}",
                hint=f"aiir incident set {record.id} --status open",
            )
        steps = {id_: each for id_, each in record.steps.items() if id_ != step}
        return record.model_copy(update={"steps": steps})

    return edit_incident(path, change)


def missing_of(incident: Incident, marking: Marking, known: Known | None = None) -> list[str]:
    """What stands against calling a step done."""
    step = marking.step
    missing = lacking(step, incident, known)
    if step == "learn.4" and marking.files:
        missing = []  # the assessment itself is brought
    if step == "remediate.2" and not missing:
        missing = _unproven(incident, marking)
    elif step in ASKS_FOR_FILE and not marking.files:
        missing.append("its document is not attached (--evidence FILE)")
    elif step == "assess.3" and not (incident.notifications or marking.note):
        missing.append(
            "say which clocks run (aiir incident notify), or what counsel found (--note)"
        )
    elif step in ASKS_FOR_WORD - {"assess.3"} and not (marking.files or marking.note):
        missing.append("say what was done (--note, or --evidence FILE)")
    return missing


def _unproven(incident: Incident, marking: Marking) -> list[str]:
    verdicts = [each for each in marking.files if is_verdict(each)]
    if not verdicts:
        return ["no verdict is attached (aiir gate ... -o verdict.json; --evidence verdict.json)"]
    others = [each for each in marking.files if each not in verdicts]
    reasons = []
    for each in verdicts:
        found = unproven(incident, each, [*marking.suites, *others])
        if not found:
            return []
        reasons += found
    return reasons


def _kept(path: str | Path, incident: Incident, marking: Marking) -> list[str]:
    """The files of a step, kept; each as its path and digest."""
    if not marking.files:
        return []
    store = EvidenceStore(path, incident.id)
    told = []
    for each in marking.files:
        if Path(each).is_dir() and marking.step == "remediate.2":  # a run: only looked at
            continue
        source = source_file(each)
        if source.stat().st_size > MAX_COPIED:
            raise InputError(
                f"the file has {source.stat().st_size:,} bytes; at most {MAX_COPIED:,} back a step",
                file=each,
                hint="aiir incident preserve keeps larger ones",
            )
        with store.receiving() as target:
            target.write(source.read_bytes())
            line = store.keep(
                target,
                name=source.name,
                kind=STEP,
                source=each,
                at=marking.at,
                by=marking.by,
                searched=False,
                note=marking.step,
            )
        told.append(f"{line.path} sha256 {line.sha256}")
    return told


def unsettled(incident: Incident, status: Status) -> list[str]:
    """What must still be done or waived before a record may have a status, a sentence each."""
    return [
        f"{step} ({TITLES[step].lower()}): "
        + ("; ".join(lacking(step, incident)) or "neither done nor waived")
        for phase in AFTER[status]
        for step in steps_of(phase)
        if step not in incident.steps
    ]


def move_to(incident: Incident, status: Status, file: str | None = None) -> Incident:
    """The record with another status. Going back is always possible.

    Raises `InputError` with every step that stands in the way.
    """
    order = list(AFTER)
    forward = order.index(status) > order.index(incident.status)
    if forward and (missing := unsettled(incident, status)):
        hint = f"aiir incident step {incident.id} STEP --done, or --waive WHY"
        first = Problem(f"it is not {status} yet", file, field="status", hint=hint)
        raise InputError(problems=[first, *(Problem(each) for each in missing)])
    return incident.model_copy(update={"status": status})
