"""Hostile text inside markdown: it shows as it is, and does nothing.

Characters that mean something in markdown or HTML become character references, which markdown never
takes for structure (CommonMark 0.31, section 2.5). A mention or an issue number is made at a later
step from the finished text, so a zero-width space breaks it; inside ``<code>`` and ``<pre>`` that
step does not look.
"""

from __future__ import annotations

import re

from ..visible import one_line, shortened, visible

# All ASCII punctuation but what neither markdown nor HTML reads as structure inside a line.
_MEANING = re.compile(r"[!\"#$&'*/:;<=>?@\[\\\]^_`{|}~]|(?<=\bwww)\.|(?<=\d)\.(?=\s)")
_REFERENCE = re.compile(r"(@|(?<![\w])#(?=\d)|\bGH-(?=\d))", re.IGNORECASE)
BREAK = "&#8203;"


def plain(text: str, limit: int | None = None) -> str:
    """Words for a sentence or a table cell: one line, nothing in it is a link, mention or tag."""
    line = one_line(text, limit)
    line = _REFERENCE.sub("\\1\x00", line)
    line = _encoded(line).replace("\x00", BREAK)
    # A line that begins like a list, quote or rule is none when its first character is encoded.
    return f"&#{ord(line[0])};{line[1:]}" if line[:1] in {"-", "+"} else line


def code(text: str, limit: int | None = None) -> str:
    """An id or a short piece of output, in a fixed-width font."""
    return f"<code>{_encoded(one_line(text, limit)) or ' '}</code>"


def block(text: str, limit: int) -> str:
    """A longer output, its lines kept."""
    return f"<pre>{_html(shortened(text, limit)) or ' '}</pre>"


def summary(text: str) -> str:
    """Text of a ``<summary>``: HTML, not markdown."""
    return _html(visible(text).replace("\n", " "))


def _encoded(text: str) -> str:
    return _MEANING.sub(lambda match: f"&#{ord(match.group())};", text)


def _html(text: str) -> str:
    # Newlines as they are: inside <pre> a blank line does not end the block of HTML.
    return re.sub(r"[&<>\"'`|]", lambda match: f"&#{ord(match.group())};", text)
