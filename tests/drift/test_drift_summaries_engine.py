"""Do tables that are read in parts give the report of tables in memory?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import aiir_eval as aiir
from aiir_eval.drift.result import ColumnDrift, DriftReport
from aiir_eval.drift.summaries import engine, memory
from aiir_eval.errors import InputError, TableError

Window = Callable[..., pa.Table]
TINY = 1000  # bytes: anything is larger


def odd_window(rng: np.random.Generator, n: int, *, current: bool) -> pa.Table:
    """A column of every sort that is hard: ties, tails, constants, nulls, new levels, new range."""
    heavy = rng.standard_cauchy(n)
    heavy[rng.random(n) < 0.02] = np.nan
    heavy[:3] = [np.inf, -np.inf, 1e300]
    names = rng.integers(0, 40, n) + (25 if current else 0)
    return pa.table(
        {
            "normal": rng.normal(size=n),
            "heavy": heavy,
            "ties": rng.normal(size=n).round(1),
            "huge": rng.integers(2**60, 2**62, n),
            "outside": rng.random(n) + (5 if current else 0),
            "constant": np.full(n, 3.5),
            "row": np.arange(n),
            "truth": rng.random(n) < 0.4,
            "ones": (rng.random(n) < 0.4).astype(np.int8),
            "nothing": pa.nulls(n, pa.float64()),
            "untyped": pa.nulls(n),
            "gaps": pa.array(rng.normal(size=n), mask=rng.random(n) < (0.3 if current else 0.2)),
            "levels": pa.array([f"level {i}" for i in names]).dictionary_encode(),
            "many": [f"level {i}" for i in rng.integers(0, 1000, n)],
            "key": [f"row {i}" for i in range(n)],
            "empty": pa.array(np.where(rng.random(n) < 0.5, "", "a"), mask=rng.random(n) < 0.1),
            "changed": pa.array([1.0] * n) if current else pa.array(["a"] * n),
            "zero": np.where(rng.random(n) < 0.5, -0.0, 0.0) + (rng.random(n) < 0.5),
            "decimal": pa.array(rng.integers(0, 500, n), pa.int32()).cast(pa.decimal128(12, 2)),
            "only here" if current else "only there": rng.normal(size=n),
        }
    )


def same_report(exact: DriftReport, found: DriftReport, *, clustered: bool = False) -> None:
    assert (found.conclusion, found.n_reference) == (exact.conclusion, exact.n_reference)
    assert [item.column for item in found.columns] == [item.column for item in exact.columns]
    for one, two in zip(exact.columns, found.columns, strict=True):
        same_column(one, two, clustered=clustered)
    in_parts = "ids, or free text, which is only tested where it fits in memory"
    told = [
        {
            note.replace(in_parts, "ids or free text")
            for note in report.notes
            if "not tested" in note
        }
        for report in (exact, found)
    ]
    assert told[0] == told[1]
    assert not any(in_parts in note for note in exact.notes)


def same_column(one: ColumnDrift, two: ColumnDrift, *, clustered: bool) -> None:
    assert (two.kind, two.drifted, two.primary) == (one.kind, one.drifted, one.primary)
    if "ks" in one.statistics:
        least, most = two.statistics["ks"], two.statistics.get("ks_at_most", two.statistics["ks"])
        assert least - 1e-12 <= one.statistics["ks"] <= most + 1e-12
        assert most - least < 0.01
        exact = most == least
        if not clustered:
            assert two.pvalue >= one.pvalue * (1 - 1e-9)
    else:
        exact = True
    if exact and not clustered:
        assert two.pvalue == pytest.approx(one.pvalue, rel=1e-6, abs=1e-12)
    for name, value in one.statistics.items():
        if not name.startswith("ks") and not (clustered and "pvalue" in name):
            assert two.statistics[name] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)
    rough = 0.1 if clustered else 1e-9
    for bound in ("estimate", "low", "high"):
        expected = getattr(one.effect, bound)
        allowed = pytest.approx(expected, rel=rough, abs=0.1 * rough, nan_ok=True)
        if exact or one.effect.name != "ks_distance":
            assert getattr(two.effect, bound) == allowed


def written(table: pa.Table, path: Path, *, rows: int = 700) -> Path:
    """A table as a file (or a folder of Parquet files) whose parts are small."""
    if path.suffix == "":
        path.mkdir()
        for part, start in enumerate(range(0, table.num_rows, rows)):
            pq.write_table(table.slice(start, rows), path / f"part-{part}.parquet")
    elif path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    elif path.suffix == ".jsonl":
        lines = (json.dumps(row) for row in table.to_pylist())
        path.write_text("\n".join(lines) + "\n")
    else:
        pq.write_table(table, path, row_group_size=rows)
    return path


@pytest.fixture(scope="module")
def odd_tables() -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(1)
    return odd_window(rng, 3000, current=False), odd_window(rng, 2500, current=True)


def test_hard_columns_are_judged_in_parts_as_in_memory(
    odd_tables: tuple[pa.Table, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiir_eval.drift.summaries.scanning.BATCH_ROWS", 450)
    old, new = (table.drop_columns(["huge"]) for table in odd_tables)
    files = written(old, tmp_path / "old.parquet"), written(new, tmp_path / "new.parquet")
    exact = aiir.drift(old, new)
    same_report(exact, aiir.drift(*files, memory_limit=TINY))
    same_report(exact, aiir.drift(old, new, memory_limit=TINY))


def test_whole_numbers_beyond_doubles_are_rounded_and_judged(
    odd_tables: tuple[pa.Table, pa.Table],
) -> None:
    old, new = (table.select(["huge"]) for table in odd_tables)
    exact, found = aiir.drift(old, new), aiir.drift(old, new, memory_limit=TINY)
    assert found.conclusion == exact.conclusion
    assert found.columns[0].statistics["ks"] <= exact.columns[0].statistics["ks"] + 1e-9


@pytest.mark.parametrize("name", ["table", "table.csv", "table.jsonl"])
def test_folders_and_text_files_are_read_in_parts(
    window: Window, tmp_path: Path, name: str
) -> None:
    rng = np.random.default_rng(2)
    files = []
    for side in ("old", "new"):
        (tmp_path / side).mkdir()
        files.append(written(window(rng, 2000), tmp_path / side / name))
    found = aiir.drift(*files, memory_limit=TINY)
    same_report(aiir.drift(*files), found)


def test_text_files_give_the_types_that_all_their_rows_decide(tmp_path: Path) -> None:
    rows = 300_000  # several blocks of the reader; the last row alone makes a column text
    values = np.arange(rows) % 7
    names = pa.array([*map(str, values[:-1]), "x"])
    table = pa.table({"late": names, "real": values + 0.5, "pad": ["p" * 60] * rows})
    file = written(table, tmp_path / "table.csv")
    summary = aiir.summarize(file)
    assert {name: state.type_name for name, state in summary.columns.items()} == {
        "late": "string",
        "real": "double",
        "pad": "string",
    }
    assert summary.n_rows == rows


def test_a_text_file_that_is_broken_far_down_is_an_error_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n" + "1,2\n" * 5000 + "1,2,3\n")
    with pytest.raises(TableError, match=r"5002.*3 cells"):
        aiir.drift(file, file, memory_limit=TINY)


@pytest.mark.parametrize("users", [60, 5000])
def test_clusters_are_judged_in_parts_as_in_memory(
    clustered_window: Window, users: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    old, new = (
        clustered_window(rng, 10 * users, name, size=10).append_column(
            "gaps", pa.array(rng.normal(size=10 * users), mask=rng.random(10 * users) < 0.1)
        )
        for name in "ab"
    )
    exact = aiir.drift(old, new, cluster="user")
    same_report(exact, aiir.drift(old, new, cluster="user", memory_limit=TINY), clustered=True)


def test_clusters_on_both_sides_are_pairs_in_parts_too() -> None:
    rng = np.random.default_rng(4)
    base = 20 * rng.normal(size=400)

    def side(shift: float) -> pa.Table:
        score = np.repeat(base, 5) + rng.normal(size=2000) + shift
        return pa.table({"score": score, "user": np.repeat(np.arange(400), 5)})

    old, new = side(0.0), side(1.1)
    found = aiir.drift(old, new, cluster="user", memory_limit=TINY, columns="score")
    assert found.conclusion == "drift"  # beyond chance only because users are their own controls
    same_report(aiir.drift(old, new, cluster="user", columns="score"), found, clustered=True)
    assert aiir.drift(old, new, columns="score").conclusion != "drift"


def straddling() -> tuple[pa.Table, pa.Table, float]:
    """A shape change, and a minimum KS distance that lies inside the bound of states."""
    rng = np.random.default_rng(5)
    old, new = rng.normal(size=60_000), 1.2 * rng.normal(size=60_000)
    new -= new.mean() - old.mean()
    tables = pa.table({"x": old}), pa.table({"x": new})
    loose = aiir.drift(aiir.summarize(tables[0]), tables[1]).columns[0].statistics
    assert loose["ks"] < loose["ks_at_most"]
    return *tables, (loose["ks"] + loose["ks_at_most"]) / 2


def test_what_bounds_leave_open_is_read_again_and_settled_exactly() -> None:
    old, new, smallest = straddling()
    options: dict[str, Any] = {"min_effect": {"ks": smallest, "sd": 1}}
    exact = aiir.drift(old, new, **options)
    found = aiir.drift(old, new, memory_limit=TINY, **options)
    assert found.conclusion == exact.conclusion
    assert "ks_at_most" not in found.columns[0].statistics
    assert found.columns[0].statistics["ks"] == pytest.approx(exact.columns[0].statistics["ks"])


def test_where_only_a_summary_is_left_the_conclusion_is_inconclusive_and_says_so() -> None:
    old, new, smallest = straddling()
    options: dict[str, Any] = {"min_effect": {"ks": smallest, "sd": 1}}
    for sides in ((aiir.summarize(old), new), (old, aiir.summarize(new, like=aiir.summarize(old)))):
        found = aiir.drift(*sides, **options)
        assert found.conclusion == "inconclusive"
        (note,) = [note for note in found.notes if "undecided" in note]
        assert "its KS distance lies between" in note
        assert "compare with the table itself" in note
    clear = {"min_effect": {"ks": smallest / 2, "sd": 1}}
    assert aiir.drift(aiir.summarize(old), new, **clear).conclusion == "drift"  # type: ignore[arg-type]


def test_ties_count_in_parts_too_where_few_values_were_not_all_sampled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aiir_eval.drift.summaries.scanning.SAMPLE_ROWS", 50)
    rng = np.random.default_rng(11)
    old, new = (pa.table({"x": rng.poisson(mean, 4000)}) for mean in (3.0, 3.1))
    exact, found = aiir.drift(old, new), aiir.drift(old, new, memory_limit=TINY)
    same_report(exact, found)
    assert "ks_at_most" not in found.columns[0].statistics
    assert found.columns[0].pvalue == pytest.approx(exact.columns[0].pvalue)


def test_new_levels_are_named_though_there_are_too_many_to_keep_their_texts() -> None:
    names = pa.array([f"level {i}" for i in range(70_000)])
    old = pa.table({"level": pa.concat_arrays([names] * 3)})
    new = pa.table({"level": pa.concat_arrays([*[names.slice(5)] * 2, pa.array(["new"] * 3000)])})
    exact, found = aiir.drift(old, new), aiir.drift(old, new, memory_limit=TINY)
    same_report(exact, found)
    assert "new levels: 'new' (3,000)" in found.columns[0].note
    assert "vanished levels: 'level 0' (3), 'level 1' (3)" in found.columns[0].note
    assert "70,001 levels, counted without their texts" in found.columns[0].note


def test_a_row_longer_than_a_block_of_the_reader_is_read(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text("a,b\n" + "1,x\n" * 500_000 + f"2,{'y' * 3_000_000}\n" + "3,x\n")
    summary = aiir.summarize(file)
    assert summary.n_rows == 500_002
    assert summary.columns["a"].mean == (500_000 + 5) / 500_002  # type: ignore[union-attr]


def test_a_summary_stands_for_its_table(window: Window) -> None:
    rng = np.random.default_rng(6)
    old, new = window(rng, 3000), window(rng, 3000)
    exact = aiir.drift(old, new, primary="half,normal:up")
    for sides in ((aiir.summarize(old), new), (aiir.summarize(old), aiir.summarize(new))):
        same_report(exact, aiir.drift(*sides, primary="half,normal:up"))
    last = aiir.summarize(new, like=aiir.summarize(old))
    same_report(exact, aiir.drift(old, last, primary="half,normal:up"))


def test_options_that_need_every_value_are_refused(window: Window) -> None:
    rng = np.random.default_rng(7)
    old, new = window(rng, 500), window(rng, 500)
    summary = aiir.summarize(old)
    with pytest.raises(InputError, match="needs every value"):
        aiir.drift(summary, new, numeric_test="wasserstein")
    with pytest.raises(InputError, match="knows no clusters of eight"):
        aiir.drift(summary, new, cluster="eight", columns="normal")
    with pytest.raises(InputError, match="need the rows of a table"):
        aiir.drift(summary, new, by="eight")
    with pytest.raises(InputError, match="there is no column 'nope'"):
        aiir.drift(summary, new, columns="nope")


def test_a_null_cluster_is_an_error_in_parts_too() -> None:
    table = pa.table({"x": [1.0, 2.0, 3.0], "user": ["a", None, "b"]})
    with pytest.raises(TableError, match="belongs to no cluster"):
        aiir.drift(table, table, cluster="user", memory_limit=TINY)


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("1.5 gb", 1_500_000_000), ("2GiB", 2**31), (12345, 12345), ("7", 7)],
)
def test_a_memory_limit_is_a_size(text: int | str, size: int) -> None:
    assert memory.memory_limit_of(text) == size


def test_a_limit_that_nothing_could_keep_to_is_said(window: Window) -> None:
    table = window(np.random.default_rng(10), 200)
    said = aiir.drift(table, table, memory_limit="20MB").notes[0]
    assert said.startswith("a memory limit of 20 MB is less than reading in parts takes")
    assert "memory limit" not in " ".join(aiir.drift(aiir.summarize(table), table).notes)


@pytest.mark.parametrize("text", ["lots", "-5MB", "5 parsecs", "", 0, True])
def test_what_is_no_size_is_an_error(text: Any) -> None:
    with pytest.raises(InputError, match="memory_limit"):
        memory.memory_limit_of(text)


def test_the_default_limit_is_a_share_of_what_is_free() -> None:
    assert 0 < memory.memory_limit_of(None) < memory.available_memory()


def test_tables_are_read_in_parts_only_above_the_limit(window: Window, tmp_path: Path) -> None:
    file = written(window(np.random.default_rng(8), 500), tmp_path / "table.parquet")
    names = ("a", "b")
    assert engine.open_streams(file, file, names=names) is None
    assert engine.open_streams(file, file, names=names, memory_limit="1MB") is not None


CHILD = """
import sys
import aiir_eval as aiir
report = aiir.drift(sys.argv[1], sys.argv[2], memory_limit=sys.argv[3])
from aiir_eval.drift.document import save_drift
save_drift(report, sys.argv[4])
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory from /proc")
def test_files_larger_than_the_limit_are_compared_within_it(tmp_path: Path) -> None:
    limit, rows, group = 400_000_000, 12_000_000, 500_000
    rng = np.random.default_rng(9)
    files = tmp_path / "old.parquet", tmp_path / "new.parquet"
    names = pa.array([f"level {i}" for i in range(90)])
    for file, size, power in ((files[0], 2 * group, 1.0), (files[1], rows, 1.2)):
        writer = None
        for _ in range(size // group):
            columns = {f"x{i}": pa.array(rng.random(group)) for i in range(4)}
            columns["shifted"] = pa.array(rng.random(group) ** power)
            codes = pa.array(rng.integers(0, 90, group, np.int32))
            columns["level"] = pa.DictionaryArray.from_arrays(codes, names)
            part = pa.table(columns)
            writer = writer or pq.ParquetWriter(
                file, part.schema, use_dictionary=["level"], compression="none"
            )
            writer.write_table(part)
        assert writer is not None
        writer.close()
    decoded = rows * 5 * 8
    assert decoded > limit
    reports = []
    for most in (str(limit), "1TB"):
        out = tmp_path / f"{most}.json"
        arguments = [sys.executable, "-c", CHILD, *map(str, files), most, str(out)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        peak = 1024 * int(done.stdout)
        assert most == "1TB" or peak < limit
        reports.append(aiir.load_drift(out))
    assert any("ks_at_most" in item.statistics for item in reports[0].columns)  # it was in parts
    same_report(reports[1], reports[0])
    assert [item.column for item in reports[0].columns if item.drifted] == ["shifted"]


@pytest.mark.parametrize("unit", [1e-170, 1e155, 1e300])
@pytest.mark.filterwarnings("error")
def test_numbers_of_any_size_are_judged_by_cluster_from_summaries(
    tmp_path: Path, unit: float
) -> None:
    from aiir_eval.drift.summaries.summarizing import summarize

    rng = np.random.default_rng(17)
    sides = [
        pa.table({"x": rng.normal(size=400) * unit, "user": np.repeat(np.arange(40), 10)})
        for _ in range(2)
    ]
    summarize(sides[0], cluster="user").save(tmp_path / "old.json")
    pq.write_table(sides[1], tmp_path / "new.parquet")
    paths = str(tmp_path / "old.json"), str(tmp_path / "new.parquet")
    found = aiir.drift(*paths, cluster="user").columns[0]
    exact = aiir.drift(*sides, cluster="user").columns[0]
    assert found.effect.estimate == pytest.approx(exact.effect.estimate, rel=1e-9)
    assert found.effect.low == pytest.approx(exact.effect.low, rel=1e-6)
    assert found.statistics["welch_t_pvalue"] == pytest.approx(
        exact.statistics["welch_t_pvalue"], abs=0.05
    )
