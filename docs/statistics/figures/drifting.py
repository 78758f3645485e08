"""The figures of drifting.md: tests, sizes, clusters, and the date of a change."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

import aiir_eval as aiir
from aiir_eval.stats import clopper_pearson, ks_2samp, welch_t
from aiir_eval.stats.change_points import ChangePoints, change_points
from aiir_eval.stats.drift_divergences import divergences, quantile_counts
from aiir_eval.stats.drift_tests import cauchy_combination

from .style import BAD, INK, OPEN, OTHER, OURS, VIOLET, limit, say

Floats = NDArray[np.float64]

# Two tests, one p-value

CHANGES = ("nothing", "mean + 0.3 sd", "twice the variance", "a tail: 8% much slower")


def pair_of(change: str, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A reference and a current sample that differ so."""
    x, y = rng.standard_normal((2, n))
    if change == "mean + 0.3 sd":
        y += 0.3
    elif change == "twice the variance":
        y *= 2**0.5
    elif change.startswith("a tail"):
        y = np.where(rng.random(n) < 0.08, y + 4, y)
    return x, y


def found_by(change: str, runs: int, n: int = 150, seed: int = 1) -> tuple[float, float, float]:
    """How often Welch's t, Kolmogorov-Smirnov, and both combined find it at 5%."""
    rng = np.random.default_rng([seed, CHANGES.index(change)])
    both = []
    for _ in range(runs):
        x, y = pair_of(change, n, rng)
        both.append((welch_t(x, y).pvalue, ks_2samp(x, y).pvalue))
    pvalues = np.array(both).T
    combined = np.asarray(cauchy_combination(pvalues))
    mean, shape, one = ((values <= 0.05).mean() for values in (*pvalues, combined))
    return float(mean), float(shape), float(one)


def draw_tests(figure: Figure) -> None:
    ax = figure.subplots()
    rates = np.array([found_by(change, 2000) for change in CHANGES])
    names = (
        ("Welch's t alone", OPEN),
        ("Kolmogorov-Smirnov alone", VIOLET),
        ("both, combined", OURS),
    )
    for column, (name, colour) in enumerate(names):
        places = np.arange(len(CHANGES)) + (column - 1) * 0.27
        ax.bar(places, rates[:, column], 0.25, color=colour, label=name)
        for place, height in zip(places, rates[:, column], strict=True):
            ax.text(place, max(height, 0.05) + 0.012, f"{height:.0%}", ha="center", fontsize=8)
    limit(ax, 0.05)
    ax.set_xticks(range(len(CHANGES)), CHANGES)
    ax.grid(axis="x", visible=False)
    ax.set(ylim=(0, 1), ylabel="found at 5%")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="upper left")
    ax.set_title("What changed, and which test sees it (150 rows a side, 2,000 runs)")


# PSI


def plain_psi(counts_x: NDArray[np.int64], counts_y: NDArray[np.int64]) -> float:
    """The index as it is usually computed; half a row is added to each bin, against zeros."""
    p, q = counts_x + 0.5, counts_y + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def psi(n: int, runs: int, seed: int = 1) -> tuple[Floats, Floats]:
    """Plain and debiased PSI of ten bins, again and again, where nothing changed."""
    rng = np.random.default_rng([seed, n])
    rows = []
    for _ in range(runs):
        x, y = np.sort(rng.standard_normal((2, n)))
        counts = quantile_counts(x, y)
        rows.append((plain_psi(*counts), divergences(*counts).psi.estimate))
    plain, ours = np.array(rows).T
    return plain, ours


def draw_psi(figure: Figure) -> None:
    ax = figure.subplots()
    sizes = (50, 100, 200, 500, 1000, 2000, 5000)
    values = [psi(n, 500) for n in sizes]
    for which, (name, colour) in enumerate((("plain PSI", BAD), ("less what chance brings", OURS))):
        low, middle, high = (
            [np.quantile(pair[which], share) for pair in values] for share in (0.05, 0.5, 0.95)
        )
        ax.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(sizes, middle, "o-", color=colour, markersize=3.5, label=name)
    ax.plot(
        sizes,
        [usual_bias(n, n) for n in sizes],
        ":",
        color=INK,
        label="its mean in theory, 9 (1/n + 1/m)",
    )
    for height, words in ((0.1, "0.1: 'moderate change'"), (0.25, "0.25: 'significant change'")):
        limit(ax, height, words, colour="#666666")
    ax.set(xscale="log", ylim=(-0.02, 0.6), xlabel="rows a side; nothing changed, ten bins")
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.minorticks_off()
    ax.set_ylabel("PSI, median and 90% of runs")
    ax.legend(loc="upper right", bbox_to_anchor=(0.8, 1))
    ax.set_title("A rule of thumb that small samples break by themselves")


# Clusters


def false_drift(rows: int, runs: int, seed: int = 1) -> tuple[int, int]:
    """Reports that find drift where there is none: users ignored, and known.

    40 users a side, none on both; half of the variance of a row is its user's.
    """
    rng = np.random.default_rng([seed, rows])
    found = [0, 0]
    for _ in range(runs):
        user = np.repeat(np.arange(80), rows)
        value = rng.standard_normal(80)[user] + rng.standard_normal(80 * rows)
        table = pd.DataFrame({"user": user, "latency": value})
        sides = table[user < 40], table[user >= 40]
        found[0] += welch_t(*(side["latency"] for side in sides)).pvalue <= 0.05
        report = aiir.drift(*sides, cluster="user", primary="latency")
        found[1] += report.columns[0].pvalue <= 0.05
    return found[0], found[1]


def draw_clusters(figure: Figure) -> None:
    ax = figure.subplots()
    sizes, runs = (1, 2, 5, 10, 20), 400
    counts = np.array([false_drift(rows, runs) for rows in sizes])
    for column, colour in enumerate((BAD, OURS)):
        rates = counts[:, column] / runs
        ends = [clopper_pearson(int(count), runs) for count in counts[:, column]]
        low, high = zip(*ends, strict=True)
        ax.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(sizes, rates, "o-", color=colour, markersize=3.5)
    limit(ax, 0.05)
    ax.set(ylim=(0, 0.75), xlabel="rows a user (40 users a side, ICC 0.5)", xticks=sizes)
    ax.set_ylabel("no change is rejected")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    say(ax, 12.5, 0.36, "rows taken as independent", BAD)
    say(ax, 12.5, 0.115, 'cluster="user"', OURS)
    ax.set_title("Rows of one user are no independent rows")


# When


def step() -> tuple[Floats, ChangePoints]:
    """60 days of 400 answers; from day 38 on the pass rate is 93% in place of 95%."""
    rng = np.random.default_rng(4)
    truth = np.where(np.arange(60) < 38, 0.95, 0.93)
    rates = rng.binomial(400, truth) / 400
    return rates, change_points(rates, np.full(60, 400))


def ramp() -> tuple[Floats, ChangePoints]:
    """60 days of 400 answers; the rate falls from 95% to 89% from day 25 to day 45."""
    rng = np.random.default_rng(4)
    truth = np.interp(np.arange(60), [24, 45], [0.95, 0.89])
    rates = rng.binomial(400, truth) / 400
    return rates, change_points(rates, np.full(60, 400))


def draw_change_points(figure: Figure) -> None:
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (rates, found), truth in (
        (axes[0], step(), ([0, 37.5, 37.5, 59], [0.95, 0.95, 0.93, 0.93])),
        (axes[1], ramp(), ([0, 24, 45, 59], [0.95, 0.95, 0.89, 0.89])),
    ):
        _series(ax, rates, found)
        ax.plot(*truth, color=OTHER, linestyle="--", linewidth=1.2)
    axes[0].set_title(f"At once: {_when(step()[1])}")
    axes[1].set_title(f"Little by little: {_when(ramp()[1])}")
    axes[0].set_ylabel("pass rate of the day")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    say(axes[0], 1, 0.893, "dashed: the truth", OTHER)


def _series(ax: Axes, rates: Floats, found: ChangePoints) -> None:
    ax.plot(range(len(rates)), rates, "o", color=OURS, markersize=3.5)
    for change in found.changes:
        ax.axvspan(change.low - 0.5, change.high + 0.5, color=BAD, alpha=0.13, linewidth=0)
        ax.axvline(change.first - 0.5, color=BAD, linewidth=1.2)
    ax.set_xlabel("day")


def _when(found: ChangePoints) -> str:
    if not found.changes:
        return "no change found"
    change = found.changes[0]
    until = "" if change.last is None else f" to {change.last}"
    return f"from day {change.first} ({change.low} to {change.high}){until}"


def usual_bias(n: int, m: int, bins: int = 10) -> float:
    """What PSI is on average where nothing changed (Yurdakul 2018)."""
    return (bins - 1) * (1 / n + 1 / m)


FIGURES = {
    "drift-tests": draw_tests,
    "psi": draw_psi,
    "drift-clusters": draw_clusters,
    "change-points": draw_change_points,
}
