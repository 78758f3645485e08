"""A register in lines: what a list needs of each record, read from an index where it is still true.

The files are the truth. The index (SQLite, ``.aiir/index.sqlite`` in the folder of the register)
only remembers what they said, by path, size, times and digest: a file whose stamp differs is looked
at again, and an index that is damaged, or of another version of this package, is made anew.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..errors import InputError, Problem
from .folders import DERIVED, derived_folder, own_file, record_files
from .phases import Deadline, deadlines_of, phase_of

if TYPE_CHECKING:
    from .model import Incident

MIN_FILES = 50  # a smaller register is read faster than it is worth leaving a file behind
Stamp = tuple[int, int, int]  # size, time of change, time of change of status: in nanoseconds


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in a line of a list. `unfinished` counts what a draft leaves open."""

    path: str
    id: str
    title: str
    class_: str
    kind: str
    status: str
    phase: str
    occurred_at: str | None
    detected_at: str | None
    system: str
    model: str
    vendor: str | None
    incident_owner: str | None
    psf_domains: tuple[str, ...]
    cases: int
    not_testable: str | None
    confidence: str | None
    reconstructed: bool
    unfinished: int
    deadlines: tuple[Deadline, ...]

    def overdue(self, now: datetime) -> list[str]:
        """What is past and not done: phases by name, notifications as ``clock:ID``."""
        return [each.what for each in self.deadlines if each.overdue(now)]

    def next_due(self, now: datetime) -> Deadline | None:
        """What is due next."""
        return next((each for each in self.deadlines if not each.done and each.due_at >= now), None)

    def to_mapping(self, now: datetime) -> dict[str, Any]:
        """The line as JSON data."""
        coming = self.next_due(now)
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        del given["deadlines"], given["class_"]
        return {
            "id": self.id,
            "title": self.title,
            "class": self.class_,
            **given,
            "psf_domains": list(self.psf_domains),
            "overdue": self.overdue(now),
            "next_due": None
            if coming is None
            else {"what": coming.what, "at": coming.due_at.isoformat().replace("+00:00", "Z")},
        }


def entry_of(incident: Incident, path: str = "", unfinished: int = 0) -> Entry:
    """The line of a record."""
    return Entry(
        path=path,
        id=incident.id,
        title=incident.title,
        class_=incident.class_,
        kind=incident.kind,
        status=incident.status,
        phase=phase_of(incident),
        occurred_at=incident.occurred_at,
        detected_at=incident.detected_at,
        system=incident.system,
        model=incident.model,
        vendor=incident.vendor,
        incident_owner=incident.incident_owner,
        psf_domains=tuple(incident.psf_domains),
        cases=len(incident.cases),
        not_testable=None if incident.regression is None else incident.regression.not_testable,
        confidence=incident.confidence,
        reconstructed=incident.reconstructed,
        unfinished=unfinished,
        deadlines=tuple(deadlines_of(incident)),
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """The lines of a register, drafts among them, and what is wrong with other files."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    read: int = 0  # files that had to be read, the index not knowing them

    def select(
        self,
        *,
        classes: Iterable[str] = (),
        domains: Iterable[str] = (),
        system: str | None = None,
        vendor: str | None = None,
        phases: Iterable[str] = (),
        overdue_at: datetime | None = None,
    ) -> list[Entry]:
        """The entries that fit everything that is asked for; a part of a name will do."""
        wanted, implicated, going_on = set(classes), set(domains), set(phases)

        def holds(part: str | None, text: str | None) -> bool:
            return part is None or part.casefold() in (text or "").casefold()

        return [
            entry
            for entry in self.entries
            if (not wanted or entry.class_ in wanted)
            and (not implicated or implicated & set(entry.psf_domains))
            and holds(system, entry.system)
            and holds(vendor, entry.vendor)
            and (not going_on or entry.phase in going_on)
            and (overdue_at is None or entry.overdue(overdue_at))
        ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a file: its entry, or what is wrong with it."""

    stamp: Stamp
    digest: str
    entry: Entry | None
    problems: tuple[Problem, ...] = ()


def list_register(*folders: str | Path, index: bool = True) -> Listing:
    """The lines of every record below some folders, in order of their paths.

    `index=False` reads every file and leaves no index behind. An id that stands in two files is a
    problem of the second, and only the first is an entry.
    """
    first: dict[str, str] = {}
    entries: list[Entry] = []
    problems: list[Problem] = []
    read = 0
    seen: set[str] = set()
    for folder in map(Path, folders):
        try:
            found, fresh = _read_folder(folder, index=index)
        except InputError as error:
            problems.extend(error.problems)
            continue
        read += fresh
        for path, known in found.items():
            if path in seen:
                continue  # two of the folders hold the same file
            seen.add(path)
            problems.extend(known.problems)
            if known.entry is None:
                continue
            if known.entry.id in first:
                from .loading import second_of

                problems.append(second_of(Path(path), known.entry.id, Path(first[known.entry.id])))
                continue
            first[known.entry.id] = path
            entries.append(known.entry)
    return Listing(tuple(entries), tuple(problems), read)


def _read_folder(folder: Path, *, index: bool) -> tuple[dict[str, _Known], int]:
    files = {
        str(path): (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        for path, stat in record_files(folder)
    }
    kept = index and folder.is_dir() and len(files) >= MIN_FILES and not _shipped(folder)
    key = _key(folder)
    store = folder / DERIVED / "index.sqlite"
    known = _load(store, key, folder) if kept else {}
    taken = time_ns()
    found: dict[str, _Known] = {}
    changed: list[str] = []
    for path, stamp in files.items():
        before = known.get(path)
        if before is None or before.stamp != stamp:
            found[path] = _look(path, stamp, before, folder)
            changed.append(path)
        else:
            found[path] = before
    gone = known.keys() - files.keys()
    if kept and (changed or gone):
        # A file written in the last moments may be written again within the same stamp: its digest
        # alone is remembered, and compared the next time.
        fresh = {
            path: replace(found[path], stamp=(0, 0, 0))
            if max(found[path].stamp[1:]) > taken - 2_000_000_000
            else found[path]
            for path in changed
        }
        _save(folder, key, fresh, gone)
    return found, len(changed)


def time_ns() -> int:
    """Now, in the unit of a file's stamps."""
    import time

    return time.time_ns()


def _shipped(folder: Path) -> bool:
    from ..shipped import shipped

    return folder.resolve() == shipped("incidents_corpus").resolve()


@functools.cache
def _source() -> str:
    """What this version of the package makes of a record: other code, another index."""
    files = sorted(Path(__file__).parent.glob("*.*"))
    stamps = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return f"{__version__} {stamps}"


def _key(folder: Path) -> str:
    own = own_file(folder, "psf.yaml")
    text = _source() + ("" if own is None else own.read_text(encoding="utf-8", errors="replace"))
    return hashlib.sha256(text.encode()).hexdigest()


def _look(path: str, stamp: Stamp, before: _Known | None, folder: Path) -> _Known:
    """What a file says, from the file; of one that was only touched, what it said before."""
    from .loading import read_incident

    try:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        return _Known(stamp, "", None, (Problem(f"cannot be read: {error.strerror}", path),))
    if before is not None and before.digest == digest:
        return _Known(stamp, digest, before.entry, before.problems)
    try:
        incident, unfinished = read_incident(path, _taxonomy(str(folder)))
    except InputError as error:
        return _Known(stamp, digest, None, error.problems)
    return _Known(stamp, digest, entry_of(incident, path, len(unfinished)))


def _taxonomy(folder: str) -> Any:
    from .folders import taxonomy_of

    return taxonomy_of(Path(folder))


def _load(store: Path, key: str, folder: Path) -> dict[str, _Known]:
    """What the index knows; nothing where it is missing, damaged, or of another version."""
    if not store.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as database:
            ((found,),) = database.execute("SELECT value FROM meta WHERE name = 'key'").fetchall()
            if found != key:
                return {}
            within = _prefix(folder)
            rows = database.execute("SELECT path, known FROM files")
            return {within + path: _known(within + path, json.loads(text)) for path, text in rows}
    except (sqlite3.Error, ValueError, TypeError, KeyError, RecursionError):
        return {}


def _prefix(folder: Path) -> str:
    """What paths below a folder begin with; the index holds them without it."""
    return "" if str(folder) == "." else f"{folder}{os.sep}"


def _known(path: str, data: Mapping[str, Any]) -> _Known:
    entry = data["entry"]
    if entry is not None:
        deadlines = [
            Deadline(what, datetime.fromtimestamp(at, UTC), done)
            for what, at, done in entry["deadlines"]
        ]
        given = {**entry, "psf_domains": tuple(entry["psf_domains"])}
        entry = Entry(**{**given, "path": path, "deadlines": tuple(deadlines)})
    size, changed, status = data["stamp"]
    problems = tuple(Problem(**{"file": path, **problem}) for problem in data["problems"])
    return _Known((size, changed, status), data["digest"], entry, problems)


def _save(folder: Path, key: str, known: Mapping[str, _Known], gone: Iterable[str]) -> None:
    """Bring the index up to date in one transaction; a folder that takes no file goes without."""
    cut = len(_prefix(folder))
    rows = [(path[cut:], json.dumps(_plain(each, path))) for path, each in known.items()]
    stale = [(path[cut:],) for path in gone]
    with suppress(OSError, sqlite3.Error):
        store = derived_folder(folder) / "index.sqlite"
        try:
            _write(store, key, rows, stale)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                return  # another process writes the same
            store.unlink(missing_ok=True)
            _write(store, key, rows, stale)


def _write(
    store: Path, key: str, rows: Sequence[tuple[str, str]], stale: Sequence[tuple[str]]
) -> None:
    with closing(sqlite3.connect(store, timeout=2)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT)")
        database.execute("CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, known TEXT)")
        found = database.execute("SELECT value FROM meta WHERE name = 'key'").fetchall()
        if found != [(key,)]:
            database.execute("DELETE FROM files")
            database.execute("INSERT OR REPLACE INTO meta VALUES ('key', ?)", (key,))
        database.executemany("DELETE FROM files WHERE path = ?", stale)
        database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", rows)


def _plain(known: _Known, path: str) -> dict[str, Any]:
    entry: dict[str, Any] | None = None
    if known.entry is not None:
        entry = {item.name: getattr(known.entry, item.name) for item in fields(Entry)}
        deadlines = known.entry.deadlines
        entry["deadlines"] = [(each.what, each.due_at.timestamp(), each.done) for each in deadlines]
        del entry["path"]
    return {
        "stamp": known.stamp,
        "digest": known.digest,
        "entry": entry,
        "problems": [
            {
                name: value
                for name, value in asdict(problem).items()
                if (name, value) != ("file", path)
            }
            for problem in known.problems
        ],
    }
