"""Is the output the expected value: `equals`, and `choice` among named options."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from .parameters import Parameters, wanted
from .patterns import PatternText, compiled, extracted
from .protocol import Answer, Judgement, ScoringError
from .text import flattened, normalised, shown


class Equals(Parameters):
    """The output, or what `extract` finds in it, is `value` (default: the case's expected value).

    Text is compared without regard to white space around and the length of runs of it. Any other
    value (a number, true, a list) equals an output that is that value in JSON. `extract` gives the
    first group that holds something, else the whole match; where it does not match, the check
    fails. `extract_expected` does the same to the value.
    """

    version: ClassVar[str] = "1"
    value: Any = None
    ignore_case: bool = False
    extract: PatternText | None = None
    extract_expected: PatternText | None = None

    @property
    def needs_expected(self) -> bool:
        return self.value is None

    def __call__(self, answer: Answer) -> Judgement:
        value = wanted(self.value, answer)
        if self.extract_expected is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            pattern = compiled(self.extract_expected, ignore_case=self.ignore_case)
            value = extracted(pattern, normalised(text))
            if value is None:
                raise ScoringError(f"extract_expected finds nothing in {shown(text)}")
        output = answer.output
        if self.extract is not None:
            pattern = compiled(self.extract, ignore_case=self.ignore_case)
            found = extracted(pattern, normalised(output))
            if found is None:
                reason = f"nothing in the output matches {shown(self.extract)}"
                return Judgement.of(False, reason)
            output = found
        if _same(output, value, ignore_case=self.ignore_case):
            return Judgement.of(True, f"is {shown(value)}")
        return Judgement.of(False, f"is {shown(output)}, not {shown(value)}")


def _same(output: str, value: Any, *, ignore_case: bool) -> bool:
    text = flattened(output, ignore_case=ignore_case)
    if isinstance(value, str):
        return text == flattened(value, ignore_case=ignore_case)
    try:
        return equal_json(json.loads(output), value)
    except (ValueError, RecursionError):
        return text == flattened(json.dumps(value), ignore_case=ignore_case)


def equal_json(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal_json, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal_json(one[key], other[key]) for key in one)
    return bool(one == other)


class Choice(Parameters):
    """The option the output says is `value` (default: the case's expected value).

    The rule: the output in lower case, with every ``,`` and ``.`` replaced by a space, says an
    option where it contains ``[option]``, or the option as a whole word between white space. The
    options are tried in the order given and the first that is said counts; where none is, the
    answer is undetermined and the check fails. (The rule by which LLMDrift scores its yes / no
    questions; Chen, Zaharia and Zou 2023.)
    """

    version: ClassVar[str] = "1"
    options: list[str] = Field(min_length=2)
    value: str | None = None

    @field_validator("options")
    @classmethod
    def _options_can_be_told_apart(cls, options: list[str]) -> list[str]:
        plain = [" ".join(_words(option)) for option in options]
        if "" in plain or len(set(plain)) < len(plain):
            raise ValueError("options are different words; case, commas and dots do not count")
        return options

    @model_validator(mode="after")
    def _value_is_an_option(self) -> Choice:
        if self.value is not None and self._option(self.value) is None:
            raise ValueError(f"value {self.value!r} is none of the options {self.options}")
        return self

    @property
    def needs_expected(self) -> bool:
        return self.value is None

    def __call__(self, answer: Answer) -> Judgement:
        value = wanted(self.value, answer)
        option = self._option(value if isinstance(value, str) else json.dumps(value))
        if option is None:
            raise ScoringError(f"expected {shown(value)} is none of the options {self.options}")
        said = self._said(answer.output)
        if said is None:
            listed = ", ".join(self.options)
            return Judgement.of(False, f"undetermined: says none of {listed}; expected {option}")
        return Judgement.of(said == option, f"says {said}, expected {option}")

    def _option(self, text: str) -> str | None:
        words = _words(text)
        return next((option for option in self.options if _words(option) == words), None)

    def _said(self, output: str) -> str | None:
        words = _words(output)
        text, spaced = " ".join(words), f" {' '.join(words)} "
        for option in self.options:
            plain = " ".join(_words(option))
            if f"[{plain}]" in text or f" {plain} " in spaced:
                return option
        return None


def _words(text: str) -> list[str]:
    return normalised(text).lower().replace(",", " ").replace(".", " ").split()
