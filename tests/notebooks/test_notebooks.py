"""Every notebook runs from top to bottom, and shows on paper what it shows when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 300_000

sys.path.insert(0, str(FOLDER))
from execute import execute  # noqa: E402


def read(path: Path) -> Any:
    import nbformat

    return nbformat.read(path, as_version=4)


def shown(notebook: Any) -> list[list[str]]:
    """The kinds of what each cell of code shows."""
    return [
        [kind for output in cell.outputs for kind in sorted(output.get("data") or ["text"])]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom_and_shows_what_is_kept_of_it(path: Path) -> None:
    notebook = execute(path)
    html = "".join(
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    )
    assert "pass" in html.lower()
    assert shown(notebook) == shown(read(path)), "run: python notebooks/execute.py"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_kept_is_whole_small_and_of_no_machine(path: Path) -> None:
    import nbformat

    notebook = read(path)
    nbformat.validate(notebook)
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert not [place for place in ("/tmp", "/home", "/root", "site-packages") if place in text]
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "not run from top to bottom"
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [each for each in outputs if each.output_type == "error"]
    assert not [each for each in outputs if each.get("name") == "stderr"]
    assert any("image/png" in each.get("data", {}) for each in outputs)
