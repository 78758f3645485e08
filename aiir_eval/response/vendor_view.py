"""Models in use against a feed, and assessments of vendors, as text and markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..reports.markdown.text import code, plain
from ..reports.terminal.page import STYLES, columns, facts, heading, page, text
from ..words import count
from .deprecations import ModelCheck
from .vendor_feed import Feed
from .vendors import VendorAssessment

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {
    "retired": STYLES["bad"],
    "retiring": STYLES["bad"],
    "impossible_dates": STYLES["void"],
    "announced": STYLES["unsure"],
}


def feed_line(feed: Feed) -> str:
    """What there is to know of a feed before relying on it."""
    told = [count(len(feed.retirements), "retirement")]
    told.append(f"{len(feed.doubtful)} with impossible dates, which are not relied on")
    if feed.problems:
        told.append(f"{len(feed.problems)} problems")
    return f"{feed.path}: {', '.join(told)}"


def render_checks(
    checks: Sequence[ModelCheck], feed: Feed, *, color: bool = False, width: int = 100
) -> str:
    """Models in use against a feed, as text."""
    rows = [
        [
            text(each.model),
            text(each.state.replace("_", " "), _STYLES.get(each.state, "")),
            text(_told(each)),
        ]
        for each in checks
    ]
    parts: list[RenderableType] = [
        text(feed_line(feed), "dim"),
        columns(["model", "", "what the feed says"], rows),
    ]
    return page(parts, color=color, width=width)


def checks_markdown(checks: Sequence[ModelCheck], feed: Feed) -> str:
    """Models in use against a feed, as markdown."""
    lines = [
        plain(feed_line(feed)),
        "",
        "| model | state | what the feed says |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {code(each.model)} | {each.state.replace('_', ' ')} | "
        f"{'<br>'.join(map(plain, _told(each).splitlines()))} |"
        for each in checks
    ]
    return "\n".join(lines) + "\n"


def _told(each: ModelCheck) -> str:
    row = each.retirement
    parts = []
    if row is None:
        parts.append("no row has this name; that says nothing about when it goes away")
    else:
        left = each.days_left
        when = f"shutdown on {row.shutdown}" if row.shutdown else "no date of shutdown"
        if left is not None:
            when += f", {left} days left" if left > 0 else f", {-left} days ago"
        parts.append(f"{row.provider}: {row.doubt + ': check' if row.doubt else when}")
        if row.replacements:
            parts.append(f"instead: {', '.join(row.replacements)}")
        if row.url:
            parts.append(row.url)
    if each.used_by:
        parts.append(f"used by {', '.join(each.used_by)}")
    return "\n".join(parts)


def render_assessments(
    found: Sequence[tuple[Path, VendorAssessment]], *, color: bool = False, width: int = 100
) -> str:
    """Assessments, a line each."""
    if not found:
        return "No assessment."
    rows = [
        [
            each.vendor,
            str(each.assessed_at),
            each.decision.replace("_", " "),
            f"{count(len(each.incidents), 'incident')}, "
            f"{count(len(each.deprecations), 'deprecation')}, "
            f"{count(len(each.verdicts), 'verdict')}",
            "" if each.next_review is None else f"next review {each.next_review}",
        ]
        for _, each in found
    ]
    return page(
        [columns(["vendor", "assessed", "decision", "what it holds", ""], rows, flexible=3)],
        color=color,
        width=width,
    )


def render_assessment(each: VendorAssessment, *, color: bool = False, width: int = 100) -> str:
    """One assessment as text."""
    parts: list[RenderableType] = [
        text(f"{each.name} ({each.vendor})", "bold"),
        facts(_facts(each)),
    ]
    for title, rows in _lists(each):
        parts += [heading(title), text("\n".join(f"- {row}" for row in rows))]
    return page(parts, color=color, width=width)


def assessments_markdown(found: Sequence[VendorAssessment]) -> str:
    """Assessments as markdown, whole."""
    parts: list[str] = []
    for each in found:
        parts.append(f"## {plain(each.name)} ({code(each.vendor)})")
        parts.append("\n".join(f"- {key}: {plain(value)}" for key, value in _facts(each) if value))
        for title, rows in _lists(each):
            parts += [f"### {title}", "\n".join(f"- {plain(row)}" for row in rows)]
    return "\n\n".join(parts) + "\n"


def _facts(each: VendorAssessment) -> list[tuple[str, str]]:
    return [
        ("assessed", f"{each.assessed_at} by {each.assessor}"),
        ("decision", each.decision.replace("_", " ")),
        ("models", ", ".join(each.models)),
        ("fallback", each.fallback or ""),
        ("next review", "" if each.next_review is None else str(each.next_review)),
        ("notes", each.notes or ""),
    ]


def _lists(each: VendorAssessment) -> list[tuple[str, list[str]]]:
    found = [
        ("Conditions", list(each.conditions)),
        ("Incidents", [f"{one.id} {one.title} ({one.status})" for one in each.incidents]),
        (
            "Deprecations",
            [
                f"{one.model}: {f'{one.doubt}: check' if one.doubt else one.shutdown_date or '?'}"
                for one in each.deprecations
            ],
        ),
        ("Verdicts", [f"{one.verdict}: {one.file}" for one in each.verdicts]),
    ]
    return [(title, rows) for title, rows in found if rows]
