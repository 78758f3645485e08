"""What would settle an inconclusive comparison: designs from it as a pilot, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from ...words import count
from ..wording import graded, points
from .curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from .forest import Tick

if TYPE_CHECKING:
    from ...compare.design import Design, Plan
    from ...compare.design_curves import DesignCurve
    from ...compare.result import Comparison

TONES = ("plain", "good")


@dataclass(frozen=True, slots=True)
class Line:
    """One number of trials; `mark` is where it reaches the power that is aimed at."""

    name: str
    tone: str
    points: str
    mark: tuple[float, float, str]


@dataclass(frozen=True, slots=True)
class Settling:
    """The designs in words and rows, and the drawing in its own units."""

    advice: str
    assumed: str  # what the plan takes to be true, beside what the sentence on top does
    rows: Sequence[tuple[str, str, str, str]]
    lines: Sequence[Line]
    across: Sequence[Tick]
    up: Sequence[Tick]
    aim: float
    here: float | None
    aimed: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def settling(comparison: Comparison) -> Settling | None:
    """None where the comparison is settled, or where no number of cases would settle it."""
    from ...compare.design_curves import design_curves
    from ...compare.planning import plan
    from ...errors import InputError

    if comparison.conclusion != "inconclusive":
        return None
    trials = max(round(comparison.n_trials[1] / max(comparison.n_cases, 1)), 1)
    try:
        made = plan(pilot=comparison, margin=comparison.margin, trials=(trials, max(5, 2 * trials)))
    except InputError:  # nothing differs, or the pilot says too little
        return None
    curves = design_curves(made, n_resamples=500)
    designs = [design for design in made.designs if design.n_cases is not None]
    return _drawn(made, designs, curves, comparison) if curves else None


def _drawn(
    made: Plan, designs: Sequence[Design], curves: Sequence[DesignCurve], comparison: Comparison
) -> Settling:
    n_cases = comparison.n_cases
    least = min(min(curve.cases[0] for curve in curves), n_cases)
    most = max(max(curve.cases[-1] for curve in curves), n_cases)

    def x(cases: float) -> float:
        share = log(cases / least) / (log(most / least) or 1.0)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)

    def y(power: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * power, 1)

    lines, rows = [], []
    for place, (design, curve) in enumerate(zip(designs, curves, strict=True)):
        needed = design.n_cases or 0
        name = count(design.n_trials, "trial") + " of each case"
        points = " ".join(f"{x(n)},{y(p)}" for n, p in zip(curve.cases, curve.power, strict=True))
        told = f"{needed:,} cases with {name}: {made.power:.0%}"
        lines.append(Line(name, TONES[place % 2], points, (x(needed), y(made.power), told)))
        rows.append(
            (
                f"{design.n_trials}",
                f"{needed:,}",
                f"{max(needed - n_cases, 0):,}",
                f"{design.trials_a_side or 0:,}",
            )
        )
    return Settling(
        advice=made.advice,
        assumed=_assumed(comparison),
        rows=rows,
        lines=lines,
        across=[Tick(x(n), f"{n:,}") for n in _round_numbers(least, most)],
        up=[Tick(y(power), f"{power:.0%}") for power in (0, 0.2, 0.4, 0.6, 0.8, 1)],
        aim=y(made.power),
        here=x(n_cases),
        aimed=f"{made.power:.0%}",
    )


def _assumed(comparison: Comparison) -> str:
    told = "The plan takes versions that do not differ, and flip as often as these did."
    if comparison.needed is None or comparison.difference is None:
        return told
    seen = points(comparison.difference.estimate, graded=graded(comparison))
    return (
        f"{told} Were the difference that was seen ({seen}) the true one, about "
        f"{comparison.needed.cases:,} cases would settle it."
    )


def _round_numbers(least: float, most: float) -> list[int]:
    """1, 2 and 5 times powers of ten within a range."""
    steps = [digit * 10**power for power in range(9) for digit in (1, 2, 5)]
    return [step for step in steps if least <= step <= most]
