"""Where a table comes from: a Parquet, CSV or JSON Lines path, or any dataframe."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..documents import file_digest
from ..errors import TableError
from .columns import NAME, WHERE, as_text
from .selecting import selection
from .sql import is_query, query_name, read_query
from .text_files import read_csv, read_jsonl, refuse_duplicates

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def read_table(
    source: Any,
    *,
    where: str | None = None,
    text_columns: Sequence[str] = (),
    name: str | None = None,
) -> pa.Table:
    """Read a table and keep the rows that `where` selects, in their order.

    Parameters
    ----------
    source : path or dataframe
        A Parquet file (or a folder of them), CSV, TSV or JSON Lines, by the ending of its name;
        ``sql:`` and a query (see `sql`); or any pandas, polars or pyarrow frame, or object with the
        Arrow C stream protocol.
    where : str, optional
        A DuckDB boolean expression over the table's columns. It sees nothing but this table: no
        subqueries, files, settings or extensions.
    text_columns : sequence of str
        Columns of a text file that are text whatever they look like (ids, expected answers). A
        `where` sees them as the numbers they may be.
    name : str, optional
        What errors call the table. By default the path, or "the table".

    Raises
    ------
    TableError
        Where the source cannot be read (file and line), or no row is left.
    """
    texts: Mapping[str, Any] = {}
    if is_query(source):
        label = name or query_name(source)
        table = read_query(source, label)
    elif isinstance(source, str | Path):
        label = name or str(source)
        table, texts = _read_path(Path(source), label, frozenset(text_columns))
    else:
        label = name or "the table"
        table = read_frame(source, label)
    refuse_duplicates(table.column_names, label)
    table = _plain_types(table)
    if table.num_rows == 0:
        raise TableError("the table has no rows", file=label)
    selected = None if where is None else selection(table, where, label)
    for column, text in texts.items():
        table = table.set_column(table.column_names.index(column), column, text)
    metadata = {NAME: label.encode()}
    if where is not None:
        table = table.filter(selected)
        metadata[WHERE] = where.encode()
    return table.replace_schema_metadata(metadata)


def table_digest(source: Any) -> str:
    """SHA-256 (hex) of a table: of the file's bytes, or of a frame's columns as text."""
    if isinstance(source, str | Path) and not is_query(source):
        path = Path(source)
        if not path.is_dir():
            return file_digest(path)
        parts = hashlib.sha256()
        for file in parquet_files(path):
            parts.update(f"{file.relative_to(path).as_posix()} {file_digest(file)}\n".encode())
        return parts.hexdigest()
    import pyarrow.compute as pc

    table = read_query(source) if is_query(source) else read_frame(source, "the table")
    table = _plain_types(table)
    content = hashlib.sha256()
    for column in table.column_names:  # as text: the same whatever made the frame, and its chunks
        text = as_text(table, column)
        lengths = pc.fill_null(pc.binary_length(text), -1).to_numpy(zero_copy_only=False)
        content.update(f"{column!r} {len(text)}\n".encode())
        content.update(lengths.astype("<i8").tobytes())
        content.update("".join(pc.fill_null(text, "").to_pylist()).encode())
    return content.hexdigest()


def _read_path(
    path: Path, label: str, text_columns: frozenset[str]
) -> tuple[pa.Table, Mapping[str, Any]]:
    kind = table_format(path, label)
    try:
        if kind == "parquet":
            return _read_parquet(path, label), {}
        if kind == "jsonl":
            return read_jsonl(path, label, text_columns)
        return read_csv(path, label, "\t" if kind == "tsv" else ",", text_columns)
    except OSError as error:
        raise TableError(f"cannot be read: {error.strerror or error}", file=label) from None


def table_format(path: Path, label: str) -> str:
    """``parquet``, ``csv``, ``tsv`` or ``jsonl``, by the ending of the name."""
    if not path.exists():
        raise TableError("no such file or folder", file=label)
    kind = "parquet" if path.is_dir() else _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise TableError(
            f"the ending {path.suffix!r} names no table format",
            file=label,
            hint="a table is .parquet, .csv, .tsv or .jsonl",
        )
    return kind


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder, hidden and ``_`` files (as Spark leaves them) left out."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix in (".parquet", ".pq")
        and not any(part[0] in "._" for part in file.relative_to(folder).parts)
    )


def _read_parquet(path: Path, label: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.is_dir() and not parquet_files(path):
        raise TableError("the folder holds no Parquet file", file=label)
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"not a readable Parquet table: {reason}", file=label) from None


def read_frame(source: Any, label: str) -> pa.Table:
    """Any pandas, polars or pyarrow frame, or object with the Arrow C stream protocol."""
    import pyarrow as pa

    try:
        if isinstance(source, pa.Table):
            return source
        if type(source).__module__.partition(".")[0] == "pandas":
            named = any(level is not None for level in source.index.names)
            return pa.Table.from_pandas(source, preserve_index=named)
        if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
            return pa.table(source)
    except (pa.ArrowException, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = " ".join(str(part) for part in error.args)
        column = _odd_column(source)
        raise TableError(
            f"the frame cannot be read as a table: {reason}",
            file=label,
            field=column,
            hint=None if column is None else "give it values of one type, or leave it out",
        ) from None
    raise TableError(
        f"a {type(source).__name__} is no table",
        file=label,
        hint="give a path or a pandas, polars or pyarrow frame",
    )


def _odd_column(source: Any) -> str | None:
    """The first column of a pandas frame that alone is no Arrow array either; None if none is."""
    import pyarrow as pa

    for number, name in enumerate(getattr(source, "columns", ())):
        try:
            pa.Array.from_pandas(source.iloc[:, number])
        except (pa.ArrowException, TypeError, ValueError, AttributeError, OverflowError):
            return str(name)
    return None


def _plain_types(table: pa.Table) -> pa.Table:
    """Text as plain text, whatever encoding (dictionary, view) a frame keeps it in."""
    import pyarrow as pa

    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_dictionary(field.type):
            kind = field.type.value_type
            kind = pa.large_string() if pa.types.is_string_view(kind) else kind
            parts = [part.dictionary.cast(kind).take(part.indices) for part in column.chunks]
            column = pa.chunked_array(parts, kind)
        elif pa.types.is_string_view(field.type):
            column = column.cast(pa.large_string())
        columns[field.name] = column
    return pa.table(columns)
