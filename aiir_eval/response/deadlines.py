"""When a period runs out: hours, calendar days, business days, months, and the earliest of several.

Conventions, chosen so that no date is later than the law's. Hours are elapsed time. Days and months
are counted by the calendar of the clock's own place and keep the hour of day, which is never after
the end of that last day (Regulation 1182/71 and its like let a period run to midnight, or past a
weekend; this does not). A month that has no such day ends on its last one. A business day is no
Saturday, Sunday or public holiday of the clock's place.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from ..incidents.clocks import Clock, Limit


@dataclass(frozen=True, slots=True)
class Due:
    """When a clock runs out: in UTC, in local time, by which limit and from which start."""

    at: datetime
    local: datetime
    limit: Limit
    start: datetime


def due(clock: Clock, starts: Mapping[str, datetime], tz: ZoneInfo) -> Due | None:
    """The earliest limit of a clock that has a start; none where none has one.

    Parameters
    ----------
    clock
        The duty.
    starts
        When each event was, by its name, and when the report of another clock was made, by that
        clock's id. Aware datetimes.
    tz
        The zone of `Due.local`; days and months are counted in it where the clock names no zone.

    >>> from datetime import UTC, datetime
    >>> from zoneinfo import ZoneInfo
    >>> from aiir_eval.incidents.clocks import shipped_clocks
    >>> clock = shipped_clocks().of("gdpr-33-1")
    >>> aware = datetime(2026, 3, 27, 9, 30, tzinfo=UTC)
    >>> due(clock, {"awareness": aware}, ZoneInfo("Europe/Berlin")).local.isoformat()
    '2026-03-30T11:30:00+02:00'
    """
    place = ZoneInfo(clock.timezone) if clock.timezone else tz
    found: list[Due] = []
    for limit in clock.limits:
        start = starts.get(limit.after_report_of or str(limit.event))
        if start is None:
            continue
        end = end_of(limit, start, place, clock.holidays)
        if end is None:
            continue
        later = starts.get(limit.void_if_later) if limit.void_if_later else None
        if later is not None and later > end:
            continue
        found.append(Due(end, end.astimezone(tz), limit, start))
    return min(found, key=lambda each: each.at, default=None)


def end_of(
    limit: Limit, start: datetime, place: ZoneInfo, holidays: str | None = None
) -> datetime | None:
    """The end of one period in UTC; none where the law gives no number."""
    if limit.amount is None:
        return None
    if limit.unit == "hours" and not limit.from_year_end:
        return start.astimezone(UTC) + timedelta(hours=limit.amount)
    local = start.astimezone(place).replace(tzinfo=None)
    if limit.from_year_end:
        local = local.replace(month=12, day=31)
    match limit.unit:
        case "hours":
            local += timedelta(hours=limit.amount)
        case "calendar_days":
            local += timedelta(days=limit.amount)
        case "business_days":
            days = business_days_after(local.date(), limit.amount, str(holidays))
            local = datetime.combine(days, local.time())
        case "months":
            local = months_after(local, limit.amount)
    return in_zone(local, place)


def in_zone(local: datetime, place: ZoneInfo) -> datetime:
    """A wall-clock time as UTC.

    A time that the clock shows twice is the first of the two; one that it leaps over is read by the
    offset before the leap, which is the same instant as an hour later on the new clock.
    """
    return local.replace(tzinfo=place, fold=0).astimezone(UTC)


def months_after(start: datetime, months: int) -> datetime:
    """The same day some months later, or the last day of that month.

    >>> months_after(datetime(2026, 1, 31, 9), 1).isoformat()
    '2026-02-28T09:00:00'
    """
    ahead = start.year * 12 + start.month - 1 + months
    year, month = ahead // 12, ahead % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))


def business_days_after(start: date, days: int, place: str) -> date:
    """The last of so many business days; the day of the start itself is not counted.

    `place` is a country, or a country and a state: ``US``, ``DE-BY``. A start on a day off makes
    the next business day the first that counts.
    """
    off = _holidays(place)
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5 and day not in off
    return day


@cache
def _holidays(place: str):  # type: ignore[no-untyped-def]  # a mapping of dates that grows by year
    import holidays

    country, _, division = place.partition("-")
    return holidays.country_holidays(country, subdiv=division or None)
