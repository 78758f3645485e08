"""A verdict as a forest plot: every claim with its interval against the line it must keep."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

from ..words import cut
from .result import ClaimResult, Verdict, VerdictName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS, MOST_LETTERS = 40, 45
COLOURS: Mapping[VerdictName, str] = {
    "pass": "#1b7f3b",
    "fail": "#b3261e",
    "inconclusive": "#8a6d00",
    "invalid": "#6b6b6b",
}


def plot_verdict(verdict: Verdict, ax: Axes | None = None) -> Axes:
    """Draw each claim's interval relative to its line: left of 0 it is broken, right it holds.

    Units differ between rules, so each is scaled by the distance that its rule allows.
    """
    claims = list(verdict.claims)[:MOST_ROWS]
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 1.2 + 0.26 * len(claims)), layout="constrained")
    for position, claim in enumerate(claims):
        colour = COLOURS[claim.verdict]
        places = [_room(claim, value) for value in (claim.low, claim.high, claim.bound)]
        ends = [place for place in places if place is not None]
        if len(ends) > 1:
            ax.plot([min(ends), max(ends)], [position, position], color=colour, linewidth=2)
        estimate = _room(claim, claim.estimate)
        if estimate is not None:
            ax.plot([estimate], [position], "o", color=colour)
        bound = _room(claim, claim.bound)
        if bound is not None:
            ax.plot([bound], [position], "|", color=colour, markersize=12)
    ax.axvline(0, color="#333333", linewidth=0.8, linestyle="--")
    labels = [f"{cut(claim.name, MOST_LETTERS)}: {claim.verdict}" for claim in claims]
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.set_xlabel("room left, as a share of what the claim allows\n(| is the bound that decides)")
    ax.set_title(f"{cut(verdict.comparison.new.name, MOST_LETTERS)}: {verdict.verdict}")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#e3e3e3", linewidth=0.6)
    ax.set_axisbelow(True)
    for text in (*ax.get_yticklabels(), ax.title):
        text.set_parse_math(False)  # a dollar sign in a name is no formula
    return ax


def _room(claim: ClaimResult, value: float | None) -> float | None:
    """How far a value is on the good side of the line; None where there is none to draw."""
    if value is None or claim.threshold is None or not isfinite(value):
        return None
    room = claim.threshold - value if claim.rule != "non_inferior" else value - claim.threshold
    return max(min(room / (abs(claim.threshold) or 1.0), 3.0), -3.0)
