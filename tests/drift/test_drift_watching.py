"""The monitor alarms when it got worse, remembers through anything, and counts each table once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import aiir_eval as aiir
from aiir_eval.drift.watching.looking import acknowledge, drift_watch
from aiir_eval.drift.watching.result import WatchReport
from aiir_eval.drift.watching.state import load_state
from aiir_eval.errors import DocumentError, InputError, TableError


def day(seed: int, rate: float = 0.95, n: int = 300, *, slower: float = 0.0) -> pa.Table:
    rng = np.random.default_rng([7, seed])
    return pa.table(
        {
            "passed": rng.random(n) < rate,
            "score": np.clip(rng.normal(rate - 0.1, 0.05, n), 0, 1),
            "latency": np.exp(rng.normal(slower, 1, n)),
            "user": rng.integers(0, n // 5, n),
        }
    )


QUIET = day(0, n=4200).append_column(
    "t",
    pa.array(np.datetime64("2026-04-01", "us") + np.timedelta64(1, "D") * (np.arange(4200) // 300)),
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "watch.json"


START = {"primary": "passed:down", "reference": QUIET, "time": "t"}


def date(number: int) -> str:
    return str(np.datetime64("2026-05-01") + number)


def watched(state: Path, rates: list[float], **options: object) -> list[WatchReport]:
    reports = []
    for number, rate in enumerate(rates):
        given = {**START, **options} if number == 0 else {}
        reports.append(drift_watch(day(number + 1, rate), state, at=date(number), **given))  # type: ignore[arg-type]
    return reports


def test_quiet_days_are_quiet_and_a_fall_alarms_with_its_date(state: Path) -> None:
    reports = watched(state, [0.95] * 20 + [0.85] * 6)
    assert [report.alarm for report in reports[:20]] == [False] * 20
    assert [report.exit_code for report in reports[-4:]] == [1] * 4
    (column,) = reports[-1].columns
    assert column.since == datetime(2026, 5, 21, tzinfo=UTC)
    assert column.since_low is not None
    assert column.since_high is not None
    assert column.since_low <= column.since <= column.since_high
    assert column.after == pytest.approx(0.85, abs=0.03)
    assert column.level == pytest.approx(QUIET["passed"].to_numpy().mean())
    assert column.limit < column.level - 0.005
    assert column.evidence > column.threshold == 365
    assert "365 looks on average" in reports[-1].promise


def test_an_alarm_stands_until_it_is_acknowledged(state: Path) -> None:
    watched(state, [0.5] * 2)
    assert drift_watch(day(50), state, at=date(5)).alarm
    report = acknowledge(state, "rolled back", at=date(6))
    assert not report.alarm
    assert report.n_looks == 0
    assert not drift_watch(day(51), state, at=date(7)).alarm
    assert not drift_watch(day(53, 0.5), state, at=date(8)).alarm  # one odd look is none
    saved = load_state(state)
    assert saved is not None
    assert [event.kind for event in saved.events] == ["alarm", "acknowledged"]
    assert saved.events[1].text == "rolled back"
    assert drift_watch(day(52, 0.5), state, at=date(8)).alarm


def test_the_same_table_is_counted_once(state: Path) -> None:
    watched(state, [0.9] * 3)
    before = state.read_bytes()
    again = drift_watch(day(2, 0.9), state)
    assert again.ignored
    assert state.read_bytes() == before
    acknowledge(state, "looked into")
    assert drift_watch(day(2, 0.9), state).ignored


def test_without_a_reference_the_first_table_is_it(state: Path) -> None:
    first = drift_watch(QUIET, state, primary="passed", at=date(0), time="t")
    assert first.n_looks == 0
    assert not first.alarm
    assert "is the reference: 4,200 rows" in first.notes[0]
    assert drift_watch(QUIET, state, at=date(1)).ignored
    assert not drift_watch(day(1, 0.6), state, at=date(1)).alarm
    assert drift_watch(day(2, 0.6), state, at=date(2)).alarm


def test_a_declared_limit_needs_no_reference(state: Path) -> None:
    report = drift_watch(day(1, 0.96), state, primary="passed", limits={"passed": 0.9}, unit="rows")
    assert report.n_looks == 1
    (column,) = report.columns
    assert column.limit == 0.9
    assert column.level is None
    assert drift_watch(day(2, 0.7), state).columns[0].since is not None


@pytest.mark.parametrize(
    ("column", "options", "scale", "worse"),
    [
        ("score:down", {}, "bounded", {"rate": 0.85}),
        ("latency:up", {}, "rank", {"slower": 0.5}),
        ("latency:up", {"bounds": {"latency": (0.0, 20.0)}}, "bounded", {"slower": 0.7}),
        ("latency", {}, "rank", {"slower": -0.6}),
    ],
)
def test_scores_and_numbers_of_any_size_are_watched(
    state: Path, column: str, options: dict[str, object], scale: str, worse: dict[str, float]
) -> None:
    name = column.partition(":")[0]
    drift_watch(day(1), state, at=date(1), **{**START, "primary": column}, **options)  # type: ignore[arg-type]
    for number in range(2, 12):
        quiet = drift_watch(day(number), state, at=date(number))
    assert not quiet.alarm
    assert quiet.columns[0].scale == scale
    for number in range(12, 18):
        alarmed = drift_watch(day(number, **worse), state, at=date(number))
    assert alarmed.alarm
    assert {each.column for each in alarmed.columns if each.alarm} == {name}
    assert len(alarmed.columns) == (2 if column == "latency" else 1)


def test_values_beyond_their_bounds_count_as_these_and_are_said(state: Path) -> None:
    report = drift_watch(
        day(1), state, primary="latency:up", reference=QUIET, bounds={"latency": (0, 2)}
    )
    assert any("values beyond the bounds" in note for note in report.notes)


def test_clusters_are_bet_on_as_one(state: Path, tmp_path: Path) -> None:
    same = pa.concat_tables([day(1, 0.8, 60)] * 5)  # each row five times
    same = same.set_column(3, "user", pa.array(np.tile(np.arange(60), 5)))
    quiet = QUIET.set_column(3, "user", pa.array(np.arange(4200)))
    options = {"primary": "passed", "reference": quiet, "unit": "rows"}
    rows = drift_watch(same, tmp_path / "rows.json", **options)  # type: ignore[arg-type]
    known = drift_watch(same, state, **options, cluster="user")  # type: ignore[arg-type]
    once = drift_watch(same.slice(0, 60), tmp_path / "o.json", **options)  # type: ignore[arg-type]
    assert known.columns[0].evidence < rows.columns[0].evidence
    assert known.columns[0].evidence == pytest.approx(once.columns[0].evidence, rel=0.05)


def test_whole_looks_bear_days_that_differ_and_rows_say_that_they_do(
    state: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    rates = np.clip(0.95 + rng.normal(0, 0.02, 25), 0, 1)
    reports = [
        [
            drift_watch(day(n, rate, 2000), path, at=date(n), **(options if n == 0 else {}))
            for n, rate in enumerate(rates)
        ]
        for path, options in (
            (state, {"primary": "passed", "limits": {"passed": 0.945}}),
            (
                tmp_path / "r.json",
                {"primary": "passed", "limits": {"passed": 0.93}, "unit": "rows"},
            ),
        )
    ]
    assert not any(report.alarm for report in reports[0])
    assert any("looks differ" in note for report in reports[1] for note in report.notes)


def test_a_dated_reference_tells_how_much_days_differ(state: Path, tmp_path: Path) -> None:
    """Days that differ by two points are quiet; where they do not, half as much is seen sooner."""
    rng = np.random.default_rng(6)

    def month(first: int, level: float, spread: float) -> list[pa.Table]:
        rates = np.clip(level + rng.normal(0, spread, 28), 0, 1)
        return [
            day(first + number, rate, 400).append_column(
                "t", pa.array([np.datetime64(date(first + number), "us")] * 400)
            )
            for number, rate in enumerate(rates)
        ]

    seen = {}
    for spread, path in ((0.02, state), (0.0, tmp_path / "alike.json")):
        options = {**START, "reference": pa.concat_tables(month(0, 0.95, spread))}
        for number, table in enumerate([*month(28, 0.95, spread), *month(56, 0.9, spread)]):
            report = drift_watch(table, path, **(options if number == 0 else {"time": "t"}))  # type: ignore[arg-type]
            assert not any("not known" in note for note in report.notes)
            if report.alarm:
                break
        seen[spread] = number - 28
        assert report.alarm
    assert 0 <= seen[0.0] <= 5 < seen[0.02] <= 24


def test_undated_and_short_references_say_that_the_spread_of_days_is_not_known(
    state: Path, tmp_path: Path
) -> None:
    report = drift_watch(day(1), state, primary="passed", reference=QUIET)
    assert any("how much quiet days differ is not known" in note for note in report.notes)
    assert not any("not known" in note for note in drift_watch(day(2), state).notes)
    path = tmp_path / "short.json"
    short = {**START, "reference": QUIET.slice(0, 600), "at": date(1)}
    report = drift_watch(day(1), path, **short)  # type: ignore[arg-type]
    assert any("not known" in note for note in report.notes)
    saved = load_state(path)
    assert saved is not None
    assert saved.reference is not None
    assert saved.reference.days == 2


def test_a_reference_without_a_failure_does_not_excuse_many(state: Path) -> None:
    days = np.repeat(np.datetime64("2026-01-01", "us") + np.arange(7) * np.timedelta64(1, "D"), 100)
    clean = pa.table({"passed": [True] * 700, "t": pa.array(days)})
    options = {"primary": "passed", "reference": clean, "time": "t"}
    report = drift_watch(day(1, 0.99), state, at=date(1), **options)  # type: ignore[arg-type]
    assert not report.alarm
    assert report.columns[0].limit == pytest.approx(0.01 ** (1 / 700) - 0.005)
    drift_watch(day(2, 0.9), state, at=date(2))
    assert drift_watch(day(3, 0.9), state, at=date(3)).alarm


def test_several_columns_share_the_promise(state: Path) -> None:
    report = drift_watch(day(1), state, primary="passed,latency:up", reference=QUIET)
    assert [column.threshold for column in report.columns] == [pytest.approx(730)] * 2
    other = state.with_name("alpha.json")
    report = drift_watch(day(1), other, primary="passed,latency", reference=QUIET, alpha=0.03)
    assert [column.threshold for column in report.columns] == [pytest.approx(100)] * 3
    assert "at most 0.03" in report.promise


def test_reset_learns_anew_and_keeps_the_history(state: Path) -> None:
    watched(state, [0.5] * 2)
    report = drift_watch(day(60, 0.6, 3000), state, reset=True, min_effect={"passed": 0.02})
    assert not report.alarm
    saved = load_state(state)
    assert saved is not None
    assert saved.columns[0].level == pytest.approx(0.6, abs=0.03)
    assert saved.columns[0].between is None
    assert [event.kind for event in saved.events] == ["alarm", "reset"]
    assert saved.options.min_effect == {"passed": 0.02}
    assert not drift_watch(day(61, 0.6), state).alarm


@pytest.mark.parametrize(
    "options",
    [
        {"primary": "latency:up"},
        {"primary": "passed:up"},
        {"cluster": "user"},
        {"unit": "rows"},
        {"alpha": 0.05},
        {"looks_per_false_alarm": 100},
        {"limits": {"passed": 0.9}},
        {"reference": day(99)},
    ],
)
def test_other_options_than_at_first_are_refused(state: Path, options: dict[str, object]) -> None:
    watched(state, [0.95])
    before = state.read_bytes()
    with pytest.raises(InputError, match=r"was begun with|another reference"):
        drift_watch(day(9), state, **options)  # type: ignore[arg-type]
    assert state.read_bytes() == before
    assert not drift_watch(day(9), state, primary="passed:down", reference=QUIET).alarm


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs what is watched"),
        ({"primary": "pased"}, "no column 'pased'"),
        ({"primary": "passed", "alpha": 2}, "alpha is in"),
        ({"primary": "passed", "alpha": 0.1, "looks_per_false_alarm": 9}, "either"),
        ({"primary": "passed", "limits": {"score": 0.5}}, "is not watched"),
        ({"primary": "passed", "limits": {"passed": 0.0}}, "nothing could be seen"),
        ({"primary": "latency", "bounds": {"latency": (5, 5)}}, "not in order"),
        ({"primary": "passed", "min_effect": {"passed": -1}}, "at least 0"),
        ({"primary": "passed", "cluster": "team"}, "no column 'team'"),
        ({"primary": "passed", "at": "noon"}, "neither a date"),
    ],
)
def test_bad_options_are_said_and_nothing_is_begun(
    state: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises((InputError, TableError), match=said):
        drift_watch(day(1), state, **options)  # type: ignore[arg-type]
    assert not state.exists()


def test_tables_go_forward_in_time(state: Path) -> None:
    watched(state, [0.95] * 3)
    with pytest.raises(InputError, match="the last look was at 2026-05-03"):
        drift_watch(day(9), state, at="2026-04-30")


def test_a_column_of_time_dates_the_look(state: Path) -> None:
    table = day(1).append_column("t", pa.array(["2026-05-01T10:00:00Z", "2026-05-02"] * 150))
    report = drift_watch(table, state, primary="passed", reference=QUIET, time="t")
    assert report.at == datetime(2026, 5, 2, tzinfo=UTC)


def test_what_is_missing_is_left_out_and_said_and_nothing_at_all_is_an_error(state: Path) -> None:
    watched(state, [0.95])
    gaps = pa.table({"passed": [True, None, False, None] * 20})
    report = drift_watch(gaps, state)
    assert report.columns[0].n == 40
    assert "40 missing" in report.notes[0]
    with pytest.raises(TableError, match="no value is there"):
        drift_watch(pa.table({"passed": pa.array([None, None], pa.bool_())}), state)
    with pytest.raises(TableError, match="watched as a rate"):
        drift_watch(pa.table({"passed": [0.3, 1.0]}), state)
    with pytest.raises(TableError, match="neither pass nor fail"):
        drift_watch(pa.table({"passed": ["yes", "perhaps"]}), state)
    assert drift_watch(pa.table({"passed": ["yes", "no"] * 3}), state).columns[0].value == 0.5


def _broken(state: Path, change: object) -> None:
    content = json.loads(state.read_text())
    change(content)  # type: ignore[operator]
    state.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("options"),
        lambda content: content["columns"][0].update(limit=3),
        lambda content: content["columns"][0]["log_wealth"].pop(),
        lambda content: content["looks"][0]["seen"].pop(),
        lambda content: content.update(cycle=99),
        lambda content: content.update(schema="aiir/drift/1"),
        lambda content: content["looks"][0]["seen"][0].update(mean="much"),
    ],
)
def test_a_damaged_state_is_refused_and_left_alone(state: Path, change: object) -> None:
    watched(state, [0.95] * 2)
    _broken(state, change)
    before = state.read_bytes()
    with pytest.raises(DocumentError, match="cannot be read; nothing was changed"):
        drift_watch(day(9), state)
    assert state.read_bytes() == before


def test_a_state_cut_short_is_refused(state: Path) -> None:
    watched(state, [0.95])
    state.write_bytes(state.read_bytes()[:200])
    with pytest.raises(DocumentError, match="not valid JSON"):
        drift_watch(day(9), state)


def _look(arguments: tuple[str, int]) -> None:
    drift_watch(day(arguments[1]), arguments[0], at="2026-06-01")


def test_two_runs_at_once_lose_no_look(state: Path) -> None:
    watched(state, [0.95])
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.map(_look, [(str(state), seed) for seed in range(100, 105)], chunksize=1)
    saved = load_state(state)
    assert saved is not None
    assert len(saved.looks) == 6
    assert len({look.digest for look in saved.looks}) == 6


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no kill -9 there")
def test_a_kill_leaves_the_old_state_or_the_new_one(state: Path, tmp_path: Path) -> None:
    watched(state, [0.95])
    for number in range(200, 212):
        pq.write_table(day(number, n=20_000), tmp_path / f"{number}.parquet")
    code = (
        "import sys; from aiir_eval.drift.watching.looking import drift_watch\n"
        "for path in sys.argv[2:]: drift_watch(path, sys.argv[1], at='2026-06-01')"
    )
    tables = [str(tmp_path / f"{number}.parquet") for number in range(200, 212)]
    for wait in (0.6, 0.8, 1.0, 1.2):
        process = subprocess.Popen([sys.executable, "-c", code, str(state), *tables])
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert load_state(state) is not None
    subprocess.run([sys.executable, "-c", code, str(state), *tables], check=True)
    saved = load_state(state)
    assert saved is not None
    assert len(saved.looks) == 13
    assert len({look.digest for look in saved.looks}) == 13


def test_it_is_a_public_name() -> None:
    assert aiir.drift_watch is drift_watch


@pytest.mark.slow
def test_quiet_years_keep_the_promise() -> None:
    """The whole path of a look but for files: limits from a reference, detectors, thresholds."""
    from aiir_eval.drift.watching.measuring import Measured, quiet_of
    from aiir_eval.stats.detectors import FalseAlarms, stakes

    years, n, promise = 300, 200, FalseAlarms(looks=365)
    alarms = 0
    for year in range(years):
        rng = np.random.default_rng([17, year])
        reference = (rng.random(2000) < 0.95).astype(float)
        quiet = quiet_of(reference, Measured(reference, None, True, 0), "down")
        limit = quiet.bound - 0.005
        bets = stakes(limit)
        wealth = np.full(24, -np.inf)
        for ones in rng.binomial(n, 0.95, 365):
            wealth = np.logaddexp(wealth, 0.0)
            wealth += ones * np.log1p(bets * (limit - 1)) + (n - ones) * np.log1p(bets * limit)
            if wealth.max() + np.log(np.exp(wealth - wealth.max()).mean()) >= promise.log_threshold:
                alarms += 1
                break
    assert alarms / years <= 0.02  # the promise alone would allow one a year
