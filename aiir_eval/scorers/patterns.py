"""Regular expressions from suites, which may be hostile: checked before use, stopped when slow.

The syntax is that of Python's `re` with the additions of the `regex` library, whose matching can
be given a time limit: `re` cannot be interrupted, and one pattern such as ``(a|aa)+$`` would hang
a run for ever.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

import regex  # type: ignore[import-untyped]
from pydantic import AfterValidator

from .protocol import ScoringError
from .text import shown

TIMEOUT_S = 2.0  # for one pattern on one output
MAX_PATTERN = 10_000  # characters
MAX_COPIES = 20_000  # the compiler writes x{3} as xxx: nested repeats would eat the memory

_TYPOGRAPHIC = {"'": "[‘’‚‛′ʼ´]", '"': "[“”„‟″«»]", r"\\-": r"\\?[‐‑‒−]"}
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[:=!>]|\?<[=!]|\?P?<\w+>)?|\)|[?*+]"
    r"|\{(?P<least>\d*)(?:,\d*)?\}|.",
    re.DOTALL,
)


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, ignore_case: bool = True) -> Any:
    """A compiled pattern; raises ValueError, in words for its author, where it is none.

    Typographic quotes and hyphens in it mean the plain ones, which is what the text will have; an
    en dash outside a character class means either.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"the pattern has {len(pattern):,} characters; at most {MAX_PATTERN:,}")
    if _copies(pattern) > MAX_COPIES:
        raise ValueError(f"the repeats of the pattern nest to more than {MAX_COPIES:,} copies")
    for plain, typographic in _TYPOGRAPHIC.items():
        pattern = re.sub(typographic, plain, pattern)
    pattern = _TOKEN.sub(lambda token: "[-–]" if token[0] == "–" else token[0], pattern)
    flags = regex.V0 | (regex.IGNORECASE if ignore_case else 0)
    try:
        return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(f"not a regular expression: {shown(pattern)}: {error}") from None


def search(pattern: Any, text: str) -> Any:
    """The first match in `text` or None; raises `ScoringError` where it takes too long."""
    return _timed(pattern.search, pattern, text)


def fullmatch(pattern: Any, text: str) -> Any:
    """The match of the whole `text` or None; raises `ScoringError` where it takes too long."""
    return _timed(pattern.fullmatch, pattern, text)


def extracted(pattern: Any, text: str) -> str | None:
    """The first group of the first match that holds something, else the whole match, else None."""
    match = search(pattern, text)
    if match is None:
        return None
    return next((group for group in match.groups() if group), None) or str(match.group())


def _timed(method: Any, pattern: Any, text: str) -> Any:
    try:
        return method(text, timeout=TIMEOUT_S)
    except TimeoutError:
        raise ScoringError(
            f"the pattern {shown(pattern.pattern)} took more than {TIMEOUT_S:g} s on an output of "
            f"{len(text):,} characters; write it without nested repeats"
        ) from None
    except MemoryError:
        raise ScoringError(f"the pattern {shown(pattern.pattern)} ran out of memory") from None


def _copies(pattern: str) -> int:
    """About how many elements the compiler makes of a pattern, counted repeats written out."""
    sizes, last = [0], 0  # of the open groups, and of the element before the next quantifier
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if text.startswith("("):
            sizes.append(0)
            last = 0
        elif text == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif text in ("?", "*", "+") or token["least"] is not None:
            times = 1 if text == "+" else int(token["least"] or 0)  # copies beside the loop
            sizes[-1] += last * times
            last += last * times
        else:
            last = 1
            sizes[-1] += last
        if sizes[-1] > MAX_COPIES:
            return sizes[-1]
    return sum(sizes)


def _is_pattern(text: str) -> str:
    compiled(text)
    return text


PatternText = Annotated[str, AfterValidator(_is_pattern)]
