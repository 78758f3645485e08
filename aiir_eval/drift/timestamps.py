"""When do the rows of a window happen: at which hours, on which days, how often?

Two windows of time differ in absolute time as a matter of course, so a timestamp is never tested as
a number. What is tested in its place does not know the date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .columns import Pair
from .facts import Skipped

if TYPE_CHECKING:
    import pyarrow as pa

_DAY = 86_400.0
_WHOLE_DAY = 0.95 * _DAY  # from the first row of a day to its last
_WHOLE_WEEK = 6 * _DAY  # the same of a week; of seven dates it is exactly this
_ISO = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$"
_LOOKED_AT = 200
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def is_temporal(kind: pa.DataType) -> bool:
    """Whether values are dates, times of day, timestamps or durations."""
    import pyarrow.types as types

    return bool(types.is_temporal(kind)) and not types.is_interval(kind)


def parsed(pair: Pair) -> Pair | None:
    """A pair of texts that are dates or times (ISO 8601) throughout, as timestamps; else None."""
    sides = [_parsed(side) for side in (pair.reference, pair.current)]
    if sides[0] is None or sides[1] is None:
        return None
    return Pair(pair.name, sides[0], sides[1])


def in_place_of(pair: Pair, *, clustered: bool) -> Sequence[Pair | Skipped]:
    """What is tested in the place of a temporal column.

    A duration is its seconds. A timestamp, date or time gives the hour of the day, the day of the
    week, and the seconds between successive rows (not where rows belong to clusters: such gaps
    belong to none), each where both sides last long enough for it to mean something. Hours and days
    are those of the column's time zone; where the sides have two, of the reference's.
    """
    import pyarrow.types as types

    name = pair.name
    kinds = pair.reference.type, pair.current.type
    if any(types.is_duration(kind) for kind in kinds):
        if not all(types.is_duration(kind) for kind in kinds):
            return [Skipped(name, f"its type changed from {kinds[0]} to {kinds[1]}")]
        return [Pair(name, _seconds(pair.reference), _seconds(pair.current))]
    if any(types.is_time(kind) for kind in kinds):
        if not all(types.is_time(kind) for kind in kinds):
            return [Skipped(name, f"its type changed from {kinds[0]} to {kinds[1]}")]
        return [
            Skipped(name, "a time of day: its hour is tested in its place"),
            Pair(f"{name}: hour of day", _hour(pair.reference), _hour(pair.current)),
        ]
    return _of_timestamps(pair, clustered=clustered)


def _of_timestamps(pair: Pair, *, clustered: bool) -> Sequence[Pair | Skipped]:
    import pyarrow.compute as pc

    name = pair.name
    zone_note, sides = _in_one_zone(pair)
    seconds = [np.sort(_epoch(side)) for side in sides]
    if min(side.size for side in seconds) < 2:
        return [Skipped(name, "fewer than two times on a side")]
    lasts = min(float(side[-1] - side[0]) for side in seconds)
    in_place: list[Pair] = []
    left_out: list[str] = []
    hours = [_hour(side) for side in sides]
    if any(len(pc.unique(side.drop_null())) > 1 for side in hours):
        if lasts >= _WHOLE_DAY:
            in_place.append(Pair(f"{name}: hour of day", hours[0], hours[1]))
        else:
            left_out.append("hours, for a side lasts less than a day")
    if lasts >= _WHOLE_WEEK:
        days = [_weekday(side) for side in sides]
        in_place.append(Pair(f"{name}: day of week", days[0], days[1]))
    else:
        left_out.append("days of the week, for a side lasts less than a week")
    gaps = [np.diff(side) for side in seconds]
    if clustered:
        left_out.append("gaps between rows, for gaps belong to no cluster")
    elif min(gap.size for gap in gaps) < 2:
        left_out.append("gaps between rows, for there are too few")
    elif all((side % _DAY == 0).all() for side in seconds):
        left_out.append("gaps between rows, for there are only dates")
    else:
        in_place.append(Pair(f"{name}: seconds between rows", _column(gaps[0]), _column(gaps[1])))
    reason = "two windows differ in absolute time as a matter of course"
    if in_place:
        reason += "; in its place: " + ", ".join(part.name.split(": ")[-1] for part in in_place)
    if left_out:
        reason += "; left out: " + "; ".join(left_out)
    return [Skipped(name, reason + zone_note), *in_place]


def _in_one_zone(pair: Pair) -> tuple[str, list[pa.ChunkedArray]]:
    """Both sides as timestamps with the same time zone, and a note where that needed a choice."""
    import pyarrow as pa
    import pyarrow.types as types

    sides = [
        side if types.is_timestamp(side.type) else side.cast(pa.timestamp("s"))
        for side in (pair.reference, pair.current)
    ]
    zones = [side.type.tz for side in sides]
    if zones[0] == zones[1]:
        return "", sides
    if None in zones:
        known = zones[0] or zones[1]
        sides = [
            side if side.type.tz else side.cast(pa.timestamp(side.type.unit, "UTC"))
            for side in sides
        ]
        note = f"; one side has no time zone and is taken as UTC, both are seen in {known}"
    else:
        known = zones[0]
        note = f"; the time zone changed from {zones[0]} to {zones[1]}, both are seen in {known}"
    return note, [side.cast(pa.timestamp(side.type.unit, known)) for side in sides]


def _hour(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_lpad(pc.hour(values).cast(pa.string()), 2, "0")


def _weekday(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.day_of_week(values)
    days = [pa.array(_WEEK).take(chunk) for chunk in numbers.chunks]
    return pa.chunked_array(days, pa.string())


def _epoch(values: pa.ChunkedArray) -> np.ndarray:
    """Seconds since 1970 of the values that are there, as doubles."""
    import pyarrow as pa

    per_second = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[values.type.unit]
    present = values.drop_null()
    numbers: np.ndarray = present.cast(pa.int64()).to_numpy() / per_second
    return numbers


def _seconds(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    per_second = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[values.type.unit]
    return pc.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), per_second)


def _column(values: np.ndarray) -> pa.ChunkedArray:
    import pyarrow as pa

    return pa.chunked_array([pa.array(values)])


def _parsed(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Texts as timestamps, where the first ones look so and all can be read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = values.type
    if pa.types.is_dictionary(plain):
        plain = plain.value_type
    first = values.slice(0, 10 * _LOOKED_AT).cast(plain).drop_null().slice(0, _LOOKED_AT)
    if len(first) == 0 or not pc.all(pc.match_substring_regex(first, _ISO)).as_py():
        return None
    values = values.cast(plain)
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        try:
            return values.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None
