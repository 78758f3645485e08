"""Reading logs in parts: which rows are affected, and keeping those on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, TableError
from ..tables.columns import as_text, require_names
from ..tables.selecting import rows_where
from ..tables.sources import Source, open_source
from ..tables.sql import is_query
from .affected import Found, Rows, Rule

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa
    from numpy.typing import NDArray

FIELDS = (
    "output", "input", "tool_calls", "user", "decision", "record", "message", "system", "time",
    "version",
)  # fmt: skip
COLUMN_OF = {
    "users": "user",
    "decisions": "decision",
    "records": "record",
    "messages": "message",
    "downstream_systems": "system",
}
_TEXTS = ("input", "output", "tool_calls")
_IDS = ("user", "decision", "record", "message", "system", "version")
_BATCH_ROWS = 1 << 15
_KEPT_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class LogRows:
    """A log, and which of its columns is what."""

    source: Source
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Where:
    """A predicate in SQL as a rule."""

    where: str

    @property
    def names(self) -> list[str]:
        return ["where"]

    @property
    def method(self) -> str:
        return f"rows where {self.where}"


@dataclass(slots=True)
class Looked:
    """What reading the logs gave: numbers, and files of rows in the working folder."""

    columns: frozenset[str]
    by_rule: NDArray[np.int64]
    n_rows: int = 0
    affected: int = 0
    unjudged: int = 0
    without_time: int = 0
    elsewhere: int = 0
    sampled: bool = False
    out: Path | None = None
    kinds: tuple[str, ...] = field(default=())


def open_logs(logs: Any, columns: Mapping[str, str], *, times_needed: bool) -> list[LogRows]:
    """Open logs and find their columns: those named must be there, others may be."""
    from ..tables.reading import table_format
    from ..tables.streaming import open_text_stream

    if unknown := [name for name in columns if name not in FIELDS]:
        raise InputError(f"{unknown[0]!r} is none of {', '.join(FIELDS)}")
    found = []
    for number, log in enumerate(logs if isinstance(logs, list | tuple) else [logs], 1):
        if isinstance(log, str | os.PathLike) and not is_query(log):
            path, name = Path(log), str(log)
            is_text = table_format(path, name) != "parquet"
            source: Source = open_text_stream(path, name) if is_text else open_source(log)
        else:
            source = open_source(log, name=None if isinstance(log, str) else f"log {number}")
        require_names(source.schema.names, columns.values(), source.name)
        by_name = {name: name for name in FIELDS if name in source.schema.names}
        found.append(LogRows(source, {**by_name, **columns}))
    if not found:
        raise InputError("name a log")
    for log in found:
        if times_needed and "time" not in log.columns:
            raise InputError(
                "a period needs a column of times", file=log.source.name, hint="name it with --time"
            )
    return found


def read_affected(
    logs: Sequence[LogRows],
    rule: Rule | Where,
    folder: Path,
    *,
    chosen: NDArray[np.int64] | None,
    start: datetime | None,
    end: datetime | None,
    among: str | None,
    population: int,
    out: Path | None,
) -> Looked:
    """Read the logs once; the affected rows go to ``affected.parquet`` of a folder, and to `out`.

    Of a sample, every row's user and whether it is affected go to ``looked.parquet``.
    """
    columns = frozenset(name for log in logs for name in log.columns)
    total = sum(log.source.n_rows for log in logs)
    looked = Looked(columns, np.zeros(len(rule.names), np.int64), out=out)
    looked.kinds = tuple(kind for kind, column in COLUMN_OF.items() if column in columns)
    looked.sampled = (total if chosen is None else len(chosen)) < population
    with _Rows(folder / "affected.parquet") as kept, _Rows(folder / "looked.parquet") as seen:
        for log, first, table in _batches(
            logs, chosen, whole=isinstance(rule, Where) or among is not None
        ):
            looked.n_rows += table.num_rows
            inside = np.ones(table.num_rows, bool)
            if start is not None or end is not None:
                times = _times(table, log, first)
                looked.without_time += int(np.isnat(times).sum())
                inside = _within(times, start, end)
            if among is not None:
                plain = table.drop_columns([_ROW])
                inside &= rows_where(plain, among, log.source.name, row_by_row=True)
            found = _found(rule, log, table, inside)
            looked.elsewhere += found.elsewhere
            affected = found.affected & inside
            looked.by_rule += (found.by_rule & inside).sum(axis=1)
            looked.affected += int(affected.sum())
            looked.unjudged += int((found.unjudged & inside).sum())
            if looked.sampled:
                seen.add(_seen(table, log, affected, looked.kinds))
            if affected.any():
                kept.add(_kept(table, log, affected, found, rule, first, texts=out is not None))
    if out is not None:
        _written(folder / "affected.parquet", out)
    return looked


def _batches(
    logs: Sequence[LogRows], chosen: NDArray[np.int64] | None, *, whole: bool
) -> Iterator[tuple[LogRows, int, pa.Table]]:
    """Tables of rows that are looked at, with the number of the first within its log."""
    import pyarrow as pa

    before = 0
    for log in logs:
        names = None if whole else list(dict.fromkeys(log.columns.values()))
        first = 0
        for batch in log.source.batches(names, batch_rows=_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            numbers = np.arange(first, first + batch.num_rows)
            if chosen is not None:
                low, high = np.searchsorted(chosen, [before + first, before + numbers[-1] + 1])
                numbers = chosen[low:high] - before
                table = table.take(numbers - first)
            if table.num_rows:
                yield log, first, table.append_column(_ROW, pa.array(numbers))
            first += batch.num_rows
        before += first


_ROW = "\0row"  # a name that no log has


def _found(rule: Rule | Where, log: LogRows, table: pa.Table, inside: NDArray[np.bool_]) -> Found:
    if isinstance(rule, Where):
        plain = table.drop_columns([_ROW])
        affected = rows_where(plain, rule.where, log.source.name, row_by_row=True)
        return Found(affected, np.zeros(len(affected), bool), affected[np.newaxis])
    places = np.flatnonzero(inside)
    some = table if places.size == table.num_rows else table.take(places)

    def texts(name: str) -> Any:
        column = log.columns.get(name)
        return None if column is None else as_text(some, column).fill_null("")

    found = rule.find(Rows(texts("output"), texts("input"), texts("tool_calls")))
    if places.size == table.num_rows:
        return found
    by_rule = np.zeros((len(rule.names), table.num_rows), bool)
    by_rule[:, places] = found.by_rule
    return Found(
        _spread(found.affected, inside), _spread(found.unjudged, inside), by_rule, found.elsewhere
    )


def _spread(some: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    whole = np.zeros(inside.size, bool)
    whole[inside] = some
    return whole


def _times(table: pa.Table, log: LogRows, first: int) -> Any:
    """Moments in UTC, NaT where the log has none."""
    import pyarrow.compute as pc

    from ..drift.windows import instants_of

    column = log.columns["time"]
    values = table[column]
    valid = pc.is_valid(values)
    times = np.full(table.num_rows, np.datetime64("NaT", "us"))
    known = values.filter(valid)
    if len(known):
        try:
            found = instants_of(known, column, log.source.name)
        except TableError as error:
            where = f"among the rows from {first + 1:,} on: "
            told = error.problems[0]
            raise TableError(
                where + told.message, file=told.file, field=column, hint=told.hint
            ) from None
        times[valid.to_numpy()] = found
    return times


def _within(times: Any, start: datetime | None, end: datetime | None) -> NDArray[np.bool_]:
    inside = ~np.isnat(times)
    if start is not None:
        inside &= times >= _plain(start)
    if end is not None:
        inside &= times < _plain(end)
    return np.asarray(inside)


def _plain(moment: datetime) -> np.datetime64:
    utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    return np.datetime64(utc.replace(tzinfo=None), "us")


def _id_column(table: pa.Table, log: LogRows, name: str) -> Any:
    """A column as text; an empty id is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in log.columns:
        return pa.nulls(table.num_rows, pa.string())
    texts = as_text(table, log.columns[name])
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _seen(
    table: pa.Table, log: LogRows, affected: NDArray[np.bool_], kinds: Sequence[str]
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pa.array(affected)
    values = {"user": _id_column(table, log, "user"), "rows": found}
    for kind in kinds:
        values[kind] = pc.and_(found, pc.is_valid(_id_column(table, log, COLUMN_OF[kind])))
    return pa.table(values)


def _kept(
    table: pa.Table,
    log: LogRows,
    affected: NDArray[np.bool_],
    found: Found,
    rule: Rule | Where,
    first: int,
    *,
    texts: bool,
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    some = table.filter(pa.array(affected))
    times = pa.nulls(some.num_rows, pa.timestamp("us"))
    if "time" in log.columns:
        times = pa.array(_times(some, log, first))
    numbers = pc.add(some[_ROW], 1)
    name = log.source.name
    values = {
        "row_id": pa.array([f"{name}#{number}" for number in numbers.to_pylist()], pa.string()),
        "time": times,
        **{column: _id_column(some, log, column) for column in _IDS},
    }
    if texts:
        failed = [
            "; ".join(rule.names[place] for place in np.flatnonzero(column).tolist())
            for column in found.by_rule[:, affected].T
        ]
        values["checks"] = pa.array(failed, pa.string())
        values |= {
            column: as_text(some, log.columns[column])
            if column in log.columns
            else pa.nulls(some.num_rows, pa.string())
            for column in _TEXTS
        }
    return pa.table(values)


class _Rows:
    """Rows on their way to a Parquet file, a group at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: list[pa.Table] = []
        self._writer: Any = None

    def __enter__(self) -> _Rows:
        return self

    def add(self, table: pa.Table) -> None:
        self._held.append(table)
        if sum(each.nbytes for each in self._held) > _KEPT_BYTES or len(self._held) > 256:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._held:
            whole = pa.concat_tables(self._held)
            if self._writer is None:
                self._writer = pq.ParquetWriter(self.path, whole.schema)
            self._writer.write_table(whole)
            self._held = []

    def __exit__(self, *failed: object) -> None:
        try:
            if failed[0] is None:
                self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()


def _written(kept: Path, out: Path) -> None:
    """The affected rows as the user's file, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..incidents.exchange.flat import csv_text

    if out.suffix.lower() not in (".parquet", ".csv"):
        raise InputError("affected rows are written as .parquet or .csv", file=str(out))
    names = ["row_id", "time", *_IDS, "checks", *_TEXTS]
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            fields = [(name, pa.timestamp("us") if name == "time" else pa.string())
                      for name in names]  # fmt: skip
            pq.write_table(pa.schema(fields).empty_table(), kept)
        if out.suffix.lower() == ".parquet":
            shutil.copyfile(kept, partial)
        else:
            with pq.ParquetFile(kept) as file, partial.open("w", encoding="utf-8") as stream:
                stream.write(csv_text(names, []))
                for batch in file.iter_batches(4096):
                    rows = [
                        {**row, "time": None if row["time"] is None else f"{row['time']}Z"}
                        for row in batch.to_pylist()
                    ]
                    stream.write(csv_text(names, rows).split("\n", 1)[1])
        os.replace(partial, out)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise InputError(f"cannot be written: {error.strerror}", file=str(out)) from None
