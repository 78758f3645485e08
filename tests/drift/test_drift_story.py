"""The incident this is for: answers that got worse on a day, or little by little, unannounced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.watching.looking import drift_watch

ONSET, LENGTH, DAYS, ROWS = 50, 21, 90, 250
START = datetime(2026, 1, 1, tzinfo=UTC)


def degradation(seed: int) -> pa.Table:
    """0.8% to 16% of the requests are routed to a model that mostly fails, within three weeks."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), ROWS)
    share = 0.008 + (0.16 - 0.008) * np.clip((day - ONSET + 1) / LENGTH, 0, 1)
    wrong = rng.random(day.size) < share
    return pa.table(
        {
            "created_at": np.datetime64("2026-01-01", "us") + day * np.timedelta64(1, "D"),
            "passed": rng.random(day.size) < np.where(wrong, 0.3, 0.97),
            "model": np.where(wrong, "small", "large"),
            "country": rng.choice(["de", "fr", "us"], day.size),
            "latency": np.exp(rng.normal(size=day.size)),
        }
    )


def test_a_silent_degradation_is_found_dated_and_explained() -> None:
    report = drift(
        degradation(1), time="created_at", since="2026-02-20", primary="passed:down", by="auto"
    )
    assert report.conclusion == "drift"
    passed = report.series[0]
    (point,) = passed.change_points
    onset = START + timedelta(days=ONSET)
    assert point.low <= onset <= point.high
    assert point.high - point.low <= timedelta(days=14)
    assert point.until is not None
    assert abs(point.until - (onset + timedelta(days=LENGTH))) <= timedelta(days=7)
    assert point.before == pytest.approx(0.965, abs=0.01)
    assert point.after == pytest.approx(0.863, abs=0.02)
    quiet = {each.column.partition(" ")[0]: each for each in report.series}
    assert quiet["latency"].change_points == ()
    assert quiet["country"].change_points == ()
    first = report.segments[0]
    assert (first.by, first.value) == ("model", "small")
    assert first.mix < 0
    assert abs(first.mix) > 5 * abs(first.within)


def test_the_monitor_sees_it_while_it_is_small(tmp_path: Path) -> None:
    table = degradation(2)
    options = {
        "primary": "passed:down",
        "reference": table.slice(0, 14 * ROWS),
        "time": "created_at",
    }
    for day in range(14, DAYS):
        report = drift_watch(
            table.slice(day * ROWS, ROWS),
            tmp_path / "watch.json",
            at=str(np.datetime64("2026-01-01") + day),
            **(options if day == 14 else {}),  # type: ignore[arg-type]
        )
        if report.alarm:
            break
    assert ONSET < day < ONSET + LENGTH - 5  # before half of it has happened, give or take
    (column,) = report.columns
    assert column.since_low is not None
    assert column.since_high is not None
    assert column.since_low <= START + timedelta(days=ONSET + 7)
    assert column.since_high >= START + timedelta(days=ONSET - 7)


@pytest.mark.real_data
def test_the_day_gpt4_forgot_primes_is_found(shared_data: Path) -> None:
    """The answers of gpt-4-0314, twenty a day, then those of gpt-4-0613 (1,000 each)."""
    table = pq.read_table(shared_data / "llmdrift" / "prime.parquet")
    parts = []
    for number, model in enumerate(("gpt-4-0314", "gpt-4-0613")):
        own = table.filter(pc.equal(table["model"], model))
        own = own.take(pa.array(np.random.default_rng(number).permutation(own.num_rows)))
        day = 50 * number + np.arange(own.num_rows) // 20
        said = pc.utf8_lower(own["answer"])
        yes = pc.match_substring_regex(said, r"\[yes\]|(^|[\s,.])yes($|[\s,.])")
        no = pc.match_substring_regex(said, r"\[no\]|(^|[\s,.])no($|[\s,.])")
        truth = pc.equal(pc.utf8_lower(own["ref_answer"]), "yes")
        passed = pc.if_else(yes, truth, pc.and_(no, pc.invert(truth)))
        parts.append(
            pa.table(
                {
                    "created_at": np.datetime64("2023-05-01", "us") + day * np.timedelta64(1, "D"),
                    "passed": passed,
                    "answer_length": pc.utf8_length(own["answer"]),
                    "expected": own["ref_answer"],
                }
            )
        )
    report = drift(
        pa.concat_tables(parts),
        time="created_at",
        since="2023-06-20",
        primary="passed",
        by="expected",
    )
    switched = datetime(2023, 6, 20, tzinfo=UTC)
    dated = {series.column: series.change_points for series in report.series}
    for column in ("passed", "answer_length"):
        (point,) = dated[column]
        assert point.low <= switched <= point.high
        assert abs(point.at - switched) <= timedelta(days=2)
    assert dated["passed"][0].before == pytest.approx(0.840, abs=0.01)
    assert dated["passed"][0].after == pytest.approx(0.511, abs=0.01)
    assert not next(points for name, points in dated.items() if name.startswith("expected"))
    parts_of = {each.value.lower(): each for each in report.segments if each.column == "passed"}
    assert parts_of["yes"].difference == pytest.approx(0.024 - 0.976, abs=1e-9)
    assert parts_of["no"].difference == pytest.approx(0.998 - 0.704, abs=1e-9)
    total = sum(each.contribution for each in parts_of.values())
    assert total == pytest.approx(0.511 - 0.840, abs=1e-9)
