"""`aiir compare` of two drift reports, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from drift_reports import full_report

from aiir_eval.cli import invoke
from aiir_eval.drift.document import load_drift_comparison


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.chdir(tmp_path)
    full_report(shift=0.4).save("last.json")
    full_report(fall=0.2, shift=0.1).save("this.json")
    return "last.json", "this.json"


def test_two_drift_reports_are_compared_by_what_they_are(
    reports: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["compare", *reports]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Drift then and now: 1 worse, 1 not comparable, 1 better; 2 unchanged")
    assert invoke(["compare", *reports, "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["counts"]["worse"] == 1
    assert content["columns"][0]["column"] == "passed"
    assert invoke(["compare", *reports, "--format", "markdown"]) == 0
    assert "| ❌ worse |" in capsys.readouterr().out


def test_what_was_saved_is_rendered_and_read_back(reports: tuple[str, str]) -> None:
    assert invoke(["compare", *reports, "-o", "compared.json"]) == 0
    assert invoke(["report", "compared.json", "-o", "compared.html"]) == 0
    assert "still drifted" in Path("compared.html").read_text(encoding="utf-8")
    found = load_drift_comparison("compared.json")
    assert found.to_dict() == json.loads(Path("compared.json").read_text())["compared"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("last.json", "other.csv"), "last.json is a drift report, and other.csv is none"),
        (("last.json", "this.json", "--margin", "0.02"), "two drift reports take no --margin"),
        (("last.json", "this.json", "--id", "x"), "take no --id"),
    ],
)
def test_what_does_not_fit_is_said(
    reports: tuple[str, str],
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("other.csv").write_text("id,ok\n1,1\n")
    assert invoke(["compare", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_broken_report_is_named_with_its_field(
    reports: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(Path("this.json").read_text())
    content["columns"][0]["effect"] = 3
    Path("this.json").write_text(json.dumps(content))
    assert invoke(["compare", *reports]) == 2
    assert "this.json: columns[0].effect" in capsys.readouterr().err
