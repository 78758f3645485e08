"""Where the material that comes with the package lies: in the wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PLACES = {
    "incidents_corpus": "incidents_corpus",
    "suites": "suites",
    "support_desk": "examples/support_desk",
}


def shipped(what: Literal["incidents_corpus", "suites", "support_desk"]) -> Path:
    """The folder of the shipped incidents, suites, or the example application."""
    package = Path(__file__).resolve().parent
    in_wheel = package / "_shipped" / what
    return in_wheel if in_wheel.is_dir() else package.parent / _PLACES[what]
