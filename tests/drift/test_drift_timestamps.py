"""When do rows happen: hours, days, gaps; never the date itself."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.columns import Pair
from aiir_eval.drift.detecting import drift
from aiir_eval.drift.result import DriftReport
from aiir_eval.drift.timestamps import in_place_of

START = np.datetime64("2024-03-04T00:00:00", "s")  # a Monday


def log(
    days: int,
    *,
    first: int = 0,
    n: int = 1500,
    seed: int = 0,
    hours: tuple[int, int] = (0, 24),
    zone: str | None = None,
) -> pa.Table:
    rng = np.random.default_rng(seed + first)
    seconds = rng.integers(hours[0] * 3600, hours[1] * 3600, n) + 86_400 * rng.integers(0, days, n)
    at = np.sort(START + np.timedelta64(first, "D") + seconds.astype("timedelta64[s]"))
    return pa.table({"at": pa.array(at).cast(pa.timestamp("us", zone)), "x": rng.normal(size=n)})


def by_name(report: DriftReport) -> dict[str, object]:
    return {item.column: item for item in report.columns}


def test_two_windows_of_the_same_habits_have_not_drifted() -> None:
    report = drift(log(14), log(14, first=14))
    assert list(by_name(report)) == [
        "at: hour of day",
        "at: day of week",
        "at: seconds between rows",
        "x",
    ]
    assert report.conclusion == "no_drift"
    (note,) = [note for note in report.notes if note.startswith("at not tested")]
    assert "differ in absolute time as a matter of course" in note


def test_another_time_of_day_is_seen_and_only_that() -> None:
    found = by_name(drift(log(14), log(14, first=14, hours=(8, 24))))
    assert found["at: hour of day"].drifted
    assert not found["at: day of week"].drifted


def test_another_day_of_the_week_is_seen() -> None:
    weekend = log(14, first=14)
    days = weekend["at"].combine_chunks().cast(pa.timestamp("s")).to_numpy()
    keep = (days.astype("datetime64[D]").astype(int) % 7 < 6) | (np.arange(days.size) % 4 == 0)
    found = by_name(drift(log(14), weekend.filter(pa.array(keep))))
    assert found["at: day of week"].drifted


def test_rows_that_come_twice_as_fast_are_seen() -> None:
    found = by_name(drift(log(14), log(14, first=14, n=3000)))
    assert found["at: seconds between rows"].drifted
    assert found["at: seconds between rows"].effect.estimate < 0


@pytest.mark.parametrize("days", [1, 3])
def test_a_window_too_short_for_a_habit_is_not_tested_for_it(days: int) -> None:
    report = drift(log(days), log(days, first=days))
    assert "at: day of week" not in by_name(report)
    assert any("a side lasts less than a week" in note for note in report.notes)
    assert "at: hour of day" in by_name(report)


def test_hours_are_those_of_the_columns_own_time_zone() -> None:
    berlin, utc = log(14, zone="Europe/Berlin"), log(14, first=14, zone="UTC")
    report = drift(berlin, utc)
    assert not by_name(report)["at: hour of day"].drifted
    assert any("both are seen in Europe/Berlin" in note for note in report.notes)


def test_midnight_in_greenwich_is_evening_in_new_york() -> None:
    values = [dt.datetime(2024, 3, 4, 0, 30, tzinfo=dt.UTC) + dt.timedelta(days=i) for i in (0, 9)]
    side = pa.chunked_array([pa.array(values, pa.timestamp("s", "America/New_York"))])
    parts = in_place_of(Pair("at", side, side), clustered=False)
    found = {part.name: part.reference.to_pylist() for part in parts if isinstance(part, Pair)}
    assert found["at: day of week"] == ["Sunday", "Tuesday"]
    assert found["at: hour of day"] == ["19", "20"]  # summer time began in between


def test_a_side_without_a_zone_is_taken_as_utc() -> None:
    report = drift(log(14), log(14, first=14, zone="UTC"))
    assert any("no time zone and is taken as UTC" in note for note in report.notes)


def test_dates_have_days_and_neither_hours_nor_gaps() -> None:
    dates = [dt.date(2024, 3, 4) + dt.timedelta(days=i % 14) for i in range(280)]
    report = drift(pa.table({"d": dates}), pa.table({"d": dates}))
    assert list(by_name(report)) == ["d: day of week"]


def test_times_written_as_text_are_times() -> None:
    texts = [str(value) for value in log(14, n=500)["at"].to_pylist()]
    later = [str(value) for value in log(14, first=14, n=500)["at"].to_pylist()]
    report = drift(pa.table({"at": texts}), pa.table({"at": later}))
    assert "at: hour of day" in by_name(report)


def test_a_duration_is_its_seconds() -> None:
    rng = np.random.default_rng(4)

    def waits(mean: float) -> pa.Table:
        values = (rng.exponential(mean, 800) * 1000).astype("timedelta64[ms]")
        return pa.table({"wait": pa.array(values)})

    found = by_name(drift(waits(2.0), waits(3.0)))["wait"]
    assert found.kind == "numeric"
    assert found.drifted
    assert found.statistics["mean_reference"] == pytest.approx(2.0, rel=0.15)


def test_a_time_of_day_is_its_hour() -> None:
    def times(first: int) -> pa.Table:
        return pa.table({"t": [dt.time((first + i) % 24 if i % 2 else 9, 30) for i in range(400)]})

    assert not by_name(drift(times(0), times(0)))["t: hour of day"].drifted
    values = pa.table({"t": [dt.time(17 + i % 3, 5) for i in range(400)]})
    assert by_name(drift(times(0), values))["t: hour of day"].drifted


def test_gaps_belong_to_no_cluster() -> None:
    old, new = log(14, n=400), log(14, first=14, n=400)
    old, new = (
        table.append_column("user", pa.array([f"{i % 40}" for i in range(400)]))
        for table in (old, new)
    )
    report = drift(old, new, cluster="user")
    assert "at: seconds between rows" not in by_name(report)
    assert any("gaps belong to no cluster" in note for note in report.notes)
