"""Is the output JSON of a given shape: `json_schema`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from pydantic import Field, field_validator

from .parameters import Parameters
from .patterns import compiled, search
from .protocol import Answer, Judgement, ScoringError
from .text import MAX_CHARACTERS, shown

_FENCE = re.compile(r"\s*```[\w-]*[ \t]*\n(?P<body>.*?)\n?```\s*", re.DOTALL)


class JsonSchema(Parameters):
    """The output is one JSON value that `schema` describes (JSON Schema; draft 2020-12 unless it
    names another).

    References stay inside the schema: nothing is ever fetched. `strip_fence` takes off a Markdown
    code fence around the whole output first; without it a fenced answer fails, and says so.
    """

    version: ClassVar[str] = "1"
    schema_: dict[str, Any] = Field(alias="schema")
    strip_fence: bool = False

    @field_validator("schema_")
    @classmethod
    def _can_be_used(cls, schema: dict[str, Any]) -> dict[str, Any]:
        _validator(json.dumps(schema))
        return schema

    def __call__(self, answer: Answer) -> Judgement:
        if len(answer.output) > MAX_CHARACTERS:
            raise ScoringError(f"the output has more than {MAX_CHARACTERS:,} characters")
        text = answer.output.lstrip("\ufeff")
        fenced = _FENCE.fullmatch(text)
        if fenced and self.strip_fence:
            text = fenced["body"]
        try:
            value = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            if fenced and not self.strip_fence:
                return Judgement.of(False, "not JSON: the output is wrapped in a code fence")
            return Judgement.of(False, f"not JSON: {error}; the output is {shown(text)}")
        return self._judged(value)

    def _judged(self, value: Any) -> Judgement:
        from jsonschema.exceptions import best_match
        from referencing.exceptions import Unresolvable

        validator = _validator(json.dumps(self.schema_))
        try:
            error = best_match(validator.iter_errors(value))
        except Unresolvable as missing:
            raise ScoringError(f"the schema refers to {missing.ref!r}, which it lacks") from None
        except RecursionError:
            raise ScoringError("the schema or the output nests too deeply") from None
        if error is None:
            return Judgement.of(True, "JSON of the right shape")
        return Judgement.of(False, f"{error.json_path}: {error.message:.160}")


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


@lru_cache(maxsize=256)
def _validator(schema_text: str) -> Any:
    """A validator of a schema; raises ValueError, in words for its author, where it is none."""
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError
    from referencing import Registry

    schema = json.loads(schema_text)
    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.json_path}: {error.message}") from None
    for word, value in _keywords(schema):
        if word == "$ref" and isinstance(value, str):
            _require_within(schema, value)
        if word == "pattern" and isinstance(value, str):
            compiled(value, ignore_case=False)
        if word == "patternProperties" and isinstance(value, Mapping):
            for pattern in value:
                compiled(pattern, ignore_case=False)
            if any(other == "unevaluatedProperties" for other, _ in _keywords(schema)):
                raise ValueError("patternProperties with unevaluatedProperties is not supported")
    # The library matches patterns with `re`, which cannot be stopped; these three can.
    timed = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    own = {word: rule for word, rule in timed.items() if word in kind.VALIDATORS}
    extend: Any = validators.extend
    return extend(kind, own)(schema, registry=Registry())


def _require_within(schema: Any, reference: str) -> None:
    if re.match(r"\w+:", reference):
        raise ValueError(f"$ref {reference!r} would have to be fetched; put it into $defs")
    if reference.startswith("#/"):
        part = schema
        for name in reference[2:].split("/"):
            name = name.replace("~1", "/").replace("~0", "~")
            if not isinstance(part, Mapping | list) or name not in _names(part):
                raise ValueError(f"$ref {reference!r} leads nowhere in the schema")
            part = part[name] if isinstance(part, Mapping) else part[int(name)]


def _names(part: Mapping[str, Any] | list[Any]) -> Collection[str]:
    return part.keys() if isinstance(part, Mapping) else [str(index) for index in range(len(part))]


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield from schema.items()
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from _keywords(part)


def _found(pattern: str, text: str) -> bool:
    return search(compiled(pattern, ignore_case=False), text) is not None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, part in patterns.items():
        for name, value in instance.items():
            if _found(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, rule: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(_found(pattern, name) for pattern in patterns):
            continue
        if isinstance(rule, Mapping):
            yield from validator.descend(value, rule, path=name)
        elif not rule:
            yield ValidationError(f"{name!r} is not allowed here")
