"""A plan and a calibration as markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..designs import (
    CLAIM_HEADS,
    POINT_HEADS,
    assumption_pairs,
    calibration_facts,
    claim_rows,
    design_heads,
    design_rows,
    point_rows,
)
from .page import MAX_BYTES, Page
from .text import plain

if TYPE_CHECKING:
    from ...compare.design import Plan
    from ...gate.calibration import Calibration


def plan_markdown(plan: Plan, *, max_bytes: int = MAX_BYTES) -> str:
    """A plan as markdown."""
    page = Page(max_bytes)
    page.add(f"**{plain(plan.sentence)}**")
    page.table("", design_heads(plan), design_rows(plan))
    if plan.advice:
        page.add(plain(plan.advice))
    assumed = [[key, value] for key, value in assumption_pairs(plan) if value]
    page.table("Assumed", ["", ""], assumed)
    _notes(page, plan.notes)
    return str(page)


def calibration_markdown(calibration: Calibration, *, max_bytes: int = MAX_BYTES) -> str:
    """A calibration as markdown."""
    page = Page(max_bytes)
    page.add(f"**{plain(calibration.sentence)}**")
    page.table("By the true loss", POINT_HEADS, point_rows(calibration))
    claims = [[plain(cell, 120) for cell in row] for row in claim_rows(calibration)]
    page.table("Claims", CLAIM_HEADS, claims)
    facts = [[key, plain(value, 200)] for key, value in calibration_facts(calibration) if value]
    page.table("Calibrated", ["", ""], facts)
    _notes(page, calibration.notes)
    return str(page)


def _notes(page: Page, notes: Sequence[str]) -> None:
    lines = [f"- {plain(note, 400)}" for note in notes]
    if lines:
        page.add("\n".join(lines))
