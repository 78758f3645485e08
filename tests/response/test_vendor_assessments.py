"""Assessments of vendors: a file a day, read back as written, wrong ones told and left out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from aiir_eval.errors import DocumentError, InputError
from aiir_eval.response.vendors import (
    VendorAssessment,
    load_assessment,
    load_assessments,
    save_assessment,
)


def assessment(vendor: str = "acme", day: str = "2026-09-01", **fields: object) -> VendorAssessment:
    given = {"vendor": vendor, "name": "Acme Models", "assessed_at": day, "assessor": "J. Doe"}
    return VendorAssessment.model_validate({**given, **fields})


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    whole = assessment(
        models=["m-1"],
        incidents=[{"id": "INC-1", "title": "An outage", "status": "closed"}],
        deprecations=[{"model": "m-1", "shutdown_date": "2026-12-01", "doubt": None}],
        verdicts=[{"verdict": "pass", "file": "v.json", "sha256": "0" * 64}],
        fallback="m-2 of Beta",
        decision="approved_with_conditions",
        conditions=["no personal data"],
        next_review="2027-03-01",
        notes="a: b # c",
    )
    path = save_assessment(whole, tmp_path / "vendors")
    assert path.name == "acme-2026-09-01.yaml"
    assert load_assessment(path) == whole


def test_one_of_that_day_is_never_overwritten(tmp_path: Path) -> None:
    path = save_assessment(assessment(), tmp_path)
    before = path.read_text()
    with pytest.raises(InputError, match="there already"):
        save_assessment(assessment(notes="another"), tmp_path)
    assert path.read_text() == before


def test_the_latest_of_a_vendor_stands_first_and_a_bad_file_stops_none(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-09-01", "2025-06-01"):
        save_assessment(assessment(day=day), tmp_path)
    save_assessment(assessment("beta"), tmp_path)
    (tmp_path / "bad.yaml").write_text("vendor: x\ncolour: red\n")
    every = load_assessments(tmp_path)
    assert [each.assessed_at for _, each in every.of("ACME")] == [
        date(2026, 9, 1),
        date(2026, 1, 1),
        date(2025, 6, 1),
    ]
    assert [each.vendor for _, each in every.of("beta")] == ["beta"]
    assert any("colour: unknown field" in str(problem) for problem in every.problems)


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_assessments(tmp_path / "none")
    with pytest.raises(DocumentError, match="no such file"):
        load_assessment(tmp_path / "none.yaml")
