"""Reading records: one, or a register of folders with every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..documents import Document, read_document, validate
from ..errors import DocumentError, InputError, Problem
from ..shipped import shipped
from .model import Incident
from .unfinished import open_points

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Register:
    """The records that are sound, by id, where each stands, and what is wrong with the others."""

    incidents: Mapping[str, Incident]
    problems: tuple[Problem, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)


def load_incident(path: str | Path, *, draft: bool = False) -> Incident:
    """Read one record.

    Raises `DocumentError` with every problem at once, each with file, line and field. An unfinished
    draft is one, unless `draft` allows it.
    """
    document = read_document(path)
    incident = validate(Incident, document)
    if not draft and (problems := _open_problems(document)):
        raise DocumentError(problems=problems)
    return incident


def _open_problems(document: Document) -> list[Problem]:
    return [document.problem(where, message) for where, message in open_points(document.data)]


def load_register(*folders: str | Path) -> Register:
    """Read every record (``.yaml``, ``.yml``, ``.json``) below some folders; a file is one too.

    One bad file does not stop the rest: what is wrong stands in `problems`, file by file, and only
    sound records in `incidents`. An id that stands in two files is a problem of the second.
    """
    incidents: dict[str, Incident] = {}
    paths: dict[str, Path] = {}
    problems: list[Problem] = []
    for folder in folders:
        try:
            for path in _files(Path(folder)):
                if path in paths.values():
                    continue  # two of the folders hold the same file
                try:
                    incident = load_incident(path)
                except InputError as error:
                    problems.extend(error.problems)
                    continue
                if incident.id in incidents:
                    problems.append(_second(path, incident.id, paths[incident.id]))
                    continue
                incidents[incident.id] = incident
                paths[incident.id] = path
        except InputError as error:
            problems.extend(error.problems)
    return Register(incidents, tuple(problems), paths)


def _second(path: Path, incident_id: str, first: Path) -> Problem:
    message = f"the id {incident_id!r} is that of {first} already"
    return read_document(path).problem(("id",), message, "give each incident an id of its own")


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    if not folder.is_dir():
        raise InputError("no such file or folder", file=str(folder))
    found = False
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            found = True
            yield path
    if not found:
        raise InputError("no record in this folder", file=str(folder), hint="records are .yaml")


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
