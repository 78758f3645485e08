"""Every result shows itself: in a notebook, as a data frame and, where it has one, a picture."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drift_reports import full_report, hostile_report
from results import desk_suite, made_run, made_verdict
from test_html import INCIDENT, Page

import aiir_eval as aiir
from aiir_eval import stats
from aiir_eval.compare.result import Finding
from aiir_eval.drift.watching.result import WatchedColumn, WatchReport
from aiir_eval.gate.policy import default_policy
from aiir_eval.incidents.loading import Register
from aiir_eval.incidents.psf import psf_taxonomy
from aiir_eval.response.checklist import build_checklist
from aiir_eval.response.reach import blast_radius
from aiir_eval.runs.baselines import Baseline, Baselines
from aiir_eval.showing import Shown, ShownList
from aiir_eval.stats.change_points import change_points
from aiir_eval.stats.drift_effects import EffectEstimate
from aiir_eval.stats.sequential_difference import SequentialDifference
from aiir_eval.suites.lint import LintProblem
from aiir_eval.suites.model import Suite
from aiir_eval.suites.summary import summarize
from aiir_eval.tracking.history import GateRecord, History

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp \x1b[31m {{ 7 * 7 }} $x^2$"


@cache
def runs() -> tuple[Any, Any]:
    suite = desk_suite(3, 4).model_copy(update={"name": EVIL})
    return (
        made_run(suite, lambda case, trial: "30 days", name="old"),
        made_run(suite, lambda case, trial: "30 days" if len(case.id) % 2 else EVIL, name=EVIL),
    )


def watch() -> WatchReport:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    columns = (
        WatchedColumn(
            EVIL, "down", "rate", 900, 0.8, 0.95, 0.9, 150.0, 20.0, True, at, at, at, 0.8
        ),
        WatchedColumn("quiet", "up", "rank", 900, None, None, 0.1, 0.2, 20.0, False),
    )
    return WatchReport(True, at, 900, 9, columns, "one false alarm a year")


def gates() -> History:
    numbers = [0.9, 0.85, 0.95, 0.92, 0.88, 0.96, 0.02, -0.02, 0.06, 0.05, 1.0, 2.0, 100.0]
    gate = GateRecord(datetime(2026, 3, 1, tzinfo=UTC), "pass", "v1", EVIL, "1", *numbers, "f", "r")
    return History(EVIL, "sqlite:///x.db", (gate,))


def register() -> Register:
    given = {"title": EVIL, "triggering_input": EVIL, "occurred_at": "2026-03-01"}
    return Register({"INC-9": INCIDENT.model_copy(update=given)})


def reach() -> Any:
    import pandas as pd

    days = [datetime(2026, 3, 1 + i % 5, tzinfo=UTC) for i in range(60)]
    said = ["90 days" if i % 3 else EVIL for i in range(60)]
    return blast_radius(INCIDENT, pd.DataFrame({"time": days, "output": said}))


def baselines() -> Baselines:
    one = Baseline(
        run_digest="0" * 64, target_name=EVIL, fingerprint="1" * 64, set_at="2026-03-01T00:00:00Z",
        set_by=EVIL, name="main", suite_name="s", suite_version="1", n_cases=3,
    )  # fmt: skip
    return Baselines({"main": one}, ())


def summary() -> Any:
    import pyarrow as pa

    return aiir.summarize(pa.table({EVIL: np.arange(50.0), "ok": [True, False] * 25}))


# Results with all three ways to be seen.
DRAWN: dict[str, Callable[[], Any]] = {
    "Comparison": lambda: aiir.compare(*runs(), margin=0.05),
    "Verdict": lambda: made_verdict(aiir.compare(*runs(), margin=0.05)),
    "Calibration": lambda: aiir.calibrate(*runs(), repetitions=15),
    "Plan": lambda: aiir.plan(margin=0.1, pass_rate=0.9, discordance=0.1, trials=[1, 3]),
    "Run": lambda: runs()[1],
    "Suite": lambda: desk_suite(2, 2).model_copy(update={"name": EVIL}),
    "DriftReport": lambda: hostile_report(EVIL),
    "DriftComparison": lambda: hostile_report(EVIL).compare(hostile_report(EVIL)),
    "TableSummary": summary,
    "WatchReport": watch,
    "History": gates,
    "Register": register,
    "Reach": reach,
}
# Results that are a table or a handful of numbers: a picture would say no more.
TOLD: dict[str, Callable[[], Any]] = {
    "Checklist": lambda: build_checklist(register().incidents, psf_taxonomy(), {}, {}),
    "Baselines": baselines,
    "SuiteSummary": lambda: summarize(desk_suite(2, 2)),
    "LintProblem": lambda: LintProblem("error", EVIL, EVIL, EVIL),
    "lint_suite": lambda: aiir.lint_suite(desk_suite(2, 2)),
    "Finding": lambda: Finding("format_break", "error", EVIL, {"n": 3, "names": [EVIL]}),
    "Comparison.findings": lambda: aiir.compare(*runs(), margin=0.05).findings,
    "Incident": lambda: register().incidents["INC-9"],
    "Case": lambda: desk_suite(1, 1).cases[0].model_copy(update={"input": EVIL}),
    "Policy": default_policy,
    "ShownList": lambda: ShownList([Finding("slice_reversal", "info", EVIL)] * 40),
}  # fmt: skip

BEFORE, AFTER = np.repeat([1.0, 0.0], [80, 20]), np.tile([1.0, 1.0, 1.0, 0.0], 25)
NUMBERS: dict[str, Callable[[], Any]] = {
    "PairedDifference": lambda: stats.paired_difference(BEFORE, AFTER),
    "NonInferiority": lambda: stats.paired_difference(BEFORE, AFTER).non_inferiority(0.1),
    "Equivalence": lambda: stats.paired_difference(BEFORE, AFTER).equivalence(0.1),
    "Rate": lambda: stats.pass_rate(BEFORE),
    "TestResult": lambda: stats.welch_t(BEFORE, AFTER),
    "McNemar": lambda: stats.mcnemar(12, 3),
    "SignFlip": lambda: stats.sign_flip(AFTER - BEFORE, rng=0),
    "BoundDesign": lambda: stats.trials_for_bound(0.05),
    "VarianceComponents": lambda: stats.variance_components(np.column_stack([BEFORE, AFTER])),
    "ChangePoints": lambda: change_points(np.repeat([0.9, 0.5], 30), np.full(60, 100), rng=0),
    "EffectEstimate": lambda: EffectEstimate(0.1, 0.05, 0.15, 0.02),
}


def html(result: Any) -> Page:
    """The fragment, well formed, and nothing in it that could run."""
    source = result._repr_html_()
    page = Page(source)
    assert page.open == []
    assert not {"script", "img", "svg", "style"} & {tag for tag, _ in page.elements}
    assert {name for _, attrs in page.elements for name in attrs} <= {"style"}
    assert "\x1b" not in source
    assert "\u202e" not in source
    return page


@pytest.mark.parametrize("name", [*DRAWN, *TOLD, *NUMBERS])
def test_a_result_shows_itself_and_gives_a_frame(name: str) -> None:
    result = (DRAWN | TOLD | NUMBERS)[name]()
    assert html(result).text.strip()
    frame = result.to_pandas()
    assert frame.shape[1] > 1 or name == "lint_suite"


@pytest.mark.parametrize("name", DRAWN)
def test_a_result_draws_itself(name: str, tmp_path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    drawn = DRAWN[name]().plot()
    figure = drawn if hasattr(drawn, "savefig") else drawn.figure
    figure.savefig(tmp_path / "plot.png", dpi=40)
    assert sum(axes.has_data() for axes in figure.axes) >= 1
    plt.close(figure)


def test_an_empty_suite_draws_an_empty_picture_without_a_warning() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = Suite(name="empty", cases=[]).plot()
        axes.figure.canvas.draw()
    assert axes.get_legend() is None


def test_the_panels_of_a_drift_picture_have_room_for_their_titles_and_one_key_outside() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    figure = full_report().plot()
    figure.canvas.draw()
    titles = [axes.title.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(titles) for b in titles[:i])
    assert max(title.x1 for title in titles) <= figure.bbox.x1
    (key,) = figure.legends
    assert not any(key.get_window_extent().overlaps(axes.bbox) for axes in figure.axes)


def test_every_result_of_the_statistics_shows_itself() -> None:
    sequential = {"FailureRateSequence", "SequentialTest"}  # machines that are fed, no results
    for name in stats.__all__:
        found = getattr(stats, name)
        if inspect.isclass(found) and dataclasses.is_dataclass(found) and name not in sequential:
            assert issubclass(found, Shown), name
    assert issubclass(SequentialDifference, Shown)


def test_no_public_class_is_forgotten() -> None:
    """Those of `aiir_eval` are results that show themselves, or errors."""
    for name in aiir.__all__:
        found = getattr(aiir, name)
        if inspect.isclass(found) and not issubclass(found, Exception):
            assert hasattr(found, "_repr_html_"), name
            assert name in DRAWN | TOLD, name


def test_a_long_list_ends_with_how_many_more() -> None:
    assert "and 16 more" in html(TOLD["ShownList"]()).text


def test_one_number_stands_with_its_interval() -> None:
    frame = stats.pass_rate(BEFORE).to_pandas()
    assert frame.loc[0, "estimate"] == 0.8
    assert frame.loc[0, "low"] < 0.8 < frame.loc[0, "high"]
