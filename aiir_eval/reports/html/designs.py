"""The HTML page of a calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..designs import CLAIM_HEADS, POINT_HEADS, calibration_facts, claim_rows, point_rows, share
from .curves import power_curve
from .page import Figure, page

if TYPE_CHECKING:
    from ...gate.calibration import Calibration


def calibration_page(calibration: Calibration) -> str:
    """The page of a calibration."""
    from ...compare.design_words import amount
    from ...gate.calibration_words import headline_point

    point, reached = headline_point(calibration), calibration.detectable()
    at_margin, margin = calibration.pass_at_margin, calibration.margin
    told = [
        ("False alarms", calibration.false_alarm, "of unchanged versions fail"),
        ("Caught", point.failed, f"of losses of {amount(point.loss, calibration.graded)} fail"),
    ]
    if at_margin is not None and margin is not None:
        lost = amount(margin, calibration.graded)
        told.append(("Let through", at_margin, f"of losses of the margin, {lost}, pass"))
    figures = []
    for title, value, note in told:
        estimate, _, span = share(value).partition(" ")
        figures.append(Figure(title, estimate, f"{span} {note}"))
    found = "-" if reached is None else amount(round(reached, 4), calibration.graded)
    figures.append(Figure("Caught with 80%", found, "the smallest loss, between those tried"))
    return page(
        "calibration.html.j2",
        kind="Calibration of the gate",
        word=None,
        sentence=calibration.sentence.partition(";")[0].rstrip(".") + ".",  # figures say the rest
        figures=figures,
        curve=power_curve(calibration),
        loss_of="mean score" if calibration.graded else "pass rate, in points",
        point_heads=POINT_HEADS,
        points=point_rows(calibration),
        claim_heads=CLAIM_HEADS,
        claims=claim_rows(calibration),
        facts=calibration_facts(calibration),
        notes=list(calibration.notes),
    )
