"""A plan as curves: power over the number of cases, one line for each number of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .design import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLACES = 9
COLOURS = ("#8a6d00", "#3d5a80", "#1b7f3b", "#5f3a94", "#b3261e", "#333333")


def plot_plan(plan: Plan, ax: Axes | None = None) -> Axes:
    """Draw the power of each design; the dashed line is the power asked for."""
    from ..stats.assuming import population
    from ..stats.power import settling_power

    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    found = [design for design in plan.designs if design.n_cases is not None]
    widest = max([design.n_cases or 0 for design in found] + [plan.cases or 0], default=0)
    for place, design in enumerate(found if plan.assumptions is not None else []):
        assert plan.assumptions is not None
        kinds = population(plan.assumptions, design.n_trials, rng=plan.seed)
        cases = np.unique(np.geomspace(max(widest / 12, 10), 1.4 * widest, PLACES).round())
        power = [
            settling_power(
                kinds,
                int(n),
                margin=plan.margin if plan.goal == "non_inferior" else None,
                confidence_level=plan.confidence_level,
                n_resamples=1000,
                rng=plan.seed,
            )
            for n in cases
        ]
        ax.plot(
            cases,
            power,
            color=COLOURS[place % len(COLOURS)],
            label=f"{design.n_trials} trial{'s' if design.n_trials != 1 else ''}",
        )
    ax.axhline(plan.power, color="#333333", linewidth=0.8, linestyle="--")
    if plan.cases is not None:
        ax.axvline(plan.cases, color="#333333", linewidth=0.8, linestyle=":")
    ax.set_ylim(0, 1)
    ax.set_xlabel("cases")
    ax.set_ylabel("chance that it is shown")
    ax.set_title("Power by cases and trials")
    if found:
        ax.legend(frameon=False, loc="lower right")
    return ax
