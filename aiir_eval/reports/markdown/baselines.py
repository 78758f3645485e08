"""Baselines as markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .page import MAX_BYTES, Page
from .text import code, plain

if TYPE_CHECKING:
    from ...runs.baselines import Baseline, Setting


def baselines_markdown(baselines: Sequence[Baseline]) -> str:
    """Every baseline, one a row."""
    page = Page(MAX_BYTES)
    if not baselines:
        page.add("No baseline.")
    rows = [
        (
            code(one.name),
            plain(one.target_name),
            plain(f"{one.suite_name} {one.suite_version}"),
            one.set_at,
            plain(one.set_by),
        )
        for one in baselines
    ]
    page.table("", ("name", "target", "suite", "set at", "by"), rows)
    return str(page)


def baseline_markdown(baseline: Baseline) -> str:
    """What a name stands for, and what it stood for before."""
    page = Page(MAX_BYTES)
    page.add(f"{code(baseline.name)} stands for **{plain(baseline.target_name)}**")
    settings: list[Setting] = [baseline, *baseline.previous]
    rows = [
        (
            plain(one.target_name),
            code(one.fingerprint[:12]),
            one.set_at,
            plain(one.set_by),
            plain(one.note),
        )
        for one in settings
    ]
    page.table("", ("target", "fingerprint", "set at", "by", "note"), rows)
    return str(page)
