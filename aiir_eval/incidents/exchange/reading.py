"""The documents in a file of another format, one by one; a bad one does not stop the rest."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...documents import MAX_BYTES, Document, Location, parse_json, parse_yaml, read_text
from ...errors import InputError, Problem

MAX_TOTAL = 1_000_000_000  # bytes, once unpacked
SUFFIXES = (".json", ".jsonl", ".jsonl.gz", ".yaml", ".yml", ".csv")
_LISTS = (
    "case-studies",
    "incidents",
    "reports",
    "documents",
)  # a file that holds many under a name


def source_documents(path: str | Path) -> Iterator[Document | Problem]:
    """The documents of a file or folder, each with its lines; or the problem of one that is none.

    JSON and YAML (a document, a list of them, or a mapping that holds such a list), JSONL, also
    packed with gzip, and CSV (a document a row). Raises `InputError` where there is no such file or
    the whole of it cannot be read.
    """
    place = Path(path)
    if place.is_dir():
        files = [item for item in sorted(place.rglob("*")) if item.name.endswith(SUFFIXES)]
        if not files:
            raise InputError("no document in this folder", file=str(place))
        for file in files:
            try:
                yield from source_documents(file)
            except InputError as error:
                yield from error.problems
    elif place.name.endswith((".jsonl", ".jsonl.gz", ".ndjson")):
        yield from _lines(place)
    elif place.suffix == ".csv":
        yield from _rows(place)
    else:
        yield from _items(place)


def _lines(path: Path) -> Iterator[Document | Problem]:
    total = number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            while line := stream.readline(MAX_BYTES + 1):
                number += 1
                total += len(line)
                if len(line) > MAX_BYTES or total > MAX_TOTAL:
                    raise InputError("the file is too large to read", file=str(path), line=number)
                text = line.decode("utf-8", errors="replace").lstrip("\ufeff")
                if not text.strip():
                    continue
                if "\ufffd" in text and b"\xef\xbf\xbd" not in line:
                    yield Problem("not UTF-8 text", str(path), number)
                    continue
                try:
                    yield Document(
                        str(path), parse_json(text, file=str(path), line=number), {(): number}
                    )
                except InputError as error:
                    yield from error.problems
    except FileNotFoundError:
        raise InputError("no such file", file=str(path)) from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", file=str(path), line=number or None) from None


def _items(path: Path) -> Iterator[Document | Problem]:
    document = _whole(path)
    found, at = _list(document.data)
    if found is None:
        yield document
        return
    lines: dict[str | int, dict[Location, int]] = {}
    for location, line in document.lines.items():
        if len(location) > len(at) and location[: len(at)] == at:
            lines.setdefault(location[len(at)], {})[location[len(at) + 1 :]] = line
    for position, item in enumerate(found):
        yield Document(document.path, item, lines.get(position, {}))


def _whole(path: Path) -> Document:
    """A whole file as one document: with lines, unless it is too large for them."""
    text = read_text(path, max_bytes=MAX_TOTAL)
    if len(text) <= MAX_BYTES:
        try:
            return parse_yaml(text, str(path))
        except InputError as error:
            if path.suffix != ".json" or "expands to more than" not in str(error):
                raise
    return Document(str(path), parse_json(text, file=str(path)))


def _list(data: Any) -> tuple[list[Any] | None, tuple[str, ...]]:
    """The list of documents in a file, and where it stands."""
    if isinstance(data, list):
        return data, ()
    if isinstance(data, dict):
        for name in _LISTS:
            if isinstance(data.get(name), list) and "id" not in data and "metadata" not in data:
                return data[name], (name,)
    return None, ()


def _rows(path: Path) -> Iterator[Document | Problem]:
    text = read_text(path, max_bytes=MAX_TOTAL)
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}", file=str(path), line=1) from None
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"two columns are called {twice!r}", file=str(path), line=1)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield Problem(f"not valid CSV: {error}", str(path), line)
            continue
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            message = f"{len(row)} cells, and the header has {len(header)}"
            yield Problem(message, str(path), line)
            continue
        cells = dict(zip(header, row, strict=True))
        yield Document(str(path), cells, {(): line, **{(name,): line for name in header}})


def listed(cell: str) -> list[str]:
    """The texts of a cell that holds a list: as JSON, else the whole cell as one."""
    text = cell.strip()
    if text.startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        return [str(item).strip() for item in items if str(item).strip()]
    return [text] if text else []
