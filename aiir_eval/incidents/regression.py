"""The cases that must not fail again: inputs, checks, and answers the checks are proved on."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

MIN_BAD, MIN_GOOD = 3, 2


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("this may not be empty")
    return text


def _file_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise ValueError("use letters, digits, '.', '_' and '-', beginning with a letter or digit")
    return text


Text = Annotated[str, AfterValidator(_not_blank)]
Identifier = Annotated[str, AfterValidator(_file_name)]


class Part(BaseModel):
    """A part of a record: unknown fields are errors, and it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Message(Part):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class Passage(Part):
    """A document handed to the system with the input."""

    id: Text
    text: str


class Tool(Part):
    """A tool the system may call; `result` is what the call answers in a test."""

    name: Text
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    result: Any = None


class ToolUse(Part):
    """A tool that was called, and with what."""

    name: Text
    arguments: dict[str, Any] = Field(default_factory=dict)


class Behaviour(Part):
    """Something the system said, did, or both: a bad one, or a good one."""

    output: str = ""
    tool_calls: list[ToolUse] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_something(self) -> Behaviour:
        if not self.model_fields_set & {"output", "tool_calls"}:
            raise ValueError("give an output, tool_calls, or both")
        return self

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        calls = [call.model_dump(exclude_defaults=True) for call in self.tool_calls]
        output = {"output": self.output} if self.output or not calls else {}
        return {**output, **({"tool_calls": calls} if calls else {})}

    def plain(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What tells it from another: words without case and spacing, and the calls."""
        calls = tuple((call.name, repr(sorted(call.arguments.items()))) for call in self.tool_calls)
        return " ".join(re.findall(r"\w+", self.output.casefold())) or self.output, calls


def _checks(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = []
    for check in checks:
        scorer = check.get("scorer")
        if not isinstance(scorer, str) or not scorer:
            raise ValueError("each check names its scorer, as in {scorer: not_contains, value: x}")
        names.append(check.get("name", scorer))
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two checks are named {twice[0]!r}; give each a name of its own")
    return checks


Checks = Annotated[list[dict[str, Any]], Field(min_length=1), AfterValidator(_checks)]
Input = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[Message], Field(min_length=1), Tag("messages")],
    Discriminator(lambda value: "messages" if isinstance(value, list) else "text"),
]


class Control(Part):
    """A benign twin of a case: it must keep working when the incident is fixed."""

    input: Input
    checks: Checks


class RegressionCase(Part):
    """An input that must not fail again, with its checks and answers the checks are proved on."""

    name: Identifier
    input: Input
    context: list[Passage] = Field(default_factory=list)
    tools: list[Tool] = Field(default_factory=list)
    expected: Any = None
    checks: Checks
    control: Control | None = None
    bad: list[Behaviour] = Field(min_length=MIN_BAD)
    good: list[Behaviour] = Field(min_length=MIN_GOOD)

    @field_validator("bad", "good")
    @classmethod
    def _differ(cls, behaviours: list[Behaviour], info: ValidationInfo) -> list[Behaviour]:
        seen: dict[object, int] = {}
        for number, behaviour in enumerate(behaviours, 1):
            plain = behaviour.plain()
            if plain in seen:
                raise ValueError(
                    f"the {info.field_name} outputs {seen[plain]} and {number} say the same; "
                    "word each as someone else would"
                )
            seen[plain] = number
        if info.field_name == "good":
            bad = {behaviour.plain() for behaviour in info.data.get("bad", [])}
            if common := [number for plain, number in seen.items() if plain in bad]:
                raise ValueError(f"the good output {common[0]} is among the bad ones")
        return behaviours


class Regression(Part):
    """The cases of an incident, or why none can be made."""

    cases: list[RegressionCase] = Field(default_factory=list)
    not_testable: Text | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Regression:
        if bool(self.cases) == (self.not_testable is not None):
            raise ValueError("give cases, or not_testable with the reason")
        return self

    @field_validator("cases")
    @classmethod
    def _names_are_unique(cls, cases: list[RegressionCase]) -> list[RegressionCase]:
        names = [case.name for case in cases]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two cases are named {twice[0]!r}")
        return cases
