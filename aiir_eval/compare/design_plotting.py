"""A plan as curves: power over the number of cases, one line for each number of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import count
from .design import Plan
from .design_curves import design_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#8a6d00", "#3d5a80", "#1b7f3b", "#5f3a94", "#b3261e", "#333333")


def plot_plan(plan: Plan, ax: Axes | None = None) -> Axes:
    """Draw the power of each design; the dashed line is the power asked for."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    curves = design_curves(plan)
    for place, curve in enumerate(curves):
        ax.plot(
            curve.cases,
            curve.power,
            color=COLOURS[place % len(COLOURS)],
            label=count(curve.n_trials, "trial"),
        )
    ax.axhline(plan.power, color="#333333", linewidth=0.8, linestyle="--")
    if plan.cases is not None:
        ax.axvline(plan.cases, color="#333333", linewidth=0.8, linestyle=":")
    ax.set_ylim(0, 1)
    ax.set_xlabel("cases")
    ax.set_ylabel("chance that it is shown")
    ax.set_title("Power by cases and trials")
    if curves:
        ax.legend(frameon=False, loc="lower right")
    return ax
