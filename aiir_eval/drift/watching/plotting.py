"""A look of a watch as bars: the evidence of each column against the line at which it alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...words import cut
from .result import WatchReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_watch(report: WatchReport, ax: Axes | None = None) -> Axes:
    """Draw the evidence as a share of what raises the alarm, on a scale of powers of ten."""
    columns = report.columns
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7, 1.3 + 0.35 * len(columns)), layout="constrained")
    shares = [max(each.evidence / each.threshold, 1e-4) for each in columns]
    colours = ["#b3261e" if each.alarm else "#6485ad" for each in columns]
    ax.barh(range(len(columns)), [share / 1e-4 for share in shares], left=1e-4, color=colours)
    ax.set_xscale("log")
    ax.set_xlim(1e-4, max(10.0, *(2 * share for share in shares)))
    ax.axvline(1, color="#333333", linewidth=0.8, linestyle="--")
    ax.set_yticks(range(len(columns)), [cut(each.column, 60) for each in columns])
    ax.invert_yaxis()
    ax.set_xlabel("evidence of a change for the worse (1 raises the alarm)")
    ax.set_title(report.lines()[0])
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a name is no formula
    return ax
