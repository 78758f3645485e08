"""What the parameters of every scorer have in common: typed, frozen, none unknown."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from .protocol import Answer, Judgement, ScoringError


class Parameters(BaseModel):
    """The parameters of a scorer, which are the scorer: it is called with an answer.

    `version` changes whenever the same answer may be judged differently. A scorer that compares
    with the case's `expected` when no value is given says so in `needs_expected`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, serialize_by_alias=True
    )
    version: ClassVar[str] = "1"

    @property
    def needs_expected(self) -> bool:
        """Whether a case with this check must say what is expected."""
        return False

    def __call__(self, answer: Answer) -> Judgement:
        raise NotImplementedError


def exactly_one(parameters: BaseModel, *names: str) -> None:
    """Raises ValueError unless exactly one of the parameters is given."""
    given = [name for name in names if getattr(parameters, name) is not None]
    if len(given) != 1:
        listed = f"{', '.join(names[:-1])} or {names[-1]}"
        found = f"{' and '.join(given)} are given" if given else "none is given"
        raise ValueError(f"give exactly one of {listed}: {found}")


def wanted(value: Any, answer: Answer) -> Any:
    """The value to compare with: the check's own, else what the case expects."""
    if value is not None:
        return value
    if answer.expected is None:
        raise ScoringError("the check compares with `expected`, and the case has none")
    return answer.expected
