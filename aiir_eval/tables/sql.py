"""``sql:SELECT ... FROM 'file.parquet'``: the rows of a query as a table.

Who types a query may read any file of theirs with it; so a query is taken from the command line or
from Python, never from a document. It reads and does nothing else: one SELECT, after databases that
are attached for reading alone; no extension is loaded, so nothing leaves the machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..errors import TableError
from .columns import NAME

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "sql:"
_LOCKED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_ATTACH = re.compile(
    r"""\s*ATTACH\s+(?:DATABASE\s+)?'(?P<file>(?:[^']|'')+)'
    \s+AS\s+(?P<name>[A-Za-z_]\w*)\s*(?:\(\s*READ_ONLY\s*\))?\s*;?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_HINT = "such as sql:SELECT * FROM 'log.parquet', or sql:ATTACH 'a.duckdb' AS a; SELECT * FROM a.t"


def is_query(source: Any) -> bool:
    """Whether a source is a query."""
    return isinstance(source, str) and source.startswith(PREFIX)


def read_query(source: str, name: str | None = None) -> pa.Table:
    """The rows of a query, whole in memory.

    Files are named from the current folder, in DuckDB's SQL (Parquet, CSV, JSON). Raises
    `TableError` where it is no query that only reads, or cannot be answered.
    """
    import duckdb
    import pyarrow as pa

    label = name or query_name(source)
    with duckdb.connect(":memory:", config=_LOCKED) as connection:
        try:
            statements = connection.extract_statements(source.removeprefix(PREFIX))
        except duckdb.Error as error:
            raise _refused(_first_line(error), label) from None
        *before, last = statements or [None]
        if last is None or last.type != duckdb.StatementType.SELECT:
            raise _refused("it does not end with a SELECT", label)
        for statement in before:
            _attach(connection, statement.query, label)
        connection.execute("SET lock_configuration = true")
        try:
            rows = pa.table(connection.sql(last.query).to_arrow_table())
        except duckdb.Error as error:
            raise _refused(_first_line(error), label) from None
    return rows.replace_schema_metadata({NAME: label.encode()})


def query_name(source: str) -> str:
    """What errors call a query: its beginning, on one line."""
    line = " ".join(source.split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def _attach(connection: Any, statement: str, label: str) -> None:
    """Attach a database file for reading."""
    import duckdb

    found = _ATTACH.fullmatch(statement)
    if found is None:
        raise _refused("before the SELECT only ATTACH 'FILE' AS NAME may stand", label)
    try:
        connection.execute(f"ATTACH '{found['file']}' AS {found['name']} (TYPE duckdb, READ_ONLY)")
    except duckdb.Error as error:
        raise _refused(_first_line(error), label) from None


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    if "requires the extension" in text:
        return "it needs an extension of DuckDB (for the network, or another format): none is used"
    return text.splitlines()[0]


def _refused(reason: str, label: str) -> TableError:
    return TableError(f"the query cannot be answered: {reason[:500]}", file=label, hint=_HINT)
