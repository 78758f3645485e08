"""A table read a column or a batch at a time is the table, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from aiir_eval.errors import TableError
from aiir_eval.tables import Source, open_source, read_table

ROWS = 1000
TABLE = pa.table(
    {
        "x": np.arange(ROWS) / 7,
        "n": pa.array([None if i % 50 == 0 else i % 9 for i in range(ROWS)]),
        "ok": [i % 3 == 0 for i in range(ROWS)],
        "route": [f"r{i % 5}" for i in range(ROWS)],
        "a.b": [f"text {i}" for i in range(ROWS)],
    }
)


def _file(folder: Path) -> Path:
    pq.write_table(TABLE, folder / "t.parquet", row_group_size=64)
    return folder / "t.parquet"


def _folder(folder: Path) -> Path:
    (folder / "parts" / "deep").mkdir(parents=True)
    pq.write_table(TABLE[:400], folder / "parts" / "a.parquet")
    pq.write_table(TABLE[400:], folder / "parts" / "deep" / "b.parquet")
    (folder / "parts" / "_SUCCESS").touch()
    return folder / "parts"


def _csv(folder: Path) -> Path:
    TABLE.to_pandas(types_mapper=pd.ArrowDtype).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def _jsonl(folder: Path) -> Path:
    pl.from_arrow(TABLE).write_ndjson(folder / "t.jsonl")  # type: ignore[union-attr]
    return folder / "t.jsonl"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "parquet": _file,
    "folder": _folder,
    "csv": _csv,
    "jsonl": _jsonl,
    "arrow": lambda _: TABLE,
    "chunks": lambda _: pa.concat_tables([TABLE[:9], TABLE[9:]]),
    "polars": lambda _: pl.from_arrow(TABLE),
    "pandas": lambda _: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
    "categories": lambda _: TABLE.set_column(3, "route", TABLE["route"].dictionary_encode()),
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    return open_source(SOURCES[request.param](tmp_path))


def values(column: pa.ChunkedArray) -> list[Any]:
    found: list[Any] = column.to_pylist()
    return found


def test_columns_and_size_are_known_without_reading(source: Source) -> None:
    assert source.schema.names == TABLE.column_names
    assert source.n_rows == ROWS
    kinds = [str(field.type).removeprefix("large_") for field in source.schema]
    assert kinds == ["double", "int64", "bool", "string", "string"]
    assert 10_000 < source.nbytes < 100_000  # 8 bytes a number, 4 a code, and the texts


def test_a_column_is_that_of_the_table(source: Source) -> None:
    for name in TABLE.column_names:
        assert values(source.column(name)) == values(TABLE[name])


def test_batches_hold_the_rows_in_order(source: Source) -> None:
    batches = list(source.batches(["route", "n"], batch_rows=150))
    assert max(batch.num_rows for batch in batches) <= 150
    assert all(batch.schema.names == ["route", "n"] for batch in batches)
    for name in ("route", "n"):
        assert [v for b in batches for v in b.column(name).to_pylist()] == values(TABLE[name])
    assert sum(batch.num_rows for batch in source.batches()) == ROWS


def test_a_source_is_itself(source: Source) -> None:
    assert open_source(source) is source


def test_text_of_a_file_stays_in_its_dictionary(tmp_path: Path) -> None:
    for path in (_file(tmp_path), _folder(tmp_path)):
        column = open_source(path).column("route")
        assert pa.types.is_dictionary(column.type)
        assert max(len(chunk.dictionary) for chunk in column.chunks) == 5


def test_only_what_is_decoded_for_one_reader_may_be_written_to(tmp_path: Path) -> None:
    assert not open_source(_file(tmp_path)).in_memory
    assert open_source(TABLE).in_memory


def test_partitions_are_columns(tmp_path: Path) -> None:
    ds.write_dataset(
        TABLE.select(["x", "route"]),
        tmp_path / "by",
        format="parquet",
        partitioning=["route"],
        partitioning_flavor="hive",
    )
    source = open_source(tmp_path / "by")
    assert source.n_rows == ROWS
    assert sorted(values(source.column("route"))) == sorted(values(TABLE["route"]))
    whole = read_table(tmp_path / "by")
    assert values(whole["x"]) == values(source.column("x"))


def _not_parquet(folder: Path) -> Path:
    (folder / "t.parquet").write_bytes(b"PAR1 this is no table PAR1")
    return folder / "t.parquet"


def _two_names(folder: Path) -> Any:
    return pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nowhere": (lambda folder: folder / "no.parquet", "no such file"),
    "not parquet": (_not_parquet, "not a readable Parquet table"),
    "an empty folder": (lambda folder: folder, "holds no Parquet file"),
    "no rows": (lambda _: TABLE[:0], "the table has no rows"),
    "two columns of one name": (_two_names, "two columns are named 'a'"),
    "no table": (lambda _: 7, "a int is no table"),
    "an unknown ending": (lambda folder: _renamed(folder), "names no table format"),
}


def _renamed(folder: Path) -> Path:
    (folder / "t.txt").write_text("x\n1\n")
    return folder / "t.txt"


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_opened_is_an_error_that_says_why(name: str, tmp_path: Path) -> None:
    make, message = BAD[name]
    with pytest.raises(TableError, match=message):
        open_source(make(tmp_path))


def test_a_file_that_breaks_off_is_an_error_of_its_table(tmp_path: Path) -> None:
    path = _file(tmp_path)
    source = open_source(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\x00" * 2000 + whole[2004:])
    with pytest.raises(TableError, match=r"t\.parquet: not a readable Parquet table"):
        source.column("x")
