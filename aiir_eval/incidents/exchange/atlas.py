"""MITRE ATLAS case studies into records."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ...documents import Document, validate
from ..classes import IncidentClass
from ..regression import Text
from .avid import Day
from .drafts import Draft, as_id, one_line, tagged

_TEMPLATE = re.compile(r"^\{\{\s*([\w.-]+?)(?:\.id)?\s*\}\}$")
_PRECISION = {"YEAR": 4, "MONTH": 7, "DATE": 10}
# The nearest class to the techniques of a case, the first that fits; a guess a person confirms.
_CLASSES: tuple[tuple[str, IncidentClass], ...] = (
    (r"pi_|prompt|jailbreak|AML\.T005[14]", "injection_or_tool_abuse"),
    (r"exfil|leak|credential|AML\.T005[57]", "pii_or_secret_exposure"),
    (r"hallucinat", "hallucination"),
)


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Move(_Open):
    """A step of the attack."""

    tactic: str = ""
    technique: str = ""
    description: str = ""


class Link(_Open):
    """Where more is said."""

    title: str | None = None
    url: str | None = None


class CaseStudy(_Open):
    """As much of a case study as a record can hold."""

    id: Text
    name: Text
    summary: Text
    incident_date: Annotated[Day, BeforeValidator(str)] | None = Field(
        default=None, alias="incident-date"
    )
    granularity: Literal["YEAR", "MONTH", "DATE"] = Field(
        default="DATE", alias="incident-date-granularity"
    )
    kind: Literal["incident", "exercise"] = Field(default="incident", alias="case-study-type")
    target: str | None = None
    actor: str | None = None
    reporter: str | None = None
    procedure: list[Move] = Field(default_factory=list)
    references: list[Link] | None = None


def draft_of(document: Document) -> Draft:
    """What a case study says. Raises `DocumentError` where it is none."""
    said = validate(CaseStudy, document)
    moves = [
        f"{number}. {name(move.technique)}: {move.description.strip()}".rstrip(": ")
        for number, move in enumerate(said.procedure, 1)
    ]
    when = said.incident_date
    techniques = list(dict.fromkeys(name(move.technique) for move in said.procedure))
    links = [one_line(each.url or each.title or "") for each in said.references or []]
    sources = [f"https://atlas.mitre.org/studies/{said.id}", *filter(None, links)]
    return Draft(
        {
            "id": as_id(said.id),
            "title": one_line(said.name),
            "kind": said.kind,
            "occurred_at": when[: _PRECISION[said.granularity]] if when else None,
            "system": one_line(said.target or ""),
            "triggering_input": "\n".join(moves),
            "observed_output": said.summary.strip(),
            "sources": list(dict.fromkeys(sources)),
        },
        next(
            (class_ for pattern, class_ in _CLASSES if re.search(pattern, " ".join(techniques))),
            "injection_or_tool_abuse",
        ),
        (
            *tagged("atlas-technique", techniques),
            *tagged("atlas-actor", [said.actor]),
            *tagged("atlas-reporter", [said.reporter]),
        ),
    )


def name(technique: str) -> str:
    """A technique by its id; of the templates in ATLAS's own sources, the name in them."""
    found = _TEMPLATE.match(technique.strip())
    return found[1] if found else one_line(technique)
