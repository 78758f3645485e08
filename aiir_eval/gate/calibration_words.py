"""What does a calibration say, in plain English?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calibration import Calibration, PowerPoint, Share

HEADLINE = 0.05


def calibration_sentence(calibration: Calibration) -> str:
    """``This suite catches a 5-point drop 83% of the time (77% to 88%); ...``."""
    point = headline_point(calibration)
    parts = [
        f"this suite catches {_drop(point.loss, calibration.graded)} "
        f"{share_text(point.failed)} of the time"
    ]
    reached = calibration.detectable()
    if reached is None:
        parts.append("no loss that was tried is caught 80% of the time")
    else:
        parts.append(f"80% is reached at {_amount(round(reached, 3), calibration.graded)}")
    parts.append(f"it fails an unchanged version {share_text(calibration.false_alarm)} of the time")
    at_margin = calibration.pass_at_margin
    if at_margin is not None and calibration.margin is not None:
        margin = _amount(calibration.margin, calibration.graded)
        parts.append(
            f"it passes a true loss of the margin, {margin}, {share_text(at_margin)} of the time"
        )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def headline_point(calibration: Calibration) -> PowerPoint:
    """The loss of which the sentence speaks: the one nearest to five points."""
    losses = [point for point in calibration.points if point.loss > 0] or calibration.points
    return min(losses, key=lambda point: abs(point.loss - HEADLINE))


def share_text(share: Share) -> str:
    """``83% (77% to 88%)``."""
    low, high = share.confidence_interval()
    return f"{_percent(share.rate)} ({_percent(low)} to {_percent(high)})"


def _percent(rate: float) -> str:
    percent = 100 * rate
    digits = 1 if 0 < percent < 9.95 or 90.05 < percent < 100 else 0
    return f"{percent:.{digits}f}%"


def _drop(loss: float, graded: bool) -> str:
    return f"a drop of {loss:.3g}" if graded else f"a {100 * loss:.3g}-point drop"


def _amount(loss: float, graded: bool) -> str:
    from ..compare.design_words import amount

    return amount(loss, graded)
