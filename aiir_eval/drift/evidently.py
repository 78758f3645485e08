"""Drift inside Evidently: our report as a snapshot of theirs, our tests for their presets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..telemetry import opt_out
from .declared import NUMERIC_TESTS, NumericTest
from .result import ColumnDrift, DriftReport, Effect

if TYPE_CHECKING:
    import pandas as pd
    from evidently.core.report import Snapshot

_ANGLE = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"


def register() -> tuple[str, ...]:
    """Make our tests known to Evidently by name, and give the names.

    ==========================  ===================================================
    name                        p-value of
    ==========================  ===================================================
    ``aiir_drift``              the test that `aiir.drift` takes for such a column
    ``aiir_ks``                 Kolmogorov-Smirnov
    ``aiir_welch``              Welch's t
    ``aiir_anderson-darling``   Anderson-Darling
    ``aiir_cramer-von-mises``   Cramer-von Mises
    ``aiir_wasserstein``        the Wasserstein distance, by permutation
    ``aiir_chi2``               the contingency chi-square, without lumping
    ==========================  ===================================================

    Drift is a p-value of at most the threshold and, but for ``aiir_chi2``, an effect that is larger
    than the smallest that counts.

    The threshold is .05 unless Evidently is told another. Evidently tests each column by itself:
    nothing is adjusted for their number, and no clusters are known. `DriftReport.to_evidently`
    brings both along.

    Examples
    --------
    >>> import pandas as pd
    >>> from evidently import Report
    >>> from evidently.presets import DataDriftPreset
    >>> names = register()
    >>> frame = pd.DataFrame({"x": range(100)})
    >>> result = Report([DataDriftPreset(method="aiir_drift")]).run(frame, frame)
    >>> result.dict()["metrics"][0]["value"]["count"]
    0.0
    """
    opt_out()
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    numbers, levels = [ColumnType.Numerical], [ColumnType.Categorical]
    every = [*numbers, *levels, ColumnType.Text]
    tests: list[tuple[str, str, list[Any], Any]] = [
        ("aiir_drift", "p-value and effect", every, partial(_drift, "auto")),
        ("aiir_chi2", "contingency chi-square p-value", levels, _chi2),
    ]
    tests += [
        (f"aiir_{name}", f"{name} p-value and effect", numbers, partial(_drift, name))
        for name in NUMERIC_TESTS
        if name != "auto"
    ]
    for name, told, kinds, function in tests:
        test = StatTest(name=name, display_name=f"{told} (aiir)", allowed_feature_types=kinds)
        register_stattest(test, default_impl=function)
    return tuple(name for name, *_ in tests)


def _drift(
    numeric_test: NumericTest,
    reference: pd.Series,
    current: pd.Series,
    feature_type: Any,
    threshold: float,
) -> tuple[float, bool]:
    """The test of `aiir.drift` on one column; categories of numbers are levels all the same."""
    from .detecting import drift

    levels = feature_type.value == "cat"
    frames = [
        (side.astype("string") if levels and side.dtype != bool else side)
        .to_frame("column")
        .reset_index(drop=True)
        for side in (reference, current)
    ]
    report = drift(*frames, confidence_level=1 - threshold, numeric_test=numeric_test)
    (column,) = [each for each in report.columns if each.column == "column"]
    return column.pvalue, column.drifted


def _chi2(
    reference: pd.Series, current: pd.Series, feature_type: Any, threshold: float
) -> tuple[float, bool]:
    from ..stats import contingency_chi2

    counts = [side.dropna().astype("string").value_counts() for side in (reference, current)]
    levels = counts[0].index.union(counts[1].index)
    pvalue = contingency_chi2(*(side.reindex(levels, fill_value=0) for side in counts)).pvalue
    return pvalue, pvalue <= threshold


def snapshot_of(report: DriftReport) -> Snapshot:
    """A report as what Evidently's ``Report.run`` gives: to be shown, saved, put in a workspace.

    It holds one ``ValueDrift`` a column, whose value is the adjusted p-value and whose test fails
    where the column drifted, and ``DriftedColumnsCount``, whose test fails where the report's
    conclusion is drift. Nothing is computed again.
    """
    opt_out()
    from datetime import UTC, datetime

    from evidently.core.report import Snapshot
    from evidently.core.serialization import ReportModel, SnapshotModel

    every = [report.joint, *report.columns] if report.joint is not None else list(report.columns)
    results = [_counted(report), *(_value(column, report) for column in every)]
    located = {result.get_metric_value_location().metric.metric_id: result for result in results}
    return Snapshot.load_model(
        SnapshotModel(
            report=ReportModel(items=[]),
            name="aiir drift",
            timestamp=datetime.now(UTC),
            metadata={
                "conclusion": report.conclusion,
                "n_reference": report.n_reference,
                "n_current": report.n_current,
            },
            tags=["aiir", report.conclusion],
            metric_results=located,
            top_level_metrics=list(located),
            widgets=[widget for result in results for widget in result.get_widgets()],
            tests_widgets=_tests_widgets(results),
        )
    )


def _counted(report: DriftReport) -> Any:
    """How many columns drifted, with the conclusion as its test."""
    from evidently.core.metric_types import CountValue, SingleValue
    from evidently.legacy.renderers.html_widgets import CounterData, counter
    from evidently.metrics import DriftedColumnsCount

    drifted = sum(column.drifted for column in report.columns)
    share = drifted / len(report.columns) if report.columns else 0.0
    metric = DriftedColumnsCount(columns=[column.column for column in report.columns])
    parts = [SingleValue(display_name=name, value=value)
             for name, value in (("Count of Drifted Columns", drifted),
                                 ("Share of Drifted Columns", share))]  # fmt: skip
    result = CountValue(display_name="Drifted columns", count=parts[0], share=parts[1])
    config = _located(metric, result)
    for part in parts:
        part.set_metric_location(config)
    told = report.conclusion.replace("_", " ")
    notes = "; ".join(report.notes)
    result.widget = [
        counter(
            title=_shown(f"aiir drift: {told}"),
            counters=[
                CounterData(f"{report.n_reference:,} reference rows", f"{len(report.columns)}"
                            " columns"),
                CounterData("drifted columns", str(drifted)),
                CounterData("share of drifted columns", f"{share:.3f}"),
            ],
        )
    ]  # fmt: skip
    _tested(result, "conclusion", "Drift of the table", _shown(f"{told}. {notes}"),
            {"drift": "FAIL", "inconclusive": "WARNING", "no_drift": "SUCCESS"}[report.conclusion],
            config)  # fmt: skip
    return result


def _value(column: ColumnDrift, report: DriftReport) -> Any:
    """One column: its adjusted p-value, its picture, its test."""
    from evidently.core.metric_types import SingleValue
    from evidently.legacy.renderers.html_widgets import CounterData, counter
    from evidently.metrics import ValueDrift

    alpha = round(1 - report.confidence_level, 12)
    metric = ValueDrift(column=column.column, method=f"aiir_{column.test}", threshold=alpha)
    # A p-value that is not there cannot be shown as one: nothing was found.
    value = column.pvalue_adjusted if isfinite(column.pvalue_adjusted) else 1.0
    result = SingleValue(display_name=f"Value drift for {column.column}", value=value)
    config = _located(metric, result)
    found = "detected" if column.drifted else "not detected"
    told = (
        f"Drift {found}: {_effect(column.effect)}, adjusted p {value:.3g} ({column.test}); "
        f"detectable with 80% power: {column.minimum_detectable_effect:.3g}. {column.note}"
    ).strip()
    result.widget = [
        counter(counters=[CounterData(_shown(told), _shown(f"Drift in column '{column.column}'"))]),
        *_picture(column),
    ]
    status = "FAIL" if column.drifted else "SUCCESS"
    name = f"Value Drift for column {column.column}"
    _tested(result, "drift", _shown(name), _shown(told), status, config)
    return result


def _located(metric: Any, result: Any) -> Any:
    """Tie a result to its metric; the metric's configuration."""
    from evidently.core.metric_types import MetricConfig

    params = metric.dict(exclude_none=True)
    config = MetricConfig(metric_id=metric.metric_id, params=params)
    result.set_metric_location(config)
    return config


def _tested(result: Any, id_: str, name: str, description: str, status: str, config: Any) -> None:
    from evidently.core.metric_types import MetricTestResult
    from evidently.legacy.tests.base_test import TestStatus

    result.set_tests(
        [
            MetricTestResult(
                id=id_,
                name=name,
                description=description,
                metric_config=config,
                test_config={},
                status=TestStatus(status),
            )
        ]
    )


def _tests_widgets(results: Sequence[Any]) -> list[Any]:
    from evidently.core.metric_types import metric_tests_widget
    from evidently.core.report import metric_tests_stats

    tests = [test for result in results for test in result.tests]
    return [metric_tests_stats(tests), metric_tests_widget(tests)]


def _picture(column: ColumnDrift) -> list[Any]:
    """Both sides in one plot, for a column that keeps its distribution."""
    from evidently.legacy.renderers.html_widgets import plotly_data

    distribution = column.distribution
    if distribution is None:
        return []
    bars = distribution.form == "bars"
    at = [_shown(each) if isinstance(each, str) else each for each in distribution.at]
    if not bars and not all(isinstance(each, float | int) and isfinite(each) for each in at):
        return []
    shape: dict[str, Any] = (
        {"type": "bar"} if bars else {"type": "scatter", "mode": "lines", "line": {"shape": "hv"}}
    )
    data: Any = [
        {**shape, "name": name, "x": at, "y": list(shares)}
        for name, shares in (
            ("reference", distribution.reference),
            ("current", distribution.current),
        )
    ]
    axis = {"title": {"text": "share" if bars else "share of values up to"}}
    return [plotly_data(title="", data=data, layout={"yaxis": axis, "barmode": "group"})]


def _effect(effect: Effect) -> str:
    name = effect.name.replace("_", " ")
    return f"{name} {effect.estimate:.3g} [{effect.low:.3g}, {effect.high:.3g}]"


def _shown(text: str) -> str:
    """Text for a page of Evidently, which puts it unescaped between the tags of a script."""
    return text.encode("utf-8", "replace").decode().replace("<", _ANGLE)
