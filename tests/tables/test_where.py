"""`where`: an expression over one table, with access to nothing else."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from aiir_eval.errors import TableError
from aiir_eval.tables import read_table

TABLE = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "model": pa.array(["v1", "v2", "v2", None]).dictionary_encode(),
        "n": [3, 1, 2, None],
        "tags": [["x"], [], ["y", "x"], None],
    }
)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("model = 'v2'", ["b", "c"]),
        ("n > 1 AND model IS NOT NULL", ["a", "c"]),
        ("n > 1 OR n IS NULL -- a comment", ["a", "c", "d"]),
        ("list_contains(tags, 'x')", ["a", "c"]),
        ("id SIMILAR TO '[ab]'", ["a", "b"]),
        ("row_number() OVER (ORDER BY n) = 1", ["b"]),
        ("true", ["a", "b", "c", "d"]),
    ],
)
def test_where_keeps_the_rows_it_is_true_for_in_their_order(where: str, kept: list[str]) -> None:
    table = read_table(TABLE, where=where)
    assert table["id"].to_pylist() == kept
    assert table.column_names == TABLE.column_names


@pytest.mark.parametrize(
    "where",
    [
        "EXISTS (SELECT * FROM read_csv('/etc/passwd'))",
        "n IN (SELECT 1)",
        "(SELECT count(*) FROM duckdb_settings()) > 0",
        "(FROM read_text('/etc/passwd')) IS NOT NULL",
        "id IN (SELECT column0 FROM '/etc/passwd')",
        "(SELECT count(*) FROM TABLE) > 0",
        "n > 1; DROP TABLE t",
        "n > 1; COPY (SELECT 1) TO '/tmp/x.csv'",
        "COPY t TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "getenv('HOME') IS NOT NULL",
        "read_text('/etc/passwd') IS NOT NULL",
        "true) UNION (SELECT 1",
        "true UNION SELECT 1",
        "1) , (2",
        "n > 1, n > 2",
        "n > $1",
        "n",
        "count(*) > 1",
        "unnest([true, false])",
        "*",
        "",
        "'",
        "nope = 1",
    ],
)
def test_where_is_one_boolean_expression_over_this_table_alone(where: str) -> None:
    with pytest.raises(TableError, match="where") as caught:
        read_table(TABLE, where=where)
    assert repr(where) in str(caught.value)


def test_where_does_not_see_frames_of_the_caller() -> None:
    frame = pa.table({"n": [1]})
    with pytest.raises(TableError, match="subquery"):
        read_table(TABLE, where="n IN (SELECT n FROM frame)")
    with pytest.raises(TableError, match='"frame" not found'):
        read_table(TABLE, where="frame.n = 1")
    assert frame.num_rows == 1


def test_a_column_of_any_name_is_the_tables_own() -> None:
    rows = pa.table({"row": [5, 6], "ROW_": [1, 2], "keep": [False, True]})
    assert read_table(rows, where="row = 6 AND keep")["row"].to_pylist() == [6]


def test_where_that_selects_nothing_says_so() -> None:
    with pytest.raises(TableError, match="it selects none of the 4 rows"):
        read_table(TABLE, where="n > 100")


def test_an_unknown_column_lists_the_columns_there_are() -> None:
    with pytest.raises(TableError, match="the columns are 'id', 'model', 'n', 'tags'"):
        read_table(TABLE, where="modle = 'v2'")


def test_where_sees_a_text_column_as_the_numbers_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,occ,v\n1,0,a\n1,1,b\n2,0,c\n")
    table = read_table(path, where="occ = 0 AND id < 2", text_columns=["id", "occ"])
    assert table.to_pydict() == {"id": ["1"], "occ": ["0"], "v": ["a"]}
