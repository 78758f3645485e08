"""A saved drift report names the command that computes it again, and what it read."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

import pytest
from command_line import Aiir

from aiir_eval.drift.document import load_drift
from aiir_eval.reports.html import render_html


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, every in (("old day.csv", 5), ("new.csv", 3)):
        rows = [f"u{i % 40},{int(i % every > 0)}" for i in range(400)]
        Path(name).write_text("user,passed\n" + "\n".join(rows) + "\n")
    return tmp_path


def test_the_command_of_a_report_computes_it_again(tables: Path, aiir: Aiir) -> None:
    asked = ["drift", "old day.csv", "new.csv", "--primary", "passed", "--joint"]
    assert aiir(*asked, "-o", "first.json", "--format", "json").code == 0
    first = load_drift("first.json")
    assert first.command == "aiir drift 'old day.csv' new.csv --primary passed --joint"
    assert aiir(*shlex.split(first.command)[1:], "-o", "second.json").code == 0
    assert load_drift("second.json") == first
    for name, digest in first.digests.items():
        assert digest == hashlib.sha256((tables / name).read_bytes()).hexdigest()
    assert set(first.digests) == {"old day.csv", "new.csv"}
    page = render_html(first)
    assert "aiir drift &#39;old day.csv&#39; new.csv" in page
    assert first.digests["new.csv"] in page
