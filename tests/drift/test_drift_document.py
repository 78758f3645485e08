"""Is a saved report the report, and is one that was tampered with refused?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.document import load_drift, save_drift
from aiir_eval.drift.result import DriftReport
from aiir_eval.errors import DocumentError

Window = Callable[..., pa.Table]


@pytest.fixture
def report(window: Window) -> DriftReport:
    rng = np.random.default_rng(0)
    return drift(window(rng, 60), window(rng, 60), primary="half")


def test_the_json_has_exactly_the_fields_of_the_contract(report: DriftReport) -> None:
    content = report.to_dict()
    assert list(content) == ["conclusion", "n_reference", "n_current", "columns"]
    for column in content["columns"]:
        assert list(column) == [
            "column",
            "kind",
            "test",
            "statistic",
            "statistics",
            "pvalue",
            "pvalue_adjusted",
            "effect",
            "minimum_detectable_effect",
            "drifted",
        ]
        assert list(column["effect"]) == ["name", "estimate", "confidence_interval"]
    json.dumps(content, allow_nan=False)


def test_a_saved_report_reads_back_as_it_was(report: DriftReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    save_drift(report, path)
    loaded = load_drift(path)
    assert next(iter(json.loads(path.read_text()))) == "schema"
    assert loaded.to_dict() == report.to_dict()
    assert loaded.notes == report.notes
    assert [item.note for item in loaded.columns] == [item.note for item in report.columns]
    assert [item.primary for item in loaded.columns] == [item.primary for item in report.columns]


def test_every_wrong_field_of_a_report_is_named(report: DriftReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    save_drift(report, path)
    content = json.loads(path.read_text())
    content["conclusion"] = "fine"
    content["columns"][0]["pvalue"] = "small"
    content["comment"] = "?"
    path.write_text(json.dumps(content))
    with pytest.raises(DocumentError) as caught:
        load_drift(path)
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"conclusion", "columns[0].pvalue", "comment"}


def test_a_report_is_a_dataframe_of_one_row_a_column(report: DriftReport) -> None:
    frame = report.to_pandas()
    assert list(frame["column"]) == [item.column for item in report.columns]
    assert {"pvalue_adjusted", "effect_low", "effect_high", "drifted"} <= set(frame.columns)
