"""What becomes of each field between a record and another format, and what is lost on the way.

The tables are data (``mappings/FORMAT.yaml``): the documentation is made of them, and tests hold
the importers and exporters against them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, model_validator

from ...documents import parse_yaml, validate
from ...errors import InputError
from ..regression import Part, Text
from . import MAPPED

Status = Literal["direct", "partial", "approximate", "unmapped"]


class FieldMapping(Part):
    """One field: what it is called there and in the record, how well they fit, what is lost."""

    theirs: Text | None = None
    ours: Text | None = None
    status: Status
    lost: Text | None = None
    number: int | None = None  # where the format counts its criteria
    required: bool = False  # where the format asks for it and a record may lack it

    @model_validator(mode="after")
    def _says_what_is_lost(self) -> FieldMapping:
        if (self.status == "unmapped") == (self.theirs is not None and self.ours is not None):
            raise ValueError("a field is unmapped exactly where one of the two names is missing")
        if (self.status == "direct") == (self.lost is not None):
            raise ValueError("say what is lost, unless the mapping is direct")
        return self


class Mapping(Part):
    """The mapping of a format: on the way in, and on the way out."""

    schema_: Literal["aiir/mapping/1"] = Field(default="aiir/mapping/1", alias="schema")
    format: Text
    title: Text
    version: Text
    source: Text
    severity: Text
    imports: list[FieldMapping] = Field(default_factory=list)
    exports: list[FieldMapping] = Field(default_factory=list)


@cache
def load_mapping(format_: str) -> Mapping:
    """The mapping of a format, by its name."""
    if format_ not in MAPPED:
        raise InputError(f"no format is called {format_!r}", hint=f"there are {', '.join(MAPPED)}")
    text = files(__package__).joinpath("mappings", f"{format_}.yaml").read_text(encoding="utf-8")
    return validate(Mapping, parse_yaml(text, f"{format_}.yaml"))


def mapping_markdown(mapping: Mapping) -> str:
    """A mapping as the tables of the documentation."""
    parts = [
        f"## {mapping.title}",
        f"`{mapping.format}`, {mapping.version}. Source: <{mapping.source}>.",
        f"Severity: {mapping.severity}",
    ]
    for heading, first, second, rows in (
        ("Into a record", "theirs", "ours", mapping.imports),
        ("Out of a record", "ours", "theirs", mapping.exports),
    ):
        if not rows:
            continue
        lines = [f"| {first} | {second} | | what is lost |", "| --- | --- | --- | --- |"]
        for row in rows:
            left, right = (_name(getattr(row, side), row) for side in (first, second))
            lines.append(f"| {left} | {right} | {row.status} | {row.lost or ''} |")
        parts += [f"### {heading}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _name(field: str | None, row: FieldMapping) -> str:
    if field is None:
        return ""
    numbered = row.number is not None and field == row.theirs
    return f"{row.number}. {field}{' (required)' * row.required}" if numbered else f"`{field}`"
