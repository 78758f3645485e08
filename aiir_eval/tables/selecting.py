"""Which rows of a table a `where` selects, evaluated with no access to anything but that table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import TableError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


def selection(table: pa.Table, where: str, label: str) -> pa.Array:
    """Which rows a DuckDB expression over this table alone is true for: one truth value a row."""
    import pyarrow as pa

    selected = rows_where(table, where, label)
    if not selected.any():
        raise _where_error(f"it selects none of the {table.num_rows:,} rows", where, label)
    return pa.array(selected)


def rows_where(
    table: pa.Table, where: str, label: str, *, row_by_row: bool = False
) -> NDArray[np.bool_]:
    """The same, where none may be selected.

    `row_by_row` is for a table that comes in parts: no window functions, which would see a part.
    """
    import duckdb
    import numpy as np
    import pyarrow as pa

    locked = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    row = "row"
    while row.lower() in (name.lower() for name in table.column_names):
        row += "_"
    numbered = table.append_column(row, pa.array(np.arange(table.num_rows)))
    with duckdb.connect(":memory:", config=locked) as connection:
        connection.execute("SET lock_configuration = true").fetchall()
        try:
            _refuse_subqueries(connection, where, label, windows=not row_by_row)
            chosen = duckdb.SQLExpression(where).alias("keep")
            result = connection.from_arrow(numbered).select(chosen, duckdb.ColumnExpression(row))
            if str(result.types[0]) != "BOOLEAN":
                raise _where_error(
                    f"it gives {result.types[0]}, not true or false for each row", where, label
                )
            keep = pa.table(result.to_arrow_table())
        except (duckdb.Error, KeyError) as error:
            raise _where_error(_first_line(error), where, label, table) from None
    if keep.num_rows != table.num_rows:
        raise _where_error("it does not give one truth value for each row", where, label)
    # By number and not by place: a window function gives the rows in another order.
    rows = keep.filter(keep["keep"])[row].to_numpy()
    selected = np.zeros(table.num_rows, bool)
    selected[rows] = True
    return selected


def _refuse_subqueries(connection: Any, where: str, label: str, *, windows: bool) -> None:
    """Refuse anything but one expression over the columns."""
    query = f"SELECT (\n{where}\n)"
    rows = connection.execute("SELECT json_serialize_sql($1)", [query]).fetchall()
    tree = json.loads(rows[0][0])
    if tree["error"]:
        raise _where_error(f"not one expression: {tree['error_message']}", where, label)
    pending: list[Any] = [tree["statements"]]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            if node.get("class") == "SUBQUERY":
                raise _where_error("it may not hold a subquery", where, label)
            if node.get("class") == "WINDOW" and not windows:
                raise _where_error("it may not look at other rows of the log", where, label)
            pending.extend(node.values())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _where_error(reason: str, where: str, label: str, table: pa.Table | None = None) -> TableError:
    names = "" if table is None else ", ".join(map(repr, table.column_names[:20]))
    columns = f"; the columns are {names}" if names else ""
    return TableError(
        f"{where[:200]!r}: {reason[:500]}{columns}",
        file=label,
        field="where",
        hint="a DuckDB boolean expression over this table, such as \"model = 'v2'\"",
    )
