"""The check that an output is JSON of a given shape."""

from __future__ import annotations

from typing import Any

import pytest

from aiir_eval.errors import InputError
from aiir_eval.scorers import Answer, Check, Judgement, ScoringError, make_scorer

TICKET = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "minimum": 0}, "note": {"pattern": "^[a-z ]*$"}},
    "additionalProperties": False,
}


def judged(output: str, schema: dict[str, Any] = TICKET, **parameters: Any) -> Judgement:
    return make_scorer(Check("json_schema", "shape", {"schema": schema, **parameters}))(
        Answer(output)
    )


@pytest.mark.parametrize(
    ("output", "passed"),
    [
        ('{"amount": 5}', True),
        (' {"amount": 5, "note": "ok"}\n', True),
        ('{"amount": -5}', False),
        ('{"amount": 5, "note": "NO"}', False),
        ('{"amount": 5, "more": 1}', False),
        ('{"amount": NaN}', False),
        ("Sure! {}", False),
        ("", False),
        ("[" * 100_000, False),
    ],
)
def test_shape(output: str, passed: bool) -> None:
    assert judged(output).passed is passed


def test_a_fence_is_taken_off_only_when_asked_and_named_when_not() -> None:
    fenced = '```json\n{"amount": 5}\n```'
    assert "code fence" in judged(fenced).reason
    assert judged(fenced, strip_fence=True).passed
    assert judged('{"amount": 5}', strip_fence=True).passed


def test_pattern_properties_agree_with_the_library() -> None:
    from jsonschema import Draft202012Validator

    schema = {
        "patternProperties": {"^x-": {"type": "string"}, "n$": {"type": "number"}},
        "properties": {"known": {}},
        "additionalProperties": {"type": "boolean"},
    }
    import json

    for value in (
        {"x-a": "1"},
        {"x-a": 1},
        {"n": 2, "known": None},
        {"other": True},
        {"other": 1},
        {"x-n": "a"},
        {"x-n": 3},
        [],
    ):
        ours = judged(json.dumps(value), schema).passed
        assert ours == Draft202012Validator(schema).is_valid(value), value


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "strig"}, "not a JSON Schema"),
        ({"$ref": "https://example.com/schema.json"}, "fetched"),
        ({"$ref": "file:///etc/passwd"}, "fetched"),
        ({"$ref": "#/$defs/missing"}, "leads nowhere"),
        ({"pattern": "(a"}, "not a JSON Schema"),
        ({"pattern": "(((a{999}){999}){999})"}, "copies"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_once(
    schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        judged("1", schema)


def test_a_reference_the_schema_lacks_ends_as_an_error_of_the_trial() -> None:
    with pytest.raises(ScoringError, match="lacks"):
        judged("1", {"$ref": "other.json"})
    with pytest.raises(ScoringError, match="too deeply"):
        judged("1", {"$ref": "#"})


def test_a_slow_pattern_in_a_schema_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiir_eval.scorers.patterns.TIMEOUT_S", 0.1)
    with pytest.raises(ScoringError, match="took more than"):
        judged('"' + "a" * 200 + '!"', {"pattern": "^(a|aa)+$"})
