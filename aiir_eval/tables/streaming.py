"""How is a text file larger than memory read, with the types that all of its rows decide?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import TableError
from .reading import table_format
from .text_files import (
    REAL,
    WHOLE,
    csv_header,
    csv_options,
    csv_problem,
    jsonl_rows,
    quotes_are_odd,
    texts_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 1 << 17
_BLOCKS = (1 << 21, 1 << 25, 1 << 28)  # bytes of a CSV file at a time; a row must fit in one
_TRUTH = "^(true|false)$"

Batches = Iterator["pa.RecordBatch"]


class TextStream:
    """A CSV, TSV or JSON Lines file that is read anew each time, a batch at a time.

    A `Source`. Opening it reads the file once, for the types: those that `read_table` would give.
    """

    in_memory = False

    def __init__(
        self,
        path: Path,
        name: str,
        schema: pa.Schema,
        n_rows: int,
        read: Callable[[pa.Schema], Batches],
    ) -> None:
        self.path, self.name, self.schema, self.n_rows = path, name, schema, n_rows
        self.nbytes = path.stat().st_size
        self._read = read

    def column(self, name: str) -> pa.ChunkedArray:
        import pyarrow as pa

        parts = [batch.column(0) for batch in self.batches([name])]
        return pa.chunked_array(parts, self.schema.field(name).type)

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Batches:
        names = list(self.schema.names if columns is None else columns)
        most = min(batch_rows, _BATCH_ROWS)
        held: list[pa.RecordBatch] = []
        for batch in self._read(self.schema):  # blocks of a file hold few rows: those are joined
            held.append(batch.select(names))
            if sum(part.num_rows for part in held) >= most:
                yield from _joined(held, most)
                held = []
        yield from _joined(held, most)


def _joined(batches: list[pa.RecordBatch], batch_rows: int) -> Batches:
    import pyarrow as pa

    if batches:
        table = pa.Table.from_batches(batches).combine_chunks()
        yield from table.to_batches(max_chunksize=batch_rows)


def open_text_stream(path: Path, name: str) -> TextStream:
    """Open a text file for reading in parts; `TableError` says what is wrong with it, and where."""
    import pyarrow as pa

    kind = table_format(path, name)
    if kind == "jsonl":
        fields, n_rows = _json_fields(path, name)
        read: Callable[[pa.Schema], Batches] = lambda schema: _json_batches(path, name, schema)  # noqa: E731
    else:
        delimiter = "\t" if kind == "tsv" else ","
        fields, n_rows = _csv_fields(path, name, delimiter)

        def read(schema: pa.Schema) -> Batches:
            for batch in _csv_texts(path, name, delimiter):
                columns = [_converted(batch.column(field.name), field.type) for field in schema]
                yield pa.record_batch(columns, schema=schema)

    if n_rows == 0:
        raise TableError("the table has no rows", file=name)
    return TextStream(path, name, pa.schema(fields), n_rows, read)


def _csv_fields(path: Path, name: str, delimiter: str) -> tuple[list[tuple[str, Any]], int]:
    """The type of each column that all of its values allow, and the number of rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if path.stat().st_size == 0:
        raise TableError("the file is empty", file=name)
    header = csv_header(path, name, delimiter)
    forms = {WHOLE: pa.int64(), REAL: pa.float64(), _TRUTH: pa.bool_()}
    possible = {column: list(forms) for column in header}
    filled: set[str] = set()
    n_rows = 0
    for batch in _csv_texts(path, name, delimiter):
        n_rows += batch.num_rows
        for column in header:
            values = batch.column(column)
            if values.null_count < len(values):
                filled.add(column)
            possible[column] = [
                form
                for form in possible[column]
                if pc.all(
                    pc.match_substring_regex(values, form, ignore_case=True), min_count=0
                ).as_py()
            ]
    if quotes_are_odd(path) and (found := csv_problem(path, name, delimiter, len(header))):
        raise found
    fields = [
        (column, forms[possible[column][0]])
        if possible[column] and column in filled
        else (column, pa.string())
        for column in header
    ]
    return fields, n_rows


def _csv_texts(path: Path, name: str, delimiter: str) -> Batches:
    """The cells of a CSV file as text, a block at a time."""
    import pyarrow as pa
    from pyarrow import csv

    header = csv_header(path, name, delimiter)
    done = 0
    for block in _BLOCKS:
        seen = 0
        try:
            with csv.open_csv(
                path,
                read_options=csv.ReadOptions(block_size=block, use_threads=False),
                **csv_options(header, delimiter),
            ) as reader:
                for batch in reader:
                    # With larger blocks the rows come again from the first: those are passed over.
                    fresh = batch.slice(min(max(done - seen, 0), batch.num_rows))
                    seen += batch.num_rows
                    if fresh.num_rows:
                        done += fresh.num_rows
                        yield fresh
            return
        except pa.ArrowInvalid as error:
            if "block" in str(error) and block != _BLOCKS[-1]:
                continue
            reason = f"not valid CSV: {str(error).splitlines()[0]}"
            found = csv_problem(path, name, delimiter, len(header))
            raise found or TableError(reason, file=name) from None


def _converted(values: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(kind):
        return pc.equal(pc.utf8_lower(values), "true")
    return values.cast(kind)


def _json_fields(path: Path, name: str) -> tuple[list[tuple[str, Any]], int]:
    import pyarrow as pa

    kinds: dict[str, set[type]] = {}
    beyond: set[str] = set()  # whole numbers of more than 64 bits
    n_rows = 0
    for row in jsonl_rows(path, name):
        n_rows += 1
        for column, value in row.items():
            kinds.setdefault(column, set())
            if value is not None:
                kinds[column].add(type(value))
                if type(value) is int and not -(2**63) <= value < 2**63:
                    beyond.add(column)
    fields = []
    for column, found in kinds.items():
        kind = pa.string()
        if found == {bool}:
            kind = pa.bool_()
        elif found == {int} and column not in beyond:
            kind = pa.int64()
        elif found in ({float}, {int, float}):
            kind = pa.float64()
        fields.append((column, kind))
    return fields, n_rows


def _json_batches(path: Path, name: str, schema: pa.Schema) -> Batches:
    import pyarrow as pa

    rows = iter(jsonl_rows(path, name))
    while part := list(islice(rows, _BATCH_ROWS)):
        columns = [_json_column(part, field) for field in schema]
        yield pa.record_batch(columns, schema=schema)


def _json_column(rows: Iterable[Mapping[str, Any]], field: Any) -> pa.Array:
    import pyarrow as pa

    values = [row.get(field.name) for row in rows]
    if pa.types.is_string(field.type):
        return texts_of(values)
    if pa.types.is_floating(field.type):
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, field.type)
