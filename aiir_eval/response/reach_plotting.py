"""A blast radius day by day: the affected rows that were seen."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from .reach import Reach

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_reach(reach: Reach, ax: Axes | None = None) -> Axes:
    """Draw the affected rows of each day, of those that were looked at."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    known = [(date.fromisoformat(part.value), part.rows) for part in reach.by_day if part.value]
    if known:
        days, rows = zip(*known, strict=True)
        ax.bar(days, rows, width=0.8, color="#b3261e")
        ax.tick_params(axis="x", rotation=30)
    ax.set_ylabel("affected rows" + (" in the sample" if reach.sampled else ""))
    ax.set_title(f"{reach.incident_id}: {reach.rows.seen:,} affected rows seen", parse_math=False)
    return ax
