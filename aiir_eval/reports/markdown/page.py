"""A markdown page that never grows beyond its limit, and the words all pages begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..wording import name, told
from .text import plain, summary

MAX_BYTES = 65_000  # a comment on GitHub takes 65,536, of which the action needs some for its mark

MARKS: Mapping[str, str] = {
    "pass": "✅",
    "fail": "❌",
    "inconclusive": "⚠️",
    "invalid": "⛔",
    "improved": "✅",
    "non_inferior": "✅",
    "regressed": "❌",
    "drift": "❌",
    "no_drift": "✅",
    "error": "❌",
    "warning": "⚠️",
    "info": "ℹ️",
}


class Page:
    """Markdown that grows until it is full; whatever does not fit is counted and noted."""

    def __init__(self, max_bytes: int) -> None:
        self.parts: list[str] = []
        self.room = max_bytes - 400  # for the notes on what was left out

    def add(self, part: str) -> bool:
        cost = len(part.encode()) + 2
        if cost > self.room:
            return False
        self.room -= cost
        self.parts.append(part)
        return True

    def table(
        self,
        title: str,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        total: int | None = None,
    ) -> None:
        """A table with as many rows as fit; `total` is how many there are in all."""
        if not rows:
            return
        lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
        head_cost = len(title.encode()) + sum(len(line.encode()) + 1 for line in lines) + 8
        left = self.room - head_cost - 80
        kept = 0
        for row in rows:
            line = f"| {' | '.join(row)} |"
            left -= len(line.encode()) + 1
            if left < 0:
                break
            lines.append(line)
            kept += 1
        if (more := (total or len(rows)) - kept) > 0:
            lines.append(f"\n*{more:,} more rows do not fit here.*")
        if kept:
            self.add((f"### {title}\n\n" if title else "") + "\n".join(lines))

    def folded(self, title: str, items: Sequence[str], total: int, *, leave: int = 0) -> None:
        """A folded section with as many items as fit; `total` is how many there are in all.

        `leave` bytes are kept free for what follows.
        """
        head, tail = f"<details><summary>{summary(title)}</summary>\n\n", "\n\n</details>"
        left = self.room - leave - len((head + tail).encode()) - 80
        kept: list[str] = []
        for item in items:
            left -= len(item.encode()) + 2
            if left < 0:
                break
            kept.append(item)
        if len(kept) < total:
            kept.append(f"*{total - len(kept):,} more are not shown here.*")
        self.add(head + "\n\n".join(kept) + tail)

    def __str__(self) -> str:
        return "\n\n".join(self.parts) + "\n"


def answer(word: str, sentence: str) -> str:
    """The first line: the verdict or conclusion, then the sentence."""
    return f"{MARKS.get(word, '')} **{name(word).capitalize()}**: {plain(told(word, sentence))}"


def marked(word: str) -> str:
    """A verdict, conclusion or severity with its mark."""
    return f"{MARKS.get(word, '')} {name(word)}"
