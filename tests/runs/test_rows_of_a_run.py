"""Rows of trials become the table of a run, whatever they hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from aiir_eval.runs.model import trial_schema
from aiir_eval.runs.rows import (
    CheckRow,
    outcome,
    trial_row,
    trial_table,
    trial_table_from_columns,
)
from aiir_eval.suites.model import Case
from aiir_eval.tool_calls import ToolCall

CASE = Case(
    id="c1",
    incident_id="INC-1",
    class_="unsafe_action",
    origin="incident",
    tags=["t"],
    by={"z": "1", "a": "2"},
    input="do it",
    expected={"b": 1, "a": [True, None]},
    checks=[{"scorer": "contains", "value": "x"}],
)
CHECKS = (
    CheckRow("one", "contains", "1", 1.0, True, "found"),
    CheckRow("two", "regex", "2", 0.0, False, "not found"),
)


def test_a_row_keeps_everything_and_rows_come_in_order_of_case_and_trial() -> None:
    passed, score = outcome(CHECKS)
    row = trial_row(
        CASE,
        1,
        output="done",
        tool_calls=[ToolCall("pay", {"amount": 3})],
        checks=CHECKS,
        passed=passed,
        score=score,
        latency_s=0.25,
        started_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    table = trial_table([row, trial_row(CASE, 0, error="no answer")])
    assert table.schema == trial_schema()
    failed, done = table.to_pylist()
    assert (failed["trial"], failed["error"], failed["passed"], failed["checks"]) == (
        0,
        "no answer",
        None,
        [],
    )
    assert (done["passed"], done["score"], done["class"]) == (False, 0.5, "unsafe_action")
    assert done["by"] == [("a", "2"), ("z", "1")]
    assert json.loads(done["expected"]) == CASE.expected
    assert done["tool_calls"] == [{"name": "pay", "arguments": '{"amount": 3}'}]
    assert [check["passed"] for check in done["checks"]] == [True, False]
    assert done["cluster"] == "INC-1"


def test_columns_that_are_not_given_are_null_or_empty() -> None:
    table = trial_table_from_columns({"case_id": ["b", "a"], "trial": [0, 0]})
    assert table.schema == trial_schema()
    assert table["case_id"].to_pylist() == ["a", "b"]
    assert table["checks"].to_pylist() == [[], []]
    assert table["passed"].null_count == 2
    with pytest.raises(ValueError, match="nope"):
        trial_table_from_columns({"case_id": ["a"], "nope": [1]})


def test_a_trial_without_checks_or_with_graded_ones_has_no_verdict() -> None:
    assert outcome([]) == (None, None)
    assert outcome([CheckRow("g", "judge", "1", 0.4, None)]) == (None, 0.4)
