"""The deployment checklist as text and markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reports.markdown.text import plain
from ..reports.terminal.page import STYLES, columns, heading, page, text
from ..words import count
from .checklist import Checklist, Item, State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from ..reports.wording import Tone

WORDS: dict[State, str] = {
    "holds": "holds",
    "fails": "does not hold",
    "untested": "not tested",
    "no_verdict": "no verdict",
    "unknown": "no incident",
}
TONES: dict[State, Tone] = {
    "holds": "good",
    "fails": "bad",
    "untested": "unsure",
    "no_verdict": "unsure",
    "unknown": "plain",
}
TITLES = {"control": "Controls", "domain": "Domains"}


def render_checklist(checklist: Checklist, *, color: bool = False, width: int = 100) -> str:
    """A checklist as text for a terminal."""
    parts: list[RenderableType] = [text(headline(checklist), "bold")]
    for kind, title in TITLES.items():
        rows: list[list[str | Text]] = [
            [
                text(WORDS[item.state], STYLES[TONES[item.state]]),
                item.name if kind == "control" else f"{item.id} {item.name}",
                "\n".join([item.asks, *told(item)]),
            ]
            for item in checklist.items
            if item.kind == kind
        ]
        parts += [heading(title), columns(["", "what", "asks, incidents, suites, verdicts"], rows)]
    parts += [text(f"\n{line}") for line in _rest(checklist)]
    return page(parts, color=color, width=width)


def checklist_markdown(checklist: Checklist) -> str:
    """A checklist as markdown, a box an item: ticked where it holds."""
    lines = ["# Deployment checklist", "", plain(headline(checklist))]
    for kind, title in TITLES.items():
        lines += ["", f"## {title}", ""]
        for item in checklist.items:
            if item.kind != kind:
                continue
            name = item.name if kind == "control" else f"{item.id} {item.name}"
            box = "x" if item.state == "holds" else " "
            lines.append(f"- [{box}] **{plain(name)}** ({WORDS[item.state]}): {plain(item.asks)}")
            lines += [f"  - {plain(line)}" for line in told(item)]
    lines += [f"\n{plain(line)}" for line in _rest(checklist)]
    return "\n".join(lines) + "\n"


def headline(checklist: Checklist) -> str:
    """How many items hold, in a line."""
    held = sum(item.state == "holds" for item in checklist.items)
    return (
        f"{held} of {count(len(checklist.items), 'item')} hold, by "
        f"{count(checklist.n_incidents, 'incident')}, their suites and last verdicts "
        f"({checklist.framework})"
    )


def told(item: Item) -> list[str]:
    """What stands behind an item, a line each."""
    lines = []
    if item.incidents:
        lines.append(f"incidents: {', '.join(item.incidents)}")
    if item.domains and item.kind == "control":
        lines.append(f"domains: {', '.join(item.domains)}")
    if item.suites:
        cases = ", ".join(f"{name} ({count(n, 'case')})" for name, n in item.suites.items())
        lines.append(f"suites: {cases}")
    lines += [
        f"last verdict on {each.suite}: {each.verdict}, {each.at}, {each.file}"
        for each in item.verdicts
    ]
    lines += [f"no verdict on {name}" for name in item.without_verdict]
    lines += [f"{id_} is not tested: {why}" for id_, why in item.untested.items()]
    return lines


def _rest(checklist: Checklist) -> list[str]:
    if not checklist.unnamed:
        return []
    ids = ", ".join(checklist.unnamed)
    return [f"The failed control is not named yet (aiir incident set --failed-control): {ids}"]
