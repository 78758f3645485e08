"""Drafts of the documents in a file of another format; garbage is told document by document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ...documents import Document, write_text
from ...errors import InputError, Problem
from ..classes import CLASSES, IncidentClass
from ..index import list_register
from ..model import Incident
from ..writing import incident_yaml
from . import IMPORTS
from .drafts import Draft, record_of
from .reading import source_documents


@dataclass(frozen=True, slots=True)
class Imported:
    """The drafts of a file by their ids, how many documents it held, and what was wrong."""

    format: str
    incidents: Mapping[str, Incident]
    documents: int
    problems: tuple[Problem, ...]

    def counts(self, field: str) -> dict[str, int]:
        """How many drafts have each value of ``class_`` or ``kind``, the most frequent first."""
        return dict(Counter(getattr(each, field) for each in self.incidents.values()).most_common())


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the drafts of an import: written anew, there already, or kept as they were."""

    new: tuple[Path, ...]
    same: tuple[Path, ...]
    kept: tuple[Path, ...]


def import_records(
    format_: str, path: str | Path, *, class_: IncidentClass | None = None
) -> Imported:
    """Drafts of every document of a file or folder.

    Parameters
    ----------
    format_
        ``avid``, ``atlas`` or ``aiid``.
    path
        JSON, JSONL (also with gzip), YAML or CSV; or a folder of such files.
    class_
        The class of all of them. Without it each is guessed, and marked so.

    A document that cannot be read is a problem, with file, line and field, and does not stop the
    rest; so is a second document of the same id. Raises `InputError` where the file itself cannot
    be read.
    """
    if format_ not in IMPORTS:
        raise InputError(f"nothing is imported from {format_!r}", hint=f"from {', '.join(IMPORTS)}")
    if class_ is not None and class_ not in CLASSES:
        raise InputError(f"{class_!r} is no class of incident", hint=f"one of {', '.join(CLASSES)}")
    reads: Callable[[Document], Draft] = import_module(f"{__package__}.{format_}").draft_of
    incidents: dict[str, Incident] = {}
    problems: list[Problem] = []
    documents = 0
    for found in source_documents(path):
        documents += 1
        if isinstance(found, Problem):
            problems.append(found)
            continue
        try:
            incident = record_of(reads(found), found, class_)
        except InputError as error:
            problems.extend(error.problems)
            continue
        if incident.id in incidents:
            message = f"{incident.id} stands in the source already; this one is left out"
            problems.append(found.problem((), message))
            continue
        incidents[incident.id] = incident
    return Imported(format_, incidents, documents, tuple(problems))


def write_records(imported: Imported, folder: str | Path, *, dry_run: bool = False) -> Written:
    """Write each draft to ``FOLDER/CLASS/ID.yaml``, unless the register has a record of that id.

    What stands there already is never overwritten: people may have worked on it.
    """
    place = Path(folder)
    there: dict[str, Path] = {}
    if place.is_dir():
        there = {entry.id: Path(entry.path) for entry in list_register(place).entries}
    new: list[Path] = []
    same: list[Path] = []
    kept: list[Path] = []
    for incident in imported.incidents.values():
        text = incident_yaml(incident)
        path = there.get(incident.id, place / incident.class_ / f"{incident.id}.yaml")
        if path.exists():
            (same if path.read_text(encoding="utf-8") == text else kept).append(path)
            continue
        new.append(path)
        if not dry_run:
            write_text(path, text)
    return Written(tuple(new), tuple(same), tuple(kept))
