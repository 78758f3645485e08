"""A run as dots: the pass rate of all cases, and of each origin, class and incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40


def plot_run(run: Run, ax: Axes | None = None) -> Axes:
    """Draw the rates; a mean over cases each."""
    from ..reports.run_summary import summarize_run
    from ..reports.wording import name

    summary = summarize_run(run, failing=0)
    levels = summary.levels[: MOST_ROWS - 1]
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 1.4 + 0.22 * len(levels)), layout="constrained")
    if summary.rate is not None:
        if summary.low is not None and summary.high is not None:
            ax.plot([summary.low, summary.high], [0, 0], color="#1f4e8c", linewidth=2)
        ax.plot([summary.rate], [0], "o", color="#1f4e8c")
        ax.axvline(summary.rate, color="#999999", linewidth=0.8, linestyle="--")
    rates = [level.rate for level in levels]
    ax.plot(rates, range(1, len(levels) + 1), "s", color="#6485ad", markersize=5)
    names = [f"{name(level.by)}: {level.value} ({level.n_cases:,})"[:60] for level in levels]
    ax.set_yticks(range(len(levels) + 1), [f"all ({summary.n_cases:,})", *names])
    ax.invert_yaxis()
    ax.set_xlim(-0.03, 1.03)
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.set_xlabel("mean score" if summary.graded else "pass rate, a mean over cases")
    ax.set_title(run.name)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a name is no formula
    return ax
