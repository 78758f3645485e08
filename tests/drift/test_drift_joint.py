"""Did the columns change together?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.classifying import Draw
from aiir_eval.drift.detecting import drift
from aiir_eval.drift.document import load_drift, save_drift
from aiir_eval.drift.joint import all_columns


def table(n: int, seed: int, *, correlation: float = 0.5, passed: float = 0.8) -> pa.Table:
    rng = np.random.default_rng(seed)
    both = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], size=n)
    return pa.table(
        {
            "latency": np.exp(both[:, 0]),
            "length": np.round(both[:, 1], 1),
            "passed": rng.random(n) < passed,
            "route": pa.array([f"r{i}" for i in rng.integers(0, 4, n)]),
            "noise": pa.array(rng.standard_t(3, n), mask=rng.random(n) < 0.1),
            "id": np.arange(n),
        }
    )


def test_a_correlation_that_turns_is_seen_only_together() -> None:
    old, new = table(400, 1, correlation=0.7), table(400, 2, correlation=-0.4)
    report = drift(old, new, joint=True)
    assert report.joint is not None
    assert report.joint.kind == "joint"
    assert report.joint.drifted
    assert not any(item.drifted for item in report.columns)
    assert "latency" in report.joint.note
    assert "length" in report.joint.note
    assert "noise" not in report.joint.note


def test_the_column_that_moved_drives_it() -> None:
    report = drift(table(300, 1), table(300, 2, passed=0.5), joint=True)
    assert report.joint is not None
    assert report.joint.drifted
    assert report.joint.note.startswith("driven by passed")


def test_nothing_changed_is_nothing_together() -> None:
    report = drift(table(300, 1), table(300, 2), joint=True)
    assert report.joint is not None
    assert not report.joint.drifted
    assert report.joint.effect.low < 0.5 < report.joint.effect.high


def test_it_is_one_more_row_of_the_family_and_only_where_asked_for() -> None:
    old, new = table(300, 1), table(300, 2, passed=0.6)
    alone, together = drift(old, new), drift(old, new, joint=True)
    assert alone.joint is None
    assert together.joint is not None
    family = [*together.columns, together.joint]
    ranked = sorted(item.pvalue for item in family)
    smallest = min(p * len(ranked) / (i + 1) for i, p in enumerate(ranked))
    assert min(item.pvalue_adjusted for item in family) == pytest.approx(smallest)
    assert [item.column for item in together.columns] == [item.column for item in alone.columns]


def test_a_primary_decides_whatever_the_columns_do_together() -> None:
    old, new = table(250, 1, correlation=0.8), table(250, 2, correlation=-0.6)
    report = drift(old, new, joint=True, primary="passed")
    assert report.joint is not None
    assert report.joint.drifted
    assert report.conclusion != "drift"


def test_clusters_are_held_out_whole() -> None:
    rng = np.random.default_rng(4)

    def clustered(name: str, seed: int) -> pa.Table:
        users = np.repeat(np.arange(30), 5)
        return pa.table(
            {
                "a": rng.normal(size=30)[users] + 0.3 * rng.normal(size=150),
                "b": rng.normal(size=30)[users] + 0.3 * rng.normal(size=150),
                "user": [f"{name}{user}" for user in users],
            }
        )

    old, new = clustered("x", 1), clustered("y", 2)
    naive, aware = drift(old, new, joint=True), drift(old, new, joint=True, cluster="user")
    assert naive.joint is not None
    assert aware.joint is not None
    assert aware.joint.pvalue > naive.joint.pvalue


def test_one_column_is_nothing_together() -> None:
    report = drift(table(100, 1), table(100, 2), columns="latency", joint=True)
    assert report.joint is None
    assert any("all columns not tested: fewer than two" in note for note in report.notes)


def test_it_is_saved_with_the_report(tmp_path) -> None:
    report = drift(table(100, 1), table(100, 2), joint=True)
    save_drift(report, tmp_path / "r.json")
    assert load_drift(tmp_path / "r.json").joint == report.joint


@pytest.mark.slow
def test_false_alarms_stay_at_the_level() -> None:
    repeats, alarms = 60, 0
    names = ["latency", "length", "passed", "route", "noise"]
    for i in range(repeats):
        old, new = table(50, 2 * i), table(40, 2 * i + 1)
        alarms += all_columns(names, old, new, (50, 40), Draw(seed=i)).pvalue <= 0.05
    assert alarms / repeats <= 0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5
