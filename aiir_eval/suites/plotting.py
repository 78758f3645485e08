"""A suite as stacked bars: how many cases of each class, by origin."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..words import count
from .model import ORIGINS, Suite

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"incident": "#b3261e", "adjacent": "#6485ad", "control": "#1b7f3b"}


def plot_suite(suite: Suite, ax: Axes | None = None) -> Axes:
    """Draw the cases of each class."""
    counts = Counter((case.class_ or "unclassified", case.origin) for case in suite.cases)
    classes = sorted({class_ for class_, _ in counts}, reverse=True)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 1.2 + 0.35 * len(classes)), layout="constrained")
    left = [0] * len(classes)
    for origin in ORIGINS:
        wide = [counts[class_, origin] for class_ in classes]
        if any(wide):
            ax.barh(range(len(classes)), wide, left=left, color=COLOURS[origin], label=origin)
            left = [before + here for before, here in zip(left, wide, strict=True)]
    ax.set_yticks(range(len(classes)), [class_.replace("_", " ") for class_ in classes])
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("cases")
    ax.set_title(f"{suite.name} {suite.version}: {count(len(suite), 'case')}", parse_math=False)
    if classes:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax
