"""A plan and a calibration on the terminal: the answer first, then the table it rests on."""

from __future__ import annotations

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
from .page import NARROW, columns, facts, heading, page, text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from ...compare.design import Plan
    from ...gate.calibration import Calibration

BAR = 16
SHOWN_CLAIMS = 12


def render_plan(plan: Plan, *, color: bool = False, width: int = 100) -> str:
    """A plan as text."""
    parts: list[RenderableType] = [text(plan.sentence, "bold")]
    if plan.designs:
        first, *rest = design_heads(plan)
        heads = [first, *((head, "right") for head in rest)]
        parts += [text(""), columns(heads, design_rows(plan))]  # type: ignore[arg-type]
        parts.append(text(f"\n{plan.advice}"))
    if plan.assumptions is not None:
        parts += [heading("Assumed"), facts(assumption_pairs(plan))]
    parts += [text(f"note: {note}", "dim") for note in plan.notes]
    return page(parts, color=color, width=width)


def render_calibration(calibration: Calibration, *, color: bool = False, width: int = 100) -> str:
    """A calibration as text: the power curve as a table with bars, then the claims."""
    rows: list[list[str | Text]] = []
    for cells, point in zip(point_rows(calibration), calibration.points, strict=True):
        filled = round(BAR * point.failed.rate)
        rows.append([*cells, text("█" * filled + "·" * (BAR - filled), "red")])
    heads = [(head, "right") for head in POINT_HEADS]
    if width < NARROW:
        rows = [row[:4] for row in rows]
        table = columns(heads[:4], rows, flexible=0)  # type: ignore[arg-type]
    else:
        table = columns([*heads, "caught"], rows)  # type: ignore[list-item]
    hidden = len(calibration.claims) - SHOWN_CLAIMS
    parts: list[RenderableType] = [
        text(calibration.sentence, "bold"),
        text(""),
        facts(calibration_facts(calibration)),
        heading("By the true loss", "shares of repetitions, with 95% intervals"),
        table,
        heading("Claims", f"{hidden:,} more not shown here" if hidden > 0 else ""),
        columns(list(CLAIM_HEADS), claim_rows(calibration)[:SHOWN_CLAIMS], flexible=0),
        *(text(f"note: {note}", "dim") for note in calibration.notes),
    ]
    return page(parts, color=color, width=width)
