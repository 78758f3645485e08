"""Reading records: one, or a register of folders with every problem of every file at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..documents import read_document, validate
from ..errors import DocumentError, InputError, Problem
from ..shipped import shipped
from ..showing import Shown
from .folders import record_files, taxonomy_of
from .model import Incident
from .psf import Taxonomy
from .unfinished import open_points

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Register(Shown):
    """The records that are sound, by id, where each stands, and what is wrong with the others."""

    incidents: Mapping[str, Incident]
    problems: tuple[Problem, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)

    def to_pandas(self) -> pd.DataFrame:
        """One row an incident."""
        import pandas as pd

        from .index import entry_of

        now = datetime.now(UTC)
        rows = [entry_of(incident).to_mapping(now) for incident in self.incidents.values()]
        told = [{**row, "next_due": (row["next_due"] or {}).get("at")} for row in rows]
        return pd.DataFrame(told).drop(columns=["path", "unfinished"], errors="ignore")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each incident at the day it occurred or was detected, by class."""
        from .plotting import plot_register

        return plot_register(self, ax)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"id": each.id, "title": each.title, "class": each.class_.replace("_", " "),
             "status": each.status, "occurred": (each.occurred_at or each.detected_at or "")[:10],
             "cases": len(each.cases)}
            for each in self.incidents.values()
        ]  # fmt: skip

    def _title(self) -> str:
        return f"Register: {len(self.incidents):,} incidents"

    def __repr__(self) -> str:
        return f"Register({len(self.incidents):,} incidents, {len(self.problems):,} problems)"


def load_incident(
    path: str | Path, *, draft: bool = False, taxonomy: Taxonomy | None = None
) -> Incident:
    """Read one record.

    Raises `DocumentError` with every problem at once, each with file, line and field. An unfinished
    draft is one, unless `draft` allows it. Its domains are those of `taxonomy`: that of the
    register it lies in, or the shipped one, where none is given.
    """
    incident, unfinished = read_incident(path, taxonomy)
    if unfinished and not draft:
        raise DocumentError(problems=unfinished)
    return incident


def read_incident(
    path: str | Path, taxonomy: Taxonomy | None = None
) -> tuple[Incident, list[Problem]]:
    """One record, and what is still open in it where it is a draft."""
    document = read_document(path)
    known = taxonomy_of(Path(path)) if taxonomy is None else taxonomy
    incident = validate(Incident, document, context=known)
    points = open_points(document.data)
    return incident, [document.problem(where, message) for where, message in points]


def load_register(*folders: str | Path, drafts: bool = False) -> Register:
    """Read every record (``.yaml``, ``.yml``, ``.json``) below some folders; a file is one too.

    One bad file does not stop the rest: what is wrong stands in `problems`, file by file, and only
    sound records in `incidents`. An id that stands in two files is a problem of the second. An
    unfinished draft is a problem, unless `drafts` allows it.
    """
    incidents: dict[str, Incident] = {}
    paths: dict[str, Path] = {}
    problems: list[Problem] = []
    for folder in map(Path, folders):
        try:
            taxonomy = taxonomy_of(folder)
            for path, _ in record_files(folder):
                if path in paths.values():
                    continue  # two of the folders hold the same file
                try:
                    incident = load_incident(path, draft=drafts, taxonomy=taxonomy)
                except InputError as error:
                    problems.extend(error.problems)
                    continue
                if incident.id in incidents:
                    problems.append(second_of(path, incident.id, paths[incident.id]))
                    continue
                incidents[incident.id] = incident
                paths[incident.id] = path
        except InputError as error:
            problems.extend(error.problems)
    return Register(incidents, tuple(problems), paths)


def second_of(path: Path, incident_id: str, first: Path) -> Problem:
    """The problem of a file whose id is that of another."""
    message = f"the id {incident_id!r} is that of {first} already"
    return read_document(path).problem(("id",), message, "give each incident an id of its own")


def shipped_corpus() -> Path:
    """The folder of the incidents that come with the package."""
    return shipped("incidents_corpus")


def nearby_register() -> Register:
    """The records of this folder (``incidents_corpus``), and the shipped ones.

    Where both have an id, the record of this folder counts.
    """
    here, shipped = Path("incidents_corpus"), shipped_corpus()
    if not here.is_dir() or here.resolve() == shipped.resolve():
        return load_register(shipped)
    own, ours = load_register(here), load_register(shipped)
    return Register({**ours.incidents, **own.incidents}, own.problems, {**ours.paths, **own.paths})
