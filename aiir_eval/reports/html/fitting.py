"""How much of each text does a page show, so that a thousand cases stay below a megabyte?"""

from __future__ import annotations

import html
from collections.abc import Iterable

from ..visible import visible
from .page import MAX_OUTPUT

BUDGET = 400_000  # bytes of inputs, outputs and reasons on a page
MIN_TEXT = 120  # characters that are always shown


def written(text: str, limit: int) -> int:
    """Bytes that the first `limit` characters of a text take on a page, escaped."""
    return len(html.escape(visible(text[:limit])).encode())


def text_limit(texts: Iterable[tuple[str, int]], budget: int = BUDGET) -> int:
    """Characters of each text that fit, from 120 to 6,000.

    Each text comes with the most characters of it that are shown in any case.
    """
    given, limit = list(texts), MAX_OUTPUT
    while limit > MIN_TEXT and not _fits(given, limit, budget):
        limit //= 2
    return max(limit, MIN_TEXT)


def _fits(texts: Iterable[tuple[str, int]], limit: int, budget: int) -> bool:
    for text, most in texts:
        budget -= written(text, min(limit, most))
        if budget < 0:
            return False
    return True
