"""Numbers of things and shortened names, as every room words them."""

from __future__ import annotations


def count(value: int, noun: str, plural: str | None = None) -> str:
    """``1 case``, ``1,000 cases``."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def cut(text: str, limit: int) -> str:
    """`text`, with an ellipsis where it is cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
