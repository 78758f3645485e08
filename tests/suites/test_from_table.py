"""A table of inputs as a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aiir_eval.errors import InputError, TableError
from aiir_eval.suites import suite_from_table, summarize

ROWS = {
    "id": ["a", "b", "a", "b"],
    "version": [1, 1, 2, 2],
    "question": ["1+1?", "2+2?", "1+1?", "2+2?"],
    "answer": ["2", "4", "2", "4"],
    "topic": ["sums", None, "sums", None],
    "user": ["u1", "u1", "u2", "u2"],
}


def made(source: Any = None, **changes: Any) -> Any:
    options = {"id": "id", "input": "question", "checks": ["numeric"], "expected": "answer",
               "where": "version = 1"} | changes  # fmt: skip
    return suite_from_table(pa.table(ROWS) if source is None else source, **options)


def test_a_row_is_a_case() -> None:
    suite = made(cluster="user", by="topic", incident_class="quality_drift", name="sums")
    assert (suite.name, suite.trials, len(suite)) == ("sums", 1, 2)
    first, second = suite.cases
    assert (first.id, first.input, first.expected) == ("a", "1+1?", "2")
    assert (first.class_, first.origin, first.incident_id) == ("quality_drift", "control", None)
    assert (first.cluster_id, first.by, second.by) == ("u1", {"topic": "sums"}, {"topic": "null"})
    assert first.checks == [{"scorer": "numeric"}]


def test_every_kind_of_table_gives_the_same_suite(tmp_path: Path) -> None:
    table = pa.table(ROWS)
    pq.write_table(table, tmp_path / "rows.parquet")
    pd.DataFrame(ROWS).to_csv(tmp_path / "rows.csv", index=False)
    pl.DataFrame(ROWS).write_ndjson(tmp_path / "rows.jsonl")
    paths = [tmp_path / f"rows.{ending}" for ending in ("parquet", "csv", "jsonl")]
    suites = [made(source) for source in (table, pd.DataFrame(ROWS), pl.DataFrame(ROWS), *paths)]
    assert {suite.digest() for suite in suites} == {suites[0].digest()}
    assert made(paths[0]).name == "rows"


def test_ids_of_several_columns_are_joined() -> None:
    suite = made(id="id,version", where=None)
    assert [case.id for case in suite.cases] == ["a|1", "b|1", "a|2", "b|2"]


def test_a_conversation_can_stand_in_a_column() -> None:
    turns = [[{"role": "user", "content": "1+1?"}], [{"role": "user", "content": "2+2?"}]]
    table = pa.table({"id": ["a", "b"], "turns": turns})
    suite = made(table, input="turns", expected=None, where=None, checks=["contains:value=2"])
    assert suite.cases[0].plain_input() == turns[0]
    wrong = pa.table({"id": ["a"], "turns": [[{"role": "boss", "content": "1+1?"}]]})
    with pytest.raises(TableError, match=r"row 1 \(id 'a'\): cannot be a case"):
        made(wrong, input="turns", expected=None, where=None, checks=["contains:value=2"])


def test_checks_may_be_written_in_every_way_and_get_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text("- {scorer: contains, value: c}\n- {scorer: numeric}\n")
    checks = ["contains:value=a", {"scorer": "contains", "value": "b"}, f"@{tmp_path}/checks.yaml"]
    suite = made(checks=checks)
    named = suite.cases[0].named_checks
    assert [check.name for check in named] == ["contains", "contains-2", "contains-3", "numeric"]
    assert summarize(suite).checks["contains-2", "contains"] == 2


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ({}, {"where": None}, r"2 ids stand more than once.*--id"),
        ({}, {"where": None}, r"the id 'a' stands in rows 1, 3"),
        ({"id": [None, "b", "a", "b"]}, {}, r"row 1.*an id may not be null"),
        ({"question": ["q", None, "q", "q"]}, {}, r"question: row 2 \(id 'b'\): there is no value"),
        ({"answer": ["2", None, "2", "4"]}, {}, r"answer: row 2 \(id 'b'\): there is no value"),
        ({}, {"input": "qestion"}, "no column 'qestion'.*did you mean 'question'"),
        ({}, {"cluster": "nobody"}, "no column 'nobody'"),
        ({}, {"where": "version = 9"}, "none of the 4 rows"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(
    rows: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        made(pa.table(ROWS | rows), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expected": None}, "compares with the expected answer.*--expected"),
        ({"checks": ["numeric:tolerance=-1"]}, "greater than or equal to 0"),
        ({"checks": []}, "at least one check"),
        ({"checks": [{"value": 1}]}, "names its scorer"),
        ({"incident_class": "bad_luck"}, "the classes are hallucination"),
    ],
)
def test_checks_and_classes_that_cannot_be_used_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        made(**changes)


def test_a_python_scorer_is_not_run_when_a_suite_is_made() -> None:
    suite = made(checks=["python:nowhere:judge"])
    assert suite.cases[0].checks == [{"scorer": "python:nowhere:judge"}]


@pytest.mark.real_data
def test_recorded_questions_become_a_suite(shared_data: Path) -> None:
    def suite(task: str) -> Any:
        return suite_from_table(
            shared_data / "llmdrift" / f"{task}.parquet",
            id="id,occ",
            input="query",
            expected="ref_answer",
            checks=["choice:options=[yes, no]"],
            where="model = 'gpt-4-0314'",
        )

    assert len(suite("prime")) == 1000
    assert summarize(suite("prime")).constant_expected is None
    assert summarize(suite("prime_v1")).constant_expected == "yes"
