"""What does a report say of tables whose change is known?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.result import ColumnDrift, DriftReport
from aiir_eval.errors import InputError, TableError

Window = Callable[..., pa.Table]


def column(report: DriftReport, name: str) -> ColumnDrift:
    (found,) = [item for item in report.columns if item.column == name]
    return found


def passed(n: int, rate: float) -> pa.Table:
    ones = round(n * rate)
    return pa.table({"passed": [True] * ones + [False] * (n - ones)})


def test_statistics_are_scipys_on_data_with_ties(window: Window) -> None:
    rng = np.random.default_rng(0)
    old, new = window(rng, 700), window(rng, 500)
    report = drift(old, new)
    for name in ("normal", "heavy", "count"):
        x, y = old[name].to_numpy(), new[name].to_numpy()
        found = column(report, name)
        welch = stats.ttest_ind(y, x, equal_var=False)
        ks = stats.ks_2samp(x, y)
        expected = [welch.statistic, welch.pvalue, ks.statistic, ks.pvalue]
        keys = ("welch_t", "welch_t_pvalue", "ks", "ks_pvalue")
        assert [found.statistics[key] for key in keys] == pytest.approx(expected, abs=1e-12)
        ties = found.statistics["ks_pvalue_ties"]  # scipy's is too large where values are tied
        assert ties == pytest.approx(ks.pvalue, abs=1e-12) if name == "normal" else ties < ks.pvalue
        parts = np.tan((0.5 - np.array([welch.pvalue, ties])) * np.pi)
        assert found.pvalue == pytest.approx(stats.cauchy.sf(parts.mean()), abs=1e-12)
    x, y = (np.bincount([int(v.as_py()[6:]) for v in t["eight"]]) for t in (old, new))
    levels = stats.chi2_contingency([x, y], correction=False)
    assert column(report, "eight").statistic == pytest.approx(levels.statistic, abs=1e-12)
    assert column(report, "eight").pvalue == pytest.approx(levels.pvalue, abs=1e-12)
    x, y = (np.bincount(t["half"].to_numpy().astype(int)) for t in (old, new))
    rate = stats.chi2_contingency([x, y], correction=False)
    assert column(report, "half").statistic == pytest.approx(rate.statistic, abs=1e-12)
    assert column(report, "half").pvalue == pytest.approx(rate.pvalue, abs=1e-12)


def test_pvalues_are_adjusted_by_benjamini_hochberg(window: Window) -> None:
    rng = np.random.default_rng(1)
    report = drift(window(rng, 300), window(rng, 300))
    raw = [item.pvalue for item in report.columns]
    expected = stats.false_discovery_control(raw)
    assert [item.pvalue_adjusted for item in report.columns] == pytest.approx(list(expected))


SHIFTS: dict[str, Callable[[pa.Table], Any]] = {
    "normal": lambda table: table["normal"].to_numpy() + 0.4,
    "heavy": lambda table: table["heavy"].to_numpy() * 1.6,
    "half": lambda table: table["half"].to_numpy() | (np.arange(table.num_rows) % 4 == 0),
    "eight": lambda table: pa.array(["level 0", *table["eight"].to_pylist()[1:]]).take(
        pa.array([0 if i % 5 == 0 else i for i in range(table.num_rows)])
    ),
}


@pytest.mark.parametrize("name", SHIFTS)
def test_only_the_column_that_changed_has_drifted(window: Window, name: str) -> None:
    rng = np.random.default_rng(2)
    old, new = window(rng, 1000), window(rng, 1000)
    new = new.set_column(new.column_names.index(name), name, pa.array(SHIFTS[name](new)))
    report = drift(old, new)
    assert report.conclusion == "drift"
    assert [item.column for item in report.columns if item.drifted] == [name]


def test_a_change_of_shape_alone_is_seen_and_said() -> None:
    rng = np.random.default_rng(3)
    old, new = rng.normal(size=2000), 2 * rng.normal(size=2000)
    new += old.mean() - new.mean()
    found = drift(pa.table({"x": old}), pa.table({"x": new})).columns[0]
    assert found.drifted
    assert abs(found.effect.estimate) < 0.01
    assert found.note.startswith("the distribution changed (KS distance 0.1")


def test_a_certain_but_tiny_change_is_no_drift() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=200_000)
    shifted = pa.table({"x": values + 0.03})
    found = drift(pa.table({"x": values}), shifted)
    assert found.columns[0].pvalue_adjusted < 1e-6
    assert found.conclusion == "no_drift"
    assert drift(pa.table({"x": values}), shifted, min_effect={"sd": 0.02}).conclusion == "drift"
    assert drift(pa.table({"x": values}), shifted, min_effect={"x": 0.02}).conclusion == "drift"
    assert drift(pa.table({"x": values}), shifted, min_effect=0.02).conclusion == "drift"


def test_nothing_shown_on_few_rows_is_inconclusive_and_names_the_column() -> None:
    assert drift(passed(5000, 0.9), passed(5000, 0.9)).conclusion == "no_drift"
    report = drift(passed(50, 0.9), passed(50, 0.9))
    assert report.conclusion == "inconclusive"
    assert report.columns[0].minimum_detectable_effect > 0.05
    assert any("passed" in note and "too few rows" in note for note in report.notes)


def test_the_minimum_detectable_effect_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(5)
    n, found = 300, 0
    size = drift(passed(n, 0.5), passed(n, 0.5)).columns[0].minimum_detectable_effect
    for _ in range(300):
        old, new = rng.random(n) < 0.5 - size / 2, rng.random(n) < 0.5 + size / 2
        found += drift(pa.table({"a": old}), pa.table({"a": new})).columns[0].drifted
    assert found / 300 == pytest.approx(0.8, abs=0.08)


def test_a_primary_decides_alone(window: Window) -> None:
    rng = np.random.default_rng(6)
    old, new = window(rng, 2000), window(rng, 2000)
    new = new.set_column(0, "normal", pa.array(new["normal"].to_numpy() + 1))
    report = drift(
        old.append_column("passed", passed(2000, 0.9)["passed"]),
        new.append_column("passed", passed(2000, 0.9)["passed"]),
        primary="passed",
    )
    assert column(report, "normal").drifted
    assert column(report, "passed").primary
    assert report.conclusion == "no_drift"


def test_a_primary_rate_is_bad_when_it_falls_unless_said_otherwise() -> None:
    high, low = passed(1000, 0.9), passed(1000, 0.85)
    assert drift(high, low, primary=["passed"]).conclusion == "drift"
    assert drift(low, high, primary=["passed"]).conclusion != "drift"
    assert drift(low, high, primary=["passed:up"]).conclusion == "drift"
    assert drift(high, low, primary="passed:up").conclusion != "drift"


def test_a_primary_must_be_worse_by_more_than_its_minimum() -> None:
    old, new = passed(100_000, 0.9), passed(100_000, 0.894)
    assert drift(old, new, primary="passed").columns[0].statistics["pvalue_no_change"] < 0.001
    assert drift(old, new, primary="passed").conclusion == "no_drift"
    assert drift(old, new, primary="passed", min_effect={"rate": 0.002}).conclusion == "drift"


def test_a_numeric_primary_has_the_direction_it_was_given() -> None:
    rng = np.random.default_rng(7)
    fast, slow = rng.exponential(1, 800), rng.exponential(1.3, 800)
    old, new = pa.table({"seconds": fast}), pa.table({"seconds": slow})
    assert drift(old, new, primary="seconds:up").conclusion == "drift"
    assert drift(new, old, primary="seconds:up").conclusion != "drift"
    assert drift(new, old, primary="seconds").conclusion == "drift"
    named = [table.rename_columns(["latency_s"]) for table in (old, new)]
    assert drift(*named, primary="latency_s").conclusion == "drift"
    assert drift(*named[::-1], primary="latency_s").conclusion != "drift"


def test_several_primaries_are_adjusted_among_themselves() -> None:
    table = passed(400, 0.5).append_column("answered", passed(400, 0.5)["passed"])
    worse = passed(400, 0.42).append_column("answered", passed(400, 0.5)["passed"])
    alone = drift(table, worse, primary="passed").columns[0]
    report = drift(table, worse, primary="passed,answered")
    assert column(report, "passed").pvalue_adjusted == pytest.approx(2 * alone.pvalue)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_rows_in_another_order_give_the_same_report(seed: int, extra: int) -> None:
    rng = np.random.default_rng(seed)

    def table(n: int) -> pa.Table:
        return pa.table(
            {
                "x": rng.normal(size=n).round(1),
                "ok": rng.random(n) < 0.7,
                "route": rng.choice(["a", "b", "c", "d"], n),
                "user": rng.integers(0, 9, n) + 5 * extra,
            }
        )

    old, new = table(40 + extra), table(35)
    shuffled = old.take(pa.array(rng.permutation(old.num_rows)))
    for cluster in (None, "user"):
        first = drift(old, new, cluster=cluster).to_pandas()
        second = drift(shuffled, new, cluster=cluster).to_pandas()
        for name in ("pvalue", "pvalue_adjusted", "effect_estimate", "effect_low", "effect_high"):
            assert list(first[name]) == pytest.approx(list(second[name]), rel=1e-9, abs=1e-12)


def test_exchanging_the_sides_turns_the_effects_around(window: Window) -> None:
    rng = np.random.default_rng(8)
    old, new = window(rng, 300), window(rng, 200)
    there, back = drift(old, new), drift(new, old)
    for first, second in zip(there.columns, back.columns, strict=True):
        assert first.pvalue == pytest.approx(second.pvalue, rel=1e-9)
        sign = 1 if first.kind == "categorical" else -1
        assert first.effect.estimate == pytest.approx(sign * second.effect.estimate, abs=1e-12)


def test_a_wider_confidence_level_widens_every_interval(window: Window) -> None:
    rng = np.random.default_rng(9)
    old, new = window(rng, 300), window(rng, 300)
    wide, narrow = drift(old, new, confidence_level=0.99), drift(old, new, confidence_level=0.8)
    for outer, inner in zip(wide.columns, narrow.columns, strict=True):
        assert outer.effect.low <= inner.effect.low <= inner.effect.high <= outer.effect.high


X = pa.table({"x": [1.0, 2.0, 3.0], "route": ["a", "b", "b"], "ok": [True, False, True]})
BAD_INPUT: dict[str, tuple[tuple[Any, Any], dict[str, Any], str]] = {
    "empty": ((X.slice(0, 0), X), {}, "the reference table: the table has no rows"),
    "empty current": ((X, X.slice(0, 0)), {}, "the current table: the table has no rows"),
    "missing column": ((X, X), {"columns": "y"}, "there is no column 'y'"),
    "missing primary": ((X, X), {"primary": "okay"}, "there is no column 'okay'"),
    "missing cluster": ((X, X), {"cluster": "user"}, "there is no column 'user'"),
    "no such file": (("nowhere.csv", X), {}, "nowhere.csv"),
    "nothing shared": ((X.select(["x"]), X.select(["ok"])), {}, "no column of the two tables"),
    "one row": ((X.slice(0, 1), X), {}, "fewer than two"),
    "direction": ((X, X), {"primary": "x:sideways"}, "'sideways' is no direction"),
    "direction of text": ((X, X), {"primary": "route:up"}, "a column of texts has no up"),
    "cluster as primary": ((X, X), {"primary": "x", "cluster": "x"}, "cannot be a primary"),
    "unknown effect": ((X, X), {"min_effect": {"zz": 1}}, "neither an effect nor a column"),
    "negative effect": ((X, X), {"min_effect": -0.1}, "a number of at least 0"),
    "level": ((X, X), {"confidence_level": 95}, "confidence_level must lie in"),
    "constant primary": (
        (X.append_column("c", [[4, 4, 4]]), X.append_column("c", [[4, 4, 4]])),
        {"primary": "c"},
        "c: this primary cannot be tested: one value throughout",
    ),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_input_that_cannot_be_used_is_an_error_that_says_so(name: str) -> None:
    tables, options, message = BAD_INPUT[name]
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        drift(*tables, **options)


def test_an_empty_table_is_a_table_error() -> None:
    with pytest.raises(TableError):
        drift(X.slice(0, 0), X)


def test_scipys_warnings_do_not_reach_the_user(recwarn: pytest.WarningsRecorder) -> None:
    values = np.random.default_rng(0).normal(size=1000)
    drift(pa.table({"x": values}), pa.table({"x": values + 1e-4}))
    assert not recwarn.list


def test_the_same_table_on_both_sides_is_said(tmp_path: Path) -> None:
    table = pa.table({"x": np.random.default_rng(1).normal(size=200)})
    assert "both sides are the same table" in drift(table, table).notes
    assert "both sides are the same table" not in drift(table, table.slice(0)).notes
    pq.write_table(table, tmp_path / "t.parquet")
    path = str(tmp_path / "t.parquet")
    assert "both sides are the same table" in drift(path, path).notes


@pytest.mark.parametrize("values", [[1, "a"] * 50, [10**30] * 100, [[1], 2] * 50])
def test_a_column_of_mixed_values_is_named(values: list[object]) -> None:
    frame = pd.DataFrame({"x": np.arange(100.0)})
    frame["odd"] = pd.Series(values, dtype=object)
    with pytest.raises(TableError, match=r"odd: the frame cannot be read.*values of one type"):
        drift(frame, frame)
