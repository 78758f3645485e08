"""How files, parts of logs, MLflow runs and traces become evidence, without their secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..documents import json_text
from ..errors import InputError, TableError
from ..incidents.model import EvidenceKind
from .preserving import EvidenceStore, Preserved, source_file
from .redacting import Redactor, redactor

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 4_000_000  # bytes of text that are searched at once
_KEY_BEGINS, _KEY_ENDS = b"-----BEGIN", b"-----END"
MAX_KEY = 100_000  # bytes of a key of several lines


@dataclass(frozen=True, slots=True)
class Preserving:
    """What goes into the store of an incident, as one kind of evidence.

    `redact` names what is taken out besides keys: see `redacting.redactor`.
    """

    store: EvidenceStore
    kind: EvidenceKind
    at: datetime
    by: str | None = None
    redact: tuple[str, ...] = ()

    def file(self, path: str | Path) -> Preserved:
        """A file: its bytes, or where something had to be taken out, the text without it.

        Raises `InputError` for a link, and where personal data are to be taken out of a file that
        is neither text nor a Parquet table.
        """
        source = source_file(path)
        rules = redactor(self.redact)
        with self.store.receiving() as target:
            if source.suffix.lower() in {".parquet", ".pq"}:
                searched = _table_file(source, target, rules)
            else:
                searched = _text_file(source, target, rules)
            if not searched:
                if self.redact:
                    raise InputError(
                        "this is neither text nor a Parquet table, so nothing can be taken out",
                        file=str(path),
                        hint="preserve it without --redact, or as text",
                    )
                target.seek(0)
                target.truncate()
                with open(source, "rb") as stream:
                    while block := stream.read(BLOCK):
                        target.write(block)
            return self._keep(target, source.name, str(path), rules, searched=searched)

    def window(
        self,
        source: str | Path,
        *,
        time: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        where: str | None = None,
    ) -> Preserved:
        """The rows of a table from `since` to before `until`, that `where` selects, as JSON Lines.

        Times without an offset are UTC. Raises `TableError` where no row is left, or `time` holds
        something that is no time.
        """
        import pyarrow as pa

        from ..tables import open_source
        from ..tables.selecting import selection

        label = str(source)
        if not label.startswith("sql:") and Path(source).is_symlink():
            raise InputError("a link is not preserved: name the table itself", file=label)
        log = open_source(source)
        total, parts = log.n_rows, [log.schema.empty_table()]
        span: list[datetime] = []
        for batch in log.batches():  # only what is asked for stays in memory
            part = pa.Table.from_batches([batch]).cast(log.schema)
            parts.append(part if time is None else _within(part, time, since, until, label, span))
        table = pa.concat_tables(parts)
        if total and time is not None and not table.num_rows:
            known = f"; {time!r} goes from {min(span)} to {max(span)}" if span else ""
            raise TableError(f"no row of the {total:,} is in that time{known}", file=label)
        if where is not None:
            table = table.filter(selection(table, where, label))
        if not table.num_rows:
            raise TableError("the table has no rows", file=label)
        rules = redactor(self.redact)
        asked = {"from": since, "to": until, "time": time, "where": where}
        told = " ".join(
            f"{name} {each.isoformat() if isinstance(each, datetime) else each}"
            for name, each in asked.items()
            if each is not None
        )
        with self.store.receiving() as target:
            for batch in table.to_batches(max_chunksize=10_000):
                for row in batch.to_pylist():
                    line = json.dumps(rules.value(_plain(row)), ensure_ascii=False)
                    target.write(line.encode("utf-8", "surrogatepass") + b"\n")
            stem = "query" if str(source).startswith("sql:") else Path(source).stem
            return self._keep(
                target,
                f"{stem}.jsonl",
                rules.text(str(source)),
                rules,
                note=f"{table.num_rows:,} of {total:,} rows {rules.text(told)}".strip(),
            )

    def trace(self, trace_id: str, tracking_uri: str | None = None) -> Preserved:
        """An MLflow trace with all its spans, as JSON."""
        from ..telemetry import opt_out

        opt_out()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            trace = MlflowClient(tracking_uri).get_trace(trace_id, display=False)
        except MlflowException as error:
            raise _unreadable(f"the trace {trace_id!r}", error) from None
        return self._json(trace.to_dict(), f"{trace_id}.json", f"mlflow-trace:{trace_id}")

    def run(self, run_id: str, tracking_uri: str | None = None) -> list[Preserved]:
        """An MLflow run: its parameters, metrics with their history, tags, and its files."""
        from ..telemetry import opt_out

        opt_out()
        from tempfile import TemporaryDirectory

        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(tracking_uri)
        try:
            run = client.get_run(run_id)
            history = {
                name: [
                    {"value": each.value, "step": each.step, "timestamp": each.timestamp}
                    for each in client.get_metric_history(run_id, name)
                ]
                for name in run.data.metrics
            }
            data = {**run.to_dictionary(), "metric_history": history}
            kept = [self._json(data, f"{run_id}.json", f"mlflow-run:{run_id}")]
            with TemporaryDirectory() as folder:
                for name in _artifacts(client, run_id):
                    place = Path(client.download_artifacts(run_id, name, folder))
                    if not place.resolve().is_relative_to(Path(folder).resolve()):
                        raise InputError(f"the file {name!r} of the run leads out of its folder")
                    own = self._of_run(place, f"mlflow-run:{run_id}/{name}")
                    kept.append(own)
        except MlflowException as error:
            raise _unreadable(f"the run {run_id!r}", error) from None
        return kept

    def _of_run(self, place: Path, source: str) -> Preserved:
        rules = redactor(self.redact)
        with self.store.receiving() as target:
            parquet = place.suffix.lower() == ".parquet"
            searched = (_table_file if parquet else _text_file)(place, target, rules)
            if not searched:
                target.seek(0)
                target.truncate()
                target.write(place.read_bytes())
            return self._keep(target, place.name, source, rules, searched=searched)

    def _json(self, data: Any, name: str, source: str) -> Preserved:
        rules = redactor(self.redact)
        plain = json.loads(json.dumps(_plain(data), default=str))
        with self.store.receiving() as target:
            target.write(json_text(rules.value(plain)).encode("utf-8", "surrogatepass"))
            return self._keep(target, name, source, rules)

    def _keep(
        self,
        target: IO[bytes],
        name: str,
        source: str,
        rules: Redactor,
        *,
        searched: bool = True,
        note: str | None = None,
    ) -> Preserved:
        return self.store.keep(
            target,
            name=name,
            kind=self.kind,
            source=source,
            at=self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            by=self.by,
            redacted=rules.counts,
            searched=searched,
            note=note,
        )


def _text_file(source: Path, target: IO[bytes], rules: Redactor) -> bool:
    """Write a text without what the rules take out; false where it is no text (UTF-8)."""
    with open(source, "rb") as stream:
        for block in _blocks(stream):
            if b"\0" in block:
                return False
            try:
                text = block.decode("utf-8")
            except UnicodeDecodeError:
                return False
            target.write(rules.text(text).encode("utf-8"))
    return True


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes in blocks of whole lines; a key of several lines is not cut."""
    rest = b""
    while block := stream.read(BLOCK):
        rest += block
        end = rest.rfind(b"\n") + 1
        begun = rest.rfind(_KEY_BEGINS, 0, end)
        if begun >= 0 and rest.find(_KEY_ENDS, begun) < 0 and len(rest) - begun < MAX_KEY:
            end = rest.rfind(b"\n", 0, begun) + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _table_file(source: Path, target: IO[bytes], rules: Redactor) -> bool:
    """Write a Parquet table, anew only where a text of it had to change."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(source, partitioning=None)
    except (pa.ArrowException, OSError):
        return False
    for number, field in enumerate(table.schema):
        if not _holds_text(field.type):
            continue
        before = rules.counts.total()
        values = [rules.value(value) for value in table.column(number).to_pylist()]
        if rules.counts.total() > before:
            kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
            table = table.set_column(number, field.name, pa.array(values, kind))
    if rules.counts:
        pq.write_table(table.replace_schema_metadata(None), target)
    else:
        target.write(source.read_bytes())
    return True


def _holds_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _holds_text(kind.value_type)
    if pa.types.is_nested(kind):
        return any(_holds_text(kind.field(at).type) for at in range(kind.num_fields))
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _within(
    table: pa.Table,
    time: str,
    since: datetime | None,
    until: datetime | None,
    label: str,
    span: list[datetime],
) -> pa.Table:
    """The rows of a part in a time; `span` grows by the first and last moment of the part."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..tables import require_names

    require_names(table.column_names, [time], label)
    moments = _instants(table[time], time, label)
    keep = pc.is_valid(moments)
    if since is not None:
        bound = pa.scalar(since.astimezone(UTC), moments.type)
        keep = pc.and_(keep, pc.greater_equal(moments, bound))
    if until is not None:
        bound = pa.scalar(until.astimezone(UTC), moments.type)
        keep = pc.and_(keep, pc.less(moments, bound))
    span += [each for each in pc.min_max(moments).as_py().values() if each is not None]
    return table.filter(keep)


def _instants(column: pa.ChunkedArray, name: str, label: str) -> pa.Array:
    """A column of times as microseconds UTC; a time without an offset is UTC."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        plain = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
        return plain.cast(pa.timestamp("us", "UTC")).combine_chunks()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        with suppress(ValueError, OverflowError):
            read = pd.to_datetime(column.to_pandas(), utc=True, format="ISO8601")
            return pa.array(read, pa.timestamp("us", "UTC"), from_pandas=True, safe=False)
    raise TableError(
        f"the column {name!r} ({column.type}) holds something that is no time",
        file=label,
        hint="--time wants a column of timestamps, or of texts such as 2026-03-01T09:30:00Z",
    )


def _artifacts(client: Any, run_id: str, below: str | None = None) -> Iterator[str]:
    for each in client.list_artifacts(run_id, below):
        if each.is_dir:
            yield from _artifacts(client, run_id, each.path)
        else:
            yield each.path


def _plain(value: Any) -> Any:
    """What JSON has no word for, as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value.total_seconds()) if isinstance(value, timedelta) else str(value)


def _unreadable(what: str, error: Exception) -> InputError:
    from ..tracking.stores import redact_uris

    reason = redact_uris(str(error).splitlines()[0])
    return InputError(
        f"{what} cannot be read: {reason}",
        hint="name the store that holds it with --mlflow, such as sqlite:///mlflow.db",
    )
