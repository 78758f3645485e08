"""Reading and writing documents: safe YAML and JSON with line numbers, canonical bytes, digests.

YAML is read by the 1.2 core schema (``yes`` and ``2024-02-14`` are text), without tags, with limits
on size, nesting and alias expansion, so that a hostile file costs neither memory nor code.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from .errors import DocumentError, InputError, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES = 10_000_000  # of one YAML document; large case sets belong in a JSONL file
MAX_NODES = 500_000  # after alias expansion
MAX_DEPTH = 100

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file and the line on which each of its fields stands."""

    path: str
    data: Any
    lines: Mapping[Location, int] = field(default_factory=dict)

    def line_of(self, location: Sequence[str | int]) -> int | None:
        """The line of a field, or of the nearest thing around it that has one."""
        where = tuple(location)
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where)

    def problem(
        self, location: Sequence[str | int], message: str, hint: str | None = None
    ) -> Problem:
        """A problem at a field of this document."""
        return Problem(
            message, self.path, self.line_of(location), field_path(location) or None, hint
        )


def field_path(location: Sequence[str | int]) -> str:
    """``("cases", 0, "input")`` as ``cases[0].input``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read_text(path: str | Path, *, max_bytes: int = MAX_BYTES) -> str:
    """The text of a file, refusing one that is missing, too large or not UTF-8."""
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= max_bytes:  # which a pipe, or a file that grows, does not keep to
            data = stream.read(max_bytes + 1)
            size = len(data)
    if size > max_bytes:
        raise DocumentError(
            f"the file has {size:,} bytes; the limit is {max_bytes:,}",
            file=str(path),
            hint="put a large set of cases in a JSONL file and name it in cases_file",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data[: error.start].count(b"\n") + 1) from None


@contextmanager
def _opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file open for reading, as bytes; what the system refuses is a `DocumentError`."""
    try:
        with open(path, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise DocumentError("no such file", file=str(path)) from None
    except IsADirectoryError:
        raise DocumentError("this is a folder, not a file", file=str(path)) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError(f"the file cannot be read: {reason}", file=str(path)) from None


def _not_utf8(path: str | Path, line: int) -> DocumentError:
    return DocumentError(
        "the file is not UTF-8 text", file=str(path), line=line, hint="save it as UTF-8"
    )


def read_document(path: str | Path) -> Document:
    """A YAML or JSON file, with the line of every field."""
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, path: str) -> Document:
    """YAML text (JSON is a subset of it) as plain data; `path` only names it in errors."""
    import yaml

    if text.lstrip()[:1] in ("{", "["):  # JSON writes a character beyond U+FFFF as two escapes
        text = _PAIR.sub(_joined, text)
    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    builder = _Builder(path, parser)
    try:
        data = builder.document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        odd = None if mark is not None else _UNPRINTABLE.search(text)
        raise DocumentError(
            f"not valid YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}",
            file=path,
            line=mark.line + 1 if mark else text.count("\n", 0, odd.start()) + 1 if odd else None,
        ) from None
    except (ValueError, UnicodeError) as error:
        raise DocumentError(f"not valid YAML: {error}", file=path) from None
    finally:
        parser.dispose()
    if builder.problems:
        raise DocumentError(problems=builder.problems)
    return Document(path, data, builder.lines)


_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)


def _joined(match: re.Match[str]) -> str:
    """The escapes of two half characters as the one escape that YAML knows."""
    high, low = int(match[2], 16), int(match[3], 16)
    return f"{match[1]}\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08x}"


# What YAML does not allow to stand unescaped.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# The scalars of the YAML 1.2 core schema; everything else is text.
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,400}\Z")
_BASED_INT = re.compile(r"0(?:o[0-7]{1,400}|x[0-9a-fA-F]{1,400})\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


def _scalar(text: str) -> Any:
    if _NULL.match(text):
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        return int(text)
    if _BASED_INT.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    special = _SPECIAL_FLOAT.get(text.lower())
    return text if special is None else float(special)


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


class _Builder:
    """Plain data out of YAML events, under limits, remembering lines.

    Events and not nodes: the composer of libyaml's binding recurses without a limit.
    """

    def __init__(self, path: str, parser: Any) -> None:
        self.path = path
        self.parser = parser
        self.lines: dict[Location, int] = {}
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Any, int]] = {}  # value and number of nodes below it
        self.nodes = 0

    def document(self) -> Any:
        import yaml

        self.parser.get_event()  # stream start
        if self.parser.check_event(yaml.StreamEndEvent):
            raise DocumentError("the file is empty", file=self.path)
        self.parser.get_event()  # document start
        data = self.value(self.parser.get_event(), ())
        self.parser.get_event()  # document end
        if not self.parser.check_event(yaml.StreamEndEvent):
            second = self.parser.get_event()
            raise DocumentError("a second document begins here", file=self.path, line=_line(second))
        return data

    def fail(self, event: Any, location: Location, message: str, hint: str | None = None) -> None:
        where = field_path(location) or None
        self.problems.append(Problem(message, self.path, _line(event), where, hint))

    def count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise DocumentError(
                f"the document expands to more than {MAX_NODES:,} values",
                file=self.path,
                hint="do not nest aliases; put a large set of cases in a JSONL file",
            )

    def value(self, event: Any, location: Location) -> Any:
        import yaml

        self.lines.setdefault(location, _line(event))
        if len(location) > MAX_DEPTH:
            raise DocumentError(
                f"nested more than {MAX_DEPTH} levels deep",
                file=self.path,
                line=_line(event),
            )
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                self.fail(event, location, f"the alias *{event.anchor} has no anchor before it")
                return None
            value, nodes = self.anchors[event.anchor]
            self.count(nodes)
            return value
        before = self.nodes
        self.count(1)
        if event.tag not in (None, "!") and not event.tag.startswith("tag:yaml.org,2002:str"):
            self.fail(event, location, f"the tag {event.tag} is not allowed", "write plain data")
        value = self.content(event, location)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def content(self, event: Any, location: Location) -> Any:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event.value) if event.implicit[0] else event.value
            if isinstance(value, float) and not math.isfinite(value):
                self.fail(event, location, f"{event.value:.40} is not a finite number")
            return value
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(item := self.parser.get_event(), yaml.SequenceEndEvent):
                items.append(self.value(item, (*location, len(items))))
            return items
        result: dict[str, Any] = {}
        while not isinstance(key_event := self.parser.get_event(), yaml.MappingEndEvent):
            if not isinstance(key_event, yaml.ScalarEvent):
                self.fail(key_event, location, "a key must be plain text")
                self.value(key_event, (*location, "?"))
                self.value(self.parser.get_event(), (*location, "?"))
                continue
            key = key_event.value
            if key == "<<" and key_event.implicit[0]:
                self.fail(key_event, location, "merge keys (<<) are not allowed", "write it out")
            elif key in result:
                self.fail(key_event, (*location, key), "this key stands twice", "remove one")
            self.lines[(*location, key)] = _line(key_event)
            result[key] = self.value(self.parser.get_event(), (*location, key))
        return result


def read_jsonl(path: str | Path) -> Iterator[tuple[int, Any]]:
    """The (line number, value) pairs of a JSONL file; blank lines are skipped."""
    with _opened(path) as stream:
        number = 0
        while line := stream.readline(MAX_BYTES + 1):
            number += 1
            if len(line) > MAX_BYTES:
                raise DocumentError(
                    f"the line has more than {MAX_BYTES:,} bytes", file=str(path), line=number
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise _not_utf8(path, number) from None
            if text.strip():
                yield number, parse_json(text, file=str(path), line=number)


def parse_json(text: str, *, file: str, line: int | None = None) -> Any:
    """Strict JSON (finite numbers, whole characters), with an error that says where."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def finite(number: str) -> float:
        value = float(number)
        return value if math.isfinite(value) else refuse(f"{number:.40}, beyond every number,")

    try:
        value = json.loads(text, parse_constant=refuse, parse_float=finite)
        if _SURROGATE.search(text):  # two make a character; one alone is half of it
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DocumentError(
            "not valid text: half a character (a lone surrogate) is escaped in it",
            file=file,
            line=line,
        ) from None
    except (ValueError, RecursionError) as error:
        where = error.lineno if line is None and isinstance(error, json.JSONDecodeError) else line
        raise DocumentError(f"not valid JSON: {error}", file=file, line=where) from None
    return value


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: str | Path, *, max_bytes: int = 1_000_000_000) -> Any:
    """A JSON file."""
    return parse_json(read_text(path, max_bytes=max_bytes), file=str(path))


def validate(
    model: type[Model], document: Document, *, at: Location = (), context: Any = None
) -> Model:
    """`document.data` as a pydantic model; every problem at once, with file, line and field.

    `context` is what validators of the model are told besides (`ValidationInfo.context`).
    """
    from pydantic import ValidationError

    if not isinstance(document.data, Mapping):
        raise DocumentError(problems=[document.problem(at, "expected a mapping of fields")])
    try:
        return model.model_validate(document.data, context=context)
    except ValidationError as error:
        raise DocumentError(problems=validation_problems(error, document, at=at)) from None


def validation_problems(
    error: ValidationError, document: Document, *, at: Location = ()
) -> list[Problem]:
    """What pydantic found, in the words of this project, with lines."""
    problems = []
    items = error.errors(include_url=False)
    # Of a document of another kind every field is wrong: what it is says it all.
    for item in [item for item in items if _of_another_kind(item)] or items:
        location = (*at, *_known_part(document.data, item["loc"]))
        message, hint = item["msg"].removeprefix("Value error, "), None
        if item["type"] == "extra_forbidden":
            message, hint = "unknown field", "check the spelling; unknown fields are errors"
        elif item["type"] == "missing":
            message = "this field is required"
        elif item["type"] == "string_type" and isinstance(item["input"], bool | int | float):
            message = f"this is text, and {item['input']!r} is read as something else"
            hint = "put it in quotes"
        elif not isinstance(item["input"], Mapping | list) and "Value error" not in item["msg"]:
            message += f", got {item['input']!r:.80}"
        problems.append(document.problem(location, message, hint))
    return problems


def _of_another_kind(item: Any) -> bool:
    """Whether the schema is wrong, and not only by its version."""
    if item["loc"] != ("schema",) or item["type"] != "literal_error":
        return False
    given, expected = str(item["input"]), str(item["ctx"]["expected"])
    return given.split("/")[1:2] != expected.split("/")[1:2]


def _known_part(data: Any, location: Iterable[str | int]) -> Location:
    """`location` without the names pydantic adds for the branches of a union."""
    known: Location = ()
    parts = [part for part in location if part != "[key]"]
    for number, part in enumerate(parts, 1):
        if isinstance(data, Mapping):
            if part in data or number == len(parts):  # the last one may be a field that is missing
                known, data = (*known, part), data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            known, data = (*known, part), data[part]
    return known


def canonical_json(value: Any) -> bytes:
    """RFC 8785 canonical JSON; an integer beyond 2^53 is written as ``{"$int": "digits"}``."""
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_safe_integers(value))
    except rfc8785.CanonicalizationError as error:
        raise InputError(f"this value has no canonical JSON: {error}") from None


def _safe_integers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _safe_integers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe_integers(item) for item in value]
    if isinstance(value, int) and abs(value) >= 2**53:
        return {"$int": str(value)}
    return value


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(path: str | Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def dump_yaml(value: Mapping[str, Any]) -> str:
    """Plain data as YAML that reads well in a diff: keys in order, long text in blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        # Quoted when a reader of the 1.2 core schema would not read the bare word as text, and
        # escaped where a line break of another kind would come back as a plain one.
        style = None
        if re.search("[\ud800-\udfff]", value):
            raise InputError(f"{value[:80]!r} holds half a character, which no file can")
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]", value):
            style = '"'
        elif "\n" in value and not re.search(r"[^\S\n]\n|\t", value):
            style = "|"
        elif not isinstance(_scalar(value), str):
            style = '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(dict(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def write_text(path: str | Path, text: str) -> None:
    """Write a file whole or not at all: to a neighbour first, then renamed over it."""
    target = Path(path)
    if target.is_dir():
        raise InputError("cannot be written: this is a folder, not a file", file=str(path))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, target)
    except (OSError, UnicodeEncodeError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be written: {reason}", file=str(path)) from None


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON, indented, whole or not at all."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Indented JSON, as a file holds it."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@contextmanager
def locked(path: str | Path, *, wait_s: float = 30.0) -> Iterator[None]:
    """Keep other processes from what `path` names, by a file ``.NAME.lock`` beside it.

    The lock ends with the process. Raises `InputError` where another holds it for `wait_s` seconds.
    """
    from filelock import FileLock, Timeout

    target = Path(path)
    lock = target.with_name(f".{target.name}.lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=wait_s):
            yield
    except Timeout:
        raise InputError(
            f"another process has been at it for {wait_s:g} seconds", file=str(path)
        ) from None


def duplicates(values: Iterable[Hashable]) -> list[Hashable]:
    """The values that stand more than once, in order of their second appearance."""
    seen: set[Hashable] = set()
    twice: dict[Hashable, None] = {}
    for value in values:
        if value in seen:
            twice[value] = None
        seen.add(value)
    return list(twice)
