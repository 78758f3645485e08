"""Hostile text inside markdown: it shows as it is, and does nothing.

Characters that begin something in markdown or HTML become character references, which markdown
never takes for structure (CommonMark 0.31, section 2.5). A mention or an issue number is made at a
later step from the finished text, so a zero-width space breaks it; inside ``<code>`` and ``<pre>``
that step does not look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..visible import one_line, shortened, visible

# What begins a tag, reference, link, image, emphasis, code, cell, strike-through or formula, and
# what makes a bare address a link. An underscore inside a word begins nothing.
_BEGINS = re.compile(
    r"[&<`*\[\\|~$]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"@|#(?=\d)|\bGH-(?=\d)", re.IGNORECASE)
_LINE_START = re.compile(r"[-+#=>]|\d+(?=[.)])")
BREAK = "&#8203;"
_BROKEN = "\0"  # stands for it until the rest is encoded; `one_line` leaves none


def plain(text: str, limit: int | None = None) -> str:
    """Words for a sentence or a table cell: one line, nothing in it is a link, mention or tag."""
    line = one_line(text, limit)
    first, rest = (line[:1], line[1:]) if _LINE_START.match(line) else ("", line)
    told = _REFERENCE.sub(lambda match: match.group() + _BROKEN, rest)
    start = _coded(first) if first else ""
    return start + _encoded(told).replace(_BROKEN, BREAK)


def code(text: str, limit: int | None = None) -> str:
    """An id or a short piece of output, in a fixed-width font."""
    return f"<code>{_encoded(one_line(text, limit)) or ' '}</code>"


def block(text: str, limit: int) -> str:
    """A longer output, its lines kept."""
    return f"<pre>{_html(shortened(text, limit)) or ' '}</pre>"


def said(output: str, tool_calls: Iterable[str], limit: int) -> str:
    """An answer: what it says, and a line for each tool it calls."""
    return block("\n".join(part for part in (output, *tool_calls) if part), limit)


def summary(text: str) -> str:
    """Text of a ``<summary>``: HTML, not markdown."""
    return _html(visible(text).replace("\n", " "))


def _encoded(text: str) -> str:
    return _BEGINS.sub(lambda match: _coded(match.group()), text)


def _coded(character: str) -> str:
    return f"&#{ord(character)};"


def _html(text: str) -> str:
    # Newlines as they are: inside <pre> a blank line does not end the block of HTML.
    return re.sub(r"[&<>\"'`|]", lambda match: _coded(match.group()), text)
