"""Does an answer still read like language? The monitor that calls the last good composer back."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

_LEAST_SHARE = 0.6  # of neighbouring words that also stand side by side in what was to be said


def is_garbled(answer: str, meant: Iterable[str]) -> bool:
    """Whether too few neighbouring words of the answer are neighbours in the sentences meant."""
    known = {pair for sentence in meant for pair in _pairs(sentence)}
    pairs = _pairs(answer)
    return bool(pairs) and sum(pair in known for pair in pairs) / len(pairs) < _LEAST_SHARE


def _pairs(text: str) -> list[tuple[str, str]]:
    words = text.lower().split()
    return list(pairwise(words))
