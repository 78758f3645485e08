"""How a text file (CSV, JSON Lines) becomes a table, and on which line it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import TableError

if TYPE_CHECKING:
    import pyarrow as pa


def read_csv(
    path: Path, label: str, delimiter: str, text_columns: Collection[str]
) -> tuple[pa.Table, dict[str, pa.ChunkedArray]]:
    """The table, each column of the type its values have; and `text_columns` as they are written.

    Both, because a `where` may compare an id with a number and the id stays what the file says.
    """
    import pyarrow as pa
    from pyarrow import csv

    if path.stat().st_size == 0:
        raise TableError("the file is empty", file=label)
    header = csv_header(path, label, delimiter)

    def read(block_size: int) -> pa.Table:
        return csv.read_csv(
            path,
            read_options=csv.ReadOptions(block_size=block_size),
            **csv_options(header, delimiter),
        )

    try:
        try:
            table = read(1 << 24)
        except pa.ArrowInvalid as error:
            if "block" not in str(error):
                raise
            table = read(min(path.stat().st_size + 1, 2**31 - 1))  # one row longer than a block
    except pa.ArrowException as error:
        found = csv_problem(path, label, delimiter, len(header))
        reason = f"not valid CSV: {str(error).splitlines()[0]}"
        raise found or TableError(reason, file=label) from None
    if quotes_are_odd(path) and (found := csv_problem(path, label, delimiter, len(header))):
        raise found  # a quote that never closes swallows the rows after it
    columns = {name: table[name] for name in table.column_names}
    texts = {name: column for name, column in columns.items() if name in text_columns}
    return pa.table({name: _inferred(column) for name, column in columns.items()}), texts


def csv_options(header: Sequence[str], delimiter: str) -> dict[str, Any]:
    """How Arrow is to parse a CSV file: every cell as the text it is."""
    import pyarrow as pa
    from pyarrow import csv

    return {
        "parse_options": csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    }


def csv_header(path: Path, label: str, delimiter: str) -> list[str]:
    import csv

    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream, delimiter=delimiter), [])
    except UnicodeDecodeError:
        raise _not_utf8(path, label) from None
    except csv.Error as error:
        raise TableError(f"not a CSV header: {error}", file=label, line=1) from None
    refuse_duplicates(header, label)
    return header


def csv_problem(path: Path, label: str, delimiter: str, width: int) -> TableError | None:
    """What is wrong with a CSV file, and on which line: a second, slower and stricter reading."""
    import csv

    limit = csv.field_size_limit(2**31 - 1)
    line = 1
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            for row in reader:
                if row and len(row) != width:
                    return TableError(
                        f"the row has {len(row)} cells, the header has {width}",
                        file=label,
                        line=line,
                        hint="quote a cell that holds a comma or a line break",
                    )
                line = reader.line_num + 1
    except UnicodeDecodeError:
        return _not_utf8(path, label)
    except csv.Error as error:
        return TableError(f"not valid CSV: {error}", file=label, line=line)
    finally:
        csv.field_size_limit(limit)
    return None


def quotes_are_odd(path: Path) -> bool:
    with open(path, "rb") as stream:
        return sum(part.count(b'"') for part in iter(lambda: stream.read(1 << 24), b"")) % 2 == 1


def _not_utf8(path: Path, label: str) -> TableError:
    line = 1
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
    return TableError("the file is not UTF-8 text", file=label, line=line, hint="save it as UTF-8")


WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"  # fits 64 bits, and reads back as written
REAL = r"^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?$|^[-+]?(nan|inf)$"


def _inferred(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column as whole numbers, numbers or truth values where every value is one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return column

    def all_match(pattern: str, *, head: pa.ChunkedArray) -> bool:
        if pc.all(pc.match_substring_regex(head, pattern, ignore_case=True)).as_py() is not True:
            return False
        found = pc.match_substring_regex(column, pattern, ignore_case=True)
        return bool(pc.all(found).as_py())

    head = column.drop_null().slice(0, 100)  # most text columns are told apart by their first rows
    if all_match(WHOLE, head=head):
        return column.cast(pa.int64())
    if all_match(REAL, head=head):
        return column.cast(pa.float64())
    if all_match("^(true|false)$", head=head):
        return pc.equal(pc.utf8_lower(column), "true")
    return column


def read_jsonl(
    path: Path, label: str, text_columns: Collection[str]
) -> tuple[pa.Table, dict[str, pa.Array]]:
    """The same of JSON Lines: one object a line, keys that are missing in a line are null.

    Half characters (lone surrogates) become U+FFFD.
    """
    import pyarrow as pa

    rows = list(jsonl_rows(path, label))
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        raise TableError("the table has no rows", file=label)
    columns = {name: [row.get(name) for row in rows] for name in names}
    texts = {name: texts_of(values) for name, values in columns.items() if name in text_columns}
    return pa.table({name: _json_column(values) for name, values in columns.items()}), texts


def jsonl_rows(path: Path, label: str) -> Iterator[Mapping[str, Any]]:
    """The object on each line that is not blank."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    decode = json.JSONDecoder(parse_constant=refuse).decode
    try:
        with open(path, encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                try:
                    row = decode(line)
                except (ValueError, RecursionError) as error:
                    reason = getattr(error, "msg", str(error))
                    raise TableError(f"not valid JSON: {reason}", file=label, line=number) from None
                if _HALF.search(line):
                    row = json.loads(_whole(json.dumps(row, ensure_ascii=False)))
                if not isinstance(row, dict):
                    raise TableError(
                        f"each line is one JSON object, this one is a {type(row).__name__}",
                        file=label,
                        line=number,
                    )
                yield row
    except UnicodeDecodeError:
        raise _not_utf8(path, label) from None


_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # perhaps half a character (a lone surrogate)


def _whole(text: str) -> str:
    """`text` with U+FFFD for half characters, as outputs of targets are recorded."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _json_column(values: list[Any]) -> pa.Array:
    """Values of one type as that type; lists, mappings and mixed values as text."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
        kinds = {float}
    if len(kinds) == 1 and not kinds & {dict, list}:
        try:
            return pa.array(values)
        except (OverflowError, pa.ArrowException):
            pass  # an integer beyond 64 bits
    return texts_of(values)


def texts_of(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if value is None else _text_of(value) for value in values], pa.string())


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def refuse_duplicates(names: Sequence[str], label: str) -> None:
    """Raise `TableError` where two columns have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TableError(f"two columns are named {name!r}", file=label, hint="rename one")
        seen.add(name)
