"""A register on a line of time: each incident at the day it occurred, or was detected."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .loading import Register


def plot_register(register: Register, ax: Axes | None = None) -> Axes:
    """Draw the incidents, a line a class; hollow ones are closed."""
    found = [
        (moment, each)
        for each in register.incidents.values()
        if (moment := _day(each.occurred_at or each.detected_at)) is not None
    ]
    classes = sorted({each.class_ for _, each in found}, reverse=True)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 1.2 + 0.4 * len(classes)), layout="constrained")
    for moment, each in found:
        closed = each.status == "closed"
        ax.plot(
            [moment],  # type: ignore[arg-type]
            [classes.index(each.class_)],
            "o",
            markersize=8,
            color="#b3261e",
            fillstyle="none" if closed else "full",
        )
    ax.set_yticks(range(len(classes)), [name.replace("_", " ") for name in classes])
    ax.set_ylim(-0.6, len(classes) - 0.4)
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_title(f"{len(found):,} incidents (hollow: closed)")
    return ax


def _day(text: str | None) -> datetime | None:
    """The day of a moment; the first of a month or a year that is all there is."""
    if not text:
        return None
    parts = [int(part) for part in text[:10].split("-") if part.isdigit()]
    if not parts:
        return None
    year, month, day = [*parts, 1, 1][:3]
    return datetime(year, month, day)
