"""What targets may return, and what becomes of everything else."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.targets import Reply, TargetError
from aiir_eval.targets.replies import MAX_CHARACTERS, checked_reply, reply_of


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "returned None"),
        (b"bytes", "type bytes"),
        (5, "type int"),
        (["a"], "type list"),
        ({}, "without output"),
        ({"output": None}, "output of the target is None"),
        ({"output": b"x"}, "type bytes"),
        ({"ouput": "x"}, "unknown field 'ouput'"),
        ({"output": "x", "tool_calls": "pay"}, "expected a list"),
        ({"output": "x", "tool_calls": ["pay"]}, r"tool_calls\[0\] must be"),
        ({"output": "x", "tool_calls": [{"name": 5}]}, r"tool_calls\[0\] must be"),
        ({"output": "x", "tool_calls": [{"name": "t", "arguments": [1]}]}, "expected a mapping"),
        ({"output": "x", "tool_calls": [{"name": "t", "arguments": {"d": date.min}}]}, "not JSON"),
        ({"output": "x", "tool_calls": [{"name": "t", "arguments": {"n": np.nan}}]}, "not JSON"),
        ({"output": "x", "usage": 5}, "usage must be"),
        ({"output": "x", "usage": {"tokens": 5}}, "usage must be"),
        ({"output": "x", "usage": {"input_tokens": -1}}, "input_tokens is -1"),
        ({"output": "x", "usage": {"input_tokens": 1.5}}, "whole number"),
        ({"output": "x", "usage": {"input_tokens": True}}, "input_tokens is True"),
        ({"output": "x", "usage": {"cost_usd": float("nan")}}, "cost_usd is nan"),
        ({"output": "x", "usage": {"cost_usd": 10**400}}, "cost_usd"),
        ({"output": "x", "finish_reason": 5}, "finish_reason"),
        ("x" * (MAX_CHARACTERS + 1), "1,000,001 characters"),
    ],
)
def test_a_value_that_is_no_reply_is_an_error_that_says_why(value: Any, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        reply_of(value)


def test_lone_surrogates_become_replacement_characters_and_pairs_become_one() -> None:
    assert reply_of("a\ud800b").output == "a\ufffdb"
    assert reply_of("\ud83d\ude00").output == "\U0001f600"
    reply = reply_of(
        {"output": "", "tool_calls": [{"name": "t\ud800", "arguments": {"k": "\udfff"}}]}
    )
    assert reply.tool_calls[0].name == "t\ufffd"
    assert reply.tool_calls[0].arguments == {"k": "\ufffd"}


def test_nul_and_control_characters_are_kept_as_they_are() -> None:
    assert reply_of("a\0b\x1b[31m").output == "a\0b\x1b[31m"


@pytest.mark.parametrize("text", ["not json", "[1, 2]", '{"a": NaN}', '{"a": 1e999}', "5", "{" * 9])
def test_arguments_that_are_no_json_object_are_kept_as_they_came(text: str) -> None:
    reply = reply_of({"output": "", "tool_calls": [{"name": "t", "arguments": text}]})
    assert reply.tool_calls[0].arguments == {"$raw": text}


def test_arguments_nested_beyond_reason_are_kept_as_they_came() -> None:
    text = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
    reply = reply_of({"output": "", "tool_calls": [{"name": "t", "arguments": text}]})
    assert reply.tool_calls[0].arguments == {"$raw": text}


def test_numbers_of_numpy_are_numbers() -> None:
    usage = {"input_tokens": np.int64(3), "output_tokens": np.float32(4), "cost_usd": np.float64(1)}
    reply = reply_of({"output": "x", "usage": usage})
    assert (reply.input_tokens, reply.output_tokens, reply.cost_usd) == (3, 4, 1.0)
    assert type(reply.input_tokens) is int


def test_a_reply_of_a_foreign_target_is_checked_too() -> None:
    with pytest.raises(TargetError, match="output of the target is None"):
        checked_reply(Reply(None))  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="expected a Reply"):
        checked_reply("text")  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.one_of(
        JSON,
        st.fixed_dictionaries(
            {"output": st.text(st.characters())},
            optional={"tool_calls": st.lists(JSON), "usage": JSON, "latency_s": JSON},
        ),
        st.fixed_dictionaries(
            {"tool_calls": st.lists(st.fixed_dictionaries({"name": st.text(), "arguments": JSON}))}
        ),
    )
)
def test_anything_is_either_a_reply_that_utf8_holds_or_a_target_error(value: Any) -> None:
    try:
        reply = reply_of(value)
    except TargetError:
        return
    reply.output.encode()
    for call in reply.tool_calls:
        json.dumps([call.name, dict(call.arguments)], ensure_ascii=False, allow_nan=False).encode()
