"""What becomes of columns that are odd: each is defined, and the report says what was done."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.result import ColumnDrift, DriftReport
from aiir_eval.errors import InputError

N = 400


def compared(reference: Any, current: Any, **options: Any) -> DriftReport:
    """One odd column, beside one that can always be tested."""
    rng = np.random.default_rng(0)
    sides = (reference, current)
    return drift(
        *(pa.table({"v": side, "x": rng.normal(size=len(side))}) for side in sides), **options
    )


def of(report: DriftReport, name: str = "v") -> ColumnDrift:
    (found,) = [item for item in report.columns if item.column == name]
    return found


def why_not(report: DriftReport, name: str = "v") -> str:
    (note,) = [note for note in report.notes if note.startswith(f"{name} not tested: ")]
    return note.removeprefix(f"{name} not tested: ")


def ks_of_ranks(x: list[int], y: list[int]) -> float:
    """KS of whole numbers of any size: their ranks fit into doubles."""
    rank = {value: i for i, value in enumerate(sorted({*x, *y}))}
    return float(stats.ks_2samp([rank[v] for v in x], [rank[v] for v in y]).statistic)


@pytest.mark.parametrize("base", [2**53, 2**62, 2**63 - 400, -(2**63)])
def test_whole_numbers_beyond_doubles_are_told_apart(base: int) -> None:
    rng = np.random.default_rng(1)
    x, y = ([base + int(i) for i in rng.integers(low, low + 40, N)] for low in (0, 3))
    found = of(compared(pa.array(x, pa.int64()), pa.array(y, pa.int64())))
    assert found.statistics["ks"] == pytest.approx(ks_of_ranks(x, y), abs=1e-12)
    assert found.statistics["ks"] > 0.05
    assert "doubles" not in found.note


def test_the_upper_half_of_unsigned_numbers_is_told_apart() -> None:
    rng = np.random.default_rng(2)
    x, y = ([2**64 - 60 + int(i) for i in rng.integers(low, low + 40, N)] for low in (0, 3))
    found = of(compared(pa.array(x, pa.uint64()), pa.array(y, pa.uint64())))
    assert found.statistics["ks"] == pytest.approx(ks_of_ranks(x, y), abs=1e-12)


def test_signed_and_unsigned_numbers_are_compared_as_whole_numbers_where_they_fit() -> None:
    rng = np.random.default_rng(3)
    x, y = ([2**60 + int(i) for i in rng.integers(low, low + 40, N)] for low in (0, 3))
    found = of(compared(pa.array(x, pa.int64()), pa.array(y, pa.uint64())))
    assert found.statistics["ks"] == pytest.approx(ks_of_ranks(x, y), abs=1e-12)
    assert found.note == ""


def test_huge_whole_numbers_beside_doubles_are_said_to_be_rounded() -> None:
    rng = np.random.default_rng(4)
    x = pa.array([2**60 + int(i) for i in rng.integers(0, 40, N)])
    y = pa.array(2.0**60 * (1 + 1e-9 * rng.normal(size=N)))
    assert "whole numbers beyond 2^53 are compared as doubles" in of(compared(x, y)).note
    small = of(compared(pa.array(rng.integers(0, 40, N)), pa.array(rng.normal(size=N))))
    assert small.note == ""


def test_decimals_are_numbers_and_long_ones_are_said_to_be_rounded() -> None:
    rng = np.random.default_rng(5)
    cents = [decimal.Decimal(int(i)) / 100 for i in rng.integers(0, 4000, N)]
    short = of(compared(pa.array(cents, pa.decimal128(9, 2)), pa.array(cents, pa.decimal128(9, 2))))
    assert short.kind == "numeric"
    assert short.statistics["ks"] == 0
    assert short.note == ""
    long = of(compared(pa.array(cents, pa.decimal128(30, 2)), pa.array(np.arange(N) / 7)))
    assert long.note == "decimals are compared as doubles"


@pytest.mark.parametrize("cluster", [False, True])
def test_nan_infinities_and_negative_zero_change_nothing_in_the_finite_values(
    cluster: bool,
) -> None:
    rng = np.random.default_rng(6)
    x, y = np.round(rng.standard_t(3, N), 1), np.round(rng.standard_t(3, N) + 0.2, 1)
    odd = np.array([np.nan, np.inf, -np.inf, -np.nan, np.inf])
    negative = np.where(y == 0, -0.0, y)
    users = {"user": np.arange(N + odd.size)} if cluster else {}
    old = pa.table({"v": np.concatenate([odd, x]), **users})
    new = pa.table({"v": np.concatenate([negative, odd]), **users})
    found = of(drift(old, new, cluster="user" if cluster else None))
    assert found.statistics["ks"] == pytest.approx(stats.ks_2samp(x, y).statistic, abs=1e-12)
    welch = stats.ttest_ind(y, x, equal_var=False)
    assert found.statistics["welch_t"] == pytest.approx(welch.statistic, abs=1e-12)
    assert "5 NaN or infinite in reference, 5 NaN or infinite in current" in found.note


def test_a_million_levels_are_compared() -> None:
    rng = np.random.default_rng(7)
    levels, n = 1_000_000, 1_200_000
    names = pc_names(levels)
    old, new = (
        pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)
        for codes in (rng.integers(0, levels, n), rng.integers(0, levels, n) // 2)
    )
    report = drift(pa.table({"v": old}), pa.table({"v": new}))
    found = of(report)
    assert found.statistics["levels"] > 800_000
    assert found.drifted
    assert found.effect.estimate == pytest.approx(0.5, abs=0.1)  # half the levels are gone
    assert "vanished levels: " in found.note
    assert found.note.endswith(" more")
    assert found.distribution is not None
    assert len(found.distribution.at) == 13


def pc_names(levels: int) -> pa.Array:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise("level", pa.array(np.arange(levels)).cast("string"), " ")


NOTHING: dict[str, tuple[Any, Any, str]] = {
    "null on one side": (pa.nulls(N, pa.float64()), np.arange(N) / 7, "every value is null in ref"),
    "null on the other": (
        pa.array(["a", "b"] * (N // 2)),
        pa.nulls(N),
        "every value is null in cu",
    ),
    "null on both": (pa.nulls(N), pa.nulls(N), "every value is null in reference"),
    "NaN on one side": (np.full(N, np.nan), np.arange(N) / 7, "fewer than two finite values"),
    "numbers became text": (np.arange(N) % 9, [str(i % 9) for i in range(N)], "its type changed"),
    "text became binary": (["a", "b"] * (N // 2), [b"a", b"b"] * (N // 2), "its type changed"),
    "numbers became lists": (np.arange(N) % 9, [[i % 9] for i in range(N)], "its type changed"),
    "mappings": ([{"a": i} for i in range(N)], [{"a": i} for i in range(N)], "columns of type str"),
    "durations became numbers": (
        pa.array(np.arange(N), pa.duration("s")),
        np.arange(N) % 9,
        "its type changed from duration[s] to int64",
    ),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_column_that_cannot_be_compared_is_named_with_the_reason(name: str) -> None:
    reference, current, reason = NOTHING[name]
    report = compared(reference, current)
    assert why_not(report).startswith(reason)
    assert of(report, "x").kind == "numeric"


def _dictionary(values: list[Any], index: pa.DataType) -> pa.Array:
    return pa.array(values).dictionary_encode().cast(pa.dictionary(index, pa.array(values).type))


SAME_LEVELS: dict[str, Callable[[list[str]], pa.Array | pa.ChunkedArray]] = {
    "dictionary": lambda values: _dictionary(values, pa.int8()),
    "large text": lambda values: pa.array(values, pa.large_string()),
    "views": lambda values: pa.array(values, pa.string_view()),
    "chunks with dictionaries of their own": lambda values: pa.chunked_array(
        [_dictionary(values[:9], pa.int32()), _dictionary(values[9:], pa.int32())]
    ),
    "levels that do not occur": lambda values: pa.Table.from_pandas(
        pd.DataFrame({"v": pd.Categorical(values, [*sorted(set(values)), "zz"])})
    )["v"],
}


@pytest.mark.parametrize("name", SAME_LEVELS)
def test_levels_are_the_same_however_they_are_kept(name: str) -> None:
    rng = np.random.default_rng(8)
    old, new = (list(rng.choice(["a", "b", "c", ""], N)) for _ in range(2))
    expected = of(compared(pa.array(old), pa.array(new)))
    assert expected.statistics["levels"] == 4  # empty text is a level
    found = of(compared(SAME_LEVELS[name](old), pa.array(new)))
    assert found == expected


def test_nulls_in_a_dictionary_are_nulls() -> None:
    levels = pa.array(["a", None, "b"])
    codes = pa.array([0, 1, 2, None] * (N // 4), pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, levels)
    found = of(compared(column, pa.array(["a", "b"] * (N // 2))))
    assert found.statistics["levels"] == 2
    assert f"{N // 2} null in reference" in found.note


def test_a_dictionary_of_numbers_is_a_column_of_numbers() -> None:
    values = [i % 7 for i in range(N)]
    found = of(compared(_dictionary(values, pa.int16()), pa.array(values)))
    assert found.kind == "numeric"
    assert found.statistics["ks"] == 0


def test_binary_levels_are_named_in_hexadecimal() -> None:
    found = of(compared([b"\x00\xff", b"ok"] * (N // 2), [b"ok", b"\xfe"] * (N // 2)))
    assert found.kind == "categorical"
    assert found.note == f"new levels: 'fe' ({N // 2}); vanished levels: '00ff' ({N // 2})"


def test_frames_are_left_as_they_were() -> None:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"v": rng.normal(size=N), "n": rng.integers(0, 99, N)})
    before = frame.copy()
    table = pa.Table.from_pandas(frame)
    drift(frame, table)
    pd.testing.assert_frame_equal(frame, before)
    assert table.to_pandas().equals(before)


def test_a_file_says_what_its_frame_says(tmp_path: Path, window: Callable[..., pa.Table]) -> None:
    rng = np.random.default_rng(10)
    old, new = window(rng, 900), window(rng, 700)
    expected = drift(old, new)
    for number, table in enumerate((old, new)):
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=128)
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(new[:300], folder / "a.parquet")
    pq.write_table(new[300:], folder / "b.parquet")
    for current in (tmp_path / "1.parquet", folder, new):
        report = drift(tmp_path / "0.parquet", current)
        for found, wanted in zip(report.columns, expected.columns, strict=True):
            assert found.pvalue == pytest.approx(wanted.pvalue, abs=1e-12)
            assert found.effect.estimate == pytest.approx(wanted.effect.estimate, abs=1e-12)
            assert found.distribution == wanted.distribution


def test_both_sides_are_drawn_at_few_points(window: Callable[..., pa.Table]) -> None:
    rng = np.random.default_rng(11)
    report = drift(window(rng, 3000), window(rng, 3000))
    numbers = of(report, "heavy").distribution
    assert numbers is not None
    assert numbers.form == "ecdf"
    assert 10 < len(numbers.at) <= 64
    for shares in (numbers.reference, numbers.current):
        assert list(shares) == sorted(shares)
        assert shares[-1] == 1
    levels, rates = of(report, "fifty").distribution, of(report, "half").distribution
    assert levels is not None
    assert rates is not None
    assert levels.at[-1] == "38 more"
    assert rates.at == ("false", "true")
    for bars in (levels, rates):
        assert sum(bars.reference) == pytest.approx(1)
        assert sum(bars.current) == pytest.approx(1)


def test_divergences_are_beside_the_effect_and_near_nothing_without_a_change(
    window: Callable[..., pa.Table],
) -> None:
    rng = np.random.default_rng(12)
    report = drift(window(rng, 2000), window(rng, 2000))
    for item in report.columns:
        sizes = {effect.name: effect for effect in item.effects}
        assert {"psi", "jensen_shannon", "hellinger"} <= set(sizes)
        assert ("ks_distance" in sizes) == (item.kind == "numeric")
        assert 0 <= sizes["psi"].estimate < 0.05
        assert sizes["psi"].low <= sizes["psi"].estimate <= sizes["psi"].high


TESTS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "ks": lambda x, y: stats.ks_2samp(x, y).pvalue,
    "welch": lambda x, y: stats.ttest_ind(x, y, equal_var=False).pvalue,
    "cramer-von-mises": lambda x, y: stats.cramervonmises_2samp(x, y, method="asymptotic").pvalue,
}


@pytest.mark.parametrize("name", [*TESTS, "anderson-darling", "wasserstein"])
def test_the_test_of_numbers_can_be_chosen(name: Any) -> None:
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=900), rng.normal(0.1, 1, size=800)
    found = of(compared(x, y, numeric_test=name))
    assert found.test == {"welch": "welch_t"}.get(name, name)
    if name in TESTS:
        assert found.pvalue == pytest.approx(TESTS[name](x, y), abs=2e-3 if "-" in name else 1e-12)
    assert of(compared(x, y + 1, numeric_test=name)).drifted
    assert found == of(compared(x, y, numeric_test=name))


def test_a_test_that_is_not_made_by_cluster_is_refused() -> None:
    table = pa.table({"x": np.arange(9.0) % 4, "user": np.arange(9)})
    with pytest.raises(InputError, match="with clusters there is no wasserstein test"):
        drift(table, table, cluster="user", numeric_test="wasserstein")
    with pytest.raises(InputError, match="'t' is no test"):
        drift(table, table, numeric_test="t")  # type: ignore[arg-type]
