"""Changing a record in its file: comments stay, untouched fields keep every byte, nothing is lost.

Two people may change one record at once. A lock makes commands wait for one another; an editor that
knows nothing of the lock is noticed because the file no longer is what was read, and then the
change is made again, to what stands there now.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..documents import (
    Document,
    dump_yaml,
    json_text,
    locked,
    parse_yaml,
    read_text,
    validate,
    write_text,
)
from ..errors import InputError
from .folders import derived_folder, taxonomy_of
from .model import Incident
from .psf import Taxonomy

MAX_TRIES = 20


def edit_incident(path: str | Path, change: Callable[[Incident], Incident]) -> Incident:
    """Change a record in its file and give the record as it then is.

    `change` gets the record and gives another, most simply by `Incident.model_copy(update={...})`.
    It may be called again, with what another wrote meanwhile, so it should do nothing else. The
    fields that differ are written, in the order of the schema; all others keep every byte and
    comment. Nothing is written where nothing differs, or where the result would be no record.

    Raises `DocumentError` where the file, or the result, is no valid record (a draft is one), and
    `InputError` where the file cannot be written or another process holds it too long.
    """
    place = Path(path)
    taxonomy = taxonomy_of(place)
    read_text(place)  # a file that is not there is told of before a lock is made for it
    try:
        lock = derived_folder(place.parent) / place.name
    except OSError as error:
        raise InputError(f"cannot be changed: {error.strerror}", file=str(place)) from None
    with locked(lock):
        return _edit(place, change, taxonomy)


def _edit(place: Path, change: Callable[[Incident], Incident], taxonomy: Taxonomy) -> Incident:
    for _ in range(MAX_TRIES):
        before = read_text(place)
        document = parse_yaml(before, str(place))
        old = validate(Incident, document, context=taxonomy)
        wanted = _merged(document.data, old.to_mapping(), change(old).to_mapping())
        if wanted == document.data:
            return old
        after = _written(before, document, wanted)
        new = validate(Incident, parse_yaml(after, str(place)), context=taxonomy)
        if read_text(place) == before:  # else someone without the lock wrote: begin anew
            write_text(place, after)
            return new
    raise InputError("the file changes faster than it can be edited", file=str(place))


def _merged(raw: Any, old: Any, new: Any) -> Any:
    """The data as it stands in the file, with the differences between two states of the record."""
    if old == new:
        return raw
    if isinstance(raw, Mapping) and isinstance(old, Mapping) and isinstance(new, Mapping):
        kept = {name: value for name, value in raw.items() if name in new or name not in old}
        changed = {
            name: _merged(raw.get(name), old.get(name), value)
            for name, value in new.items()
            if name in raw or old.get(name) != value
        }
        return {**kept, **changed}
    if (
        isinstance(raw, list)
        and isinstance(old, list)
        and isinstance(new, list)
        and len(raw) == len(old)
    ):
        same = [_merged(r, o, n) for r, o, n in zip(raw, old, new, strict=False)]
        return [*same, *new[len(same) :]]
    return copy.deepcopy(new)


def _written(text: str, document: Document, wanted: Mapping[str, Any]) -> str:
    """The text of the file with the wanted data in it."""
    if document.path.endswith(".json"):
        return json_text(_in_order(wanted))
    chunks = _chunks(text, document)
    if chunks is None:  # all of it in one pair of braces: there are no lines to keep
        return dump_yaml(_in_order(wanted))
    head, parts = chunks
    for name in [name for name in parts if name not in wanted]:
        del parts[name]
    for name, value in wanted.items():
        if name not in document.data:
            parts[name] = dump_yaml({name: value})
        elif document.data[name] != value:
            parts[name] = _chunk(parts[name], name, value, document)
    after = head + "".join(parts[name] for name in _order(list(parts), document.data))
    if not _reads(after, wanted):
        raise _by_hand(document, _differences(document.data, wanted)[0])
    return after


def _reads(text: str, wanted: Any) -> bool:
    """Whether a text reads as this data and no other."""
    try:
        return bool(parse_yaml(text, "").data == wanted)
    except InputError:
        return False


def _by_hand(document: Document, name: str) -> InputError:
    return InputError(
        "this field cannot be changed and keep how it is written",
        file=document.path,
        line=document.line_of((name,)),
        field=name,
        hint="change it by hand",
    )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _chunks(text: str, document: Document) -> tuple[str, dict[str, str]] | None:
    """The lines of each field at the top, with those of comment before it; and what comes first.

    None where the fields do not begin on lines of their own.
    """
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    starts = [(document.lines[(name,)] - 1, name) for name in document.data]
    rows = [row for row, _ in starts]
    plain = all(row < len(lines) and lines[row][0] not in " \t{[,}]?" for row in rows)
    if len(set(rows)) < len(rows) or rows != sorted(rows) or not plain:
        return None
    if len(lines) != text.count("\n") + (not text.endswith("\n")):
        return None  # a line break that YAML does not count
    begins = []
    for row in rows:
        while row and (lines[row - 1].startswith("#") or not lines[row - 1].strip()):
            row -= 1
        begins.append(row)
    begins = [max(row, before + 1) for row, before in zip(begins, [-1, *rows], strict=False)]
    begins[0] = rows[0] if begins else 0
    ends = [*begins[1:], len(lines)]
    parts = {
        name: "".join(lines[begin:end])
        for (_, name), begin, end in zip(starts, begins, ends, strict=True)
    }
    return "".join(lines[: begins[0]]), parts


def _chunk(chunk: str, name: str, value: Any, document: Document) -> str:
    """The lines of one field with another value, its comments kept."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found: list[str] = []
    for width in (100, 10_000):  # texts that were folded, texts that stand on one long line
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = width
        yaml.indent(mapping=2, sequence=4, offset=2)
        stream = io.StringIO()
        try:
            tree = yaml.load(chunk)
            tree[name] = _put(tree[name], value)
            yaml.dump(tree, stream)
        except (YAMLError, ValueError, AttributeError, TypeError):
            continue
        found.append(stream.getvalue())
    found = [text for text in found if _reads(text, {name: value})]
    if not found and "#" not in chunk:  # no comment can be lost
        found = [dump_yaml({name: value})]
    if not found:
        raise _by_hand(document, name)
    kept = set(chunk.splitlines())
    return max(found, key=lambda text: len(kept & set(text.splitlines())))


def _put(tree: Any, value: Any) -> Any:
    """A part of a ruamel tree made to hold a value; what is equal stays as it is written."""
    if isinstance(tree, dict) and isinstance(value, Mapping):
        for name in [name for name in tree if name not in value]:
            del tree[name]
        for position, (name, item) in enumerate(value.items()):
            if name in tree:
                tree[name] = _put(tree[name], item)
            else:
                tree.insert(min(position, len(tree)), name, _fresh(item))  # type: ignore[attr-defined]
        return tree
    if isinstance(tree, list) and isinstance(value, Sequence) and not isinstance(value, str):
        del tree[len(value) :]
        for position, item in enumerate(value):
            if position < len(tree):
                tree[position] = _put(tree[position], item)
            else:
                tree.append(_fresh(item))
        return tree
    return tree if _same(tree, value) else _fresh(value)


def _same(tree: Any, value: Any) -> bool:
    """Whether a scalar stands there already, as text or number of the 1.2 core schema."""
    return bool(type(value) is type(tree) or isinstance(tree, str)) and bool(tree == value)


def _fresh(value: Any) -> Any:
    """Plain data for ruamel, through the writer of records, so that it is written alike."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    return yaml.load(dump_yaml({"value": value}))["value"]


def _order(names: Sequence[str], data: Mapping[str, Any]) -> list[str]:
    """Fields as they stand in the file; a new one after the nearest that the schema has before."""
    schema = [field.alias or name for name, field in Incident.model_fields.items()]
    order = [name for name in data if name in names]
    for name in [name for name in names if name not in data]:
        before = [other for other in schema[: schema.index(name)] if other in order]
        order.insert(order.index(before[-1]) + 1 if before else 0, name)
    return order


def _in_order(data: Mapping[str, Any]) -> dict[str, Any]:
    schema = [field.alias or name for name, field in Incident.model_fields.items()]
    return {name: data[name] for name in schema if name in data}
