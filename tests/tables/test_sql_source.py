"""A query is a table wherever a table is read; it reads files, and does nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aiir_eval.cli import invoke
from aiir_eval.drift.detecting import drift
from aiir_eval.errors import TableError
from aiir_eval.tables import read_table, table_digest
from aiir_eval.tables.sources import open_source

ROWS = pa.table(
    {
        "week": [1] * 300 + [2] * 300,
        "passed": [i % 10 != 0 for i in range(300)] + [i % 3 != 0 for i in range(300)],
        "route": [f"r{i % 4}" for i in range(600)],
    }
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pq.write_table(ROWS, "log.parquet")
    with duckdb.connect("desk.duckdb") as connection:
        connection.execute("CREATE TABLE answers AS SELECT * FROM 'log.parquet'")
    return tmp_path


def test_a_query_is_read_like_a_file_of_its_rows() -> None:
    query = "sql:SELECT passed, route FROM 'log.parquet' WHERE week = 2"
    expected = ROWS.slice(300).select(["passed", "route"])
    assert read_table(query).equals(expected)
    source = open_source(query)
    assert (source.n_rows, source.schema.names) == (300, ["passed", "route"])
    assert source.column("route").to_pylist() == expected["route"].to_pylist()
    assert table_digest(query) == table_digest(expected)


def test_a_database_file_is_attached_for_reading() -> None:
    query = "sql:ATTACH 'desk.duckdb' AS desk; SELECT count(*) AS n FROM desk.answers"
    assert read_table(query)["n"].to_pylist() == [600]


def test_drift_between_two_queries_is_that_between_their_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sides = [f"sql:SELECT passed, route FROM 'log.parquet' WHERE week = {week}" for week in (1, 2)]
    assert invoke(["drift", *sides, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    frames = [ROWS.slice(0, 300), ROWS.slice(300)]
    ours = drift(*(frame.select(["passed", "route"]) for frame in frames))
    assert shown == json.loads(json.dumps(ours.to_dict()))
    assert shown["conclusion"] == "drift"


def test_a_query_makes_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    query = "sql:SELECT row_number() OVER () AS id, passed FROM 'log.parquet' WHERE week = 1"
    assert invoke(["import", "table", query, "--id", "id", "--passed", "passed", "-o", "run"]) == 0
    assert Path("run/trials.parquet").exists()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sql:", "does not end with a SELECT"),
        ("sql:SELEC 1", "syntax error"),
        ("sql:SELECT * FROM 'none.parquet'", "No files found"),
        ("sql:SELECT nothing FROM 'log.parquet'", "nothing"),
        ("sql:SELECT 1 AS x WHERE false", "has no rows"),
        ("sql:SELECT 1 AS x, 2 AS x", "two columns are named"),
        ("sql:COPY (SELECT 1) TO 'out.csv'", "does not end with a SELECT"),
        ("sql:COPY (SELECT 1) TO 'out.csv'; SELECT 1", "only ATTACH"),
        ("sql:CREATE TABLE x AS SELECT 1; SELECT * FROM x", "only ATTACH"),
        ("sql:SET enable_external_access = true; SELECT 1", "only ATTACH"),
        ("sql:INSTALL httpfs; SELECT 1", "only ATTACH"),
        ("sql:LOAD httpfs; SELECT 1", "only ATTACH"),
        ("sql:ATTACH 'new.duckdb' AS n; SELECT 1", "not answered|cannot be answered"),
        ("sql:ATTACH 'desk.duckdb' AS d (TYPE sqlite); SELECT 1", "only ATTACH"),
        ("sql:ATTACH 'desk.duckdb' AS d; INSERT INTO d.answers SELECT 1", "does not end"),
        ("sql:SELECT * FROM 'http://127.0.0.1:9/x.parquet'", "needs an extension"),
        ("sql:SELECT * FROM read_csv('s3://bucket/x.csv')", "needs an extension"),
    ],
)
def test_what_does_more_than_read_or_cannot_be_read_is_refused(query: str, said: str) -> None:
    before = sorted(Path().iterdir())
    for read in (read_table, open_source):
        with pytest.raises(TableError, match=said):
            read(query)
    assert sorted(Path().iterdir()) == before


def test_variables_of_python_are_no_tables() -> None:
    secret = pa.table({"x": [1]})
    assert secret.num_rows
    with pytest.raises(TableError, match="secret"):
        read_table("sql:SELECT * FROM secret")


def test_an_error_names_the_query_in_short(capsys: pytest.CaptureFixture[str]) -> None:
    query = "sql:SELECT " + ", ".join(f"column_{i}" for i in range(100)) + " FROM 'log.parquet'"
    assert invoke(["drift", query, "log.parquet"]) == 2
    shown = capsys.readouterr().err
    assert "sql:SELECT column_0, column_1" in shown
    assert len(shown) < 1_500
