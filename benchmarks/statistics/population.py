"""What is true in the simulations? Two versions of known law, case by case, without approximation.

One trial of one case passes before with chance `pass_rate` and after with chance
`pass_rate + difference`, exactly:

- Every case has a settled answer to each version. The new version keeps the old one's, except that
  it draws a share `redrawn` of them afresh, at the rate that makes the difference come out. Without
  a difference the two versions are exchangeable.
- A trial shows the settled answer with chance s and is otherwise a coin of the version's own rate;
  s is solved so that the differences of two trials of a case correlate as asked. A single trial is
  the settled answer.
- A case copies, with chance sqrt(icc), all its trials from a draw its cluster shares. The
  differences of two cases of a cluster then correlate by icc exactly, whatever their law; half
  of a cluster of ten moves as one, which is harsher than a normal random effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int16]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Setting:
    """A cell: how many cases, trials and cases a cluster, and how they answer.

    icc is the correlation of the differences of two cases of a cluster; where every case is its own
    cluster, that of two trials of a case (with one trial there is none). trial_icc is the latter
    elsewhere.
    """

    n_cases: int
    n_trials: int
    cluster_size: int
    icc: float
    pass_rate: float
    redrawn: float
    trial_icc: float = 0.5

    @property
    def n_clusters(self) -> int:
        return self.n_cases // self.cluster_size


@dataclass(frozen=True, slots=True)
class Law:
    """Law of one case: passes before, passes after, trials passed both times, and their chances."""

    before: Ints
    after: Ints
    both: Ints
    chances: Floats
    n_trials: int

    @property
    def difference(self) -> float:
        """Expected difference of the case means."""
        return float(self.chances @ (self.after - self.before)) / self.n_trials

    @property
    def variance(self) -> float:
        """Variance of the difference of the case means."""
        squares = ((self.after - self.before) / self.n_trials) ** 2
        return float(self.chances @ squares) - self.difference**2

    @property
    def discordant(self) -> float:
        """Chance that the case means differ."""
        return float(self.chances[self.before != self.after].sum())


@dataclass(frozen=True, slots=True)
class Sample:
    """Passed trials of every case, (runs, cases)."""

    before: Ints
    after: Ints
    both: Ints
    n_trials: int
    cluster_size: int

    @property
    def differences(self) -> Ints:
        """Candidate minus baseline, in trials."""
        return self.after - self.before


def settled(pass_rate: float, difference: float, redrawn: float) -> dict[tuple[int, int], float]:
    """Chances of the settled answers (before, after)."""
    rate = pass_rate + difference / redrawn
    if not 0 <= rate <= 1:
        raise ValueError(f"{redrawn} redrawn answers cannot make a difference of {difference}")
    return {
        (a, b): (pass_rate if a else 1 - pass_rate)
        * ((1 - redrawn) * (a == b) + redrawn * (rate if b else 1 - rate))
        for a in (0, 1)
        for b in (0, 1)
    }


def case_law(setting: Setting, difference: float) -> Law:
    """The law of one case of the setting at that true difference."""
    rates = (setting.pass_rate, setting.pass_rate + difference)
    answers = settled(setting.pass_rate, difference, setting.redrawn)
    trials, correlation = setting.n_trials, setting.trial_icc
    if setting.cluster_size == 1:
        correlation = setting.icc
    shown = 1.0
    if trials > 1:
        steady = answers[0, 1] + answers[1, 0] - difference**2
        fresh = sum(rate * (1 - rate) for rate in rates)
        both = correlation * fresh + (1 - correlation) * steady
        shown = sqrt(correlation * fresh / both) if both > 0 else 0.0
    rows = []
    for answer, chance in answers.items():
        passing = [shown * a + (1 - shown) * rate for a, rate in zip(answer, rates, strict=True)]
        for before in range(trials + 1):
            for after in range(trials + 1):
                so = chance * _binomial(before, trials, passing[0])
                so *= _binomial(after, trials, passing[1])
                for same in range(max(0, before + after - trials), min(before, after) + 1):
                    ways = comb(before, same) * comb(trials - before, after - same)
                    rows.append((before, after, same, so * ways / comb(trials, after)))
    table: dict[tuple[int, int, int], float] = {}
    for before, after, same, chance in rows:
        table[before, after, same] = table.get((before, after, same), 0.0) + chance
    kinds = np.array(list(table), dtype=np.int16).T
    return Law(kinds[0], kinds[1], kinds[2], np.array(list(table.values())), trials)


def skewed_law(n_trials: int, share: float, mirrored: bool) -> Law:
    """No difference on average, but cases that gain (mirrored: lose) do so with all their trials.

    A share of the cases gains everything; of the others as many lose one trial as balance it.
    """
    losing = n_trials * share
    kept = 1 - share - losing
    before = [0, n_trials, n_trials]
    after = [n_trials, n_trials - 1, n_trials]
    both = [0, n_trials - 1, n_trials]
    if mirrored:
        before, after = after, before
    sides = (np.array(side, dtype=np.int16) for side in (before, after, both))
    return Law(*sides, np.array([share, losing, kept]), n_trials)


def draw(
    law: Law, n_cases: int, cluster_size: int, icc: float, runs: int, rng: np.random.Generator
) -> Sample:
    """So many runs of the cases, `cluster_size` of them in a row a cluster."""
    ends = np.cumsum(law.chances)
    ends[-1] = 1.0

    def kinds(count: int) -> NDArray[np.intp]:
        return np.searchsorted(ends, rng.random((runs, count)), side="right")

    kind = kinds(n_cases)
    if cluster_size > 1 and icc > 0:
        shared = np.repeat(kinds(n_cases // cluster_size), cluster_size, axis=1)
        kind = np.where(rng.random(kind.shape) < sqrt(icc), shared, kind)
    return Sample(law.before[kind], law.after[kind], law.both[kind], law.n_trials, cluster_size)


def draw_whole_clusters(
    n_cases: int,
    cluster_size: int,
    share: float,
    mirrored: bool,
    runs: int,
    rng: np.random.Generator,
) -> Sample:
    """No difference on average: a share of the clusters gains every case, others lose some.

    Cases of the other clusters are lost independently, as often as balances it. Mirrored: rare
    clusters lose every case. One trial a case.
    """
    n_clusters = n_cases // cluster_size
    rare = np.repeat(rng.random((runs, n_clusters)) < share, cluster_size, axis=1)
    other = ~rare & (rng.random((runs, n_cases)) < share / (1 - share))
    before, after = (~rare).astype(np.int16), (~other).astype(np.int16)
    if mirrored:
        before, after = after, before
    return Sample(before, after, before * after, 1, cluster_size)


def _binomial(successes: int, n: int, chance: float) -> float:
    return comb(n, successes) * chance**successes * (1 - chance) ** (n - successes)
