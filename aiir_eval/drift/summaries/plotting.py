"""A summary of a table as dots: where the numbers of each column lie, on its own range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...words import cut
from .table import TableSummary, describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40


def plot_summary(summary: TableSummary, ax: Axes | None = None) -> Axes:
    """Draw mean and standard deviation of each column of numbers between its least and its most."""
    rows = [describe(name, state) for name, state in summary.columns.items()]
    rows = [row for row in rows if "mean" in row][:MOST_ROWS]
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7, 1.3 + 0.35 * len(rows)), layout="constrained")
    names = []
    for place, row in enumerate(rows):
        low, high = row.get("min", 0.0), row.get("max", 1.0)
        width = (high - low) or 1.0
        middle, half = (row["mean"] - low) / width, row.get("sd", 0.0) / width
        ends = [max(middle - half, 0.0), min(middle + half, 1.0)]
        ax.plot(ends, [place, place], color="#1f4e8c", linewidth=2)
        ax.plot([middle], [place], "o", color="#1f4e8c")
        names.append(f"{cut(row['column'], 40)}: {row['mean']:.4g}")
    ax.set_yticks(range(len(rows)), names)
    ax.invert_yaxis()
    ax.set_xlim(-0.02, 1.02)
    ax.set_xticks([0, 1], ["least", "most"])
    ax.set_title(f"{summary.n_rows:,} rows: mean and standard deviation of each column")
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a name is no formula
    return ax
