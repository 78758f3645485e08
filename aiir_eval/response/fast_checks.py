"""Which texts of a column fail a check, all at once, where Arrow says exactly what it would?

Scorers normalise text (invisible characters, quotes, Unicode forms). For text in ASCII that changes
nothing but white space and case, so Arrow's kernels give the same answer a hundred times faster.
Everything else is left to the scorer, text by text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..scorers.containing import Contains, NotContains
from ..scorers.equality import Equals
from ..scorers.matching import NotRegex, Regex
from ..scorers.text import MAX_CHARACTERS, flattened

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_SPACES = r"[\t-\r\x1c-\x20]+"  # what str.split() takes for white space in ASCII
_SPACE = r"\t-\r "  # what \s is to the library that scorers match with
_PIECE = re.compile(
    r"""(?P<atom>\\[bdwDWntr]|\\[.^$|?*+()\[\]{}/'"!,:;%&@#=<>~ -]|[A-Za-z0-9 _,'"!:;/@%&=~<>-]|\.)
    |(?P<space>\\[sS])
    |(?P<set>\[\^?(?:\\[dwsntr.^$?*+()/-]|[A-Za-z0-9 _.,'"!?@%/:;+*$()=<>-])+\])
    |(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<other>\||\^)
    |(?P<repeat>(?:[?*+]|\{\d{1,3}(?:,\d{0,3})?\})\??)""",
    re.VERBOSE | re.ASCII,
)


def simple_texts(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts are ASCII, and short enough to be judged: those `failing` may be asked of."""
    import pyarrow.compute as pc

    simple = pc.and_(
        pc.string_is_ascii(texts), pc.less_equal(pc.binary_length(texts), MAX_CHARACTERS)
    )
    return np.asarray(simple.to_numpy(zero_copy_only=False), bool)


def failing(scorer: Any, texts: pa.Array) -> NDArray[np.bool_] | None:
    """Which of these simple texts fail a scorer; None where only the scorer itself can say."""
    import pyarrow as pa

    if type(scorer) is NotContains:
        return _holds_any(scorer.any or [scorer.value], texts, scorer.ignore_case)
    if type(scorer) is Contains:
        if scorer.all is None:
            return ~_holds_any(scorer.any or [scorer.value], texts, scorer.ignore_case)
        masks = [_holds_any([needle], texts, scorer.ignore_case) for needle in scorer.all]
        return np.asarray(~np.logical_and.reduce(masks), bool)
    if type(scorer) is Equals and isinstance(scorer.value, str) and scorer.extract is None:
        return None if scorer.extract_expected is not None else ~_equal(scorer, texts)
    if type(scorer) is NotRegex or (type(scorer) is Regex and scorer.match == "search"):
        pattern = portable(scorer.pattern)
        try:
            found = None if pattern is None else _matches(pattern, texts, scorer.ignore_case)
        except pa.ArrowInvalid:  # larger than the other library takes
            return None
        if found is None or type(scorer) is NotRegex:
            return found
        return np.logical_not(found)
    return None


def flat(texts: pa.Array, *, ignore_case: bool) -> pa.Array:
    """`flattened` of texts in ASCII."""
    import pyarrow.compute as pc

    plain = pc.ascii_trim(pc.replace_substring_regex(texts, _SPACES, " "), " ")
    return pc.ascii_lower(plain) if ignore_case else plain


def portable(pattern: str) -> str | None:
    """A pattern for RE2 that finds something in the same texts of ASCII; None where none is known.

    Taken are literals, sets, groups, alternatives and repeats. Anything else (look-around,
    references, flags, ``$``, possessive or fuzzy matching) means something else there, or nothing.
    """
    pieces, place, repeatable = [], 0, False
    while place < len(pattern):
        piece = _PIECE.match(pattern, place)
        if piece is None:
            return None
        kind, text = piece.lastgroup, piece.group()
        if kind == "repeat" and not repeatable:
            return None
        if kind == "open" and pattern.startswith("(?", place) and text == "(":
            return None
        if kind == "space":
            text = f"[{_SPACE}]" if text == r"\s" else f"[^{_SPACE}]"
        elif kind == "set":
            text = text.replace(r"\s", _SPACE)
        repeatable = kind in ("atom", "space", "set", "close") and piece.group() != r"\b"
        pieces.append(text)
        place = piece.end()
    return "".join(pieces)


def _holds_any(needles: Any, texts: pa.Array, ignore_case: bool) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    lines = flat(texts, ignore_case=ignore_case)
    found = np.zeros(len(texts), bool)
    for needle in needles:
        wanted = flattened(needle, ignore_case=ignore_case)
        if wanted.isascii():  # else no text of ASCII holds it
            found |= pc.match_substring(lines, wanted).to_numpy(zero_copy_only=False)
    return found


def _equal(scorer: Equals, texts: pa.Array) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    wanted = flattened(scorer.value, ignore_case=scorer.ignore_case)
    same = pc.equal(flat(texts, ignore_case=scorer.ignore_case), wanted)
    return np.asarray(same.to_numpy(zero_copy_only=False), bool)


def _matches(pattern: str, texts: pa.Array, ignore_case: bool) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    found = pc.match_substring_regex(texts, pattern, ignore_case=ignore_case)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)
