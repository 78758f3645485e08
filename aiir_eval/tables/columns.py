"""Typed columns out of a table: ids, pass or fail, numbers, text; errors name the row."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Problem, TableError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

NAME = b"aiir.table"  # what the table is called in errors, kept in the metadata of the schema
WHERE = b"aiir.where"
_MAX_SHOWN = 5


def column_list(columns: str | Iterable[str]) -> tuple[str, ...]:
    """``"id, occ"`` or ``["id", "occ"]`` as column names; text is split at commas."""
    if isinstance(columns, str):
        return tuple(part.strip() for part in columns.split(",") if part.strip())
    return tuple(columns)


def table_name(table: pa.Table) -> str:
    """What errors call a table that `read_table` gave."""
    metadata = table.schema.metadata or {}
    return str(metadata.get(NAME, b"the table").decode())


def require_columns(table: pa.Table, columns: Iterable[str]) -> None:
    """Raise `TableError` for every column that is missing, with the nearest name there is."""
    require_names(table.column_names, columns, table_name(table))


def require_names(have: Sequence[str], columns: Iterable[str], table: str) -> None:
    """The same for the names of the columns of a table that is called `table`."""
    problems = []
    for column in columns:
        if column in have:
            continue
        near = difflib.get_close_matches(column, have, n=1) or [
            other for other in have if other.lower() == column.lower()
        ]
        hint = f"did you mean {near[0]!r}?" if near else _separator_hint(have)
        message = f"there is no column {column!r}; the columns are {_some(have, 40)}"
        problems.append(Problem(message, table, None, None, hint))
    if problems:
        raise TableError(problems=problems)


def _separator_hint(columns: Sequence[str]) -> str | None:
    """One column whose name holds a semicolon or a tab: a file of another separator."""
    for sign, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) == 1 and sign in columns[0]:
            return f"the file is separated by {word}; a .csv has commas, a .tsv tabs"
    return None


def join_id(table: pa.Table, columns: str | Sequence[str]) -> list[str]:
    """The id of each row: the values of the columns as text, joined with ``|``.

    Where there are several columns, ``\\`` and ``|`` inside a value are written ``\\\\`` and
    ``\\|``; a single column is taken as it is. A null or empty value is an error.
    """
    import pyarrow.compute as pc

    names = column_list(columns)
    if not names:
        raise TableError("an id needs at least one column", file=table_name(table))
    require_columns(table, names)
    parts = []
    for column in names:
        text = as_text(table, column)
        gaps = pc.fill_null(pc.equal(pc.utf8_length(text), 0), True)
        _refuse_rows(table, column, gaps, "an id may not be null or empty")
        if len(names) > 1:
            text = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), "|", "\\|")
        parts.append(text)
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "|")
    ids: list[str] = joined.to_pylist()
    return ids


_PASSED = ("true", "yes", "pass", "passed", "ok", "1", "1.0")
_FAILED = ("false", "no", "fail", "failed", "0", "0.0")


def as_passed(
    table: pa.Table, column: str, *, ids: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """A column as pass (true, 1, yes, pass, passed, ok) or fail (false, 0, no, fail, failed).

    Anything else, NaN and null are errors that name the row (from 1) and, with `ids`, its id.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    require_columns(table, [column])
    values = _combined(table, column)
    if pa.types.is_boolean(values.type):
        passed, known = values, pc.is_valid(values)
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        passed = pc.equal(values, 1)
        known = pc.or_(passed, pc.equal(values, 0))
    else:
        text = pc.utf8_lower(pc.utf8_trim_whitespace(as_text(table, column)))
        passed = pc.is_in(text, pa.array(_PASSED))
        known = pc.or_(passed, pc.is_in(text, pa.array(_FAILED)))
    unknown = pc.invert(pc.fill_null(known, False))
    _refuse_rows(table, column, unknown, "neither pass nor fail", ids=ids, hint=_PASSED_HINT)
    result: NDArray[np.bool_] = passed.to_numpy(zero_copy_only=False).astype(bool)
    return result


_PASSED_HINT = "write true/false, 1/0, yes/no, pass/fail; for a graded score use a score column"


def as_numbers(
    table: pa.Table,
    column: str,
    *,
    nulls: bool = False,
    ids: Sequence[str] | None = None,
) -> NDArray[np.float64]:
    """A column as finite numbers; null, NaN and infinity are errors that name the row.

    With `nulls`, a null is allowed and becomes NaN.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    require_columns(table, [column])
    values = _combined(table, column)
    try:
        numbers = values.cast(pa.float64(), safe=False)
    except (pa.ArrowException, NotImplementedError):
        parsed = [_number(value) for value in values.to_pylist()]
        odd = pa.array([not isinstance(value, float | None) for value in parsed], pa.bool_())
        _refuse_rows(table, column, odd, "not a number", ids=ids)
        numbers = pa.array(parsed, pa.float64())
    odd = pc.invert(pc.fill_null(pc.is_finite(numbers), nulls))
    _refuse_rows(table, column, odd, "not a finite number", ids=ids)
    result: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return result


def _number(value: Any) -> Any:
    """A number as a float, anything else as it is."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return value


def as_text(table: pa.Table, column: str) -> pa.Array:
    """A column as an Arrow array of text, null where it is null (see the head of `tables`)."""
    import pyarrow as pa

    require_columns(table, [column])
    values = _combined(table, column)
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if not pa.types.is_floating(kind) and not pa.types.is_nested(kind):
        try:
            return values.cast(pa.string())
        except (pa.ArrowException, NotImplementedError):
            pass  # bytes that are no text, and types without a text of their own
    texts = [None if value is None else _plain_text(value) for value in values.to_pylist()]
    return pa.array(texts, pa.string())


def _plain_text(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.hex() if isinstance(value, bytes) else str(value)


def _combined(table: pa.Table, column: str) -> pa.Array:
    import pyarrow as pa

    values = table[column].combine_chunks()
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _refuse_rows(
    table: pa.Table,
    column: str,
    wrong: pa.Array,
    message: str,
    *,
    ids: Sequence[str] | None = None,
    hint: str | None = None,
) -> None:
    """Raise an error that names the first rows for which `wrong` is true."""
    import pyarrow.compute as pc

    count = pc.sum(wrong).as_py() or 0
    if not count:
        return
    selected = " of those `where` selects" if WHERE in (table.schema.metadata or {}) else ""
    problems = []
    for row in pc.indices_nonzero(wrong).slice(0, _MAX_SHOWN).to_pylist():
        named = f" (id {ids[row]!r})" if ids is not None else ""
        value = table[column][row].as_py()
        shown = "null" if value is None else f"{value!r:.80}"
        text = f"row {row + 1}{selected}{named}: {message}: {shown}"
        problems.append(Problem(text, table_name(table), None, column, hint))
    if count > _MAX_SHOWN:
        problems.append(
            Problem(f"{count - _MAX_SHOWN:,} more rows like these", table_name(table), None, column)
        )
    raise TableError(problems=problems)


def _some(values: Sequence[str], limit: int = _MAX_SHOWN) -> str:
    shown = ", ".join(repr(value) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown} and {len(values) - limit} more"
