"""Which window of time does each row fall into?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Problem, TableError

if TYPE_CHECKING:
    import pyarrow as pa

Instants = NDArray[np.datetime64]

MAX_WINDOWS = 5_000
_MAX_SHOWN = 5
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EVERY = re.compile(r"\s*([1-9][0-9]{0,5})?\s*([a-z]+)\s*")
_NAMES = {
    "sec": "s", "second": "s", "seconds": "s", "m": "min", "minute": "min", "minutes": "min",
    "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w", "weeks": "w",
    "month": "mo", "months": "mo",
}  # fmt: skip
_MONDAY = np.datetime64("1970-01-05T00:00:00", "us")


@dataclass(frozen=True, slots=True)
class Every:
    """The length of a window: `number` of seconds (s, min, h, d, w as `unit`) or of months (mo)."""

    number: int
    unit: str

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"

    @property
    def season(self) -> int | None:
        """Windows of the season such windows would show: a day of hours, a week of days."""
        if self.unit == "mo":
            return 12 if self.number == 1 else None
        length = self.number * _SECONDS[self.unit]
        for cycle in (86_400, 604_800):
            if length < cycle and cycle % length == 0:
                return cycle // length
        return None


@dataclass(frozen=True, slots=True)
class Windows:
    """`bounds` are the k + 1 ends of k windows (UTC), `of_row` the window of each row."""

    bounds: Instants
    of_row: NDArray[np.intp]

    @property
    def size(self) -> int:
        return self.bounds.size - 1

    def start(self, number: int) -> datetime:
        """Where a window begins; of the one after the last, where that ends."""
        moment: datetime = self.bounds[min(max(number, 0), self.size)].item()
        return moment.replace(tzinfo=UTC)


def parse_every(text: str) -> Every:
    """``1h``, ``1d``, ``7d``, ``1w``, ``1mo`` (also 30min, 90s) as the length of a window."""
    match = _EVERY.fullmatch(text.lower()) if isinstance(text, str) else None
    unit = None if match is None else _NAMES.get(match[2], match[2])
    if match is None or unit not in {*_SECONDS, "mo"}:
        raise InputError(
            f"{text!r} is no length of time", field="every", hint="write 1h, 1d, 7d, 1w or 1mo"
        )
    return Every(int(match[1] or 1), str(unit))


def parse_moment(text: Any, field: str = "since") -> np.datetime64:
    """A date or a moment (ISO 8601; without a zone it is UTC)."""
    moment = _moment(text)
    if moment is None:
        raise InputError(
            f"{text!r} is neither a date nor a moment",
            field=field,
            hint="write 2026-03-01 or 2026-03-01T06:00:00Z",
        )
    return moment


def windows_of(instants: Instants, every: Every) -> Windows:
    """Windows from the first instant to the last, the empty ones among them.

    Windows of a whole number of days that divide no week, and of several hours, are counted from
    the first day; weeks begin on Monday, months on their first day; all at midnight UTC.
    """
    first, last = instants.min(), instants.max()
    if every.unit == "mo":
        months = instants.astype("M8[M]")
        begin = first.astype("M8[M]").astype(np.int64)
        of_row = (months.astype(np.int64) - begin) // every.number
        size = int(of_row.max()) + 1
        _refuse_many(size, every)
        bounds = (begin + np.arange(size + 1) * every.number).astype("M8[M]").astype("M8[us]")
        return Windows(bounds, of_row.astype(np.intp))
    length = np.timedelta64(every.number * _SECONDS[every.unit], "s").astype("m8[us]")
    origin = first.astype("M8[D]").astype("M8[us]")
    if every.unit == "w":
        week = np.timedelta64(7, "D").astype("m8[us]")
        origin = _MONDAY + (origin - _MONDAY) // week * week
    begin = origin + (first - origin) // length * length
    size = int((last - begin) // length) + 1
    _refuse_many(size, every)
    bounds = begin + np.arange(size + 1) * length
    return Windows(bounds, ((instants - begin) // length).astype(np.intp))


def _refuse_many(size: int, every: Every) -> None:
    if size > MAX_WINDOWS:
        raise InputError(
            f"there are {size:,} windows of {every}; at most {MAX_WINDOWS:,} can be looked at",
            field="every",
            hint="take longer windows; a wrong year in one row makes many",
        )


def instants_of(values: pa.ChunkedArray, column: str, table: str) -> Instants:
    """A column as moments in UTC, in microseconds.

    Timestamps and dates as they are, ISO 8601 text, and numbers as seconds (or milli-, micro-,
    nanoseconds, by their size) since 1970. Without a zone they are taken as UTC.

    Raises
    ------
    TableError
        A value that is null or cannot be read; the error names its row.
    """
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if types.is_timestamp(kind) or types.is_date(kind):
        found = _from_times(values)
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        found = _from_numbers(values.cast(pa.float64(), safe=False))
    elif types.is_string(kind) or types.is_large_string(kind):
        found = _from_text(values)
    else:
        raise TableError(f"values of type {kind} are no moments", file=table, field=column)
    wrong = np.flatnonzero(np.isnat(found))
    if wrong.size:
        problems = [
            Problem(
                f"row {row + 1}: no moment can be read from {_shown(values[int(row)].as_py())}",
                table,
                None,
                column,
                "leave such rows out, or write ISO 8601: 2026-03-01T06:00:00Z",
            )
            for row in wrong[:_MAX_SHOWN]
        ]
        if wrong.size > _MAX_SHOWN:
            more = f"{wrong.size - _MAX_SHOWN:,} more rows like these"
            problems.append(Problem(more, table, None, column))
        raise TableError(problems=problems)
    return found


def _from_times(values: pa.ChunkedArray) -> Instants:
    import pyarrow as pa

    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    try:
        plain = values.cast(pa.timestamp("us"), safe=False)
    except pa.ArrowInvalid:  # beyond what microseconds can count
        return np.full(len(values), np.datetime64("NaT", "us"))
    return np.asarray(plain.to_numpy().astype("M8[us]"))


def _from_numbers(values: pa.ChunkedArray) -> Instants:
    numbers = values.to_numpy().astype(np.float64)
    size = np.abs(numbers)
    scale = np.select([size < 1e11, size < 1e14, size < 1e17], [1e6, 1e3, 1.0], 1e-3)
    found = np.full(numbers.size, np.datetime64("NaT", "us"))
    good = np.isfinite(numbers) & (size < 1e20)
    found[good] = np.rint(numbers[good] * scale[good]).astype(np.int64).astype("M8[us]")
    return found


def _from_text(values: pa.ChunkedArray) -> Instants:
    import pyarrow as pa

    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        try:  # the first takes texts that all name a zone, the second texts that all do not
            return _from_times(values.cast(kind))
        except pa.ArrowInvalid:
            continue
    known: dict[Any, np.datetime64] = {}
    texts = values.to_pylist()
    for text in texts:
        if text not in known:
            moment = _moment(text)
            known[text] = np.datetime64("NaT", "us") if moment is None else moment
    return np.array([known[text] for text in texts], dtype="M8[us]")


def _moment(value: Any) -> np.datetime64 | None:
    if isinstance(value, np.datetime64):
        plain: np.datetime64 = value.astype("M8[us]")
        return plain
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        return None
    if value.tzinfo is not None:
        try:
            value = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            return None
    moment: np.datetime64 = np.datetime64(value, "us")
    return moment


def _shown(value: Any) -> str:
    return "null" if value is None else f"{value!r:.80}"


def two_windows(
    reference: Any, current: Any, time: str | None, since: Any, every: str | None = None
) -> tuple[Any, Any]:
    """The two tables to compare: those given, or one table's rows before a moment and from it on.

    Raises
    ------
    InputError
        There is neither a second table nor a moment, or both; or `every` cannot be used.
    TableError
        A moment cannot be read, or no row lies on a side.
    """
    if every is not None:
        parse_every(every)
        if time is None:
            raise InputError("every needs the column that holds the time", field="time")
    if since is None:
        if current is None:
            raise InputError(
                "a second table is needed, or a moment that splits the first",
                field="current",
                hint="give both tables, or time and since",
            )
        return reference, current
    if current is not None:
        raise InputError(
            "since splits one table, and there are two", field="since", hint="leave one out"
        )
    if time is None:
        raise InputError("since needs the column that holds the time", field="time")
    import pyarrow as pa

    from ..tables import read_table, require_columns, table_name

    moment = parse_moment(since)
    table = read_table(reference)
    require_columns(table, [time])
    later = instants_of(table[time], time, table_name(table)) >= moment
    sides = table.filter(pa.array(~later)), table.filter(pa.array(later))
    for side, word in zip(sides, ("before", "from"), strict=True):
        if side.num_rows == 0:
            problem = f"no row is {word} {since}{' on' if word == 'from' else ''}"
            raise TableError(problem, file=table_name(table), field=time)
    return sides
