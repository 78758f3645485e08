"""What a scorer sees, what it says, and how a case names it: Answer, Judgement, Check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ..tool_calls import ToolCall


@dataclass(frozen=True, slots=True)
class Answer:
    """One trial as a scorer sees it: what the target said and did, and what the case knows."""

    output: str
    tool_calls: Sequence[ToolCall] = ()
    expected: Any = None
    input: str | Sequence[Mapping[str, Any]] = ""
    context: Sequence[Mapping[str, Any]] = ()
    tools: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a scorer says of an answer: a score in [0, 1], pass or fail, and the reason."""

    score: float
    passed: bool
    reason: str

    @classmethod
    def of(cls, passed: bool, reason: str) -> Judgement:
        """Pass as 1, fail as 0."""
        return cls(1.0 if passed else 0.0, passed, reason)


class ScoringError(Exception):
    """One answer could not be judged; the trial is recorded as an error, the run goes on."""


@runtime_checkable
class Scorer(Protocol):
    """The seam: an answer in, a judgement out. `version` changes when judgements may change.

    Raises `ScoringError` where no judgement is possible.
    """

    @property
    def version(self) -> str: ...

    def __call__(self, answer: Answer) -> Judgement: ...


@dataclass(frozen=True, slots=True)
class Check:
    """A scorer with its parameters on a case, and a name unique in that case."""

    scorer: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Check:
        """``{scorer, name?, **parameters}``; raises ValueError where `scorer` is missing."""
        parameters = dict(mapping)
        scorer = parameters.pop("scorer", None)
        if not isinstance(scorer, str) or not scorer:
            raise ValueError("a check names its scorer: {scorer: contains, value: ...}")
        name = parameters.pop("name", scorer)
        if not isinstance(name, str) or not name:
            raise ValueError("the name of a check is text")
        return cls(scorer, name, parameters)

    def to_mapping(self) -> dict[str, Any]:
        """The mapping that stands in a suite; the name is left out where it is the scorer's."""
        name = {} if self.name == self.scorer else {"name": self.name}
        return {"scorer": self.scorer, **name, **self.parameters}
