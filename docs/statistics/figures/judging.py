"""The figures of judging.md: judges that err, and trials that differ."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from aiir_eval.stats import (
    ConfidenceInterval,
    failure_rate_bound,
    pass_at_k,
    pass_hat_k,
    prediction_powered_rate,
    rogan_gladen_rate,
    wilson_interval,
)

from .style import BAD, GOOD, INK, OPEN, OTHER, OURS, VIOLET, say

Floats = NDArray[np.float64]

# A judge that errs

TRUTH, TPR, TNR = 0.8, 0.97, 0.6
OUTPUTS, LABELS = 2000, 200
WAYS = {
    "the judge alone": BAD,
    "the labels alone": OTHER,
    "Rogan-Gladen": VIOLET,
    "prediction-powered": OURS,
}


def intervals(runs: int, seed: int = 1) -> dict[str, list[ConfidenceInterval]]:
    """95% intervals of the pass rate, run after run: 2,000 outputs judged, 200 labelled."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[ConfidenceInterval]] = {name: [] for name in WAYS}
    for _ in range(runs):
        human = rng.random(OUTPUTS) < TRUTH
        judge = rng.random(OUTPUTS) < np.where(human, TPR, 1 - TNR)
        labels = np.where(np.arange(OUTPUTS) < LABELS, human, np.nan)
        found["the judge alone"].append(wilson_interval(float(judge.sum()), OUTPUTS))
        found["the labels alone"].append(wilson_interval(float(human[:LABELS].sum()), LABELS))
        found["Rogan-Gladen"].append(rogan_gladen_rate(judge, labels).confidence_interval())
        powered = prediction_powered_rate(judge, labels)
        found["prediction-powered"].append(powered.confidence_interval())
    return found


def covered(found: list[ConfidenceInterval]) -> float:
    """The share of intervals that hold the true pass rate."""
    return float(np.mean([low <= TRUTH <= high for low, high in found]))


def draw_judges(figure: Figure) -> None:
    figure.set_size_inches(8, 3.5)
    found = intervals(1000)
    axes = figure.subplots(1, 4, sharey=True)
    for ax, (name, colour) in zip(axes, WAYS.items(), strict=True):
        for row, (low, high) in enumerate(found[name][:40]):
            hit = low <= TRUTH <= high
            ax.plot(
                [low, high],
                [row, row],
                color=colour if hit else INK,
                lw=1.5,
                alpha=0.85 if hit else 1,
            )
        ax.axvline(TRUTH, color=INK, linewidth=0.9, linestyle="--")
        width = float(np.mean([high - low for low, high in found[name]]))
        ax.set_title(f"{name}\n", pad=2)
        ax.text(
            0, 1.01, f"covers {covered(found[name]):.1%}, {100 * width:.1f} points wide",
            transform=ax.transAxes, fontsize=8, va="bottom",
        )  # fmt: skip
        ax.set(xlim=(0.63, 0.94), yticks=[])
        ax.set_xticks([0.7, 0.8, 0.9])
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set_ylabel("40 of 1,000 simulated runs")
    figure.supxlabel(
        "95% interval of the pass rate; the truth is 80% (dashed); black: misses it", fontsize=9
    )


# pass@k, pass^k and flaky cases


def agent() -> NDArray[np.int64]:
    """Passes of 80 cases in 10 trials: half are solid, a fifth cannot be done, the rest waver."""
    rng = np.random.default_rng(5)
    rate = np.concatenate([np.full(40, 0.98), np.full(16, 0.03), rng.uniform(0.2, 0.9, 24)])
    return rng.binomial(10, rate)


def draw_trials(figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    passes, ks = agent(), range(1, 11)
    mean = passes.mean() / 10
    for estimate, colour in ((pass_at_k, GOOD), (pass_hat_k, BAD)):
        rates = [estimate(passes, 10, k) for k in ks]
        low, high = zip(*(rate.confidence_interval() for rate in rates), strict=True)
        left.fill_between(ks, low, high, color=colour, alpha=0.13, linewidth=0)
        left.plot(ks, [rate.estimate for rate in rates], "o-", color=colour, markersize=3.5)
    for values in ([1 - (1 - mean) ** k for k in ks], [mean**k for k in ks]):
        left.plot(ks, values, ":", color=OTHER, linewidth=1.4)
    left.set(ylim=(0, 1.03), xlabel="k trials", ylabel="cases", xticks=[1, 2, 4, 6, 8, 10])
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    say(left, 10, 0.68, "pass@k: some trial passes", GOOD, ha="right")
    say(left, 10, 0.6, "pass^k: every trial passes", BAD, ha="right")
    say(left, 5.6, 0.2, "dotted: if all cases\nwere alike", OTHER)
    left.set_title("Once is easy, always is hard")

    trials = [5, 6, 8, 10, 15, 20, 30, 40, 59]
    bounds = [failure_rate_bound(0, n) for n in trials]
    right.plot(trials, bounds, "o-", color=OPEN, markersize=3.5)
    for n in (5, 10, 20, 59):
        height = bounds[trials.index(n)]
        say(right, n + 0.8, height + 0.022, f"{height:.0%}", OPEN)
    right.set(ylim=(0, 0.56), xlim=(0, 64), xlabel="trials of one case, all passed")
    right.set_ylabel("it may still fail (95%)")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set_title("A case not seen to fail may be flaky")


FIGURES = {"judges": draw_judges, "trials": draw_trials}
