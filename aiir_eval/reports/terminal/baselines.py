"""Baselines on the terminal: every name, or one with where it pointed before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...words import count
from .page import columns, page, text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...runs.baselines import Baseline, Setting


def render_baselines(
    baselines: Sequence[Baseline], *, color: bool = False, width: int = 100
) -> str:
    """Every baseline, one a line."""
    if not baselines:
        return "No baseline."
    rows = [
        (one.name, one.target_name, f"{one.suite_name} {one.suite_version}", one.set_at, one.set_by)
        for one in baselines
    ]
    table = columns(("name", "target", "suite", "set at", "by"), rows, flexible=1)
    return page([table], color=color, width=width)


def render_baseline(baseline: Baseline, *, color: bool = False, width: int = 100) -> str:
    """What a name stands for, and what it stood for before."""
    cases = count(baseline.n_cases, "case")
    settings: list[Setting] = [baseline, *baseline.previous]
    rows = [
        (one.target_name, one.fingerprint[:12], one.set_at, one.set_by, one.note)
        for one in settings
    ]
    parts: list[RenderableType] = [
        text(f"{baseline.name} stands for {baseline.target_name}", "bold"),
        text(
            f"{baseline.suite_name} {baseline.suite_version}, {cases}, "
            f"run.json {baseline.run_digest[:12]}",
            "dim",
        ),
        columns(("target", "fingerprint", "set at", "by", "note"), rows),
    ]
    return page(parts, color=color, width=width)
