"""Two drift reports as a forest plot: each column's effect then and now, with its interval."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from ..words import cut
from .comparing import DriftComparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 30


def plot_drift_comparison(comparison: DriftComparison, ax: Axes | None = None) -> Axes:
    """Draw both effects of each column; hollow is then, full is now, red is new or worse.

    Effects have units of their own, which stand behind the names.
    """
    columns = comparison.columns[:MOST_ROWS]
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 1.3 + 0.45 * len(columns)), layout="constrained")
    names = []
    for row, each in enumerate(columns):
        colour = "#b3261e" if each.state in {"new", "worse"} else "#1f4e8c"
        for side, up, fill in ((each.then, -0.14, "none"), (each.now, 0.14, "full")):
            if side is None or not isfinite(side.effect.estimate):
                continue
            effect, place = side.effect, row + up
            shade = "#8a8a8a" if side is each.then else colour
            if isfinite(effect.low) and isfinite(effect.high):
                ax.plot([effect.low, effect.high], [place, place], color=shade, linewidth=2)
            ax.plot([effect.estimate], [place], "o", color=shade, fillstyle=fill)
        known = each.now or each.then
        unit = "" if known is None else known.effect.name.replace("_", " ")
        names.append(f"{cut(each.column, 40)}: {each.state.replace('_', ' ')}\n({unit})")
    ax.axvline(0, color="#333333", linewidth=0.8)
    ax.set_yticks(range(len(columns)), names)
    ax.invert_yaxis()
    ax.set_xlabel("effect, each in its unit (hollow: then, full: now)")
    ax.set_title(comparison.sentence)
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a name is no formula
    return ax
