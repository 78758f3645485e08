"""Where the marks of a power curve go: losses to the right, shares upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .forest import Tick

if TYPE_CHECKING:
    from ...gate.calibration import Calibration, Share

WIDTH, HEIGHT = 640.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 12.0, 40.0


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: the points of it, and the outline of its band; `tone` colours it."""

    name: str
    tone: str
    line: str
    band: str
    marks: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Everything of the drawing, in its own units."""

    curves: tuple[Curve, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    margin: float | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def power_curve(calibration: Calibration) -> PowerCurve:
    """The drawing of a calibration."""
    losses = [point.loss for point in calibration.points]
    widest = max(losses) or 1.0

    def x(loss: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * loss / widest, 1)

    def y(rate: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * rate, 1)

    def curve(name: str, tone: str, shares: list[Share]) -> Curve:
        ends = [share.confidence_interval() for share in shares]
        upper = [(x(loss), y(high)) for loss, (_, high) in zip(losses, ends, strict=True)]
        lower = [(x(loss), y(low)) for loss, (low, _) in zip(losses, ends, strict=True)]
        places = [(x(loss), y(share.rate)) for loss, share in zip(losses, shares, strict=True)]
        told = [f"{name} {share.rate:.1%} at {_loss(loss, calibration.graded)}"
                for loss, share in zip(losses, shares, strict=True)]  # fmt: skip
        marks = tuple((*place, label) for place, label in zip(places, told, strict=True))
        return Curve(name, tone, _points(places), _points([*upper, *reversed(lower)]), marks)

    return PowerCurve(
        curves=(
            curve("fails", "bad", [point.failed for point in calibration.points]),
            curve("passes", "good", [point.passed for point in calibration.points]),
        ),
        across=tuple(Tick(x(loss), _loss(loss, calibration.graded)) for loss in _spaced(losses)),
        up=tuple(Tick(y(rate), f"{rate:.0%}") for rate in (0, 0.2, 0.4, 0.6, 0.8, 1)),
        margin=None if calibration.margin is None or calibration.margin > widest
        else x(calibration.margin),
    )  # fmt: skip


def _spaced(losses: list[float]) -> list[float]:
    """Those that have room for a label."""
    kept: list[float] = []
    for loss in losses:
        if not kept or loss - kept[-1] >= 0.055 * max(losses):
            kept.append(loss)
    return kept


def _points(places: list[tuple[float, float]]) -> str:
    return " ".join(f"{across},{up}" for across, up in places)


def _loss(loss: float, graded: bool) -> str:
    return f"{loss:.3g}" if graded else f"{100 * loss:.3g}"
