"""Columns are followed over time: windows with intervals, and dates of change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.document import load_drift, save_drift
from aiir_eval.drift.result import DriftReport, Series
from aiir_eval.errors import InputError, TableError
from aiir_eval.stats import wilson_interval

START = datetime(2026, 1, 1, tzinfo=UTC)


def log(
    days: int = 60,
    change: int | None = 40,
    n: int = 100,
    seed: int = 1,
    *,
    after: float = 0.85,
    user_spread: float = 0.0,
) -> pa.Table:
    """`n` rows a day in random order; the pass rate falls at a day, and others stay."""
    rng = np.random.default_rng(seed)
    day = rng.permutation(np.repeat(np.arange(days), n))
    rate = np.where(day < (days if change is None else change), 0.95, after)
    users = rng.integers(0, days * n // 10, size=day.size)
    if user_spread:
        users = day * (n // 10) + rng.integers(0, n // 10, size=day.size)
        rate = np.clip(rate + rng.normal(0, user_spread, users.max() + 1)[users], 0, 1)
    at = np.datetime64("2026-01-01", "us") + (day * 86400 + rng.integers(0, 86400, day.size)) * (
        np.timedelta64(1, "s")
    )
    return pa.table(
        {
            "created_at": at,
            "passed": rng.random(day.size) < rate,
            "latency": np.exp(rng.normal(size=day.size)),
            "route": np.where(rng.random(day.size) < (1.2 - rate), "slow", "fast"),
            "user": users,
        }
    )


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def named(report: DriftReport, column: str) -> Series:
    (series,) = [each for each in report.series if each.column.partition(" ")[0] == column]
    return series


def test_one_table_is_split_in_two_windows_of_time() -> None:
    table = log()
    report = drift(table, time="created_at", since="2026-02-10", primary="passed")
    day = (table["created_at"].to_numpy() - np.datetime64("2026-01-01")).astype("m8[D]").astype(int)
    assert report.n_reference == np.count_nonzero(day < 40)
    assert report.n_current == np.count_nonzero(day >= 40)
    assert report.conclusion == "drift"
    assert "created_at" not in {column.column for column in report.columns}


def test_the_date_of_a_change_is_found_and_quiet_columns_have_none() -> None:
    report = drift(log(), time="created_at", since="2026-02-10")
    (point,) = named(report, "passed").change_points
    assert point.at == at(40)
    assert point.low <= at(40) <= point.high
    assert point.high - point.low <= timedelta(days=4)
    assert point.before == pytest.approx(0.95, abs=0.01)
    assert point.after == pytest.approx(0.85, abs=0.02)
    assert point.pvalue <= 0.01
    assert point.until is None
    assert named(report, "latency").change_points == ()
    (moved,) = named(report, "route").change_points
    assert named(report, "route").column == "route = slow"
    assert moved.after > moved.before
    assert abs(moved.at - at(40)) <= timedelta(days=2)


def test_windows_have_the_rate_and_its_interval_and_empty_ones_none() -> None:
    table = log(days=20, change=None)
    day = (table["created_at"].to_numpy() - np.datetime64("2026-01-01")).astype("m8[D]").astype(int)
    table = table.filter(pa.array(day != 7))
    report = drift(table, time="created_at", since="2026-01-11")
    windows = named(report, "passed").windows
    assert [window.start for window in windows] == [at(day) for day in range(20)]
    assert all(window.end - window.start == timedelta(days=1) for window in windows)
    assert windows[7].n == 0
    assert np.isnan([windows[7].value, windows[7].low, windows[7].high]).all()
    passed = table["passed"].to_numpy()[day[day != 7] == 3]
    assert windows[3].n == 100
    assert windows[3].value == pytest.approx(passed.mean())
    assert (windows[3].low, windows[3].high) == pytest.approx(
        tuple(wilson_interval(passed.sum(), 100))
    )
    latency = named(report, "latency").windows[3]
    values = table["latency"].to_numpy()[day[day != 7] == 3]
    assert latency.value == pytest.approx(values.mean())
    half = 1.9842 * values.std(ddof=1) / 10
    assert (latency.low, latency.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), rel=1e-4
    )


def test_two_tables_are_one_series() -> None:
    table = log()
    split = table["created_at"].to_numpy() < np.datetime64("2026-02-10")
    old, new = table.filter(pa.array(split)), table.filter(pa.array(~split))
    both = drift(old, new, time="created_at", columns="passed")
    one = drift(table, time="created_at", since="2026-02-10", columns="passed")
    assert both.series == one.series


def test_order_of_the_rows_changes_nothing() -> None:
    table = log()
    shuffled = table.take(pa.array(np.random.default_rng(2).permutation(table.num_rows)))
    one, two = (
        drift(each, time="created_at", since="2026-02-10", columns="passed")
        for each in (table, shuffled)
    )
    assert one.series[0].change_points == two.series[0].change_points
    assert [w.n for w in one.series[0].windows] == [w.n for w in two.series[0].windows]


def test_clusters_widen_the_windows() -> None:
    table = log(change=None, user_spread=0.3)
    plain = drift(table, time="created_at", since="2026-02-10", columns="passed")
    known = drift(table, time="created_at", since="2026-02-10", columns="passed", cluster="user")
    narrow, wide = plain.series[0].windows[5], known.series[0].windows[5]
    assert narrow.value == wide.value
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
    assert any("intervals of windows know of user" in note for note in known.notes)


def test_few_windows_are_followed_and_not_dated() -> None:
    report = drift(log(), time="created_at", every="1mo", since="2026-02-10")
    assert len(report.series[0].windows) == 3
    assert all(series.change_points == () for series in report.series)
    assert any("fewer than 8 windows of 1mo" in note for note in report.notes)


def test_neighbours_that_are_alike_are_said() -> None:
    rng = np.random.default_rng(3)
    level = np.zeros(120)
    for day in range(1, 120):
        level[day] = 0.8 * level[day - 1] + rng.normal()
    day = np.repeat(np.arange(120), 20)
    table = pa.table(
        {
            "t": np.datetime64("2026-01-01", "us") + day * np.timedelta64(1, "D"),
            "load": level[day] + rng.normal(0, 0.1, day.size),
        }
    )
    report = drift(table, time="t", since="2026-03-01")
    assert any("neighbouring windows are alike in load (0." in note for note in report.notes)


def test_a_report_with_series_comes_back_from_its_file(tmp_path: object) -> None:
    report = drift(log(), time="created_at", since="2026-02-10", columns="passed,latency")
    path = f"{tmp_path}/report.json"
    save_drift(report, path)
    loaded = load_drift(path)
    assert loaded.series == report.series
    assert report.to_dict()["series"][0]["change_points"][0]["at"] == "2026-02-10T00:00:00Z"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time": "created_at"}, "a second table is needed"),
        ({"since": "2026-02-10"}, "since needs the column"),
        ({"time": "created_at", "since": "soon"}, "neither a date nor a moment"),
        ({"time": "created_at", "since": "2030-01-01"}, "no row is from 2030-01-01 on"),
        ({"time": "created_at", "since": "2020-01-01"}, "no row is before 2020-01-01"),
        ({"time": "when", "since": "2026-02-10"}, "there is no column 'when'"),
        ({"time": "route", "since": "2026-02-10"}, "no moment can be read from"),
        ({"time": "created_at", "since": "2026-02-10", "every": "1x"}, "no length of time"),
        ({"time": "passed", "since": "2026-02-10", "primary": "passed"}, "no moments"),
    ],
)
def test_what_cannot_be_split_is_said(options: dict[str, str], said: str) -> None:
    with pytest.raises((InputError, TableError), match=said):
        drift(log(days=10, change=None), **options)


def test_every_and_since_do_not_go_with_what_they_need_missing() -> None:
    table = log(days=10, change=None)
    with pytest.raises(InputError, match="every needs the column"):
        drift(table, table, every="1d")
    with pytest.raises(InputError, match="since splits one table"):
        drift(table, table, time="created_at", since="2026-01-05")


@pytest.mark.slow
def test_quiet_months_seldom_show_a_change() -> None:
    runs, alarmed = 60, 0
    for seed in range(runs):
        report = drift(
            log(change=None, seed=seed, user_spread=0.2),
            time="created_at",
            since="2026-02-10",
            columns="passed,latency",
            rng=seed,
        )
        alarmed += any(series.change_points for series in report.series)
    assert alarmed <= 0.05 * runs + 3 * np.sqrt(0.05 * 0.95 * runs)
