"""What is tested, as what, and what is said of the columns that are not?"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.result import DriftReport
from aiir_eval.errors import InputError

N = 60


def both(column: str, reference: object, current: object | None = None) -> DriftReport:
    """Drift of one column, next to one that can always be tested."""
    rng = np.random.default_rng(0)
    current = reference if current is None else current
    return drift(
        pa.table({column: reference, "x": rng.normal(size=N)}),
        pa.table({column: current, "x": rng.normal(size=N)}),
    )


def kinds(report: DriftReport) -> dict[str, str]:
    return {column.column: column.kind for column in report.columns}


SKIPPED = {
    "nothing in it": (pa.nulls(N, pa.float64()), None, "every value is null in reference"),
    "constant": ([7] * N, None, "one value throughout"),
    "constant truth": ([True] * N, None, "one value throughout"),
    "negative zero": ([0.0, -0.0] * (N // 2), None, "one value throughout"),
    "row number": (list(range(N)), list(range(N, 2 * N)), "it numbers the rows"),
    "ids": ([f"id {i}" for i in range(N)], None, "60 distinct texts in 120 values"),
    "free text": (
        [f"a {i}" for i in range(N)],
        [f"b {i}" for i in range(N)],
        "ids or free text",
    ),
    "dates": ([datetime.date(2024, 1, 1 + i % 28) for i in range(N)], None, "absolute time"),
    "lists": ([[i] for i in range(N)], None, "columns of type list"),
    "new type": (["1", "2"] * (N // 2), [1, 2] * (N // 2), "changed from string to int64"),
    "truth to number": ([True, False] * (N // 2), list(range(2, N + 2)), "its type changed"),
    "one value only": ([1.5] + [None] * (N - 1), [1.0, 2.0] * (N // 2), "fewer than two"),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_a_column_that_is_not_tested_is_named_with_the_reason(name: str) -> None:
    reference, current, reason = SKIPPED[name]
    report = both(name, reference, current)
    assert {"x", f"{name}: day of week", f"{name} is missing"} >= set(kinds(report)) > set()
    (note,) = [note for note in report.notes if note.startswith(f"{name} not tested")]
    assert reason in note


def test_a_column_on_one_side_only_is_named() -> None:
    x = np.arange(N) % 7
    report = drift(pa.table({"x": x, "old": x}), pa.table({"x": x, "new": x}))
    assert "old not tested: there is no such column in current" in report.notes
    assert "new not tested: there is no such column in reference" in report.notes


def test_zeros_and_ones_are_a_rate_whatever_their_type() -> None:
    ones = [1, 0] * (N // 2)
    for reference in (ones, [float(i) for i in ones], [bool(i) for i in ones]):
        assert kinds(both("passed", reference, ones))["passed"] == "boolean"
    assert kinds(both("n", ones, [2, 0] * (N // 2)))["n"] == "numeric"


def test_nulls_nan_and_infinity_are_left_out_and_counted() -> None:
    values = np.random.default_rng(1).normal(size=N)
    holes = values.copy()
    holes[:3], holes[3:5] = np.inf, np.nan
    report = both("v", pa.array([None, *values[1:]]), pa.array(holes, from_pandas=False))
    column = report.columns[0]
    assert column.note == "left out: 1 null in reference, 5 NaN or infinite in current"
    assert column.statistics["mean_reference"] == pytest.approx(values[1:].mean())
    assert column.statistics["mean_current"] == pytest.approx(values[5:].mean())


def test_decimals_and_huge_integers_are_numbers() -> None:
    rng = np.random.default_rng(2)
    cents = [decimal.Decimal(int(i)) / 100 for i in rng.integers(0, 1000, N)]
    assert kinds(both("price", cents))["price"] == "numeric"
    assert kinds(both("hash", rng.integers(2**61, 2**62, N)))["hash"] == "numeric"


def test_two_different_constants_are_a_drift_with_a_finite_effect() -> None:
    column = both("size", [5] * N, [7] * N).columns[0]
    assert column.drifted
    assert column.effect.name == "ks_distance"
    assert column.effect.estimate == 1


def test_new_and_vanished_levels_are_named_by_how_often_they_occur() -> None:
    report = both("route", ["a"] * 40 + ["b"] * 20, ["a"] * 40 + ["c"] * 15 + ["d"] * 5)
    note = report.columns[0].note
    assert note == "new levels: 'c' (15), 'd' (5); vanished levels: 'b' (20)"


FRAMES: dict[str, Callable[[pd.DataFrame], object]] = {
    "pandas": lambda frame: frame,
    "categories": lambda frame: frame.astype({"route": "category"}),
    "polars": lambda frame: pl.DataFrame(frame.to_dict("list")),
    "arrow": lambda frame: pa.Table.from_pandas(frame),
    "chunked": lambda frame: pa.concat_tables(
        [pa.Table.from_pandas(frame[:7]), pa.Table.from_pandas(frame[7:])]
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_any_frame_gives_the_same_report(name: str) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "ok": rng.random(N) < 0.5,
            "route": rng.choice(["a", "b", "c"], N),
        }
    )
    expected = drift(frame, frame.iloc[::-1]).to_dict()
    assert drift(FRAMES[name](frame), frame.iloc[::-1]).to_dict() == expected


def test_files_are_tables_too(tmp_path: object) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=N), "route": rng.choice(["a", "b"], N)})
    frame.to_csv(f"{tmp_path}/old.csv", index=False)
    frame.to_parquet(f"{tmp_path}/new.parquet")
    report = drift(f"{tmp_path}/old.csv", f"{tmp_path}/new.parquet")
    assert kinds(report) == {"x": "numeric", "route": "categorical"}
    assert all(column.pvalue > 0.98 for column in report.columns)


def test_levels_can_be_tested_by_relabelling_rows() -> None:
    rng = np.random.default_rng(9)

    def levels(share: list[float]) -> pa.Table:
        return pa.table({"route": [f"r{i}" for i in rng.choice(4, 300, p=share)]})

    old, same, new = (levels(p) for p in ([0.25] * 4, [0.25] * 4, [0.4, 0.2, 0.2, 0.2]))
    (quiet,) = drift(old, same, level_test="permutation").columns
    (loud,) = drift(old, new, level_test="permutation").columns
    assert quiet.test == loud.test == "chi-square test, permutation"
    assert quiet.pvalue == pytest.approx(drift(old, same).columns[0].pvalue, abs=0.03)
    assert loud.drifted
    assert not quiet.drifted
    with pytest.raises(InputError, match="level_test: 'exact' is no test"):
        drift(old, new, level_test="exact")  # type: ignore[arg-type]
