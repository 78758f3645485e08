"""``aiir drift-watch`` as cron runs it, and ``aiir drift`` over time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Aiir

from aiir_eval.cli.drift_watch import looks_of


def day(name: str, rate: float, *, n: int = 400, seed: int = 1) -> str:
    passed = np.random.default_rng([seed, len(name), ord(name[-1])]).random(n) < rate
    lines = [
        f"{str(bool(value)).lower()},{row % 40},2026-04-{1 + 28 * row // n:02}"
        for row, value in enumerate(passed)
    ]
    Path(f"{name}.csv").write_text("\n".join(["passed,user,day", *lines]) + "\n")
    return f"{name}.csv"


def log(days: int = 40, change: int = 25) -> str:
    rng = np.random.default_rng(3)
    rows = []
    for number in range(days):
        for _ in range(60):
            model = "new" if number >= change and rng.random() < 0.5 else "old"
            passed = rng.random() < (0.5 if model == "new" else 0.95)
            at = np.datetime64("2026-01-01T06:00:00") + np.timedelta64(number, "D")
            rows.append(f"{at}Z,{model},{int(passed)}")
    Path("log.csv").write_text("\n".join(["created_at,model,passed", *rows]) + "\n")
    return "log.csv"


START = ("--state", "w.json", "--primary", "passed:down", "--reference", "ref.csv", "--time", "day")


def test_quiet_is_0_an_alarm_is_1_and_acknowledging_ends_it(aiir: Aiir, here: Path) -> None:
    day("ref", 0.95, n=3000)
    quiet = aiir("drift-watch", day("d1", 0.95), *START, "--at", "2026-05-01")
    assert quiet.code == 0
    assert quiet.out.startswith("quiet after 1 looks")
    assert "at most one false alarm in 365 looks on average" in quiet.out
    odd = aiir("drift-watch", day("d2", 0.5), "--state", "w.json", "--at", "2026-05-02")
    assert odd.code == 0
    alarm = aiir("drift-watch", day("d5", 0.5), "--state", "w.json", "--at", "2026-05-03")
    assert alarm.code == 1
    assert alarm.out.startswith("ALARM: passed changed for the worse")
    assert "since 2026-05-02" in alarm.out
    assert "--acknowledge" in alarm.out
    assert aiir("drift-watch", day("d3", 0.95), "--state", "w.json").code == 1
    ended = aiir("drift-watch", "--state", "w.json", "--acknowledge", "rolled back")
    assert ended.code == 0
    assert "acknowledged: rolled back" in ended.out
    assert aiir("drift-watch", day("d4", 0.95), "--state", "w.json").code == 0


def test_json_is_only_json_and_says_all(aiir: Aiir, here: Path) -> None:
    day("ref", 0.95, n=3000)
    aiir("drift-watch", day("d0", 0.4), *START, "--at", "2026-05-01")
    again = ("--state", "w.json", "--at", "2026-05-02", "--format", "json")
    said = aiir("drift-watch", day("d1", 0.4), *again)
    assert said.code == 1
    assert said.json["alarm"] is True
    (column,) = said.json["columns"]
    assert column["column"] == "passed"
    assert column["since"]["at"] == "2026-05-01T00:00:00Z"
    assert column["limit"] < column["level"]
    assert "365 looks" in said.json["promise"]
    ignored = aiir("drift-watch", "d1.csv", "--state", "w.json", "--format", "json")
    assert ignored.json["ignored"] is True
    assert ignored.code == 1
    assert "looked at before" in ignored.err
    markdown = aiir("drift-watch", "d1.csv", "--state", "w.json", "--format", "markdown")
    assert markdown.out.startswith("**ALARM: passed")


def test_hostile_names_do_not_reach_the_terminal(aiir: Aiir, here: Path) -> None:
    Path("ref.csv").write_text("ok\x1b[31m\n" + "1\n0\n" * 200)
    said = aiir("drift-watch", "ref.csv", "--state", "w.json", "--primary", "ok\x1b[31m")
    assert said.code == 0
    assert "\x1b" not in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--state", "w.json"), "the table to look at is missing"),
        (("d1.csv", "--state", "w.json"), "needs what is watched"),
        (("none.csv", *START), "no such file"),
        (("d1.csv", *START, "--false-alarm-rate", "often"), "write 1/yr"),
        (("d1.csv", *START, "--false-alarm-rate", "1/yr", "--alpha", "0.1"), "either"),
        (("d1.csv", *START, "--limit", "passed"), "write COL=NUMBER"),
        (("d1.csv", *START, "--bounds", "passed=1"), "write COL=LOW:HIGH"),
        (("d1.csv", "--state", "w.json", "--acknowledge", "x"), "takes no table"),
        (("--state", "w.json", "--acknowledge", "x"), "no monitor"),
        (("d1.csv", *START, "--cluster", "team"), "no column 'team'"),
        (("d1.csv", "--state", "d1.csv"), "cannot be read; nothing was changed"),
    ],
)
def test_bad_input_is_2_and_begins_nothing(
    refused: Callable[..., str], here: Path, arguments: tuple[str, ...], said: str
) -> None:
    day("ref", 0.95)
    day("d1", 0.95)
    assert said in refused("drift-watch", *arguments)
    assert not Path("w.json").exists()


def test_runs_are_tables(aiir: Aiir, recorded: Callable[..., str]) -> None:
    old, new = recorded("old", [1, 1, 1, 0] * 50), recorded("new", [1, 0, 0, 0] * 50)
    options = ("--state", "w.json", "--primary", "passed", "--min-effect", "passed=0.05")
    options = (*options, "--unit", "rows")
    assert aiir("drift-watch", old, *options).code == 0
    assert aiir("drift-watch", new, "--state", "w.json").code == 1


@pytest.mark.parametrize(
    ("text", "looks"),
    [("1/yr", 365), ("1/year", 365), ("2/month", 15), ("1/1000", 1000), ("1/10yrs", 3650)],
)
def test_a_rate_of_false_alarms_is_looks_between_them(text: str, looks: float) -> None:
    assert looks_of(text) == looks


def test_drift_splits_one_log_dates_the_change_and_says_why(aiir: Aiir, here: Path) -> None:
    said = aiir(
        "drift", log(), "--time", "created_at", "--since", "2026-01-20", "--primary", "passed:down",
        "--by", "model", "--format", "json",
    )  # fmt: skip
    assert said.code == 0
    assert said.json["conclusion"] == "drift"
    series = {each["column"]: each for each in said.json["series"]}
    (point,) = series["passed"]["change_points"]
    assert point["at"] == "2026-01-26T00:00:00Z"
    assert said.json["segments"][0]["by"] == "model"
    assert said.json["segments"][0]["value"] == "new"
    shown = aiir("drift", "log.csv", "--time", "created_at", "--since", "2026-01-20").out
    assert "2026-01-26" in shown


def test_drift_needs_a_second_table_or_a_date(refused: Callable[..., str], here: Path) -> None:
    assert "Missing argument 'CURRENT'" in refused("drift", log(days=3))
    assert "since splits one table" in refused(
        "drift", "log.csv", "log.csv", "--time", "created_at", "--since", "2026-01-02"
    )
    assert "no length of time" in refused(
        "drift", "log.csv", "log.csv", "--time", "created_at", "--every", "often"
    )
