"""Where the records are that a command of ``aiir incident`` works on, and finding one of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ..output import note

incidents_option = click.option(
    "--incidents",
    "folders",
    multiple=True,
    type=click.Path(exists=True),
    metavar="DIR",
    help="Where the records are [default: incidents_corpus, else the shipped ones].",
)


def default_folders() -> list[Path]:
    """The register of this folder, else the shipped one."""
    from ...incidents.loading import shipped_corpus

    here = Path("incidents_corpus")
    return [here if here.is_dir() else shipped_corpus()]


def listing(folders: tuple[str, ...]) -> Any:
    """The lines of the register; a warning for each file that is no record."""
    found = _listing(folders)
    for problem in found.problems:
        note(f"warning: {problem}")
    return found


def _listing(folders: tuple[str, ...]) -> Any:
    from ...incidents.index import list_register

    return list_register(*(folders or default_folders()))


def find_path(id_: str, folders: tuple[str, ...], *, to_change: bool = False) -> Path:
    """The file of a record, by its path or its id; one `to_change` is none of the shipped ones."""
    from difflib import get_close_matches

    from ...errors import InputError

    if Path(id_).is_file():
        return Path(id_)
    if to_change and not folders and not Path("incidents_corpus").is_dir():
        raise InputError(
            "there is no register here, and the shipped records are not changed",
            hint="name one with --incidents, or make incidents_corpus",
        )
    register = _listing(folders)
    paths = {entry.id: entry.path for entry in register.entries}
    about = [problem for problem in register.problems if repr(id_) in problem.message]
    for problem in register.problems if id_ not in paths else about:  # else `list` tells of them
        note(f"warning: {problem}")
    if id_ not in paths:
        near = get_close_matches(id_, paths, 1)
        some = ", ".join(list(paths)[:20]) + ", ..." * (len(paths) > 20)
        hint = f"did you mean {near[0]}?" if near else f"known: {some or 'none'}"
        raise InputError(f"no incident {id_!r}", hint=hint)
    return Path(paths[id_])


def find(id_: str, folders: tuple[str, ...]) -> Any:
    """A record by its file, or by its id; an unfinished draft is one."""
    from ...incidents.loading import load_incident

    return load_incident(find_path(id_, folders), draft=True)


def instant(text: str, what: str, zone: str = "UTC") -> datetime:
    """A time of an option: ISO 8601, in UTC or with its offset; a bare one is in `zone`."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{what} {text!r} is no time; write one like 2026-03-01T09:30Z"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))


def utc_text(text: str, what: str) -> str:
    """When something was, as a record states it; ``now`` is one, a bare day stays a day.

    A time that is still to come is told: nobody means it, but a clock may go wrong.
    """
    import re
    from datetime import UTC, timedelta

    now = datetime.now(UTC)
    if re.fullmatch(r"\d{4}(-\d{2}){0,2}", text):
        told, to_come = text, text > f"{now + timedelta(days=1):%Y-%m-%d}"
    else:
        moment = now if text == "now" else instant(text, what)
        told = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        to_come = moment > now + timedelta(minutes=5)
    if to_come:
        note(f"warning: {what} {text} is still to come")
    return told
