"""How a record begins: what is stated stands in it, what is not is marked, and its file is new."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..documents import Document, locked, validate, write_text
from ..errors import InputError
from .folders import derived_folder, taxonomy_of
from .index import list_register
from .model import Incident
from .unfinished import GUESSED_CLASS, fill_in, is_known, open_fields
from .writing import incident_yaml


def open_record(
    facts: Mapping[str, Any], *, register: str | Path, draft: Incident | None = None
) -> Incident:
    """A record of these facts, by the names of its fields; `class` is one of them.

    What neither the facts nor the `draft` say is marked as unknown. The domains are those of the
    class, in the taxonomy of the register, unless they are stated. Raises `DocumentError` with
    every fact that cannot be.
    """
    taxonomy = taxonomy_of(Path(register))
    known = {} if draft is None else draft.to_mapping()
    if "class" in facts:
        known["tags"] = [tag for tag in known.get("tags", []) if tag != GUESSED_CLASS]
    if "observed_action" in facts and not is_known(known.get("observed_output")):
        known.pop("observed_output", None)  # it said that nothing was observed
    record = {**open_fields(), **known, **facts}
    if record.get("observed_output") is None and record.get("observed_action") is None:
        record["observed_output"] = fill_in("what it said or did")
    record["psf_edition"] = taxonomy.edition
    record["psf_domains"] = facts.get("psf_domains") or taxonomy.domains_of(record["class"])
    return validate(Incident, Document("the record", record), context=taxonomy)


def add_record(
    record: Incident,
    register: str | Path,
    file: str | Path | None = None,
    *,
    numbered: bool = False,
) -> Path:
    """Write a new record into a register, as ``CLASS/ID.yaml`` or as `file`; gives its path.

    Two people may open one at once: no file is written over, and no id is given twice. A record
    that is `numbered` gets the next free id instead of its own. Raises `InputError` where the file
    or the id is taken.
    """
    folder = Path(register)
    within = Path(file).parent if file and not folder.is_dir() else folder
    try:
        within.mkdir(parents=True, exist_ok=True)
        lock = derived_folder(within) / "new"
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=str(within)) from None
    with locked(lock):
        taken = _places(folder)
        if numbered:
            record = record.model_copy(update={"id": _next_id(taken)})
        path = Path(file) if file else folder / str(record.class_) / f"{record.id}.yaml"
        if path.exists() or path.is_symlink():
            raise InputError("a file is there already", file=str(path), hint="name another with -o")
        if record.id in taken:
            raise InputError(f"{record.id!r} is the id of a record already", file=taken[record.id])
        write_text(path, incident_yaml(record))
    return path


def _next_id(taken: Mapping[str, str]) -> str:
    """An id that no record has yet: ``INC-20260301-1``, then ``-2``."""
    begin = f"INC-{datetime.now(UTC):%Y%m%d}"
    return next(name for n in range(1, len(taken) + 2) if (name := f"{begin}-{n}") not in taken)


def _places(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    return {entry.id: entry.path for entry in list_register(folder).entries}
