"""The figures of deciding.md: fixed incidents, looking as you go, many claims, calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

import aiir_eval as aiir
from aiir_eval.gate.calibration import Calibration
from aiir_eval.stats import (
    SequentialTest,
    benjamini_hochberg,
    cases_needed,
    failure_rate_bound,
    holm,
)

from .style import BAD, GOOD, INK, OPEN, OTHER, OURS, limit, say

Floats = NDArray[np.float64]

# Fixed incidents


def trials_with(failures: int, below: float = 0.05) -> int:
    """The fewest trials that show a rate below 5% although so many of them failed."""
    n = failures + 1
    while failure_rate_bound(failures, n) >= below:
        n += 1
    return n


def draw_fixed(figure: Figure) -> None:
    ax = figure.subplots()
    trials = np.arange(5, 201)
    for failures, colour in enumerate((OURS, GOOD, OPEN, BAD)):
        bounds = [failure_rate_bound(failures, n) for n in trials.tolist()]
        enough = trials_with(failures)
        ax.plot(trials, bounds, color=colour)
        ax.plot([enough], [failure_rate_bound(failures, enough)], "o", color=colour, zorder=3)
        ax.plot([enough, enough], [0.012, 0.05], ":", color=colour, linewidth=1)
        ax.text(enough + 1.5, 0.0125, f"{enough}", color=colour, fontsize=10, fontweight="bold")
        words = ("none failed", "one failed", "two failed", "three failed")[failures]
        say(ax, 202, (0.0149, 0.0233, 0.0315, 0.0405)[failures], words, colour)
    limit(ax, 0.05)
    say(ax, 6, 0.052, "the limit, 5%", va="bottom")
    ax.set(yscale="log", ylim=(0.012, 0.5), xlim=(5, 201), xlabel="fresh trials of one incident")
    ax.set_ylabel("failure rate is below (95%)")
    ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], ["2%", "5%", "10%", "20%", "50%"])
    ax.minorticks_off()
    ax.set_title("How many trials show that an incident is fixed")
    figure.get_layout_engine().set(rect=(0, 0, 0.91, 1))  # type: ignore[union-attr, call-arg]


# Looking as you go

SEED = 2  # decides about when the median run does, in both pictures
FIXED_DESIGN = cases_needed(margin=0.05, p_loss=0.05, p_gain=0.05)


def cases_seen(loss: float, gain: float, seed: int) -> tuple[SequentialTest, Floats, Floats]:
    """A test that has looked after each case, with the evidence for passing and for failing."""
    rng = np.random.default_rng(seed)
    test = SequentialTest(0.05, cap=2 * FIXED_DESIGN)
    changes = rng.choice([-1.0, 0.0, 1.0], 2 * FIXED_DESIGN, p=[loss, 1 - loss - gain, gain])
    passing, failing = [], []
    for change in changes.tolist():
        test.update(change)
        passing.append(test.e_non_inferiority)
        failing.append(test.e_loss)
        if test.decision:
            break
    return test, np.array(passing), np.array(failing)


def draw_sequential(figure: Figure) -> None:
    figure.set_size_inches(8, 4.6)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    truths = ((0.05, 0.05, "an unchanged version"), (0.11, 0.01, "a version that lost 10 points"))
    for column, (loss, gain, name) in enumerate(truths):
        test, passing, failing = cases_seen(loss, gain, SEED)
        _evidence(axes[0, column], test, passing, failing)
        _sequence(axes[1, column], test)
        axes[0, column].set_title(f"{name}: {test.decision} after {test.decided_after} cases")
        axes[1, column].set_xlabel("cases looked at")
        for ax in axes[:, column]:
            ax.axvline(test.decided_after, color=INK, linewidth=0.8, linestyle=":")
            ax.axvline(FIXED_DESIGN, color=OTHER, linewidth=0.8)
    axes[0, 0].set_ylabel("evidence (e-value)")
    axes[1, 0].set_ylabel("difference, points")
    say(
        axes[0, 1],
        FIXED_DESIGN - 4,
        0.004,
        f"the fixed design,\n{FIXED_DESIGN} cases",
        OTHER,
        ha="right",
    )
    axes[0, 0].set_xlim(0, FIXED_DESIGN + 8)


def _evidence(ax: Axes, test: SequentialTest, passing: Floats, failing: Floats) -> None:
    seen = np.arange(1, len(passing) + 1)
    ax.plot(seen, passing, color=GOOD, label="for less than 5 points lost")
    ax.plot(seen, failing, color=BAD, label="for a loss")
    ax.set(yscale="log", ylim=(1e-3, 100))
    ax.axhline(20, color=INK, linewidth=0.9, linestyle="--")
    say(ax, 2, 36, "20: shown")
    if test.decision == "pass":
        ax.legend(loc="lower left")


def _sequence(ax: Axes, test: SequentialTest) -> None:
    sequence = test.confidence_sequence(0.9)
    ax.fill_between(
        sequence.n, 100 * sequence.low, 100 * sequence.high, color=OURS, alpha=0.2, lw=0
    )
    ax.plot(sequence.n, 100 * sequence.low, color=OURS, linewidth=1.2)
    ax.plot(sequence.n, 100 * sequence.high, color=OURS, linewidth=1.2)
    ax.axhline(0, color=INK, linewidth=0.9)
    ax.axhline(-5, color=INK, linewidth=0.9, linestyle="--")
    ax.set_ylim(-45, 45)
    if test.decision == "pass":
        say(ax, 90, 32, "confidence sequence:\nholds at all looks together", OURS)
    else:
        say(ax, FIXED_DESIGN - 4, -10, "-margin", ha="right")


# Many tests at once

SLICES = (0.0004, 0.0021, 0.0065, 0.011, 0.034, 0.042, 0.19, 0.31, 0.44, 0.58, 0.77, 0.93)


def at_least_one(claims: int, runs: int, seed: int = 1) -> tuple[float, float, float]:
    """Of a policy with so many claims: false fails without and with Holm, and false passes.

    False fails: every claim is just kept, so that each p-value against it is uniform. False passes:
    one claim is broken by just its margin; each of the others is shown 99 times in 100.
    """
    rng = np.random.default_rng([seed, claims])
    against = rng.random((runs, claims))
    plain = float((against <= 0.05).any(axis=1).mean())
    corrected = float(np.mean([holm(row).min() <= 0.05 for row in against]))
    shown = rng.random((runs, claims)) < 0.99
    shown[:, 0] = rng.random(runs) <= 0.05
    return plain, corrected, float(shown.all(axis=1).mean())


def draw_multiplicity(figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    p, m = np.array(SLICES), len(SLICES)
    found = benjamini_hochberg(p) <= 0.05
    ranks = np.arange(1, m + 1)
    left.plot(ranks, 0.05 * ranks / m, color=INK, linewidth=1)
    left.axhline(0.05, color=OTHER, linewidth=0.9, linestyle="--")
    left.plot(ranks[found], p[found], "o", color=BAD)
    left.plot(ranks[~found], p[~found], "o", color=OTHER, markerfacecolor="white")
    left.set(yscale="log", ylim=(2e-4, 1.5), xlabel="slices, by p-value", ylabel="p-value")
    left.set_xticks([1, 4, 8, 12])
    say(left, 12.2, 0.085, "0.05, each alone", OTHER, ha="right")
    say(left, 12.2, 0.013, "Benjamini-\nHochberg's line", INK, ha="right")
    left.set_title(f"{(p <= 0.05).sum()} of {m} below 0.05, {found.sum()} found")
    claims = [1, 2, 3, 5, 8, 12, 20]
    rates = np.array([at_least_one(n, 10_000) for n in claims])
    for column, colour in enumerate((OTHER, BAD, GOOD)):
        right.plot(claims, rates[:, column], "o-", color=colour, markersize=3.5)
    limit(right, 0.05)
    right.set(
        ylim=(0, 0.72),
        xlabel="claims of the policy",
        ylabel="runs that err",
        xticks=[1, *claims[2:]],
    )
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    say(right, 10.9, 0.52, "false fail,\nuncorrected", OTHER, ha="right")
    say(right, 20, 0.145, "false fail, Holm", BAD, ha="right")
    say(right, 20, 0.09, "false pass, no correction", GOOD, ha="right")
    right.set_title("Fail needs a correction, pass does not")


# Calibration


def calibrated(repetitions: int) -> Calibration:
    """Two runs of one version: 300 cases, 60 incidents, each case answered alike 9 times in 10."""
    rng = np.random.default_rng(3)
    incident = np.arange(300) // 5
    hard = rng.random(60)[incident] < 0.15
    rate = np.where(hard, 0.5, 0.97)
    sides = [
        aiir.import_table(
            pd.DataFrame({"id": range(300), "incident": incident, "ok": rng.random(300) < rate}),
            id="id", passed="ok", cluster="incident",
        )
        for _ in range(2)
    ]  # fmt: skip
    return aiir.calibrate(sides[0], sides[1], repetitions=repetitions)


def draw_calibration(figure: Figure) -> None:
    ax = figure.subplots()
    calibration = calibrated(1000)
    calibration.plot(ax)
    ax.set_title("What the default gate (margin 5 points) catches on 300 cases of 60 incidents")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    at = calibration.detectable(0.8)
    if at is not None:
        ax.plot([100 * at], [0.8], "o", color=INK, markersize=5, zorder=4)
        say(ax, 100 * at - 0.3, 0.85, f"80% at {100 * at:.1f} points", ha="right")
    alarm = calibration.false_alarm
    ax.annotate(
        f"false alarms\n{alarm.rate:.1%}", (0, alarm.rate), (0.12, 0.17), color=BAD, fontsize=8.5,
        arrowprops={"arrowstyle": "-", "color": BAD, "linewidth": 0.7},
    )  # fmt: skip


FIGURES = {
    "fixed": draw_fixed,
    "sequential": draw_sequential,
    "multiplicity": draw_multiplicity,
    "calibration": draw_calibration,
}
