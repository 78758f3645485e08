"""A draft of what another source says: what it does not say is open, and nothing invented."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...documents import Document, validate
from ..classes import IncidentClass
from ..model import Incident
from ..psf import psf_taxonomy
from ..unfinished import GUESSED_CLASS, fill_in, is_known, open_fields

JOIN = "; "


@dataclass(frozen=True, slots=True)
class Draft:
    """What a source says, under the names of the record; a class it does not state is guessed."""

    fields: Mapping[str, Any]
    class_: IncidentClass
    tags: tuple[str, ...] = ()


def record_of(draft: Draft, source: Document, class_: IncidentClass | None = None) -> Incident:
    """The record of a draft, marked as reconstructed; `class_` is stated by a person."""
    known = {name: value for name, value in draft.fields.items() if value not in (None, "", [])}
    tags = list(dict.fromkeys([*([] if class_ else [GUESSED_CLASS]), *draft.tags]))
    observed = {"observed_output": fill_in("what it said or did")}
    if known.keys() & {"observed_output", "observed_action"}:
        observed = {}
    stated = class_ or draft.class_
    record = {
        **open_fields(),
        **observed,
        "class": stated,
        "tags": tags,
        "psf_domains": psf_taxonomy().domains_of(stated),
        "reconstructed": True,
        **known,
    }
    return validate(Incident, Document(source.path, record, {(): source.line_of(()) or 1}))


def one_line(text: str) -> str:
    """A text without line breaks and repeated spaces."""
    return " ".join(text.split())


def joined(names: Iterable[str]) -> str:
    """Several names in one field, each once."""
    return JOIN.join(dict.fromkeys(one_line(name) for name in names if name.strip()))


def split(text: str | None) -> list[str]:
    """The names in a field; none where it is still to be filled in."""
    if text is None or not is_known(text):
        return []
    return [part.strip() for part in text.split(JOIN) if part.strip()]


def tagged(prefix: str, values: Iterable[str | None]) -> tuple[str, ...]:
    """What the record has no field for, kept as tags: ``prefix:value``."""
    return tuple(f"{prefix}:{one_line(value)}" for value in values if value and value.strip())


def values_of(incident: Incident, prefix: str) -> list[str]:
    """The values of the tags of a prefix."""
    start = f"{prefix}:"
    return [tag.removeprefix(start) for tag in incident.tags if tag.startswith(start)]


def as_id(text: str) -> str:
    """A text as the id of a record."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100]
