"""A drift report in MLflow: every number reads back, and a server that is gone loses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drift_reports import HOSTILE, column, full_report, sd

from aiir_eval.cli import invoke
from aiir_eval.drift.document import load_drift
from aiir_eval.errors import UnreachableError
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.drift_log import TrackedReport, drift_entries, track_drift
from aiir_eval.tracking.entries import MAX_METRICS

opt_out()
REPORT = full_report()


@pytest.fixture(scope="module")
def tracked(sqlite_uri: str) -> TrackedReport:
    return track_drift(REPORT, uri=sqlite_uri, reference="last week", current="this week")


def file_of(uri: str, run_id: str, name: str, folder: Path) -> Any:
    from mlflow import MlflowClient

    text = Path(MlflowClient(uri).download_artifacts(run_id, name, str(folder))).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else text


def test_numbers_and_tags_read_back(tracked: TrackedReport, sqlite_uri: str) -> None:
    from mlflow import MlflowClient

    run = MlflowClient(sqlite_uri).get_run(tracked.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "drift last week -> this week")
    metrics = run.data.metrics
    passed = next(each for each in REPORT.columns if each.column == "passed")
    assert metrics["column/passed/effect"] == passed.effect.estimate
    assert metrics["column/passed/effect_low"] == passed.effect.low
    assert metrics["column/passed/effect_high"] == passed.effect.high
    assert metrics["column/passed/pvalue_adjusted"] == passed.pvalue_adjusted
    assert metrics["column/passed/minimum_detectable_effect"] == 0.04
    assert (metrics["n_drifted"], metrics["drift"], metrics["n_reference"]) == (3, 1, 4_000)
    assert metrics["joint/effect"] == 0.61
    assert "column/tokens/effect" not in metrics  # it is no number
    tags = run.data.tags
    assert tags["aiir.conclusion"] == "drift"
    assert tags["aiir.drifted_columns"] == "passed,latency_s,route"
    assert run.data.params["primary"] == "passed"


def test_tables_the_report_and_its_page_are_kept(
    tracked: TrackedReport, sqlite_uri: str, tmp_path: Path
) -> None:
    columns = file_of(sqlite_uri, tracked.run_id, "tables/columns.json", tmp_path)
    assert [row[0] for row in columns["data"]][:3] == ["passed", "latency_s", "route"]
    series = file_of(sqlite_uri, tracked.run_id, "tables/series.json", tmp_path)
    assert (len(series["data"]), series["columns"][:2]) == (19, ["column", "unit"])
    segments = file_of(sqlite_uri, tracked.run_id, "tables/segments.json", tmp_path)
    assert segments["data"][0][1] == HOSTILE
    changes = file_of(sqlite_uri, tracked.run_id, "tables/change_points.json", tmp_path)
    assert changes["data"][0][:2] == ["passed", "2024-03-13T00:00:00Z"]
    page = file_of(sqlite_uri, tracked.run_id, "report.html", tmp_path)
    assert page.startswith("<!doctype html>")
    file_of(sqlite_uri, tracked.run_id, "drift.json", tmp_path)
    assert repr(load_drift(tmp_path / "drift.json").columns) == repr(REPORT.columns)


def test_more_columns_than_mlflow_takes_are_whole_in_the_table() -> None:
    columns = [column(f"c{i}", sd(0.1), 0.5) for i in range(1_000)]
    columns[900] = replace(columns[900], drifted=True)
    report = replace(REPORT, columns=columns)
    entries = drift_entries(report, reference="a", current="b")
    assert len(entries.metrics) == MAX_METRICS
    assert entries.metrics["column/c900/drifted"] == 1
    assert len(entries.tables["tables/columns.json"]["column"]) == 1_000


def test_an_unreachable_server_is_said_and_the_report_stands() -> None:
    with pytest.raises(UnreachableError, match="the report stands"):
        track_drift(REPORT, uri="http://127.0.0.1:9")


@pytest.fixture
def weeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.chdir(tmp_path)
    for name, every in (("last", 10), ("this", 4)):
        rows = "".join(f"{i},{'no' if i % every == 0 else 'yes'}\n" for i in range(400))
        Path(f"{name}.csv").write_text("n,passed\n" + rows)
    return "last.csv", "this.csv"


def test_the_command_logs_and_says_where(
    weeks: tuple[str, str], capsys: pytest.CaptureFixture[str], sqlite_uri: str
) -> None:
    assert invoke(["drift", *weeks, "--mlflow", sqlite_uri, "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["n_reference"] == 400
    assert "MLflow run" in shown.err


def test_nothing_is_lost_where_the_server_is_gone(
    weeks: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-o", "report.json", "--mlflow", "http://127.0.0.1:9", "--format", "json"]
    assert invoke(["drift", *weeks, *options]) == 5
    shown = capsys.readouterr()
    assert json.loads(shown.out) == load_drift("report.json").to_dict()
    assert "could not be reached" in shown.err
