"""Rows of the AI Incident Database (CSV of its public snapshot) into records."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...documents import Document, validate
from ...errors import DocumentError
from ..regression import Part, Text
from .avid import Day
from .drafts import Draft, joined, one_line, tagged
from .reading import listed

# The names a column goes by, in the snapshot and in tables made of it; case and signs do not count.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "incident_id": ("incident_id", "id"),
    "date": ("date", "incident_date"),
    "title": ("title",),
    "description": ("description",),
    "deployer": ("deployer", "alleged_deployer_of_ai_system", "allegeddeployerofaisystem"),
    "developer": ("developer", "alleged_developer_of_ai_system", "allegeddeveloperofaisystem"),
    "harmed": (
        "harmed_parties",
        "harmed",
        "alleged_harmed_or_nearly_harmed_parties",
        "allegedharmedornearlyharmedparties",
    ),
}


class Row(Part):
    """What a row says that a record can hold."""

    incident_id: Text
    date: Day | None = None
    title: Text
    description: str = ""
    deployer: str = ""
    developer: str = ""
    harmed: str = ""


def draft_of(document: Document) -> Draft:
    """What a row says. Raises `DocumentError` where it is none of AIID."""
    if not isinstance(document.data, Mapping):
        raise DocumentError(problems=[document.problem((), "expected a row of named cells")])
    cells = {_plain(name): str(value or "") for name, value in document.data.items()}
    found = {
        field: next((cells[name] for name in names if name in cells), None)
        for field, names in _COLUMNS.items()
    }
    row = validate(
        Row,
        Document(
            document.path,
            {name: value for name, value in found.items() if value is not None and value.strip()},
            {(): document.line_of(()) or 1},
        ),
    )
    number = row.incident_id.strip()
    if not re.fullmatch(r"[0-9]{1,9}", number):
        problem = document.problem(("incident_id",), f"{number!r:.40} is no number of an incident")
        raise DocumentError(problems=[problem])
    harmed = joined(listed(row.harmed))
    return Draft(
        {
            "id": f"AIID-{number}",
            "title": one_line(row.title),
            "occurred_at": row.date,
            "vendor": joined(listed(row.developer)),
            "user_population": f"harmed or nearly harmed, as alleged: {harmed}" if harmed else "",
            "observed_output": row.description.strip(),
            "sources": [f"https://incidentdatabase.ai/cite/{number}"],
        },
        "hallucination",
        tagged("deployer", listed(row.deployer)),
    )


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name.strip().casefold()).strip("_")
