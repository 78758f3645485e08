"""A drift report as a figure: both sides of each column that drifted, and the series over time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..words import cut
from .result import ColumnDrift, Distribution, DriftReport, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3
MOST_SERIES = 6
REFERENCE, CURRENT, CHANGE = "#7a7f87", "#2563c9", "#b3261e"
MAX_LEVELS = 12


def plot_drift(report: DriftReport, *, most: int = 12) -> Figure:
    """Draw the columns that drifted (or decide) with a distribution, then the series.

    Where nothing drifted, the columns come in the order of their p-values. Of the series those
    whose level changed come first; where some did, the others are left out.
    """
    import matplotlib.pyplot as plt
    from matplotlib.text import Text

    from ..reports.drift_view import most_telling

    changed = [each for each in report.series if each.change_points]
    followed = most_telling(changed or report.series)[:MOST_SERIES]

    known = [column for column in report.columns if column.distribution is not None]
    loud = [column for column in known if column.drifted or column.primary] or known
    loud = sorted(loud, key=lambda each: (not each.primary, each.pvalue_adjusted))[:most]
    rows = -(-len(loud) // ACROSS)
    figure: Figure = plt.figure(
        figsize=(10, max(2.6 * rows + 2.2 * len(followed), 1.2)), layout="constrained"
    )
    if not rows and not followed:
        figure.text(0.5, 0.5, "no distribution or series to draw", ha="center", va="center")
        return figure
    grid = figure.add_gridspec(rows + len(followed), ACROSS)
    panels = [figure.add_subplot(grid[divmod(place, ACROSS)]) for place in range(len(loud))]
    for panel, column in zip(panels, loud, strict=True):
        _draw_column(panel, column)
    if panels:  # beside the panels, since no place in them is free in every one
        sides = panels[0].get_legend_handles_labels()
        figure.legend(*sides, fontsize=8, frameon=False, ncols=2, loc="outside upper left")
    for place, series in enumerate(followed):
        _draw_series(figure.add_subplot(grid[rows + place, :]), series)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar sign in a level is no formula
    return figure


def _draw_column(ax: Axes, column: ColumnDrift) -> None:
    from ..reports.drift_view import effect_text

    distribution = column.distribution
    assert distribution is not None
    if distribution.form == "ecdf":
        _draw_curves(ax, distribution)
    else:
        _draw_bars(ax, distribution)
    answer = "drift" if column.drifted else "no drift"
    ax.set_title(f"{cut(column.column, 40)}: {answer}\n{effect_text(column.effect)}", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def _draw_curves(ax: Axes, distribution: Distribution) -> None:
    ax.step(distribution.at, distribution.reference, where="post", color=REFERENCE,
            linestyle="--", label="reference")  # fmt: skip
    ax.step(distribution.at, distribution.current, where="post", color=CURRENT, label="current")
    ax.set_ylim(-0.02, 1.02)


def _draw_bars(ax: Axes, distribution: Distribution) -> None:
    rows = list(
        zip(map(str, distribution.at), distribution.reference, distribution.current, strict=True)
    )
    rows = sorted(rows, key=lambda row: -abs(row[1] - row[2]))[:MAX_LEVELS]
    places = range(len(rows))
    for shift, side, colour, label in (
        (-0.2, 1, REFERENCE, "reference"),
        (0.2, 2, CURRENT, "current"),
    ):
        ax.barh([place + shift for place in places], [float(row[side]) for row in rows], 0.4,
                color=colour, label=label)  # fmt: skip
    ax.set_yticks(list(places), [row[0][:18] for row in rows])
    ax.invert_yaxis()


def _draw_series(ax: Axes, series: Series) -> None:
    middles: Any = [window.start + (window.end - window.start) / 2 for window in series.windows]
    ax.plot(middles, [window.value for window in series.windows], "o-", color=CURRENT, markersize=3)
    ax.fill_between(
        middles,
        [window.low for window in series.windows],
        [window.high for window in series.windows],
        color=CURRENT,
        alpha=0.15,
        linewidth=0,
    )
    for point in series.change_points:
        at, low, high = map(_place, (point.at, point.low, point.high))
        ax.axvspan(low, high, color=CHANGE, alpha=0.12, linewidth=0)
        ax.axvline(at, color=CHANGE, linestyle="--", linewidth=1)
    ax.set_title(f"{cut(series.column, 60)}: {series.unit} over time", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def _place(moment: datetime) -> float:
    """A date where matplotlib puts it."""
    from matplotlib.dates import date2num

    return float(date2num(moment))
