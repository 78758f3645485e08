"""Which values of another library's scorer pass: at_least, at_most, equals, one_of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .equality import equal_json
from .protocol import Judgement, ScoringError
from .text import shown

PASSES = frozenset({"yes", "true", "pass"})
FAILS = frozenset({"no", "false", "fail"})
UNDECIDED = frozenset({"unknown", ""})
HINT = "at_least: NUMBER, at_most: NUMBER, equals: VALUE or one_of: [VALUE, ...]"

Number = Annotated[float, Field(allow_inf_nan=False)]
Value = bool | float | str


class Bounds(BaseModel):
    """What a value must be to pass; text is compared without regard to case.

    Where nothing is declared, True, yes and 1 pass; False, no and a number below 1 fail.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    at_least: Number | None = None
    at_most: Number | None = None
    equals: Value | None = None
    one_of: Annotated[list[Value], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Bounds:
        forms = [self.numeric, self.equals is not None, self.one_of is not None]
        if sum(forms) > 1:
            raise ValueError("give at_least and at_most, or equals, or one_of: not several")
        if None not in (self.at_least, self.at_most) and self.at_most < self.at_least:  # type: ignore[operator]
            raise ValueError(f"at_most {self.at_most:g} is below at_least {self.at_least:g}")
        return self

    @property
    def numeric(self) -> bool:
        """Whether a number is asked for."""
        return self.at_least is not None or self.at_most is not None

    @property
    def declared(self) -> bool:
        """Whether anything is asked for."""
        return self.numeric or self.equals is not None or self.one_of is not None

    def judge(self, value: Any, because: str = "", *, unit: bool = False) -> Judgement:
        """The judgement of a value: true or false, a number, or a category.

        `unit` says that the scorer's numbers all lie in [0, 1], more being better: such a number
        stays the score. Otherwise a bound scores 1 or 0. Raises `ScoringError` where the value
        says nothing, or nothing here says whether it passes.
        """
        value = plain(value)
        because = f": {because}" if because else ""
        if isinstance(value, str) and not self._names(value):
            if value.casefold() in UNDECIDED:
                raise ScoringError(f"the scorer could not decide{because}")
            if not self.declared and value.casefold() in PASSES | FAILS:
                return Judgement.of(value.casefold() in PASSES, f"{value}{because}")
        if not self.declared:
            if isinstance(value, bool):
                return Judgement.of(value, f"{'yes' if value else 'no'}{because}")
            if isinstance(value, float) and 0 <= value <= 1:
                return Judgement(value, value == 1.0, f"{value:.4g}{because}")
            raise ScoringError(f"the scorer gave {_told(value)}: say what passes, {HINT}{because}")
        passed, reason = self._said(value)
        graded = unit and self.at_most is None and isinstance(value, float)
        score = value if graded and 0 <= value <= 1 else float(passed)
        return Judgement(score, passed, f"{reason}{because}")

    def _names(self, value: str) -> bool:
        return any(_same(value, named) for named in self._wanted())

    def _wanted(self) -> list[Value]:
        return self.one_of or ([] if self.equals is None else [self.equals])

    def _said(self, value: bool | float | str) -> tuple[bool, str]:
        if not self.numeric:
            passed = any(_same(value, wanted) for wanted in self._wanted())
            listed = " or ".join(_told(wanted) for wanted in self._wanted())
            return passed, f"is {_told(value)}" + ("" if passed else f", not {listed}")
        if isinstance(value, str | bool):
            raise ScoringError(
                f"the scorer gave {_told(value)}, which is no number: write equals or one_of"
            )
        if self.at_least is not None and value < self.at_least:
            return False, f"{value:.6g} is below {self.at_least:.6g}"
        if self.at_most is not None and value > self.at_most:
            return False, f"{value:.6g} is above {self.at_most:.6g}"
        return True, f"{value:.6g} is within the bounds"


def split(parameters: Mapping[str, Any]) -> tuple[Bounds, dict[str, Any]]:
    """The bounds among a check's parameters, and the rest; raises pydantic's ValidationError."""
    rest = dict(parameters)
    return Bounds(**{name: rest.pop(name) for name in Bounds.model_fields if name in rest}), rest


def plain(value: Any) -> bool | float | str:
    """A scorer's value as plain data; raises `ScoringError` where there is none."""
    if isinstance(value, Enum):
        value = value.value
    if hasattr(value, "item"):  # a scalar of numpy
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    raise ScoringError(f"the scorer gave {shown(value)}, which is no value")


def _told(value: Value) -> str:
    return f"{value:.15g}" if isinstance(value, float) else shown(value)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.strip().casefold()
    return equal_json(value, wanted)
