"""`aiir suite build` and `lint` beside a record that somebody is still writing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aiir_eval.cli import invoke
from aiir_eval.incidents import shipped_corpus


@pytest.fixture
def corpus_with_a_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one sound record, and a draft."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "incidents_corpus"
    folder.mkdir()
    shutil.copy(next(shipped_corpus().rglob("DPD-2024.yaml")), folder)
    Path("log.jsonl").write_text('{"id": "7", "input": "Hi?", "output": "No."}\n', encoding="utf-8")
    options = ["--class", "quality_drift", "-o", "incidents_corpus/DRAFT.yaml"]
    assert invoke(["incident", "new", "--from", "log.jsonl#7", *options]) == 0
    return folder


@pytest.mark.usefixtures("corpus_with_a_draft")
def test_a_draft_stops_a_suite_of_all_incidents_and_not_one_of_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert invoke(["suite", "build", "-o", "all.yaml"]) == 2
    assert not Path("all.yaml").exists()
    assert invoke(["suite", "build", "--incident", "DPD-2024", "-o", "one.yaml"]) == 0
    assert "warning: incidents_corpus/DRAFT.yaml" in capsys.readouterr().err
    assert invoke(["suite", "lint", "one.yaml"]) == 0


def test_a_record_that_a_suite_is_of_must_be_sound(corpus_with_a_draft: Path) -> None:
    assert invoke(["suite", "build", "--incident", "DPD-2024", "-o", "one.yaml"]) == 0
    record = corpus_with_a_draft / "DPD-2024.yaml"
    record.write_text(record.read_text("utf-8") + "colour: red\n", encoding="utf-8")
    assert invoke(["suite", "lint", "one.yaml"]) == 2
    assert invoke(["suite", "build", "--incident", "DPD-2024", "-o", "two.yaml"]) == 2
    assert not Path("two.yaml").exists()
