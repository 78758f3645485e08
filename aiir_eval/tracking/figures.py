"""The pictures that go with a gate (claims, differences, flips, power) and with a drift report."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..compare.result import Comparison
    from ..drift.result import DriftReport
    from ..gate.result import Verdict

DPI = 110
MOST_ROWS = 40
BROKE, FIXED = "#b3261e", "#1b7f3b"


def gate_figures(verdict: Verdict) -> dict[str, str]:
    """PNG pictures by path, as base64 text."""
    comparison = verdict.comparison
    made = {"figures/claims.png": _claims(verdict)}
    if comparison.difference is not None:
        made["figures/differences.png"] = _differences(comparison)
    if comparison.flip_ids.broke or comparison.flip_ids.fixed:
        made["figures/flips.png"] = _flips(comparison)
    if comparison.conclusion == "inconclusive" and (power := _power(comparison)) is not None:
        made["figures/power.png"] = power
    return {name: _png(figure) for name, figure in made.items()}


def drift_figures(report: DriftReport) -> dict[str, str]:
    """The columns that drifted and the series, as one PNG picture."""
    import matplotlib.pyplot as plt

    figure = report.plot()
    try:
        return {"figures/columns.png": _png(figure)}
    finally:
        plt.close(figure)


def _claims(verdict: Verdict) -> Figure:
    figure, ax = _page(min(len(verdict.claims), MOST_ROWS))
    verdict.plot(ax)
    return figure


def _differences(comparison: Comparison) -> Figure:
    checks = len(comparison.checks) if len(comparison.checks) > 1 else 0
    figure, ax = _page(min(1 + checks + len(comparison.slices), MOST_ROWS))
    comparison.plot(ax)
    return figure


def _flips(comparison: Comparison) -> Figure:
    """How many cases broke and were fixed in each class."""
    import pyarrow.compute as pc

    trials = comparison.new.trials
    ids = trials["case_id"].to_pylist()
    kinds = dict(zip(ids, pc.fill_null(trials["class"], "unclassified").to_pylist(), strict=True))
    broke = Counter(kinds.get(id_, "unclassified") for id_ in comparison.flip_ids.broke)
    fixed = Counter(kinds.get(id_, "unclassified") for id_ in comparison.flip_ids.fixed)
    names = sorted({*broke, *fixed}, key=lambda name: (-broke[name], name))
    figure, ax = _page(len(names))
    rows = range(len(names))
    ax.barh(rows, [-broke[name] for name in names], color=BROKE, label="broke")
    ax.barh(rows, [fixed[name] for name in names], color=FIXED, label="fixed")
    ax.axvline(0, color="#333333", linewidth=0.8)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    ax.set_xlabel("cases: broke to the left, fixed to the right")
    ax.set_title("Flips by class")
    ax.legend(frameon=False)
    return figure


def _power(comparison: Comparison) -> Figure | None:
    """What would settle it; None where no number of cases would."""
    from ..compare.planning import plan
    from ..errors import InputError

    trials = max(round(comparison.n_trials[1] / max(comparison.n_cases, 1)), 1)
    try:
        made = plan(pilot=comparison, margin=comparison.margin, trials=(trials,))
    except InputError:
        return None
    figure, ax = _page(10)
    made.plot(ax)
    return figure


def _page(n_rows: int) -> tuple[Figure, Any]:
    """A figure of its own: pyplot would keep it, and choose a screen to draw on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.3 + 0.3 * n_rows), layout="constrained")
    return figure, figure.subplots()


def _png(figure: Figure) -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return b64encode(buffer.getvalue()).decode("ascii")
