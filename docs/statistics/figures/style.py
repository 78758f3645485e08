"""What do all figures of these pages look like?"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from aiir_eval.compare.plotting import COLOURS
from aiir_eval.drift.plotting import CURRENT, REFERENCE

OURS, OTHER, INK = CURRENT, REFERENCE, "#333333"
GOOD, BAD, OPEN = COLOURS["improved"], COLOURS["regressed"], COLOURS["inconclusive"]
VIOLET = "#5f3a94"

STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.prop_cycle": "cycler('color', ['#2563c9'])",
}

Drawing = Callable[[Figure], None]


def save(draw: Drawing, path: Path) -> None:
    """Draw a figure and write it as a small PNG, the same bytes every time."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 3.3), layout="constrained")
        draw(figure)
        full = BytesIO()
        figure.savefig(full, dpi=160)
    few = Image.open(full).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def say(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    colour: str = INK,
    *,
    ha: str = "left",
    va: str = "center",
) -> None:
    """Words beside a line, in place of a legend."""
    words = ax.text(x, y, text, color=colour, ha=ha, va=va, fontsize=8.5, linespacing=1.25)
    words.set_in_layout(False)


def limit(ax: Axes, height: float, text: str = "", *, x: float = 1.0, colour: str = INK) -> None:
    """A dashed line across at a height that matters, with words at its right end."""
    ax.axhline(height, color=colour, linewidth=0.9, linestyle="--", zorder=1)
    if text:
        ax.text(
            x, height, f"{text} ", color=colour, ha="right", va="bottom", fontsize=8.5,
            transform=ax.get_yaxis_transform(),
        )  # fmt: skip
