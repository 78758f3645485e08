"""Which pages does the reference have? ``python docs/reference/generate.py`` writes them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from generate_api import api_pages  # noqa: E402
from generate_cli import cli_pages  # noqa: E402


def pages() -> Mapping[Path, str]:
    """Every generated page: its path, and the text that the code asks for."""
    return {FOLDER / name: text for name, text in {**cli_pages(), **api_pages()}.items()}


def main() -> None:
    """Write them, and remove pages of commands that are gone."""
    wanted = pages()
    for path in {*FOLDER.glob("cli/*.md")} - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
