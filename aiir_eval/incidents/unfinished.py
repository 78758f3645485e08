"""What a draft leaves open, and how one sees that it does.

A draft never invents. A required text that nobody knows yet says ``unknown: fill in``, with what to
fill in; a drafted check is named ``draft…``; a guessed class has the tag ``draft-class``. Each is a
problem of the record until a person has dealt with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..documents import Location

FILL_IN = "unknown: fill in"
DRAFT_CHECK = "draft"
GUESSED_CLASS = "draft-class"

TO_FILL_IN = {
    "title": "one line: what happened",
    "system": "which application or workflow",
    "model": "model and version",
    "prompt_version": "version of the prompt",
    "data_source": "what data the system used",
    "user_population": "who uses it, who was affected",
    "triggering_input": "what was asked or sent",
    "downstream_impact": "what followed from it, and for whom",
    "containment_decision": "what was paused or switched off, and when",
    "remediation_owner": "who leads the fix",
}


def fill_in(what: str) -> str:
    """The text of a field that is still to be filled in."""
    return f"{FILL_IN} ({what})"


def open_fields() -> dict[str, str]:
    """The required texts of a record of which nothing is known yet."""
    return {field: fill_in(what) for field, what in TO_FILL_IN.items()}


def is_known(text: str | None) -> bool:
    """Whether a text of a record says something, and not that it is to be filled in."""
    return text is not None and not text.startswith(FILL_IN)


def open_points(record: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """Where a record (as plain data) is an unfinished draft, and what to do there."""
    for where, text in _texts(record, ()):
        if text.startswith(FILL_IN):
            asked = text.removeprefix(FILL_IN).strip().removeprefix("(").removesuffix(")")
            yield where, f"not filled in yet: {asked}" if asked else "not filled in yet"
        elif where[0] == "tags" and text == GUESSED_CLASS:
            yield where, "the class was guessed: confirm it and remove this tag"
        elif where[-1] == "name" and "checks" in where and text.startswith(DRAFT_CHECK):
            yield where, "a drafted check: review it and give it a name of your own"


def _texts(value: Any, where: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*where, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, (*where, position))
