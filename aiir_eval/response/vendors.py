"""Assessments of vendors: what was known of one on a day, and what was decided.

Schema ``aiir/vendor/1``, one YAML file an assessment: ``vendors/VENDOR-DATE.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..documents import dump_yaml, file_digest, read_document, validate, write_text
from ..errors import InputError, Problem
from ..gate.document import load_verdict
from ..gate.result import VerdictName
from ..incidents.index import Entry
from ..incidents.regression import Identifier, Part, Text
from .deprecations import ModelCheck

FOLDER = "vendors"


class VendorIncident(Part):
    """An incident that a vendor had a part in."""

    id: Identifier
    title: Text
    status: str | None = None


class Deprecation(Part):
    """A model of the vendor that goes away; `doubt` says why its dates are not relied on."""

    model: Text
    shutdown_date: date | None = None
    replacement_models: list[Text] = Field(default_factory=list)
    doubt: str | None = None
    source: str | None = None


class AttachedVerdict(Part):
    """A verdict of the gate on a system that runs on the vendor."""

    verdict: VerdictName
    file: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class VendorAssessment(Part):
    """What was known of a vendor on a day."""

    schema_: Literal["aiir/vendor/1"] = Field(default="aiir/vendor/1", alias="schema")
    vendor: Identifier
    name: Text
    assessed_at: date
    assessor: Text
    models: list[Text] = Field(default_factory=list)
    incidents: list[VendorIncident] = Field(default_factory=list)
    deprecations: list[Deprecation] = Field(default_factory=list)
    verdicts: list[AttachedVerdict] = Field(default_factory=list)
    fallback: Text | None = None
    decision: Literal["approved", "approved_with_conditions", "not_approved", "undecided"] = (
        "undecided"
    )
    conditions: list[Text] = Field(default_factory=list)
    next_review: date | None = None
    notes: Text | None = None

    def file_name(self) -> str:
        """Where it is kept, below the folder of the assessments."""
        return f"{self.vendor}-{self.assessed_at}.yaml"

    def to_mapping(self) -> dict[str, object]:
        """The assessment as it stands in a file."""
        given = self.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        return {"schema": self.schema_, **given, "decision": self.decision}


@dataclass(frozen=True, slots=True)
class Assessments:
    """The assessments of a folder, the latest of each vendor first; and what is wrong."""

    found: tuple[tuple[Path, VendorAssessment], ...]
    problems: tuple[Problem, ...] = ()

    def of(self, vendor: str) -> list[tuple[Path, VendorAssessment]]:
        """Those of a vendor, by its id or name."""
        called = vendor.casefold()
        return [
            (path, each)
            for path, each in self.found
            if called in (each.vendor.casefold(), each.name.casefold())
        ]


def load_assessment(path: str | Path) -> VendorAssessment:
    """Read one assessment. Raises `DocumentError` with every problem at once."""
    return validate(VendorAssessment, read_document(path))


def load_assessments(folder: str | Path = FOLDER) -> Assessments:
    """Read every assessment in a folder; a bad file does not stop the rest."""
    place = Path(folder)
    if not place.is_dir():
        raise InputError("no such folder", file=str(place), hint="aiir vendor add makes one")
    found: list[tuple[Path, VendorAssessment]] = []
    problems: list[Problem] = []
    for path in sorted(place.rglob("*.y*ml")):
        try:
            found.append((path, load_assessment(path)))
        except InputError as error:
            problems.extend(error.problems)
    found.sort(key=lambda item: (item[1].vendor, -item[1].assessed_at.toordinal()))
    return Assessments(tuple(found), tuple(problems))


def save_assessment(assessment: VendorAssessment, folder: str | Path = FOLDER) -> Path:
    """Write an assessment into a folder. Raises `InputError` where that day has one already."""
    path = Path(folder) / assessment.file_name()
    if path.exists():
        raise InputError("an assessment of that day is there already", file=str(path))
    write_text(path, dump_yaml(assessment.to_mapping()))
    return path


def incidents_of(vendor: str, name: str, entries: Iterable[Entry]) -> list[VendorIncident]:
    """The incidents whose record names the vendor."""
    called = {vendor.casefold(), name.casefold()}
    return [
        VendorIncident(id=each.id, title=each.title, status=each.status)
        for each in entries
        if any(part in (each.vendor or "").casefold() for part in called)
    ]


def deprecations_of(checks: Sequence[ModelCheck]) -> list[Deprecation]:
    """What a feed says of the models that are used."""
    return [
        Deprecation(
            model=each.model,
            shutdown_date=each.retirement.shutdown,
            replacement_models=list(each.retirement.replacements),
            doubt=each.retirement.doubt,
            source=each.retirement.url or None,
        )
        for each in checks
        if each.retirement is not None
    ]


def attached_verdict(path: str | Path) -> AttachedVerdict:
    """A verdict out of its file. Raises `DocumentError` where that is none."""
    verdict = load_verdict(path).verdict
    return AttachedVerdict(verdict=verdict, file=str(path), sha256=file_digest(path))
