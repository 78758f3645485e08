"""Which files make a register: its records, and the settings that lie beside them.

A register is a folder. Its own ``psf.yaml`` replaces the shipped taxonomy, its own ``clocks.yaml``
adds clocks; both lie at its top. What begins with a dot is no record. ``.aiir/`` is hidden from
git: it holds what can be made again (index, locks), and evidence and queues of decisions, which
cannot.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ..errors import InputError
from .psf import Taxonomy, load_taxonomy, psf_taxonomy

SUFFIXES = (".yaml", ".yml", ".json")
OWN_FILES = ("psf.yaml", "clocks.yaml")
DERIVED = ".aiir"


def record_files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files below a folder that are records, in order of their paths; a file is one too.

    Raises `InputError` where there is no such folder, or no record in it.
    """
    if folder.is_file():
        yield folder, folder.stat()
        return
    if not folder.is_dir():
        raise InputError("no such file or folder", file=str(folder))
    found = False
    for item in sorted(_below(str(folder), top=True), key=lambda item: item[0].split(os.sep)):
        found = True
        yield Path(item[0]), item[1]
    if not found:
        raise InputError("no record in this folder", file=str(folder), hint="records are .yaml")


def _below(folder: str, *, top: bool = False) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or (top and entry.name in OWN_FILES):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                yield entry.path, entry.stat()


def own_file(place: Path, name: Literal["psf.yaml", "clocks.yaml"]) -> Path | None:
    """A register's own settings file: in the folder, or of a record up to two folders above it."""
    folders = [place] if place.is_dir() else list(place.absolute().parents)[:3]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def taxonomy_of(place: Path) -> Taxonomy:
    """The taxonomy that the records at a place are written in."""
    own = own_file(place, "psf.yaml")
    return psf_taxonomy() if own is None else load_taxonomy(own)


def derived_folder(place: Path) -> Path:
    """Where what is no record is kept beside records; made, and hidden from git."""
    folder = place / DERIVED
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder
