"""A comparison as a forest plot: the difference and its most telling slices and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import cut
from .result import Comparison, Conclusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SLICES, MOST_CHECKS = 10, 5
MOST_LETTERS, MOST_LABEL = 27, 60  # of each name in the title, of a row
COLOURS = {
    "regressed": "#b3261e",
    "improved": "#1b7f3b",
    "non_inferior": "#1b7f3b",
    "inconclusive": "#8a6d00",
    "invalid": "#6b6b6b",
}


def plot_comparison(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw the differences with their intervals; the dashed line is the margin."""
    from ..reports.wording import name

    rows = _rows(comparison)
    graded = comparison.new.manifest.outcome == "score"
    unit = 1 if graded else 100
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 1.4 + 0.28 * len(rows)), layout="constrained")
    for position, (_, estimate, low, high, conclusion) in enumerate(rows):
        colour, size = COLOURS[conclusion], 8 if position == 0 else 6
        ax.plot([unit * low, unit * high], [position, position], color=colour, linewidth=2)
        ax.plot([unit * estimate], [position], "o", color=colour, markersize=size)
    ax.axvline(0, color="#333333", linewidth=0.8)
    if comparison.margin is not None:
        ax.axvline(-unit * comparison.margin, color="#333333", linewidth=0.8, linestyle="--")
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    ax.invert_yaxis()
    what = "mean score" if graded else "pass rate, in points"
    ax.set_xlabel(f"difference of {what} (candidate - baseline)")
    new, old = (cut(run.name, MOST_LETTERS) for run in (comparison.new, comparison.old))
    ax.set_title(f"{new} against {old}: {name(comparison.conclusion)}")
    ax.grid(axis="x", color="#e3e3e3", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a case is no formula
    return ax


def _rows(comparison: Comparison) -> list[tuple[str, float, float, float, Conclusion]]:
    """(label, estimate, low, high, conclusion): the overall difference, then what tells most."""
    from ..reports.slices import checks_worth_seeing, slices_worth_seeing
    from ..reports.wording import name

    rows: list[tuple[str, float, float, float, Conclusion]] = []
    if comparison.difference is not None:
        interval = comparison.difference.confidence_interval()
        rows.append(("all", comparison.difference.estimate, *interval, comparison.conclusion))
    for item in slices_worth_seeing(comparison, MOST_SLICES):
        label = f"{name(item.by)}: {item.value} ({item.n_cases:,})"
        rows.append((cut(label, MOST_LABEL), item.difference, item.low, item.high, item.conclusion))
    for check in checks_worth_seeing(comparison)[:MOST_CHECKS]:
        interval = check.difference.confidence_interval()
        label = cut(f"check: {check.check}", MOST_LABEL)
        rows.append((label, check.difference.estimate, *interval, check.conclusion))
    return rows
