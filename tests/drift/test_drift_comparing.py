"""Does the comparison of two reports say what is new, gone, worse or better, and no more?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import isnan, nan, sqrt

import numpy as np
import pyarrow as pa
import pytest
from drift_reports import column, full_report, sd
from scipy.stats import norm

from aiir_eval.drift.comparing import ColumnThenAndNow, DriftComparison
from aiir_eval.drift.detecting import drift
from aiir_eval.drift.result import ColumnDrift, DriftReport, Effect

Window = Callable[..., pa.Table]
QUANTILE = norm.ppf(0.975)


def report(*columns: ColumnDrift, n_reference: int = 1000, n_current: int = 900) -> DriftReport:
    drifted = any(each.drifted for each in columns)
    return DriftReport("drift" if drifted else "no_drift", n_reference, n_current, columns)


def only(then: ColumnDrift, now: ColumnDrift) -> ColumnThenAndNow:
    (found,) = report(then).compare(report(now)).columns
    return found


def drifted(name: str, estimate: float, half: float = 0.1, **options: object) -> ColumnDrift:
    return column(name, sd(estimate, half), 1e-6, drifted=True, **options)  # type: ignore[arg-type]


CALM = column("x", sd(0.01), 0.8)


@pytest.mark.parametrize(
    ("then", "now", "state"),
    [
        (CALM, drifted("x", 0.6), "new"),
        (drifted("x", 0.6), CALM, "gone"),
        (drifted("x", 0.3), drifted("x", 0.9), "worse"),
        (drifted("x", -0.3), drifted("x", -0.9), "worse"),
        (drifted("x", 0.9), drifted("x", 0.3), "better"),
        (drifted("x", 0.5), drifted("x", 0.55), "unchanged"),
        (CALM, CALM, "unchanged"),
    ],
)
def test_a_column_is_new_gone_worse_better_or_unchanged(
    then: ColumnDrift, now: ColumnDrift, state: str
) -> None:
    assert only(then, now).state == state


def test_significant_in_one_report_alone_is_no_difference_between_them() -> None:
    found = only(column("x", sd(0.09), 0.08), drifted("x", 0.12))
    assert found.state == "new"
    assert not found.differs
    assert "do not differ measurably" in found.note


def test_the_difference_has_the_interval_of_two_independent_estimates() -> None:
    found = only(drifted("x", 0.3, 0.1), drifted("x", 0.9, 0.2))
    assert found.difference is not None
    half = sqrt(0.1**2 + 0.2**2)
    assert found.difference.estimate == pytest.approx(0.6)
    assert found.difference.low == pytest.approx(0.6 - half)
    assert found.difference.high == pytest.approx(0.6 + half)
    assert found.pvalue == pytest.approx(2 * norm.sf(0.6 / (half / QUANTILE)))


def test_an_uneven_interval_counts_by_the_end_that_faces_the_other_estimate() -> None:
    def tv(estimate: float, low: float, high: float) -> ColumnDrift:
        effect = Effect("total_variation", estimate, low, high)
        return column("x", effect, 1e-6, drifted=True, kind="categorical")

    found = only(tv(0.1, 0.09, 0.16), tv(0.3, 0.22, 0.31))
    assert found.difference is not None
    assert found.difference.low == pytest.approx(0.2 - sqrt(0.06**2 + 0.08**2))
    assert found.difference.high == pytest.approx(0.2 + sqrt(0.01**2 + 0.01**2))
    assert found.pvalue == pytest.approx(2 * norm.sf(0.2 / (0.1 / QUANTILE)))


def test_the_p_value_and_the_interval_say_the_same() -> None:
    for now in np.linspace(0.31, 0.6, 30):
        found = only(drifted("x", 0.3), drifted("x", float(now)))
        assert found.difference is not None
        assert (found.difference.low > 0) is (found.pvalue < 0.05)


def test_reports_of_other_confidence_levels_are_brought_to_the_lower() -> None:
    then = replace(report(drifted("x", 0.3)), confidence_level=0.99)
    (found,) = then.compare(report(drifted("x", 0.9))).columns
    assert found.difference is not None
    error = sqrt((0.1 / norm.ppf(0.995)) ** 2 + (0.1 / QUANTILE) ** 2)
    assert found.difference.high == pytest.approx(0.6 + QUANTILE * error)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "categorical"}, "kind: numeric then, categorical now"),
        ({"primary": True}, "role: not primary then, primary now"),
        ({"effect": Effect("ks_distance", 0.2, 0.1, 0.3)}, "effect: standardised"),
        ({"effect": sd(nan)}, "no interval"),
    ],
)
def test_what_cannot_be_compared_is_said(change: dict[str, object], said: str) -> None:
    found = only(CALM, replace(CALM, **change))  # type: ignore[arg-type]
    assert found.state == "not_comparable"
    assert said in found.note
    assert isnan(found.pvalue_adjusted)


def test_another_test_is_no_obstacle_but_said() -> None:
    found = only(CALM, replace(CALM, test="fisher"))
    assert found.state == "unchanged"
    assert found.note == f"tested by {CALM.test} then, fisher now"


def test_an_effect_of_another_name_is_looked_up_among_the_further_effects() -> None:
    ks = Effect("ks_distance", 0.2, 0.15, 0.25)
    now = replace(drifted("x", 0.9), effect=ks, effects=(sd(0.9),))
    found = only(drifted("x", 0.3), now)
    assert found.difference is not None
    assert (found.difference.name, found.state) == ("standardised_mean_difference", "worse")


def test_a_column_of_one_report_alone_is_not_comparable() -> None:
    found = report(CALM).compare(report(replace(CALM, column="y"))).columns
    assert [(each.column, each.state, each.note) for each in found] == [
        ("y", "not_comparable", "not tested in the earlier report"),
        ("x", "not_comparable", "not tested in the later report"),
    ]


def test_a_reversal_is_said() -> None:
    assert "went the other way" in only(drifted("x", 0.5), drifted("x", -0.6)).note


def test_telling_columns_come_first() -> None:
    names = ("calm", "worse", "gone", "new")
    then = report(*(drifted(name, 0.3) if name in {"worse", "gone"} else replace(CALM, column=name)
                    for name in names))  # fmt: skip
    now = report(*(drifted(name, 0.9) if name in {"worse", "new"} else replace(CALM, column=name)
                   for name in names))  # fmt: skip
    found = then.compare(now)
    assert [each.column for each in found.columns] == ["new", "worse", "gone", "calm"]
    assert found.sentence == "Drift then and now: 1 new, 1 worse, 1 gone; 1 unchanged."


@pytest.mark.slow
def test_unchanged_columns_seldom_differ_and_chained_windows_not_more_often(
    window: Window,
) -> None:
    """Three windows of one process: the middle one is the current table, then the reference."""
    rng = np.random.default_rng(5)
    chained, apart, tested = 0, 0, 0
    for _ in range(120):
        x, y, z = (window(rng, 400).select(["normal", "count", "half"]) for _ in range(3))
        first = drift(x, y)
        found = first.compare(drift(y, z))
        assert any("widened" in note for note in found.notes)
        chained += sum(each.pvalue < 0.05 for each in found.columns)
        apart += sum(_independent_pvalue(each) < 0.05 for each in found.columns)
        tested += len(found.columns)
    # 360 tests: 5% is 18, with a standard error of 4.
    assert chained <= 18 + 3 * 4.2
    assert apart > chained  # taken for independent, they would differ too often


def test_the_same_reference_in_both_reports_is_no_chain(window: Window) -> None:
    rng = np.random.default_rng(6)
    x, y, z = (window(rng, 200).select(["normal", "half"]) for _ in range(3))
    assert drift(x, y).compare(drift(y, z)).notes
    assert not drift(x, y).compare(drift(x, z)).notes
    assert not drift(x, y).compare(drift(y.slice(0, 150), z)).notes


def _independent_pvalue(each: ColumnThenAndNow) -> float:
    assert each.then is not None
    assert each.now is not None
    halves = [(side.effect.high - side.effect.low) / 2 for side in (each.then, each.now)]
    gap = each.now.effect.estimate - each.then.effect.estimate
    return float(2 * norm.sf(abs(gap) * QUANTILE / np.hypot(*halves)))


@pytest.fixture
def found() -> DriftComparison:
    return full_report(shift=0.4).compare(full_report(fall=0.2, shift=0.1))


def test_it_is_json_and_a_frame(found: DriftComparison) -> None:
    content = found.to_dict()
    json.dumps(content, allow_nan=False)
    assert list(content) == ["conclusion", "counts", "columns", "notes"]
    assert sum(content["counts"].values()) == len(found.columns) == 5
    frame = found.to_pandas().set_index("column")
    assert frame.loc["passed", "state"] == "worse"
    assert frame.loc["latency_s", "state"] == "better"
    assert frame.loc["passed", "difference"] == pytest.approx(-0.12)
    assert bool(frame.loc["passed", "drifted_then"]) is True
