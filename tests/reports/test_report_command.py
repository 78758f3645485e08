"""`aiir report`: what it takes for a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiir_eval.cli import invoke


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_incident_is_named_by_its_id() -> None:
    assert invoke(["report", "CHEVROLET-2023", "-o", "page.html"]) == 0
    assert "CHEVROLET-2023" in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", ["CHEVROLET-1923", "absent.json", "runs/absent"])
def test_what_is_neither_file_nor_incident_is_an_error(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["report", source, "-o", "page.html"]) == 2
    assert f"{source}: no such file" in capsys.readouterr().err
    assert not Path("page.html").exists()
