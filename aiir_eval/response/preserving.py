"""Where the evidence of an incident is kept, and whether it still is what was put there.

``.aiir/evidence/ID/`` beside the record: a file for each thing preserved, named by its digest, and
``manifest.jsonl``, to which lines are only added. Each line holds the digest of the one before it,
and the record holds the digest of each file, so that neither can change unnoticed. The folder is
hidden from git, as evidence holds personal data: keep it where evidence is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from ..documents import canonical_json, file_digest, locked, parse_json
from ..errors import InputError, Problem
from ..incidents.folders import DERIVED, derived_folder
from ..incidents.model import Evidence, EvidenceKind, Incident

FOLDER = "evidence"
MANIFEST = "manifest.jsonl"
STEP = "step"  # what backs a step and is none of the seven kinds


@dataclass(frozen=True, slots=True)
class Preserved:
    """A line of the manifest.

    `path` is counted from the folder of the record. `source` says where it came from, `redacted`
    how often what was taken out; `searched` is false for bytes that are no text and no table.
    """

    path: str
    kind: str
    sha256: str
    size: int
    source: str
    at: str
    by: str | None
    redacted: Mapping[str, int] = field(default_factory=dict)
    searched: bool = True
    note: str | None = None
    previous: str | None = None

    def evidence(self) -> Evidence:
        """As the record lists it."""
        return Evidence.model_validate(
            {"kind": self.kind, "path": self.path, "sha256": self.sha256}
        )

    def digest(self) -> str:
        """The digest that the next line holds."""
        return hashlib.sha256(canonical_json(asdict(self))).hexdigest()


class EvidenceStore:
    """The evidence of one incident."""

    def __init__(self, record: str | Path, incident_id: str) -> None:
        self.home = Path(record).parent
        self.relative = Path(DERIVED, FOLDER, incident_id)
        self.folder = self.home / self.relative
        self._refuse_links()

    def _refuse_links(self) -> None:
        """A link among the folders would put the evidence elsewhere."""
        place = self.home
        for part in self.relative.parts:
            place /= part
            if place.is_symlink():
                raise InputError("a link may not stand where evidence is kept", file=str(place))

    def entries(self) -> list[Preserved]:
        """The lines of the manifest. Raises `DocumentError` where one is damaged."""
        place = self.folder / MANIFEST
        if not place.is_file():
            return []
        found = []
        for number, line in enumerate(place.read_text(encoding="utf-8").splitlines(), 1):
            data = parse_json(line, file=str(place), line=number)
            try:
                found.append(Preserved(**data))
            except TypeError as error:
                raise InputError(f"damaged: {error}", file=str(place), line=number) from None
        return found

    @contextmanager
    def receiving(self) -> Iterator[IO[bytes]]:
        """A file in the store to write to; `keep` makes it evidence, else it goes."""
        derived_folder(self.home)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._refuse_links()
        partial = self.folder / f".{uuid4().hex}.partial"
        try:
            with open(partial, "xb") as stream:
                yield stream
        finally:
            partial.unlink(missing_ok=True)

    def keep(
        self,
        stream: IO[bytes],
        *,
        name: str,
        kind: EvidenceKind | str,
        source: str,
        at: str,
        by: str | None,
        redacted: Mapping[str, int] | None = None,
        searched: bool = True,
        note: str | None = None,
    ) -> Preserved:
        """Make evidence of what was written to a file of `receiving`.

        What is there already, of the same kind and with the same bytes, is not kept twice.
        """
        stream.flush()
        os.fsync(stream.fileno())
        partial = Path(stream.name)
        sha256 = file_digest(partial)
        place = self.relative / kind / f"{sha256[:16]}-{_safe(name)}"
        target = self.home / place
        with locked(self.folder / MANIFEST):
            known = self.entries()
            for each in known:
                if (each.kind, each.sha256) == (kind, sha256):
                    return each
            target.parent.mkdir(exist_ok=True)
            if target.parent.is_symlink() or target.is_symlink():
                raise InputError("a link may not stand where evidence is kept", file=str(target))
            size = partial.stat().st_size
            os.replace(partial, target)
            target.chmod(0o444)
            line = Preserved(
                path=place.as_posix(),
                kind=kind,
                sha256=sha256,
                size=size,
                source=source,
                at=at,
                by=by,
                redacted=dict(redacted or {}),
                searched=searched,
                note=note,
                previous=known[-1].digest() if known else None,
            )
            with open(self.folder / MANIFEST, "a", encoding="utf-8") as manifest:
                manifest.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")
                manifest.flush()
                os.fsync(manifest.fileno())
        return line

    def verify(self, incident: Incident) -> list[Problem]:
        """Everything that is not as it was preserved; nothing where all of it is."""
        manifest = str(self.folder / MANIFEST)
        try:
            entries = self.entries()
        except InputError as error:
            return list(error.problems)
        problems: list[Problem] = []
        previous: str | None = None
        for number, each in enumerate(entries, 1):
            if each.previous != previous:
                message = "the line before this one was changed, added or removed"
                problems.append(Problem(message, manifest, number))
            previous = each.digest()
            problems += self._compared(each.path, each.sha256)
        listed = {each.path: each.sha256 for each in entries}
        for own in incident.evidence:
            if own.path not in listed:
                if not own.path.startswith(f"{self.relative.as_posix()}/"):
                    problems += self._compared(own.path, own.sha256)  # put there by hand
                else:
                    problems.append(Problem("the manifest does not list it", own.path))
            elif listed[own.path] != own.sha256:
                message = "the record and the manifest state different digests"
                problems.append(Problem(message, own.path))
        recorded = {own.path for own in incident.evidence}
        problems += [
            Problem("the record does not list it", each.path)
            for each in entries
            if each.kind != STEP and each.path not in recorded
        ]
        return problems + self._strangers(set(listed))

    def _compared(self, path: str, sha256: str) -> list[Problem]:
        place = self.home / path
        inside = place.resolve().is_relative_to(self.home.resolve())
        if not inside or place.is_symlink():
            return [Problem("leads out of the folder of the record", path)]
        try:
            found = file_digest(place)
        except OSError as error:
            return [Problem(f"cannot be read: {error.strerror}", path)]
        if found == sha256:
            return []
        return [Problem(f"was changed: its SHA-256 is {found}, not {sha256}", path)]

    def _strangers(self, listed: set[str]) -> list[Problem]:
        if not self.folder.is_dir():
            return []
        own = {MANIFEST, f".{MANIFEST}.lock"}
        return [
            Problem("nobody preserved this: the manifest does not list it", str(place))
            for place in sorted(self.folder.rglob("*"))
            if (place.is_symlink() or place.is_file())
            and not (place.parent == self.folder and place.name in own)
            and place.relative_to(self.home).as_posix() not in listed
        ]


def with_evidence(incident: Incident, kept: Sequence[Preserved]) -> Incident:
    """The record with what was preserved listed; what it lists already stands once."""
    listed = [*incident.evidence, *(each.evidence() for each in kept)]
    once = {(each.kind, each.path): each for each in listed}
    return incident.model_copy(update={"evidence": list(once.values())})


def _safe(name: str) -> str:
    """A file name without anything that a path could be made of."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).name).lstrip(".")
    return plain[-80:].lstrip(".-") or "evidence"


def source_file(path: str | Path) -> Path:
    """A file to preserve: it exists, is a plain file, and is no link."""
    place = Path(path)
    if place.is_symlink():
        raise InputError("a link is not preserved: name the file itself", file=str(path))
    if not place.exists():
        raise InputError("no such file", file=str(path))
    if not place.is_file():
        raise InputError("this is no plain file", file=str(path), hint="name each file")
    return place


def manifest_mapping(entries: Sequence[Preserved]) -> list[dict[str, Any]]:
    """Lines of the manifest as JSON data."""
    return [asdict(each) for each in entries]
