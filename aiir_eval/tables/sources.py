"""How is a table read a column or a batch at a time, without holding all of it?

`open_source` gives the same `Source` for a Parquet file, a folder of them, CSV, JSON Lines and any
frame. Parquet is read by column: nothing but what is asked for is decoded, and text stays in its
dictionary. A text file has no columns to read alone: the first column asked for loads it.

Types: text, and text in a dictionary, is `pa.string()` or `pa.large_string()` in `schema`; columns
and batches of it may come dictionary-encoded (`pa.dictionary`), each batch with its own dictionary.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import TableError
from .reading import parquet_files, read_frame, read_table, table_format
from .sql import is_query, query_name, read_query
from .text_files import refuse_duplicates

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

_BATCH_ROWS = 1 << 17
_READ_AT_ONCE = 1 << 20  # bytes


class Source(Protocol):
    """A table that is read in parts. Methods may be called from several threads at once."""

    @property
    def name(self) -> str:
        """What errors call it."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns; dictionaries count as what they hold."""

    @property
    def n_rows(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """About how many bytes all columns take in memory, decoded."""

    @property
    def in_memory(self) -> bool:
        """Whether the values are someone's, in memory: they must not be written to."""

    def column(self, name: str) -> pa.ChunkedArray:
        """All values of one column."""

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The rows in order, at most `batch_rows` at a time."""


def open_source(source: Any, *, name: str | None = None) -> Source:
    """Open a table for reading in parts.

    Parameters
    ----------
    source : path or dataframe
        A Parquet file (or a folder of them), CSV, TSV or JSON Lines, by the ending of its name;
        ``sql:`` and a query (see `sql`); or any pandas, polars or pyarrow frame, or object with the
        Arrow C stream protocol. A `Source` is given back as it is.
    name : str, optional
        What errors call the table. By default the path, or "the table".

    Raises
    ------
    TableError
        Where the source cannot be opened, or holds no row.
    """
    if hasattr(source, "batches") and hasattr(source, "column") and hasattr(source, "n_rows"):
        opened: Source = source
        return opened
    if not isinstance(source, str | os.PathLike):
        return _checked(TableSource(read_frame(source, name or "the table"), name or "the table"))
    if is_query(source):
        # Whole in memory: asked twice, a query may give its rows in another order.
        label = name or query_name(str(source))
        return _checked(TableSource(read_query(str(source), label), label))
    path, label = Path(source), name or str(source)
    if table_format(path, label) != "parquet":
        return TextSource(path, label)
    opened = ParquetFolder(path, label) if path.is_dir() else ParquetSource(path, label)
    return _checked(opened)


def _checked(source: Source) -> Source:
    refuse_duplicates(source.schema.names, source.name)
    if source.n_rows == 0:
        raise TableError("the table has no rows", file=source.name)
    return source


class TableSource:
    """A table in memory."""

    in_memory = True

    def __init__(self, table: pa.Table, name: str) -> None:
        self.table, self.name = _without_views(table), name
        self.schema = _plain_schema(self.table.schema)
        self.n_rows = int(table.num_rows)
        self.nbytes = int(table.nbytes)

    def column(self, name: str) -> pa.ChunkedArray:
        return self.table[name]

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        table = self.table if columns is None else self.table.select(list(columns))
        yield from table.to_batches(max_chunksize=batch_rows)


class ParquetSource:
    """A Parquet file. Each call opens it anew: a reader is not to be shared between threads."""

    in_memory = False

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        with _parquet_errors(name):
            file = self._open(None)
        self._metadata = file.metadata
        self.schema = file.schema_arrow
        self._texts = [f.name for f in self.schema if _is_text(f.type)]
        self.schema = _plain_schema(self.schema)
        self.n_rows = int(file.metadata.num_rows)
        self.nbytes = _decoded_bytes(file.metadata)

    def _open(self, dictionary: list[str] | None) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        metadata = getattr(self, "_metadata", None)
        return pq.ParquetFile(
            self.path,
            metadata=metadata,
            read_dictionary=dictionary,
            pre_buffer=False,  # else a whole column lies in memory twice, encoded and decoded
            buffer_size=_READ_AT_ONCE,
        )

    def column(self, name: str) -> pa.ChunkedArray:
        with _parquet_errors(self.name), self._open(self._texts) as file:
            if file.num_row_groups > 1 and _is_plain_number(self.schema.field(name).type):
                numbers = self._numbers(file, name)
                if numbers is not None:
                    return numbers
            return file.read([name], use_threads=False)[name]

    def _numbers(self, file: pq.ParquetFile, name: str) -> pa.ChunkedArray | None:
        """A column of numbers in one piece of memory, which is never there twice; None with nulls.

        Read whole, the memory would grow and be copied as it does.
        """
        import numpy as np
        import pyarrow as pa

        kind = self.schema.field(name).type
        # From the system, which takes it back at once; Arrow's own pool would keep it.
        n_bytes = self.n_rows * kind.bit_width // 8
        memory = pa.allocate_buffer(n_bytes, memory_pool=pa.system_memory_pool())
        values = np.frombuffer(memory, kind.to_pandas_dtype())
        start = 0
        for group in range(file.num_row_groups):
            part = file.read_row_group(group, [name], use_threads=False)[name]
            if part.null_count:
                return None
            for chunk in part.chunks:
                values[start : start + len(chunk)] = chunk.to_numpy()
                start += len(chunk)
        return pa.chunked_array([pa.Array.from_buffers(kind, self.n_rows, [None, memory])])

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        wanted = None if columns is None else list(columns)
        with _parquet_errors(self.name), self._open(self._texts) as file:
            yield from file.iter_batches(batch_rows, columns=wanted, use_threads=False)


class ParquetFolder:
    """A folder of Parquet files, those of Hive partitions (``day=2024-05-01/``) included."""

    in_memory = False

    def __init__(self, path: Path, name: str) -> None:
        import pyarrow.dataset as ds
        import pyarrow.parquet as pq

        self.path, self.name = path, name
        if not parquet_files(path):
            raise TableError("the folder holds no Parquet file", file=name)
        with _parquet_errors(name):
            plain = ds.dataset(path, format="parquet", partitioning=_hive())
            texts = [f.name for f in plain.schema if _is_text(f.type)]
            form = ds.ParquetFileFormat(dictionary_columns=texts)
            self._dataset: ds.Dataset = ds.dataset(path, format=form, partitioning=_hive())
            metadata = [pq.read_metadata(file) for file in parquet_files(path)]
        self.schema = _plain_schema(plain.schema)
        self.n_rows = sum(int(part.num_rows) for part in metadata)
        self.nbytes = sum(_decoded_bytes(part) for part in metadata)

    def column(self, name: str) -> pa.ChunkedArray:
        with _parquet_errors(self.name):
            return self._dataset.to_table(columns=[name], use_threads=False)[name]

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        wanted = None if columns is None else list(columns)
        with _parquet_errors(self.name):
            # Ahead of the reader as little as can be: this is for tables larger than memory.
            yield from self._dataset.to_batches(
                columns=wanted,
                batch_size=batch_rows,
                batch_readahead=1,
                fragment_readahead=1,
                use_threads=False,
            )


class TextSource:
    """A CSV, TSV or JSON Lines file; the first look at it loads it."""

    in_memory = True

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._table = TableSource(read_table(path, name=name), name)
        self.schema = self._table.schema
        self.n_rows, self.nbytes = self._table.n_rows, self._table.nbytes

    def column(self, name: str) -> pa.ChunkedArray:
        return self._table.column(name)

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        return self._table.batches(columns, batch_rows=batch_rows)


@contextmanager
def _parquet_errors(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"not a readable Parquet table: {reason}", file=name) from None


def _hive() -> Any:
    import pyarrow.dataset as ds

    return ds.partitioning(flavor="hive")


def _is_plain_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    return pa.schema(fields)


def _without_views(table: pa.Table) -> pa.Table:
    """Text as polars keeps it (views), as text that every kernel of Arrow knows."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        kind, inside = field.type, getattr(field.type, "value_type", None)
        if pa.types.is_string_view(kind):
            kind = pa.large_string()
        elif pa.types.is_binary_view(kind):
            kind = pa.large_binary()
        elif pa.types.is_dictionary(kind) and pa.types.is_string_view(inside):
            kind = pa.dictionary(kind.index_type, pa.large_string(), kind.ordered)
        fields.append(field.with_type(kind))
    schema = pa.schema(fields)
    return table if schema.equals(table.schema) else table.cast(schema)


def _decoded_bytes(metadata: pq.FileMetaData) -> int:
    """What the columns take in memory: values of a fixed width by that, others as encoded."""
    widths = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8}
    total = 0
    for index in range(metadata.num_columns):
        kind = metadata.schema.column(index).physical_type
        for group in range(metadata.num_row_groups):
            chunk = metadata.row_group(group).column(index)
            codes = 4 * chunk.num_values  # text stays in its dictionary
            encoded = chunk.total_uncompressed_size
            total += chunk.num_values * widths[kind] if kind in widths else max(codes, encoded)
    return total
