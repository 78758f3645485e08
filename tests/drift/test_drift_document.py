"""Is a saved report the report, and is one that was tampered with refused?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from math import inf
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from drift_reports import full_report

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.document import load_drift, save_drift
from aiir_eval.drift.result import Distribution, DriftReport
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


def test_everything_a_report_holds_is_saved_and_read_back(tmp_path: Path) -> None:
    report = full_report()
    report.save(tmp_path / "report.json")
    loaded = load_drift(tmp_path / "report.json")
    # As text, for a number that is not there (NaN) equals nothing.
    for field in fields(DriftReport):
        assert repr(getattr(loaded, field.name)) == repr(getattr(report, field.name)), field.name


def test_the_json_holds_time_segments_and_the_joint_test_only_where_there_are_any() -> None:
    report = full_report()
    assert list(report.to_dict())[4:] == ["joint", "series", "segments"]
    json.dumps(report.to_dict(), allow_nan=False)
    bare = replace(report, joint=None, series=(), segments=())
    assert list(bare.to_dict()) == ["conclusion", "n_reference", "n_current", "columns"]
    first = report.to_dict()["series"][0]
    assert first["windows"][0]["start"] == "2024-03-04T00:00:00Z"
    assert first["windows"][3]["value"] is None


def test_a_file_of_before_there_were_distributions_still_loads(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    full_report().save(path)
    content = json.loads(path.read_text())
    for key in ("joint", "series", "segments"):
        del content[key]
    for column in content["columns"]:
        column.pop("effects", None)
        column.pop("distribution", None)
    path.write_text(json.dumps(content))
    loaded = load_drift(path)
    assert (loaded.joint, loaded.series, loaded.segments) == (None, (), ())
    assert loaded.columns[1].distribution is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reference": [0.5]}, "same length"),
        ({"form": "ecdf"}, "stands at numbers"),
    ],
)
def test_a_distribution_that_no_plot_could_show_is_refused(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    full_report().save(path)
    content = json.loads(path.read_text())
    content["columns"][3]["distribution"].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(DocumentError, match=said):
        load_drift(path)


def test_a_point_that_is_no_number_is_left_out_of_a_file(tmp_path: Path) -> None:
    curve = Distribution("ecdf", (-inf, 1.0, inf), (0.1, 0.5, 1.0), (0.2, 0.6, 1.0))
    first, *rest = full_report().columns
    report = replace(full_report(), columns=[replace(first, distribution=curve), *rest])
    report.save(tmp_path / "report.json")
    loaded = load_drift(tmp_path / "report.json").columns[0].distribution
    assert loaded == Distribution("ecdf", (1.0,), (0.5,), (0.6,))
