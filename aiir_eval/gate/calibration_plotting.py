"""A calibration as a power curve: how often the gate fails and passes, over the true loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import count
from .calibration import Calibration
from .plotting import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_calibration(calibration: Calibration, ax: Axes | None = None) -> Axes:
    """Draw both curves with their 95% intervals; the dashed line is the margin."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    scale = 1 if calibration.graded else 100
    losses = [scale * point.loss for point in calibration.points]
    curves = (
        ("fail", "caught: the gate fails", [point.failed for point in calibration.points]),
        ("pass", "let through: the gate passes", [point.passed for point in calibration.points]),
    )
    for verdict, label, shares in curves:
        colour = COLOURS["fail" if verdict == "fail" else "pass"]
        low, high = zip(*(share.confidence_interval() for share in shares), strict=True)
        ax.fill_between(losses, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(
            losses,
            [share.rate for share in shares],
            color=colour,
            marker="o",
            markersize=3.5,
            linestyle="-" if verdict == "fail" else "-.",
            label=label,
        )
    for height in (0.05, 0.8):
        ax.axhline(height, color="#999999", linewidth=0.6, linestyle=":")
    if calibration.margin is not None:
        ax.axvline(
            scale * calibration.margin,
            color="#333333",
            linewidth=0.8,
            linestyle="--",
            label="margin",
        )
    ax.set_ylim(-0.02, 1.02)
    what = "mean score" if calibration.graded else "pass rate, in points"
    ax.set_xlabel(f"true loss of {what}")
    ax.set_ylabel("share of repetitions")
    ax.set_title(f"What this gate catches on {count(calibration.n_cases, 'case')}")
    ax.legend(frameon=False, loc="center right")
    return ax
