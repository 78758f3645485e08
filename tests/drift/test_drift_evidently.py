"""Do people who live in Evidently get our results as their own objects, and our tests by name?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drift_reports import HOSTILE, full_report
from scipy import stats

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.evidently import register
from aiir_eval.drift.result import DriftReport
from aiir_eval.telemetry import opt_out

opt_out()

REPORT = full_report()


def frames(shift: float = 0.0, n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Current has a mean `shift` higher, and its levels move with it."""
    rng = np.random.default_rng(3)

    def frame(by: float) -> pd.DataFrame:
        route = rng.choice(list("abc"), n, p=[0.5 - by / 2, 0.3, 0.2 + by / 2])
        return pd.DataFrame({"score": rng.normal(by, 1, n), "route": route})

    return frame(0.0), frame(shift)


def test_the_snapshot_is_one_of_evidently_with_our_numbers() -> None:
    from evidently.core.report import Snapshot

    snapshot = REPORT.to_evidently()
    assert isinstance(snapshot, Snapshot)
    content = snapshot.dict()
    counted, *columns = content["metrics"]
    assert counted["value"] == {"count": 3, "share": 0.6}
    assert counted["metric_name"].startswith("DriftedColumnsCount(")
    values = {each["config"]["column"]: each["value"] for each in columns}
    adjusted = {each.column: each.pvalue_adjusted for each in REPORT.columns}
    assert values == {**adjusted, "all columns": 0.002}
    assert json.loads(snapshot.json()) == json.loads(json.dumps(content))


def test_its_tests_fail_where_a_column_drifted() -> None:
    results = REPORT.to_evidently().dict()["tests"]
    failed = {test["name"] for test in results if test["status"] == "FAIL"}
    drifted = {f"Value Drift for column {each.column}" for each in REPORT.columns if each.drifted}
    assert failed == drifted | {"Drift of the table", "Value Drift for column all columns"}


@pytest.mark.parametrize(
    ("conclusion", "status"),
    [("drift", "FAIL"), ("inconclusive", "WARNING"), ("no_drift", "SUCCESS")],
)
def test_the_conclusion_is_a_test_of_the_table(conclusion: str, status: str) -> None:
    report = replace(REPORT, conclusion=conclusion)  # type: ignore[arg-type]
    assert report.to_evidently().dict()["tests"][0]["status"] == status


def test_it_is_saved_as_html_and_json_and_read_back(tmp_path: Path) -> None:
    from evidently.core.report import Snapshot

    snapshot = REPORT.to_evidently()
    snapshot.save_html(str(tmp_path / "report.html"))
    snapshot.save_json(str(tmp_path / "report.json"))
    page = (tmp_path / "report.html").read_text()
    assert "Drift in column 'latency_s'" in page
    assert json.loads((tmp_path / "report.json").read_text())["metrics"][0]["value"]["count"] == 3
    assert Snapshot.loads(snapshot.dumps()).dict() == snapshot.dict()


def test_a_hostile_level_closes_no_script_of_the_page(tmp_path: Path) -> None:
    hostile = "</script><script>document.title='owned'</script>"
    route = REPORT.columns[3]
    assert route.distribution is not None
    at = (hostile, HOSTILE, "other")
    report = replace(
        REPORT,
        columns=[replace(route, column=hostile, distribution=replace(route.distribution, at=at))],
        notes=[hostile],
    )
    report.to_evidently().save_html(str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text()
    assert "document.title='owned'" in page
    assert not re.search("<script>(document|alert)", page)


def test_it_goes_into_a_workspace(tmp_path: Path) -> None:
    from evidently.ui.workspace import Workspace

    workspace = Workspace.create(str(tmp_path / "workspace"))
    project = workspace.create_project("desk")
    workspace.add_run(project.id, REPORT.to_evidently())
    (run,) = workspace.list_runs(project.id)
    kept = workspace.get_run(project.id, run)
    assert kept is not None
    assert len(kept.metric_results) == 7


def test_a_report_of_nothing_has_a_snapshot_too() -> None:
    assert DriftReport("no_drift", 5, 5, ()).to_evidently().dict()["metrics"][0]["value"] == {
        "count": 0,
        "share": 0.0,
    }


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_our_test_in_their_preset_says_what_our_report_says(shift: float) -> None:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    assert "aiir_drift" in register()
    reference, current = frames(shift)
    ours = drift(reference, current)
    theirs = Report([DataDriftPreset(method="aiir_drift")]).run(current, reference).dict()
    values = {each["config"]["column"]: each["value"] for each in theirs["metrics"][1:]}
    assert values == pytest.approx({each.column: each.pvalue for each in ours.columns})
    drifted = sum(each.pvalue <= 0.05 and each.drifted for each in ours.columns)
    assert theirs["metrics"][0]["value"]["count"] == drifted == (2 if shift else 0)


def test_each_test_is_usable_by_name_and_agrees_with_scipy() -> None:
    from evidently import Report
    from evidently.metrics import ValueDrift

    names = register()
    reference, current = frames(0.2)
    metrics = [
        ValueDrift(column="route" if name == "aiir_chi2" else "score", method=name)
        for name in names
    ]
    result = Report(metrics).run(current, reference).dict()
    values = {each["config"]["method"]: each["value"] for each in result["metrics"]}
    assert list(values) == list(names)
    levels = pd.crosstab(
        pd.concat([reference.route, current.route]).to_numpy(), np.repeat([0, 1], len(current))
    )
    x, y = reference.score, current.score
    expected = {
        "aiir_ks": stats.ks_2samp(x, y, method="exact").pvalue,
        "aiir_welch": stats.ttest_ind(x, y, equal_var=False).pvalue,
        "aiir_chi2": stats.chi2_contingency(levels, correction=False).pvalue,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    permuted = values["aiir_cramer-von-mises"]
    assert permuted == pytest.approx(stats.cramervonmises_2samp(x, y).pvalue, abs=0.008)
    assert 0 < values["aiir_wasserstein"] < 0.05
    assert 0 < values["aiir_anderson-darling"] < 0.05


def test_a_threshold_of_theirs_is_ours() -> None:
    from evidently import Report
    from evidently.metrics import ValueDrift

    register()
    reference, current = frames(0.2)
    pvalue = drift(reference, current, columns="score").columns[0].pvalue
    assert 1e-4 < pvalue < 0.05
    for threshold, status in ((0.05, "FAIL"), (1e-4, "SUCCESS")):
        metric = ValueDrift(column="score", method="aiir_drift", threshold=threshold)
        report = Report([metric], include_tests=True).run(current, reference).dict()
        assert report["tests"][0]["status"] == status
