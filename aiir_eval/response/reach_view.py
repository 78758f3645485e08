"""The blast radius of an incident as text and markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..reports.markdown.text import code, plain
from ..reports.terminal.page import columns, facts, heading, page, text
from ..words import count

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .reach import Part, Reach
    from .sampling import Estimate

_MAX_PARTS = 60


def render_reach(reach: Reach, *, color: bool = False, width: int = 100) -> str:
    """A blast radius as text for a terminal."""
    parts: list[RenderableType] = [
        text(f"{reach.incident_id}: {headline(reach)}", "bold"),
        facts(
            [
                ("affected are", reach.method),
                ("period", reach.interval or ""),
                *((name, told) for name, told in _numbers(reach)),
                ("systems", ", ".join(reach.systems[:20])),
            ]
        ),
        *(text(f"note: {note}", "dim") for note in reach.notes),
    ]
    if len(reach.by_check) > 1:
        parts.append(heading("By check", "in the sample" if reach.sampled else ""))
        told = [[name, f"{rows:,}"] for name, rows in reach.by_check.items()]
        parts.append(columns(["fails", ("rows", "right")], told, flexible=0))
    for title, found in (("By day (UTC)", reach.by_day), ("By version", reach.by_version)):
        if found:
            parts.append(heading(title, "in the sample" if reach.sampled else ""))
            heads, rows = _table(found)
            parts.append(columns([heads[0], *((head, "right") for head in heads[1:])], rows))
    return page(parts, color=color, width=width)


def reach_markdown(reach: Reach) -> str:
    """A blast radius as markdown."""
    parts = [
        f"## {code(reach.incident_id)}: {headline(reach)}",
        f"Affected are {plain(reach.method)}.",
        "\n".join(f"- {name}: {told}" for name, told in _numbers(reach)),
    ]
    if reach.systems:
        parts.append("Systems: " + ", ".join(code(name, 80) for name in reach.systems[:20]))
    if len(reach.by_check) > 1:
        checks = ["| Fails | rows |", "| --- | ---: |"]
        checks += [f"| {code(name)} | {rows:,} |" for name, rows in reach.by_check.items()]
        parts.append("\n".join(checks))
    for title, found in (("Day (UTC)", reach.by_day), ("Version", reach.by_version)):
        if found:
            heads, rows = _table(found)
            heads[0] = title + (", in the sample" if reach.sampled else "")
            lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
            lines += [[plain(row[0], 80), *row[1:]] for row in rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    if reach.notes:
        parts.append("\n".join(f"- {plain(note)}" for note in reach.notes))
    return "\n\n".join(parts) + "\n"


def headline(reach: Reach) -> str:
    """The answer in a sentence."""
    of = f"{count(reach.population, 'row')} of the log"
    if not reach.sampled:
        return f"{count(reach.rows.seen, 'affected row')} in {of}"
    return (
        f"{reach.rows.low:,} to {reach.rows.high:,} affected rows in {of} "
        f"({reach.rows.seen:,} seen among {reach.looked_at:,}, {reach.confidence_level:.0%})"
    )


def _numbers(reach: Reach) -> list[tuple[str, str]]:
    return [
        (kind.replace("_", " "), "not counted" if found is None else _told(found, reach.sampled))
        for kind, found in reach.counts.items()
    ]


def _told(found: Estimate, sampled: bool) -> str:
    if not sampled:
        return f"{found.seen:,}"
    if found.high is None:
        return f"{found.seen:,} seen, and there may be more" if found.seen else "none seen"
    if found.seen == 0:
        return f"none seen, at most {found.high:,}"
    return f"at least {found.low:,}, about {found.estimate:,.0f} or more, at most {found.high:,}"


def _table(found: Sequence[Part]) -> tuple[list[str], list[list[str]]]:
    heads = ["", "rows", *(kind.replace("_", " ") for kind in found[0].counts)]
    rows = [
        [part.value or "not stated", f"{part.rows:,}", *(f"{n:,}" for n in part.counts.values())]
        for part in found[-_MAX_PARTS:]
    ]
    if len(found) > _MAX_PARTS:
        left_out = len(found) - _MAX_PARTS
        rows.insert(0, [f"{left_out} more", *[""] * (len(heads) - 1)])
    return heads, rows
