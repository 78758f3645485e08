"""Power over the number of cases, for each design of a plan: the points of its curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .design import Plan

PLACES = 9


@dataclass(frozen=True, slots=True)
class DesignCurve:
    """One number of trials: `power[i]` is the chance that `cases[i]` cases settle the question."""

    n_trials: int
    cases: tuple[int, ...]
    power: tuple[float, ...]


def design_curves(plan: Plan, *, n_resamples: int = 1_000) -> list[DesignCurve]:
    """The curve of each design that some number of cases settles; simulated by the plan's seed."""
    from ..stats.assuming import population
    from ..stats.power import settling_power

    found = [design for design in plan.designs if design.n_cases is not None]
    if plan.assumptions is None or not found:
        return []
    widest = max([design.n_cases or 0 for design in found] + [plan.cases or 0])
    places = np.geomspace(max(widest / 12, 10), 1.4 * widest, PLACES).round()
    curves = []
    for design in found:
        kinds = population(plan.assumptions, design.n_trials, rng=plan.seed)
        cases = np.unique([*places, design.n_cases or 0])
        power = [
            settling_power(
                kinds,
                int(n),
                margin=plan.margin if plan.goal == "non_inferior" else None,
                confidence_level=plan.confidence_level,
                n_resamples=n_resamples,
                rng=plan.seed,
            )
            for n in cases
        ]
        curves.append(DesignCurve(design.n_trials, tuple(map(int, cases)), tuple(power)))
    return curves
