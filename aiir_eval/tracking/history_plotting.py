"""A history as a picture, and as a table in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reports.notebook import history_table
from .history import History, known, shown_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"pass": "#1b7f3b", "fail": "#b3261e", "inconclusive": "#8a6d00", "invalid": "#5f3a94"}
MARKS = {"pass": "o", "fail": "s", "inconclusive": "D", "invalid": "X"}


def plot_history(history: History, ax: Axes | None = None) -> Axes:
    """Draw the pass rate of each candidate, in the order of the gates."""
    if ax is None:
        import matplotlib.pyplot as plt

        width = min(max(6.0, 1.0 + 0.8 * len(history.gates)), 16.0)
        _, ax = plt.subplots(figsize=(width, 3.8), layout="constrained")
    said: set[str] = set()
    for place, gate in enumerate(history.gates):
        if not known(gate.candidate_pass_rate):
            continue
        colour = COLOURS.get(gate.verdict, "#555555")
        ax.plot(
            [place, place],
            [100 * gate.candidate_pass_rate_low, 100 * gate.candidate_pass_rate_high],
            color=colour,
            linewidth=1.6,
        )
        ax.plot(
            place,
            100 * gate.candidate_pass_rate,
            MARKS.get(gate.verdict, "o"),
            color=colour,
            markersize=8,
            label=None if gate.verdict in said else gate.verdict,
        )
        if known(gate.baseline_pass_rate):
            ax.plot(
                [place - 0.3, place + 0.3],
                [100 * gate.baseline_pass_rate] * 2,
                color="#555555",
                linewidth=1.2,
                label=None if said else "its baseline",
            )
        said.add(gate.verdict)
    ax.set_xticks(range(len(history.gates)), shown_names(history.gates))
    if len(history.gates) > 8:
        ax.tick_params(axis="x", labelrotation=45)
    ax.set_ylabel("pass rate, percent")
    ax.set_title(f"{history.suite}: what each gate saw")
    ax.grid(axis="y", alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    if said:
        ax.legend(frameon=False, fontsize="small")
    return ax


def history_html(history: History) -> str:
    """A history for ``_repr_html_``, the newest gate first."""
    rows = [
        (
            f"{gate.at:%Y-%m-%d %H:%M}",
            gate.verdict,
            f"{gate.baseline} -> {gate.candidate}",
            (gate.candidate_pass_rate, gate.candidate_pass_rate_low, gate.candidate_pass_rate_high),
            (gate.difference, gate.difference_low, gate.difference_high),
            (gate.broke, gate.fixed),
        )
        for gate in reversed(history.gates)
    ]
    return history_table(f"{len(rows)} gates of {history.suite} in {history.uri}", rows)
