"""Which tools did the target call, with what: `tool_called`, `tool_not_called`.

The tool is the parameter `tool`: in a suite, `name` is the name of the check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator

from ..tool_calls import ToolCall
from .equality import equal_json
from .parameters import Parameters, exactly_one
from .patterns import compiled, search
from .protocol import Answer, Judgement
from .text import normalised, shown

Count = Annotated[int, Field(ge=0)]


def _patterns_compile(arguments: dict[str, Any]) -> dict[str, Any]:
    for value in arguments.values():
        if _is_pattern(value):
            compiled(value["pattern"])
    return arguments


Arguments = Annotated[dict[str, Any], AfterValidator(_patterns_compile)]


class ToolCalled(Parameters):
    """The tool `tool` is called, at least `at_least` times and at most `at_most` times.

    With `arguments`, only calls count that have each of them: equal as JSON (text without regard
    to white space around), or, for ``{pattern: regex}``, matching somewhere. Arguments that are
    not named may have any value.
    """

    version: ClassVar[str] = "1"
    tool: str = Field(min_length=1)
    arguments: Arguments | None = None
    at_least: Count = 1
    at_most: Count | None = None

    @model_validator(mode="after")
    def _can_pass_and_fail(self) -> ToolCalled:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(f"at_most {self.at_most} is below at_least {self.at_least}")
        if self.at_most is None and self.at_least == 0:
            raise ValueError("at_least 0 without at_most cannot fail")
        return self

    def __call__(self, answer: Answer) -> Judgement:
        count = sum(_is_call(call, [self.tool], self.arguments) for call in answer.tool_calls)
        passed = count >= self.at_least and (self.at_most is None or count <= self.at_most)
        how = " with these arguments" if self.arguments else ""
        times = "once" if count == 1 else f"{count} times" if count else "never"
        reason = f"{self.tool} is called {times}{how}"
        return Judgement.of(passed, reason if passed else f"{reason}; {_made(answer)}")


class ToolNotCalled(Parameters):
    """Neither `tool` nor any of `tools` is called; with `arguments`, not with these."""

    version: ClassVar[str] = "1"
    tool: str | None = Field(default=None, min_length=1)
    tools: Annotated[list[str], Field(min_length=1)] | None = None
    arguments: Arguments | None = None

    @model_validator(mode="after")
    def _one_form(self) -> ToolNotCalled:
        exactly_one(self, "tool", "tools")
        return self

    def __call__(self, answer: Answer) -> Judgement:
        names = self.tools or [str(self.tool)]
        for call in answer.tool_calls:
            if _is_call(call, names, self.arguments):
                return Judgement.of(False, f"calls {_written(call)}")
        return Judgement.of(True, f"does not call {' or '.join(names)}")


def _is_call(call: ToolCall, names: list[str], arguments: Mapping[str, Any] | None) -> bool:
    return call.name in names and all(
        name in call.arguments and _agrees(wanted, call.arguments[name])
        for name, wanted in (arguments or {}).items()
    )


def _is_pattern(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"pattern"}
        and isinstance(value["pattern"], str)
    )


def _agrees(wanted: Any, actual: Any) -> bool:
    if _is_pattern(wanted):
        text = actual if isinstance(actual, str) else json.dumps(actual, ensure_ascii=False)
        return search(compiled(wanted["pattern"]), normalised(text)) is not None
    if isinstance(wanted, str) and isinstance(actual, str):
        return normalised(wanted).strip() == normalised(actual).strip()
    return equal_json(wanted, actual)


def _made(answer: Answer) -> str:
    calls = [_written(call) for call in answer.tool_calls[:5]]
    return f"the calls are {', '.join(calls)}" if calls else "no tool is called"


def _written(call: ToolCall) -> str:
    return f"{call.name}({shown(json.dumps(dict(call.arguments), ensure_ascii=False))})"
