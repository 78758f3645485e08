"""The figure of measured.md, from the counts that the benchmark keeps on file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .style import BAD, INK, OPEN, OTHER, OURS, VIOLET

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "statistics"
sys.path.insert(0, str(BENCHMARK))
try:
    from grid import RESULTS, load
    from size import LIMITS, MISSED, PASSED, REJECTED, Kept, kept
finally:
    sys.path.remove(str(BENCHMARK))

METHODS = {
    "aiir": OURS,
    "unpaired z": OTHER,
    "McNemar, pooled trials": BAD,
    "t on case means": OPEN,
    "bootstrap of cases": "#3d5a80",
    "t on cluster means": VIOLET,
}
PANELS = {
    REJECTED: "No change is rejected",
    PASSED: "A loss of the margin passes",
    MISSED: "The 95% interval misses",
}


def measured() -> dict[tuple[str, str], Kept | None]:
    """By claim and method, the error rates of all cells of the benchmark."""
    counts = load(RESULTS)
    return {(claim, name): kept(counts, name, claim) for claim in PANELS for name in METHODS}


def draw_measured(figure: Figure) -> None:
    figure.set_size_inches(8, 3.7)
    found = measured()
    axes = figure.subplots(1, 3, sharey=True)
    rng = np.random.default_rng(1)
    for ax, (claim, title) in zip(axes, PANELS.items(), strict=True):
        for row, (name, colour) in enumerate(METHODS.items()):
            line = found[claim, name]
            if line is None:
                ax.text(
                    0.35,
                    row,
                    "says nothing of it",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=OTHER,
                )
                continue
            rates = np.array([cell.rate for cell in line.ordered])
            places = row + rng.uniform(-0.26, 0.26, rates.size)
            ax.scatter(rates, places, s=5, color=colour, alpha=0.45, linewidths=0)
            ax.text(
                0.695, row - 0.36, f"{len(line.beyond)} of {line.cells} beyond", ha="right",
                va="bottom", fontsize=7.5, color=INK,
            )  # fmt: skip
        ax.axvline(LIMITS[claim], color=INK, linewidth=0.9, linestyle="--")
        ax.set(xlim=(-0.01, 0.7), title=title, xlabel="runs that err, a dot a setting")
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(METHODS)), METHODS)
    axes[0].set_ylim(len(METHODS) - 0.5, -0.6)


FIGURES = {"measured": draw_measured}
