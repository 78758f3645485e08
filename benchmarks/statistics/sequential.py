"""How many cases does the sequential gate take, and how often is it wrong?

Looks after every cluster, cap of twice the fixed design (one-sided 5%, power 80% at no difference).
Beside it Wald's sequential probability ratio test of -margin against 0, at 5% each way, which is
told the discordance and may go on for ever.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from aiir_eval.stats import FailureRateSequence, cases_needed, failure_rate_bound
from aiir_eval.stats.betting import Betting, log_threshold

MARGIN, ALPHA = 0.02, 0.05
DISCORDANCES = (0.02, 0.05, 0.1, 0.2, 0.4)
SAVINGS = (1, 0, -2, -5)  # true differences, in margins, over which the saving is averaged
TRUTHS = (1, 0, -0.5, -1, -2, -5)
MOST_CALLS, MOST_OVER_WALD, SLACK = 0.60, 1.5, 3.0

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Simulated runs of one truth: shares of decisions, mean cases, and Wald's mean cases."""

    truth: float
    discordance: float
    fixed: int
    passed: float
    failed: float
    cases: float
    wald: float

    @property
    def share(self) -> float:
        """Mean cases over those of the fixed design."""
        return self.cases / self.fixed


def flips(
    truth: float, discordance: float, size: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Differences of single cases: -1, 0 or 1."""
    luck = rng.random(size)
    loss = (discordance - truth) / 2
    return np.where(luck < loss, -1.0, np.where(luck < discordance, 1.0, 0.0))


def sequential(
    truth: float, discordance: float, margin: float, cap: int, runs: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Decision (1 pass, -1 fail, 0 neither) and cases of each run of the sequential test."""
    gains, losses = Betting(-margin, margin, runs=runs), Betting(0.0, margin, runs=runs)
    decisions, cases = np.zeros(runs, np.int64), np.full(runs, cap)
    open_, enough = np.arange(runs), log_threshold(ALPHA)
    for n in range(1, cap + 1):
        x = flips(truth, discordance, open_.size, rng)[None]
        gains.play(x, np.ones_like(x))
        losses.play(-x, np.ones_like(x))
        passed = gains.log_evidence() >= enough
        over = passed | (losses.log_evidence() >= enough)
        if over.any():
            cases[open_[over]] = n
            decisions[open_[over]] = np.where(passed[over], 1, -1)
            open_ = open_[~over]
            gains.keep(~over)
            losses.keep(~over)
            if not open_.size:
                break
    return decisions, cases


def wald(
    truth: float, discordance: float, margin: float, runs: int, rng: np.random.Generator
) -> Ints:
    """Cases of each run of the probability ratio test of -margin against 0."""
    known = max(discordance, margin)
    worse, even, better = (known + margin) / 2, known / 2, (known - margin) / 2
    gain = log(even / better) if better > 0 else 2 * log((1 - ALPHA) / ALPHA)
    ratios = np.array([log(even / worse), 0.0, gain])
    evidence, cases, limit = np.zeros(runs), np.zeros(runs, np.int64), log((1 - ALPHA) / ALPHA)
    open_ = np.arange(runs)
    while open_.size:
        evidence = evidence + ratios[flips(truth, discordance, open_.size, rng).astype(int) + 1]
        cases[open_] += 1
        going = np.abs(evidence) < limit
        open_, evidence = open_[going], evidence[going]
    return cases


def outcomes(discordance: float, margin: float, runs: int, seed: int) -> Iterator[Outcome]:
    """All truths at one discordance (raised to the size of the difference where it must be)."""
    fixed = cases_needed(
        margin=margin,
        p_loss=discordance / 2,
        p_gain=discordance / 2,
        power=0.8,
        confidence_level=1 - ALPHA,
    )
    for number, multiple in enumerate(TRUTHS):
        truth = multiple * margin
        rate = max(discordance, abs(truth))
        rng = np.random.default_rng([seed, round(1000 * discordance), number])
        decisions, cases = sequential(truth, rate, margin, 2 * fixed, runs, rng)
        yield Outcome(
            truth=truth,
            discordance=rate,
            fixed=fixed,
            passed=float((decisions == 1).mean()),
            failed=float((decisions == -1).mean()),
            cases=float(cases.mean()),
            wald=float(wald(truth, rate, margin, runs, rng).mean()),
        )


def failure_rates(
    bound: float, cap: int, runs: int, seed: int
) -> Iterator[tuple[float, float, float, float]]:
    """Rate, shares of pass and fail, and mean trials of `FailureRateSequence`."""
    for rate in (0.0, bound / 10, bound / 5, bound, 2 * bound, 4 * bound, 10 * bound):
        rng = np.random.default_rng([seed, 9, round(1e4 * rate)])
        tests = [FailureRateSequence(bound, cap=cap) for _ in range(runs)]
        decided = [test.update_many(rng.random(cap) < rate) for test in tests]
        trials = float(np.mean([test.decided_after for test in tests]))
        yield rate, decided.count("pass") / runs, decided.count("fail") / runs, trials


def main() -> None:
    """Print the tables; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    missed: list[str] = []
    highest = ALPHA + SLACK * (ALPHA * (1 - ALPHA) / options.runs) ** 0.5
    print(f"Margin {MARGIN}, {options.runs:,} runs a row, a look after every case.\n")
    print("| discordance | true difference | pass | fail | open | cases | of fixed | of Wald's |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    means = []
    for discordance in DISCORDANCES:
        table = list(outcomes(discordance, MARGIN, options.runs, options.seed))
        for row in table:
            print(
                f"| {row.discordance:g} | {row.truth:+.2f} | {row.passed:.4f} | {row.failed:.4f} | "
                f"{abs(1 - row.passed - row.failed):.4f} | {row.cases:,.0f} | {row.share:.3f} | "
                f"{row.cases / row.wald:.2f} |"
            )
            where = f"discordance {row.discordance:g}, difference {row.truth:+.2f}"
            if row.truth <= -MARGIN and row.passed > highest:
                missed.append(f"{where}: passed in {row.passed:.4f}")
            if row.truth >= 0 and row.failed > highest:
                missed.append(f"{where}: failed in {row.failed:.4f}")
            if row.truth == 0 and discordance == 0.1 and row.cases > MOST_OVER_WALD * row.wald:
                missed.append(f"{where}: {row.cases / row.wald:.2f} times Wald's cases")
        counted = {multiple * MARGIN for multiple in SAVINGS}
        share = float(np.mean([row.share for row in table if row.truth in counted]))
        means.append((discordance, table[0].fixed, share))
        if discordance == 0.1 and share > MOST_CALLS:
            missed.append(f"{share:.3f} of the fixed design's cases")
    multiples = ", ".join(f"{multiple:+d}" if multiple else "0" for multiple in SAVINGS)
    print(f"\n| discordance | fixed design | mean share of it over {multiples} margins |")
    print("| --- | --- | --- |")
    for discordance, fixed, share in means:
        print(f"| {discordance:g} | {fixed:,} | {share:.3f} |")

    bound, cap = 0.05, 118
    clean = next(n for n in range(1, 1000) if failure_rate_bound(0, n) < bound)
    runs = options.runs // 10
    print(f"\nFailure rate below {bound}: cap {cap} trials, {runs:,} runs a row.\n")
    print(f"| true rate | pass | fail | trials | of {clean} |")
    print("| --- | --- | --- | --- | --- |")
    limit = ALPHA + SLACK * (ALPHA * (1 - ALPHA) / runs) ** 0.5
    for rate, passed, failed, trials in failure_rates(bound, cap, runs, options.seed):
        print(f"| {rate:g} | {passed:.3f} | {failed:.3f} | {trials:.1f} | {trials / clean:.2f} |")
        if (rate >= bound and passed > limit) or (rate <= bound and failed > limit):
            missed.append(f"failure rate {rate:g}: pass {passed:.3f}, fail {failed:.3f}")
    print("\n" + ("All targets met." if not missed else "Missed: " + "; ".join(missed)))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
