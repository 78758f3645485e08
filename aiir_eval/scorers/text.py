"""How a scorer reads text: one spelling for what looks the same, and a limit on its length."""

from __future__ import annotations

import re
import unicodedata

from .protocol import ScoringError

MAX_CHARACTERS = 2_000_000  # of one output; what is longer cannot be judged and is an error

_QUOTES = dict.fromkeys(map(ord, "‘’‚‛′ʼ´"), "'") | dict.fromkeys(map(ord, "“”„‟″«»"), '"')
_FOLDED = _QUOTES | dict.fromkeys(map(ord, "‐‑‒−"), "-")
_DASHES = dict.fromkeys(map(ord, "–—―"), "-")
_RANGE = re.compile(r"(?<=\w)–(?=\w)")  # an en dash between words does the work of a hyphen
# Zero-width and other invisible characters: format characters, joiners, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """`text` without invisible characters; raises `ScoringError` where it is too long to judge."""
    if len(text) > MAX_CHARACTERS:
        raise ScoringError(
            f"the output has {len(text):,} characters; at most {MAX_CHARACTERS:,} can be judged"
        )
    return _INVISIBLE.sub("", text)


def normalised(text: str) -> str:
    """`text` as every scorer matches it.

    Invisible characters are dropped, typographic quotes and hyphens become plain ones (so does an
    en dash between two words, as in 10–20; other dashes stay), and the rest is brought to Unicode's
    compatibility form (NFKC): a no-break space is a space.
    """
    plain = unicodedata.normalize("NFKC", visible(text).translate(_FOLDED)).translate(_FOLDED)
    return _RANGE.sub("-", plain)


def flattened(text: str, *, ignore_case: bool) -> str:
    """`normalised` text with dashes as hyphens, and every run of white space as one space."""
    flat = " ".join(normalised(text).translate(_DASHES).split())
    return flat.casefold() if ignore_case else flat


def shown(value: object, limit: int = 80) -> str:
    """A value for the reason of a judgement: quoted, on one line, cut to `limit` characters."""
    if not isinstance(value, str):
        return repr(value) if len(repr(value)) <= limit else f"{repr(value)[:limit]}…"
    return repr(value) if len(value) <= limit else f"{value[:limit]!r}…"
