"""Does the output match a regular expression: `regex`, `not_regex`."""

from __future__ import annotations

from typing import ClassVar, Literal

from .parameters import Parameters
from .patterns import PatternText, compiled, fullmatch, search
from .protocol import Answer, Judgement
from .text import normalised, shown


class Regex(Parameters):
    """`pattern` is found in the output (`match: search`) or is all of it (`match: fullmatch`)."""

    version: ClassVar[str] = "1"
    pattern: PatternText
    ignore_case: bool = True
    match: Literal["search", "fullmatch"] = "search"

    def __call__(self, answer: Answer) -> Judgement:
        pattern = compiled(self.pattern, ignore_case=self.ignore_case)
        text = normalised(answer.output)
        if self.match == "search":
            if found := search(pattern, text):
                return Judgement.of(True, f"matches: {shown(found.group())}")
            return Judgement.of(False, f"nothing matches {shown(self.pattern)}")
        whole = fullmatch(pattern, text.strip())
        verb = "is" if whole else "is not"
        return Judgement.of(bool(whole), f"the output as a whole {verb} {shown(self.pattern)}")


class NotRegex(Parameters):
    """`pattern` is not found anywhere in the output."""

    version: ClassVar[str] = "1"
    pattern: PatternText
    ignore_case: bool = True

    def __call__(self, answer: Answer) -> Judgement:
        pattern = compiled(self.pattern, ignore_case=self.ignore_case)
        if found := search(pattern, normalised(answer.output)):
            return Judgement.of(False, f"matches: {shown(found.group())}")
        return Judgement.of(True, f"nothing matches {shown(self.pattern)}")
