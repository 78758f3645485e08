"""The figures of comparing.md: pairs, units, intervals, conclusions and power."""

from __future__ import annotations

from math import exp

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, ScalarFormatter
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln, xlogy

from aiir_eval.compare.plotting import COLOURS
from aiir_eval.stats import (
    Assumptions,
    PairedDifference,
    cases_needed,
    paired_difference,
    settling_power,
    tango_interval,
)
from aiir_eval.stats.drift_effects import newcombe_interval

from .style import BAD, GOOD, INK, OPEN, OTHER, OURS, VIOLET, limit, say

Floats = NDArray[np.float64]


def of_counts(broke: int, fixed: int, n: int) -> PairedDifference:
    """The comparison of n single trials of which so many broke and so many were fixed."""
    before, after = np.ones(n), np.ones(n)
    after[:broke] = 0
    before[broke : broke + fixed] = 0
    return paired_difference(before, after)


# Why pairing


def half_widths(n: int, pass_rate: float, disagree: float) -> tuple[float, float]:
    """Half a 95% interval of two equally good versions: the same cases, and other cases."""
    flips = round(n * disagree / 2)
    low, high = of_counts(flips, flips, n).confidence_interval()
    passed = pass_rate * n
    apart = newcombe_interval(passed, n, passed, n)
    return (high - low) / 2, (apart.high - apart.low) / 2


def cases_at(disagree: float) -> int:
    """Cases that exclude, with 80% power, a loss of 5 points of a version that is as good."""
    return cases_needed(margin=0.05, p_loss=disagree / 2, p_gain=disagree / 2)


def draw_pairing(figure: Figure) -> None:
    chance = Assumptions(pass_rate=0.9, discordance=0.1).most_discordance
    shares = np.arange(0.01, chance + 0.001, 0.01)
    widths = np.array([half_widths(400, 0.9, share) for share in shares]) * 100
    needed = [cases_at(share) for share in shares]
    left, right = figure.subplots(1, 2)
    left.plot(shares, widths[:, 1], color=OTHER)
    left.plot(shares, widths[:, 0], color=OURS)
    left.set(ylim=(0, 5), ylabel="half the 95% interval, points")
    left.set_title("What 400 cases tell")
    say(left, 0.01, 4.45, "different cases on each side", OTHER)
    say(left, 0.085, 2.1, "the same cases,\npaired", OURS)
    right.plot(shares, [cases_at(chance)] * len(shares), color=OTHER)
    right.plot(shares, needed, color=OURS)
    right.set(ylim=(0, 520), ylabel="cases needed")
    right.set_title("To exclude a loss of 5 points (power 80%)")
    say(right, 0.01, cases_at(chance) + 28, "different cases on each side", OTHER)
    say(right, 0.095, 165, "the same cases,\npaired", OURS)
    for ax in (left, right):
        ax.set_xlabel("cases on which two equally good versions disagree")
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.set_xlim(0, chance + 0.002)
        ax.set_xticks([0, 0.05, 0.1, 0.15])


# The unit

VERSIONS = Assumptions(pass_rate=0.9, discordance=0.1, trial_noise=0.5)


def alarms(cases: int, size: int, runs: int, seed: int = 1) -> tuple[float, float]:
    """How often no change is called one: clusters ignored, and known. 20% flip, ICC 0.5."""
    rng = np.random.default_rng([seed, size])
    clusters = np.repeat(np.arange(cases // size), size)
    wrong = np.zeros(2)
    for _ in range(runs):
        own, shared = (
            rng.choice([-1.0, 0.0, 1.0], n, p=[0.1, 0.8, 0.1]) for n in (cases, cases // size)
        )
        change = np.where(rng.random(cases) < np.sqrt(0.5), shared[clusters], own)
        before = (change < 0).astype(float)
        for place, known in enumerate((None, clusters)):
            wrong[place] += (
                paired_difference(before, before + change, clusters=known).pvalue <= 0.05
            )
    return float(wrong[0] / runs), float(wrong[1] / runs)


def draw_unit(figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    trials = np.array([1, 2, 3, 5, 10, 20, 50])
    for n, colour in ((50, BAD), (200, OPEN)):
        points = [100 * VERSIONS.standard_error(n, k) for k in trials.tolist()]
        left.plot(n * trials, points, "o-", color=colour, markersize=3.5)
        say(left, 5600 if n == 50 else 11000, points[-1] + 0.25, f"{n} cases", colour, ha="right")
    cases = np.array([50, 100, 200, 500, 1000, 2500, 10000])
    spread = [100 * VERSIONS.standard_error(n, 1) for n in cases.tolist()]
    left.plot(cases, spread, "o-", color=OURS, markersize=3.5)
    say(left, 820, 0.55, "one trial each\nof more cases", OURS, ha="right")
    left.set(xscale="log", ylim=(0, 4.9), xlabel="trials of each version", xlim=(42, 12000))
    left.set_ylabel("standard error, points")
    left.xaxis.set_major_formatter(ScalarFormatter())
    left.set_xticks([50, 200, 1000, 10000], ["50", "200", "1,000", "10,000"])
    left.set_title("More trials cannot replace more cases")

    sizes = [1, 2, 4, 5, 10, 20]
    rates = np.array([alarms(200, size, 2000) for size in sizes])
    right.plot(sizes, rates[:, 0], "o-", color=BAD, markersize=3.5)
    right.plot(sizes, rates[:, 1], "o-", color=OURS, markersize=3.5)
    right.set(
        ylim=(0, 0.62), xlabel="cases a cluster (200 cases, ICC 0.5)", xticks=sizes[:1] + sizes[3:]
    )
    right.set_ylabel("no change is rejected")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    say(right, 7.4, 0.44, "clusters\nignored", BAD, ha="right")
    say(right, 20, 0.1, "clusters known", OURS, ha="right")
    limit(right, 0.05, x=0.2)
    right.set_title("Cases of one incident move together")


# Intervals where flips are rare

LOSS, GAIN = 0.025, 0.005
"""Chance that a case breaks, and that it is fixed: two points are lost, three cases in 100 flip."""

COVERED = (20, 30, 50, 75, 100, 150, 200, 300, 500, 1000)


def tables(n: int) -> tuple[list[tuple[int, int]], Floats]:
    """Every (broke, fixed) of n cases that is at all likely, and its chance."""
    found, chances = [], []
    for broke in range(n + 1):
        for fixed in range(n + 1 - broke):
            rest = n - broke - fixed
            log = float(
                gammaln(n + 1) - gammaln(broke + 1) - gammaln(fixed + 1) - gammaln(rest + 1)
            )
            log += float(xlogy(broke, LOSS) + xlogy(fixed, GAIN) + xlogy(rest, 1 - LOSS - GAIN))
            if log > -18:
                found.append((broke, fixed))
                chances.append(exp(log))
            elif fixed > n * GAIN:
                break
        if broke > n * LOSS and found and found[-1][0] < broke:
            break
    return found, np.array(chances)


def coverage(n: int) -> dict[str, tuple[float, float]]:
    """By method: how often the 95% interval holds the truth, and a loss of the margin passes.

    Exact: a sum over all tables. The margin is the true loss, 2 points.
    """
    truth = GAIN - LOSS
    outcomes, chances = tables(n)
    right: dict[str, list[tuple[bool, bool]]] = {name: [] for name in METHODS}
    for broke, fixed in outcomes:
        mean = (fixed - broke) / n
        error = np.sqrt((broke + fixed - n * mean**2) / (n - 1) / n)
        result = of_counts(broke, fixed, n)
        by_score = tango_interval(broke, fixed, n)
        one_sided = tango_interval(broke, fixed, n, confidence_level=0.9).low
        bounds = {
            "ours": (*result.confidence_interval(), result.non_inferiority(-truth).lower_bound),
            "Tango, plain": (*by_score, one_sided),
        }
        for name, law in (("t", stats.t(n - 1)), ("Wald", stats.norm)):
            two, one = float(law.ppf(0.975)), float(law.ppf(0.95))
            bounds[name] = (mean - two * error, mean + two * error, mean - one * error)
        for name, (low, high, lower) in bounds.items():
            right[name].append((low <= truth + 1e-12 <= high + 2e-12, lower > truth + 1e-12))
    return {
        name: tuple((chances @ np.array(rows) / chances.sum()).tolist())
        for name, rows in right.items()
    }


METHODS = {
    "ours": (OURS, "-"),
    "Tango, plain": (VIOLET, ":"),
    "t": (BAD, "-"),
    "Wald": (OPEN, "--"),
}


def draw_coverage(figure: Figure) -> None:
    found = {n: coverage(n) for n in COVERED}
    left, right = figure.subplots(1, 2)
    for name, (colour, line) in METHODS.items():
        for which, ax in enumerate((left, right)):
            heights = [found[n][name][which] for n in COVERED]
            ax.plot(COVERED, heights, line, color=colour, marker="o", markersize=3, label=name)
    limit(left, 0.95)
    limit(right, 0.05)
    left.set(ylim=(0.35, 1.02), ylabel="95% intervals that hold the truth")
    right.set(ylim=(0, 0.65), ylabel="runs that pass")
    left.set_title("Coverage: a loss of 2 points, 3 flips in 100")
    right.set_title("The same loss at a margin of 2 points")
    for ax in (left, right):
        ax.set(xscale="log", xlabel="cases")
        ax.set_xticks([20, 50, 100, 200, 500, 1000], ["20", "50", "100", "200", "500", "1,000"])
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.legend(loc="lower right")
    say(right, 40, 0.5, "t, Wald", BAD)
    say(right, 21, 0.085, "ours", OURS)


# Conclusions

MARGIN = 0.05
EXAMPLES = (
    (4, 20, 400),
    (8, 9, 400),
    (60, 26, 2000),
    (20, 7, 400),
    (44, 6, 400),
    (7, 5, 100),
    (13, 6, 200),
)
"""(broke, fixed, cases) of the rows of the picture, from the top."""


def draw_conclusions(figure: Figure) -> None:
    ax = figure.subplots()
    names = []
    for row, counts in enumerate(EXAMPLES):
        result = of_counts(*counts)
        conclusion = result.conclusion(MARGIN)
        low, high = result.confidence_interval()
        bound = result.non_inferiority(MARGIN).lower_bound
        colour = COLOURS[conclusion]
        ax.plot([100 * low, 100 * high], [row, row], color=colour, linewidth=2.2)
        ax.plot([100 * result.estimate], [row], "o", color=colour, markersize=6)
        ax.plot([100 * bound], [row], "|", color=colour, markersize=13, markeredgewidth=2)
        worse = conclusion == "non_inferior" and result.pvalue <= 0.05
        words = conclusion.replace("_", "-") + (",\nworse within the margin" if worse else "")
        p = "p < 0.001" if result.pvalue < 0.001 else f"p = {result.pvalue:.2g}"
        say(ax, 8.6, row, p, colour)
        say(ax, 12.9, row, words, colour)
        broke, fixed, n = counts
        names.append(f"{broke} broke, {fixed} fixed, of {n:,}")
    ax.axvline(0, color=INK, linewidth=0.9)
    ax.axvline(-100 * MARGIN, color=INK, linewidth=0.9, linestyle="--")
    ax.set_yticks(range(len(EXAMPLES)), names)
    ax.set(
        xlim=(-15, 8),
        xlabel="difference in points (dot), 95% interval (line), one-sided 95% bound (|)",
    )
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    for place, words in ((-5, "-margin"), (0, "no change")):
        ax.text(place, -0.75, words, ha="center", fontsize=8.5)
    ax.set_ylim(len(EXAMPLES) - 0.5, -0.6)
    figure.get_layout_engine().set(rect=(0, 0, 0.71, 1))  # type: ignore[union-attr, call-arg]


# Power


def draw_power(figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    sizes = list(range(20, 401, 20))
    for trials, colour in ((1, OPEN), (3, VIOLET), (10, GOOD)):
        chances = [
            settling_power(VERSIONS, n, trials, margin=0.05, n_resamples=10_000) for n in sizes
        ]
        left.plot(sizes, chances, color=colour, label=f"{trials} trial{'s' * (trials > 1)}")
    limit(left, 0.8)
    left.set(ylim=(0, 1), xlim=(0, 405), xlabel="cases", ylabel="chance that it is shown")
    left.legend(loc="lower right")
    left.set_title("To exclude a loss of 5 points")
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    cases = np.geomspace(30, 3000, 40).round().astype(int).tolist()
    for share, colour in ((0.2, BAD), (0.1, OPEN), (0.05, GOOD), (0.02, OURS)):
        versions = Assumptions(pass_rate=0.85, discordance=share)
        seen = [100 * versions.minimum_detectable_effect(n, 1) for n in cases]
        right.plot(cases, seen, color=colour, label=f"{share:.0%}")
    right.set(xscale="log", yscale="log", xlabel="cases, one trial each", ylabel="points")
    right.set_xticks([30, 100, 300, 1000, 3000], ["30", "100", "300", "1,000", "3,000"])
    right.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    right.minorticks_off()
    right.legend(title="the versions disagree on")
    right.set_title("Smallest difference found 4 times in 5")


FIGURES = {
    "pairing": draw_pairing,
    "unit": draw_unit,
    "coverage": draw_coverage,
    "conclusions": draw_conclusions,
    "power": draw_power,
}
