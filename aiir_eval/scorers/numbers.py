"""Is the number in the output the expected one: `numeric`, and how numbers are read from prose."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .parameters import Parameters, wanted
from .patterns import PatternText, compiled, extracted
from .protocol import Answer, Judgement, ScoringError
from .text import normalised, shown, visible

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_NUMBER = re.compile(
    r"""
    (?: (?<![\w)\]]) (?P<sign> [-+] ) [ ]? )?      # a hyphen after a word or a number is no sign
    (?: [$€£¥₹₩] [ ]? (?P<sign2> [-+] )? )?
    (?P<digits>
        (?<![\w.,^]) \d{1,3} (?: \.\d{3} )+ , \d+ (?! [\d,]* \d )   # 1.234.567,89
      | (?<![\w.^])  \d{1,3} (?: ([,'\u00a0\u2009\u202f_]) \d{3} (?!\d) )
                             (?: \4 \d{3} (?!\d) )* (?: \. \d+ )?   # 1,234,567.89
      | (?<![\w.^])  \d+ (?: \. \d+ )?
      | (?<![\w.^])  \. \d+
    )
    (?: [eE] (?P<exponent> [-+]? \d{1,4} ) (?! \w )
      | [ ]? [x×*·] [ ]? 10 \^ \{? (?P<power> [-+]? \d{1,4} ) )?
    """,
    re.VERBOSE,
)


def numbers_in(text: str) -> list[float]:
    """The numbers of a text, in order.

    Signs, currency signs, thousands separators (``1,234``, ``1'234``, ``1_234``, no-break and thin
    spaces), decimals, ``6.02e23`` and ``6.02 x 10^23`` are read; a decimal comma only where it
    cannot be anything else (``1.234,56``). Digits inside a word (``gpt4``, ``m²``) are no number.
    """
    raised = _RAISED.sub(lambda run: "^" + run.group().translate(_SUPERSCRIPTS), visible(text))
    spaced = re.sub(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))", "_", raised)
    return [_value(match) for match in _NUMBER.finditer(normalised(spaced))]


def _value(match: re.Match[str]) -> float:
    digits = match["digits"]
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+", digits):
        digits = digits.replace(".", "").replace(",", ".")
    digits = re.sub(r"[,'_]", "", digits)
    negative = "-" in ((match["sign"] or "") + (match["sign2"] or ""))
    return float(f"{'-' if negative else ''}{digits}e{match['exponent'] or match['power'] or 0}")


class Numeric(Parameters):
    """A number in the output is `value` (default: the case's expected value), within a tolerance.

    Within the larger of `tolerance` (absolute) and `relative` x |value|. `pick` says which number
    of the output counts: the last (an answer comes after its reasoning), the first, or any.
    `extract` cuts the output to its first group that holds something, else the whole match.
    """

    version: ClassVar[str] = "1"
    value: float | str | None = None
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    relative: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    extract: PatternText | None = None
    pick: Literal["last", "first", "any"] = "last"

    @field_validator("value")
    @classmethod
    def _is_a_number(cls, value: float | str | None) -> float | str | None:
        try:
            return None if value is None else _one_number(value)
        except ScoringError as error:
            raise ValueError(str(error)) from None

    @property
    def needs_expected(self) -> bool:
        return self.value is None

    def __call__(self, answer: Answer) -> Judgement:
        value = _one_number(wanted(self.value, answer))
        output: str | None = answer.output
        if self.extract is not None:
            output = extracted(compiled(self.extract), normalised(answer.output))
            if output is None:
                return Judgement.of(False, f"nothing in the output matches {shown(self.extract)}")
        numbers = numbers_in(output or "")
        if not numbers:
            return Judgement.of(False, f"no number in {shown(output)}; expected {value:.15g}")
        picked = {"last": numbers[-1:], "first": numbers[:1], "any": numbers}[self.pick]
        allowed = max(self.tolerance, self.relative * abs(value))
        nearest = min(picked, key=lambda number: abs(number - value))
        passed = math.isfinite(nearest) and abs(nearest - value) <= allowed
        within = f" within {allowed:g}" if allowed else ""
        verb = "is" if passed else "is not"
        return Judgement.of(passed, f"{nearest:.15g} {verb} {value:.15g}{within}")


def _one_number(value: Any) -> float:
    """An expected value as a number: a number, or text that is one number and no more."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        match = _NUMBER.fullmatch(normalised(value).strip())
        if match is not None:
            return _value(match)
    raise ScoringError(f"{shown(value)} is not a number")
