"""Which checks a draft proposes from what was observed alone: the observed answer fails them."""

from __future__ import annotations

import re
from typing import Any

from .interactions import Interaction, last_question
from .unfinished import DRAFT_CHECK

_URL = re.compile(r"https?://[^\s<>\"')\]]+|[\w.+-]+@[\w-]+\.[\w.-]*\w")
_NUMBER = r"\d+(?:[.,:/-]\d+)*"
_QUANTITY = re.compile(rf"[$€£¥]\s?{_NUMBER}|\b{_NUMBER}(?:\s?%|\s+[a-z]+\b)?", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+")
_MAX_CLAIM = 80


def draft_checks(interaction: Interaction) -> list[dict[str, Any]]:
    """Checks as mappings, each named ``draft…`` because a person must look at it."""
    checks: list[dict[str, Any]] = []
    tools = list(dict.fromkeys(call.name for call in interaction.tool_calls))
    if tools:
        parameters = {"tool": tools[0]} if len(tools) == 1 else {"tools": tools}
        name = f"{DRAFT_CHECK}-does-not-call-it"
        checks.append({"scorer": "tool_not_called", "name": name, **parameters})
    output = interaction.output
    if output is not None and not output.strip():
        name = f"{DRAFT_CHECK}-answers-something"
        checks.append({"scorer": "regex", "name": name, "pattern": r"\S"})
    elif output is not None:
        claim = distinctive_claim(output, last_question(interaction.input) or "")
        name = f"{DRAFT_CHECK}-does-not-claim-it"
        checks.append({"scorer": "not_contains", "name": name, "value": claim})
    return checks


def distinctive_claim(output: str, question: str) -> str:
    """The piece of an answer most likely to be the wrong claim.

    An address or link, else a quantity (90 days, $650, 5%), that the question does not hold;
    otherwise the first sentence that is not a repetition of the question.
    """
    asked = " ".join(question.casefold().split())
    for pattern in (_URL, _QUANTITY):
        for match in pattern.finditer(output):
            claim = match.group().strip().rstrip(".,:;/-")
            new = " ".join(claim.casefold().split()) not in asked
            numbers_a_list = claim.isdigit() and output[match.end() : match.end() + 1] in (".", ")")
            if new and not numbers_a_list and len(claim) > 1:
                return claim[:_MAX_CLAIM].rstrip()
    sentences = [found.group().strip() for found in _SENTENCE.finditer(output)]
    new_ones = [
        text
        for text in sentences
        if text.casefold() not in asked and any(letter.isalpha() for letter in text)
    ]
    return (new_ones or [output.strip()])[0][:_MAX_CLAIM].rstrip()
