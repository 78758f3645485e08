"""A mapping to another format on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .page import STYLES, columns, heading, page, text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...incidents.exchange.mapping import Mapping

_STYLES = {
    "direct": STYLES["good"],
    "partial": STYLES["unsure"],
    "approximate": STYLES["unsure"],
    "unmapped": STYLES["bad"],
}


def render_mapping(mapping: Mapping, *, color: bool = False, width: int = 100) -> str:
    """A mapping as text: a line a field, with what is lost."""
    parts: list[RenderableType] = [
        text(f"{mapping.title} {mapping.version}", "bold"),
        text(f"{mapping.source}\nSeverity: {mapping.severity}", "dim"),
    ]
    for title, sides, rows in (
        ("Into a record", ("theirs", "ours"), mapping.imports),
        ("Out of a record", ("ours", "theirs"), mapping.exports),
    ):
        if rows:
            table = columns(
                [*sides, "", "what is lost"],
                [
                    [
                        getattr(row, sides[0]) or "-",
                        getattr(row, sides[1]) or "-",
                        text(row.status, _STYLES[row.status]),
                        row.lost or "",
                    ]
                    for row in rows
                ],
            )
            parts += [heading(title), table]
    return page(parts, color=color, width=width)
