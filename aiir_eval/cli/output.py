"""Printing: results on stdout, progress and warnings on stderr, hostile text made visible."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

FORMATS = ("text", "json", "markdown")

Command = TypeVar("Command", bound=Callable[..., Any])

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How the result is printed. JSON on stdout is only JSON.",
)

text_or_json_option = click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How the result is printed.",
)


def wants_color() -> bool:
    """Colour on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def width() -> int:
    """The width to print in: the terminal's, else 100."""
    return min(shutil.get_terminal_size((100, 24)).columns, 140) if sys.stdout.isatty() else 100


def print_json(value: Any) -> None:
    """One JSON document on stdout; what a terminal would obey or hide is a JSON escape in it."""
    from ..reports.visible import UNSEEN

    plain = "utf" not in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    text = json.dumps(value, indent=2, ensure_ascii=plain, allow_nan=False)
    click.echo(UNSEEN.sub(lambda match: json.dumps(match.group())[1:-1], text))


def require_writable(*paths: str | None) -> None:
    """Raise `InputError` for a file that could not be written: before the work, not after it."""
    from ..errors import InputError, Problem

    problems = []
    for path in filter(None, paths):
        folder = Path(path).absolute().parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if Path(path).is_dir():
            problems.append(Problem("cannot be written: this is a folder, not a file", path))
        elif not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            problems.append(Problem(f"cannot be written: {folder} takes no file", path))
    if problems:
        raise InputError(problems=problems)


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    from ..reports.visible import visible

    click.echo(visible(text), err=True)
