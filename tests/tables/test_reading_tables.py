"""Reading tables: every format gives the same rows, and what cannot be read says where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aiir_eval.errors import TableError
from aiir_eval.tables import join_id, read_table, table_digest

ROWS = {"id": ["001", "002", "010"], "n": [1, 2, 3], "ok": [True, False, True], "s": [0.5, 1.0, 0]}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def error_of(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(TableError) as caught:
        read_table(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["parquet", "folder", "csv", "tsv", "jsonl", "pandas", "polars"])
def test_every_form_of_a_table_gives_the_same_rows(kind: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    source: Any = tmp_path / f"t.{kind}"
    if kind == "parquet":
        frame.to_parquet(source)
    elif kind == "folder":
        source.mkdir()
        frame[:1].to_parquet(source / "part-0.parquet")
        frame[1:].to_parquet(source / "part-1.parquet")
        write(source / "_SUCCESS", "")
    elif kind in ("csv", "tsv"):
        frame.to_csv(source, index=False, sep="\t" if kind == "tsv" else ",")
    elif kind == "jsonl":
        frame.to_json(source, orient="records", lines=True)
    else:
        source = frame if kind == "pandas" else pl.DataFrame(ROWS)
    table = read_table(source, text_columns=["id"])
    assert table.to_pydict() == ROWS


def test_a_frame_with_a_named_index_keeps_it_and_an_unnamed_one_goes() -> None:
    frame = pd.DataFrame(ROWS)
    assert read_table(frame.set_index("id")).column_names == ["n", "ok", "s", "id"]
    assert read_table(frame[frame.n > 1]).column_names == ["id", "n", "ok", "s"]


def test_categories_and_views_are_plain_text() -> None:
    frame = pl.DataFrame({"c": pl.Series(["a", "b"], dtype=pl.Categorical), "t": ["x", "y"]})
    assert {str(kind) for kind in read_table(frame).schema.types} == {"large_string"}
    assert read_table(frame, where="c = 'a'").to_pydict() == {"c": ["a"], "t": ["x"]}


def test_csv_keeps_ids_text_and_numbers_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        "\ufeffid,plain,n,x,flag,day,mixed\n001,007,1,1.5,true,2024-01-01,1\n002,8,,2,False,x,a\n",
    )
    table = read_table(path, text_columns=["id", "n"])
    assert table.to_pydict() == {
        "id": ["001", "002"],
        "plain": ["007", "8"],  # a leading zero: text although no one said so
        "n": ["1", None],
        "x": [1.5, 2.0],
        "flag": [True, False],
        "day": ["2024-01-01", "x"],
        "mixed": ["1", "a"],
    }


def test_an_empty_cell_is_null_and_a_quoted_one_is_empty_text(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,output\n1,\n2,""\n')
    assert read_table(path)["output"].to_pylist() == [None, ""]


def test_a_number_too_large_for_64_bits_stays_what_it_is(tmp_path: Path) -> None:
    big = "123456789012345678901234567890"
    csv = write(tmp_path / "t.csv", f"id\n{big}\n")
    jsonl = write(tmp_path / "t.jsonl", f'{{"id": {big}}}\n')
    assert join_id(read_table(csv, text_columns=["id"]), "id") == [big]
    assert join_id(read_table(jsonl), "id") == [big]


def test_a_cell_with_line_breaks_and_one_longer_than_a_block_are_read(tmp_path: Path) -> None:
    long = "x" * (17 << 20)
    path = write(tmp_path / "t.csv", f'id,output\n1,"a\nb, ""c"""\n2,{long}\n')
    assert read_table(path)["output"].to_pylist() == ['a\nb, "c"', long]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", 'a,b\n1,"x\ny"\n1,2,3\n', ":4: the row has 3 cells, the header has 2"),
        ("t.csv", "a,b\n1,2\n3\n", ":3: the row has 1 cells"),
        ("t.csv", 'a,b\n1,2\n3,"x\n5,6\n', ":3: not valid CSV"),
        ("t.csv", b"a,b\n1,2\n3,\xff\n", ":3: the file is not UTF-8 text"),
        ("t.csv", b"a,\xff\n1,2\n", ":1: the file is not UTF-8 text"),
        ("t.csv", "a,a\n1,2\n", "two columns are named 'a'"),
        ("t.csv", "a,b\n", "the table has no rows"),
        ("t.csv", "", "the file is empty"),
        ("t.jsonl", '{"a": 1}\n{"a": \n', ":2: not valid JSON"),
        ("t.jsonl", '{"a": 1}\n\n{"a": NaN}\n', ":3: not valid JSON: NaN"),
        ("t.jsonl", '{"a": 1}\n[1]\n', ":2: each line is one JSON object"),
        ("t.jsonl", "\n", "the table has no rows"),
        ("t.jsonl", "[" * 100_000, ":1: not valid JSON"),
        ("t.parquet", "no parquet", "not a readable Parquet table"),
        ("t.xlsx", "", "the ending '.xlsx' names no table format"),
    ],
)
def test_what_cannot_be_read_says_where(
    name: str, content: str | bytes, says: str, tmp_path: Path
) -> None:
    message = error_of(write(tmp_path / name, content))
    assert says in message
    assert str(tmp_path / name) in message


def test_a_missing_file_a_folder_without_tables_and_no_table_at_all_are_errors(
    tmp_path: Path,
) -> None:
    assert "no such file" in error_of(tmp_path / "absent.csv")
    assert "the folder holds no Parquet file" in error_of(tmp_path)
    assert "a list is no table" in error_of([1, 2])
    assert "the table has no rows" in error_of(pa.table({"a": pa.array([], pa.int64())}))


def test_a_frame_that_arrow_cannot_hold_is_an_error_not_a_traceback() -> None:
    assert "cannot be read as a table" in error_of(pd.DataFrame({"a": [1, "x", [2]]}))


def test_reading_a_file_imports_no_dataframe_library_but_arrows_own(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,ok\n1,true\n")
    script = (
        "import sys; from aiir_eval.tables import read_table, as_passed\n"
        f"as_passed(read_table({str(path)!r}, where='ok'), 'ok')\n"
        "print(sorted({'polars', 'scipy', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", None, "y"], "b": [1.5, None, 2.0]})
    same = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert table_digest(table) == table_digest(same) == table_digest(pl.DataFrame(table))
    others = [
        table.slice(1),
        table.rename_columns(["b", "a"]),
        table.set_column(0, "a", pa.array(["x", "", "y"])),
        table.set_column(0, "a", pa.array(["xy", None, ""])),
    ]
    assert len({table_digest(other) for other in [table, *others]}) == 5
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "part.parquet")
    assert table_digest(tmp_path / "one") == table_digest(tmp_path / "two")
    pq.write_table(table, tmp_path / "two" / "more.parquet")
    assert table_digest(tmp_path / "one") != table_digest(tmp_path / "two")
