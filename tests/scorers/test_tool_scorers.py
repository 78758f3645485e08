"""Scorers of tool calls."""

from __future__ import annotations

import pytest

from aiir_eval.errors import InputError
from aiir_eval.scorers import Answer, Check, make_scorer
from aiir_eval.tool_calls import ToolCall

REFUND = ToolCall("issue_refund", {"order": "A-17", "amount": 250.0, "notify": True})
LOOKUP = ToolCall("lookup_order", {"order": "A-17"})


def passes(scorer: str, *calls: ToolCall, **parameters: object) -> bool:
    return make_scorer(Check(scorer, "check", parameters))(Answer("", calls)).passed


def test_a_call_is_counted_by_tool_and_arguments() -> None:
    assert passes("tool_called", LOOKUP, REFUND, tool="issue_refund")
    assert not passes("tool_called", LOOKUP, tool="issue_refund")
    assert passes("tool_called", REFUND, tool="issue_refund", arguments={"amount": 250})
    assert not passes("tool_called", REFUND, tool="issue_refund", arguments={"amount": 25})
    assert not passes("tool_called", REFUND, tool="issue_refund", arguments={"notify": 1})
    assert not passes("tool_called", REFUND, tool="issue_refund", arguments={"absent": None})
    order = {"order": {"pattern": "^a-\\d+$"}}
    assert passes("tool_called", REFUND, tool="issue_refund", arguments=order)
    assert passes(
        "tool_called", REFUND, tool="issue_refund", arguments={"amount": {"pattern": "2"}}
    )


def test_counts_have_a_floor_and_a_ceiling() -> None:
    assert not passes("tool_called", LOOKUP, tool="lookup_order", at_least=2)
    assert passes("tool_called", LOOKUP, LOOKUP, tool="lookup_order", at_least=2, at_most=2)
    assert not passes("tool_called", LOOKUP, LOOKUP, tool="lookup_order", at_most=1)
    assert passes("tool_called", tool="lookup_order", at_least=0, at_most=1)


def test_a_forbidden_call_fails_only_with_the_forbidden_arguments() -> None:
    assert not passes("tool_not_called", LOOKUP, REFUND, tool="issue_refund")
    assert passes("tool_not_called", LOOKUP, tool="issue_refund")
    assert not passes("tool_not_called", LOOKUP, tools=["x", "lookup_order"])
    assert passes("tool_not_called", REFUND, tool="issue_refund", arguments={"order": "B-2"})


@pytest.mark.parametrize(
    ("scorer", "parameters", "message"),
    [
        ("tool_called", {"name": "x"}, "`name` names the check"),
        ("tool_called", {"tool": "x", "at_least": 2, "at_most": 1}, "below"),
        ("tool_called", {"tool": "x", "at_least": 0}, "cannot fail"),
        ("tool_called", {"tool": "x", "arguments": {"a": {"pattern": "("}}}, "regular expression"),
        ("tool_not_called", {}, "exactly one"),
        ("tool_not_called", {"tool": "a", "tools": ["b"]}, "exactly one"),
    ],
)
def test_wrong_parameters_are_refused(
    scorer: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_scorer(Check(scorer, "check", parameters))
