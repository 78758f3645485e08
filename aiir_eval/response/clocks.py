"""Which clocks may have started for an incident, when each falls due, and what is overdue.

It says which *may* have started and leaves the rest to counsel. A record that answers no to what
would start a clock makes it ``flagged_no``, never more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ..incidents.clocks import Clock, Clocks
from ..incidents.model import Incident, Notification
from ..incidents.moments import span
from .deadlines import Due, due

ADVICE = (
    "Computed from the record and from dated data; this is no legal advice. Any of these may have "
    "started: ask counsel, also about those that the record's flags answer no to."
)
State = Literal["may_have_started", "waiting", "reported", "flagged_no", "not_in_force"]
# What the day of detection stands for until someone states the event itself.
FROM_DETECTION = ("awareness", "detection", "discovery")


@dataclass(frozen=True, slots=True)
class ClockState:
    """One clock of an incident.

    `waiting` clocks may apply, and what starts them is not recorded yet (`missing`). `due` is none
    where nothing to count from is known, or where the law gives no number.
    """

    clock: Clock
    state: State
    due: Due | None
    overdue: bool
    missing: tuple[str, ...]
    because: str
    notification: Notification | None
    check_again: bool

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data; times in UTC and local time."""
        clock, found, told = self.clock, self.due, self.notification
        return {
            "id": clock.id,
            "regime": clock.regime,
            "title": clock.title,
            "citation": clock.citation,
            "who": clock.who,
            "to": clock.to,
            "kind": clock.kind,
            "state": self.state,
            "because": self.because,
            "condition": clock.trigger.condition,
            "limits": [limit.words() for limit in clock.limits],
            "started_at": None if found is None else text(found.start),
            "due_at": None if found is None else text(found.at),
            "due_local": None if found is None else found.local.isoformat(timespec="seconds"),
            "overdue": self.overdue,
            "reported_at": None if told is None else told.reported_at,
            "missing": list(self.missing),
            "note": clock.note,
            "checked": clock.checked,
            "verify_by": clock.verify_by.isoformat(),
            "check_again": self.check_again,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """The clocks of an incident at a moment, those that fall due first before the others."""

    incident_id: str
    now: datetime
    timezone: str
    clocks: tuple[ClockState, ...]
    notes: tuple[str, ...]

    @property
    def overdue(self) -> list[ClockState]:
        """Those that have run out without a report."""
        return [each for each in self.clocks if each.overdue]

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "incident": self.incident_id,
            "as_of": text(self.now),
            "timezone": self.timezone,
            "advice": ADVICE,
            "overdue": len(self.overdue),
            "clocks": [each.to_mapping() for each in self.clocks],
            "notes": list(self.notes),
        }


def text(moment: datetime) -> str:
    """UTC as a record states it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def assess_clocks(
    incident: Incident,
    clocks: Clocks,
    *,
    now: datetime,
    timezone: str = "UTC",
    starts: Mapping[str, datetime] | None = None,
) -> Assessment:
    """Which clocks may have started for an incident, and when each falls due.

    `starts` states events (``determination``), or reports by the clock's id. What is not stated is
    taken from the record: its notifications, and the time of detection for awareness and discovery.
    """
    tz = ZoneInfo(timezone)
    known, notes = _starts(incident, starts or {})
    told = {each.clock: each for each in incident.notifications}
    found = [_state(incident, clock, known, told, now, tz) for clock in clocks.shown()]
    named = {clock.id for clock in clocks.shown()}
    notes += [
        f"the record has a notification under {name!r}, and no clock that is shown has this id"
        for name in told
        if name not in named
    ]
    order = ("may_have_started", "waiting", "reported", "flagged_no", "not_in_force")
    late = datetime.max.replace(tzinfo=UTC)
    found.sort(
        key=lambda each: (
            order.index(each.state),
            each.clock.kind == "deadline",
            late if each.due is None else each.due.at,
        )
    )
    return Assessment(incident.id, now, timezone, tuple(found), tuple(notes))


def _starts(
    incident: Incident, stated: Mapping[str, datetime]
) -> tuple[dict[str, datetime], list[str]]:
    """Every event and report that is known, and what to say of those that are assumed."""
    known: dict[str, datetime] = {}
    notes: list[str] = []
    if incident.detected_at is None:
        if "awareness" not in stated:
            notes.append("the record has no detected_at: nothing counts from awareness yet")
    else:
        first, last = span(incident.detected_at)
        known |= dict.fromkeys(FROM_DETECTION, first)
        assumed = [name for name in FROM_DETECTION if name not in stated]
        if assumed:
            how = "" if first == last else f", from the first instant of {incident.detected_at}"
            notes.append(f"{', '.join(assumed)}: taken from detected_at{how}; state them if not so")
    for told in incident.notifications:
        if told.reported_at is not None:
            known[told.clock] = span(told.reported_at)[0]
    return {**known, **stated}, notes


def _state(
    incident: Incident,
    clock: Clock,
    known: Mapping[str, datetime],
    told: Mapping[str, Notification],
    now: datetime,
    tz: ZoneInfo,
) -> ClockState:
    notification = told.get(clock.id)
    starts = dict(known)
    needed = [limit.after_report_of or str(limit.event) for limit in clock.limits]
    if notification is not None and notification.started_at is not None:
        own = span(notification.started_at)[0]
        # A clock with one start is told when it was; one with several, for those not stated.
        starts |= {name: own for name in needed if len(set(needed)) == 1 or name not in starts}
    when = due(clock, starts, tz)
    if when is not None and notification is not None and notification.due_at is not None:
        at = span(notification.due_at)[0]
        when = Due(at, at.astimezone(tz), when.limit, when.start)
    missing = tuple(name for name in dict.fromkeys(needed) if name not in starts)
    answered, because = _trigger(incident, clock)
    # Where the record has no time of detection, what runs from it may be running unseen.
    unseen = any(name in FROM_DETECTION for name in missing)
    begun = unseen or not needed or any(name in starts for name in needed)
    on = (min((starts[name] for name in needed if name in starts), default=now)).date()
    state: State
    if notification is not None and notification.reported_at is not None:
        state = "reported"
    elif not clock.in_force(on):
        state, because = "not_in_force", _force(clock, on)
    elif answered == "no" and notification is None:
        state = "flagged_no"
    else:
        state = "may_have_started" if begun else "waiting"
    overdue = state == "may_have_started" and when is not None and when.at < now
    return ClockState(
        clock, state, when, overdue, missing, because, notification, clock.verify_by < now.date()
    )


def _force(clock: Clock, on: date) -> str:
    if clock.effective_from is not None and on < clock.effective_from:
        return f"the row takes effect on {clock.effective_from}, after {on}: check"
    return f"the row was in effect until {clock.effective_until}, before {on}: check"


def _trigger(incident: Incident, clock: Clock) -> tuple[Literal["yes", "unknown", "no"], str]:
    """What the record says of the things that start a clock."""
    trigger = clock.trigger
    if not trigger.flags and not trigger.classes:
        return "unknown", "any incident may start it"
    if incident.class_ in trigger.classes:
        return "yes", f"class {incident.class_}"
    values = {name: getattr(incident.flags, name).value for name in trigger.flags}
    for answer in ("yes", "unknown"):
        if names := [name for name, value in values.items() if value == answer]:
            return answer, f"{', '.join(names)}: {answer}"
    said = [f"{name}: no" for name in values] or [f"class {incident.class_}"]
    return "no", "; ".join(said)
