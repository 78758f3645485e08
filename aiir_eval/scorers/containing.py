"""Does the output contain a text: `contains`, `not_contains`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from .parameters import Parameters, exactly_one
from .protocol import Answer, Judgement
from .text import flattened, shown


def _not_blank(text: str) -> str:
    if not flattened(text, ignore_case=False):
        raise ValueError("an empty text is contained in every output")
    return text


Needle = Annotated[str, AfterValidator(_not_blank)]
Needles = Annotated[list[Needle], Field(min_length=1)]


class Contains(Parameters):
    """The output contains `value`, or at least one of `any`, or each of `all`.

    Case does not count unless `ignore_case` is false; any run of white space is one space.
    """

    version: ClassVar[str] = "1"
    value: Needle | None = None
    any: Needles | None = None
    all: Needles | None = None
    ignore_case: bool = True

    @model_validator(mode="after")
    def _one_form(self) -> Contains:
        exactly_one(self, "value", "any", "all")
        return self

    def __call__(self, answer: Answer) -> Judgement:
        needles = self.any or self.all or [str(self.value)]
        found = contained(needles, answer.output, ignore_case=self.ignore_case)
        missing = [needle for needle in needles if needle not in found]
        if found and (self.any is not None or not missing):
            return Judgement.of(True, f"contains {_listed(found)}")
        return Judgement.of(False, f"does not contain {_listed(missing)}")


class NotContains(Parameters):
    """The output contains neither `value` nor any of `any`; otherwise as `contains`."""

    version: ClassVar[str] = "1"
    value: Needle | None = None
    any: Needles | None = None
    ignore_case: bool = True

    @model_validator(mode="after")
    def _one_form(self) -> NotContains:
        exactly_one(self, "value", "any")
        return self

    def __call__(self, answer: Answer) -> Judgement:
        needles = self.any or [str(self.value)]
        if found := contained(needles, answer.output, ignore_case=self.ignore_case):
            return Judgement.of(False, f"contains {_listed(found)}")
        return Judgement.of(True, f"does not contain {_listed(needles)}")


def contained(needles: list[str], text: str, *, ignore_case: bool) -> list[str]:
    """Those of `needles` that stand in `text`, in their order."""
    flat = flattened(text, ignore_case=ignore_case)
    return [needle for needle in needles if flattened(needle, ignore_case=ignore_case) in flat]


def _listed(needles: list[str]) -> str:
    return ", ".join(shown(needle) for needle in needles[:5]) + (" …" if len(needles) > 5 else "")
