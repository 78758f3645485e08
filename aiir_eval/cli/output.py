"""Printing: results on stdout, progress and warnings on stderr, hostile text made visible."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
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


def wants_color() -> bool:
    """Colour on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def width() -> int:
    """The width to print in: the terminal's, else 100."""
    return min(shutil.get_terminal_size((100, 24)).columns, 140) if sys.stdout.isatty() else 100


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    from ..reports.visible import visible

    click.echo(visible(text), err=True)
