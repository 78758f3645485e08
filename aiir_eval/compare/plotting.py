"""A comparison as a forest plot: the difference, its checks and slices, against the margin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .result import Comparison, Conclusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40
COLOURS = {
    "regressed": "#b3261e",
    "improved": "#1b7f3b",
    "non_inferior": "#1b7f3b",
    "inconclusive": "#8a6d00",
    "invalid": "#6b6b6b",
}


def plot_comparison(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw the differences with their intervals; the dashed line is the margin."""
    rows = _rows(comparison)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7, 1.2 + 0.3 * len(rows)), layout="constrained")
    for position, (_, estimate, low, high, conclusion) in enumerate(rows):
        colour = COLOURS[conclusion]
        ax.plot([low, high], [position, position], color=colour, linewidth=2)
        ax.plot([estimate], [position], "o", color=colour)
    ax.axvline(0, color="#333333", linewidth=0.8)
    if comparison.margin is not None:
        ax.axvline(-comparison.margin, color="#333333", linewidth=0.8, linestyle="--")
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    ax.invert_yaxis()
    what = "mean score" if comparison.new.manifest.outcome == "score" else "pass rate"
    ax.set_xlabel(f"difference of {what}, candidate - baseline")
    ax.set_title(f"{comparison.new.name} against {comparison.old.name}: {comparison.conclusion}")
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a case is no formula
    return ax


def _rows(comparison: Comparison) -> list[tuple[str, float, float, float, Conclusion]]:
    """(label, estimate, low, high, conclusion), the overall difference first."""
    rows: list[tuple[str, float, float, float, Conclusion]] = []
    if comparison.difference is not None:
        interval = comparison.difference.confidence_interval()
        rows.append(("all", comparison.difference.estimate, *interval, comparison.conclusion))
    if len(comparison.checks) > 1:
        for check in comparison.checks:
            interval = check.difference.confidence_interval()
            label = f"check {check.check}"
            rows.append((label, check.difference.estimate, *interval, check.conclusion))
    for item in comparison.slices:
        label = f"{item.by} = {item.value} ({item.n_cases:,})"
        rows.append((label[:60], item.difference, item.low, item.high, item.conclusion))
    return rows[:MOST_ROWS]
