"""``aiir drift-summarize``: summaries on the command line, and drift from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Aiir


@pytest.fixture
def days(tmp_path: Path) -> list[Path]:
    """Three days of a log; on the third one in ten that passed no longer does."""
    rng = np.random.default_rng(0)
    files = []
    for day, rate in enumerate((0.9, 0.9, 0.8)):
        passed = rng.random(1500) < rate
        table = pa.table(
            {
                "passed": passed,
                "latency": rng.lognormal(size=1500),
                "route": [f"route {i}" for i in rng.integers(0, 6, 1500)],
                "user": rng.integers(0, 400, 1500),
            }
        )
        files.append(tmp_path / f"day{day}.parquet")
        pq.write_table(table, files[-1])
    return files


def test_two_days_merged_stand_for_both_against_a_third(
    aiir: Aiir, days: list[Path], tmp_path: Path
) -> None:
    first, second, both = (tmp_path / f"{name}.json" for name in ("first", "second", "both"))
    assert aiir("drift-summarize", days[0], "--cluster", "user", "-o", first).code == 0
    assert aiir("drift-summarize", days[1], "--like", first, "-o", second).code == 0
    said = aiir("drift-summarize", "--merge", first, second, "-o", both)
    assert (said.code, said.out) == (0, "")
    assert "3,000 rows" in said.err
    for file in days[:2]:
        file.unlink()  # yesterday's log is not read again
    options = ("--primary", "passed", "--cluster", "user", "--format", "json")
    found = aiir("drift", both, days[2], *options).json
    assert (found["conclusion"], found["n_reference"]) == ("drift", 3000)
    assert next(c for c in found["columns"] if c["column"] == "passed")["drifted"]


def test_a_memory_limit_changes_no_conclusion(aiir: Aiir, days: list[Path]) -> None:
    plain = aiir("drift", days[0], days[2], "--format", "json").json
    tight = aiir("drift", days[0], days[2], "--memory-limit", "1KB", "--format", "json").json
    assert tight["conclusion"] == plain["conclusion"] == "drift"
    assert [c["drifted"] for c in tight["columns"]] == [c["drifted"] for c in plain["columns"]]


def test_chosen_columns_alone_are_kept(aiir: Aiir, days: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "summary.json"
    assert aiir("drift-summarize", days[0], "--columns", "passed,latency", "-o", out).code == 0
    text = out.read_text()
    assert "latency" in text
    assert "route" not in text


def test_help_says_that_a_summary_holds_values(aiir: Aiir) -> None:
    said = aiir("drift-summarize", "--help").out
    assert "quantiles and extremes, and the texts of levels" in " ".join(said.split())
    assert "confidential" in said


def test_what_cannot_be_done_is_said(
    aiir: Aiir, refused: Callable[..., str], days: list[Path], tmp_path: Path
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    for day, out in zip(days, (one, two), strict=False):
        aiir("drift-summarize", day, "-o", out)
    assert "--merge makes one" in refused("drift-summarize", *days, "-o", one)
    assert "is a .json file" in refused("drift-summarize", days[0], "-o", tmp_path / "x.parquet")
    assert "--merge is for summaries" in refused("drift-summarize", "--merge", *days, "-o", one)
    assert "not for merging" in refused(
        "drift-summarize", "--merge", one, two, "--columns", "passed", "-o", one
    )
    assert "counted at other edges" in refused("drift-summarize", "--merge", one, two, "-o", one)
    assert "--like" in refused("drift-summarize", "--merge", one, two, "-o", one)
    assert "no such file" in refused("drift-summarize", tmp_path / "no.parquet", "-o", one)
    assert "is no size" in refused("drift", one, days[0], "--memory-limit", "plenty")
    assert "need the rows" in refused("drift", one, days[0], "--by", "route")
    (tmp_path / "foreign.json").write_text('{"schema": "aiir/drift/1"}')
    assert "no summary of a table" in refused("drift", tmp_path / "foreign.json", days[0])
    assert one.exists()
