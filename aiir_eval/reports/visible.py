"""Hostile text made harmless to look at: what a terminal or a reader cannot see, as an escape.

Outputs of models, logs and incident text may carry terminal control codes, characters that reverse
the direction of the text around them, or invisible ones that hide a message. Nothing is removed:
``\\x1b``, ``\\u202e`` and ``\\U000e0041`` stand where the character stood.
"""

from __future__ import annotations

import re

# Controls but tab and newline; soft hyphen; fillers that look like nothing; direction marks,
# overrides and isolates; zero-width space, joiner of words, byte order mark; line and paragraph
# separators; annotation; tags and supplementary variation selectors; surrogates; non-characters.
# The zero-width joiner and non-joiner stay: Persian, Indic scripts and emoji are written with them.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`text` with every unseen character as its escape; tabs and newlines stay."""
    if text.isascii() and text.isprintable():
        return text
    return UNSEEN.sub(_escape, text.replace("\r\n", "\n"))


def one_line(text: str, limit: int | None = None) -> str:
    """`text`, visible, on one line (a newline shows as ``↵``), cut to `limit` characters."""
    head = text if limit is None else text[: 4 * limit]  # an output may be megabytes long
    line = " ".join(visible(head).replace("\n", " ↵ ").split())
    if limit is not None and (len(line) > limit or len(head) < len(text)):
        return line[: limit - 1].rstrip() + "…"
    return line


def shortened(text: str, limit: int) -> str:
    """`text`, visible, with a note of what is left out beyond `limit` characters."""
    if len(text) <= limit:
        return visible(text)
    return f"{visible(text[:limit])}… ({len(text) - limit:,} more characters)"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
