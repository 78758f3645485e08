"""Does any other method that is itself right in a cell find more there?

Right: it keeps every claim it makes in the cell (level of its test, false passes, coverage at all
three truths), none being shown broken at 95% confidence for that cell alone. Only where at least
ten cases are expected to differ, at the truth in question and under no change: elsewhere any test
is right because it never rejects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from batched import compare_many
from grid import MARGINS, Count
from peers import PEERS
from population import Sample, Setting, case_law, draw
from size import LIMITS, REGRESSED, Measured, measured

MOST_BELOW = 0.03
DISCORDANT = 10
KNOWS_CLUSTERS = ("t on cluster means",)


@dataclass(frozen=True, slots=True)
class Gap:
    """Power of ours and of the best right method; loss: the true one, or the margin."""

    setting: Setting
    what: str
    loss: float
    ours: float
    best: float
    method: str

    @property
    def below(self) -> float:
        return self.best - self.ours


def difference_gaps(counts: Sequence[Count], clustered: bool = False) -> list[Gap]:
    """Tests of no change at true losses: found, and on the right side.

    clustered: where cases come in clusters, compare only with methods that know of them.
    """
    by_cell = {(item.setting, item.difference): item for item in counts}
    right = _right(counts)
    gaps = []
    for (setting, difference), item in by_cell.items():
        null = by_cell[setting, 0.0]
        few = min(item.discordant, null.discordant) < DISCORDANT
        if difference == 0 or few or not item.decides:
            continue
        others = {
            name: tally.worse / tally.runs
            for name, tally in item.peers.items()
            if name in right[setting] and _counts(name, setting, clustered)
        }
        what = f"{-difference:g} lost"
        gaps += _gap(setting, what, -difference, item.ours.worse / item.ours.runs, others)
    return sorted(gaps, key=lambda gap: -gap.below)


def margin_gaps(counts: Sequence[Count], clustered: bool = False) -> list[Gap]:
    """Tests of non-inferiority when nothing changed."""
    right = _right(counts)
    gaps = []
    for item in counts:
        if item.difference != 0 or item.discordant < DISCORDANT or not item.decides:
            continue
        for number, margin in enumerate(MARGINS):
            others = {
                name: tally.passed[number] / tally.runs
                for name, tally in item.peers.items()
                if tally.passed is not None
                and name in right[item.setting]
                and _counts(name, item.setting, clustered)
            }
            assert item.ours.passed is not None
            what = f"margin {margin:g}"
            ours = item.ours.passed[number] / item.ours.runs
            gaps += _gap(item.setting, what, margin, ours, others)
    return sorted(gaps, key=lambda gap: -gap.below)


def twenty_cases(runs: int, seed: int) -> Iterator[tuple[str, float, float]]:
    """20 cases of 10 trials, 90% -> 85%: what the cases are like, power of ours and of t."""
    rng = np.random.default_rng([seed, 20])
    rates = rng.beta(0.9, 0.1, (runs, 20))
    sides = (rng.binomial(10, rates), rng.binomial(10, rates * 0.85 / 0.9))
    before, after = (side.astype(np.int16) for side in sides)
    yield (
        "some cases easy, some hard (beta .9, .1); each loses in proportion",
        *_found(Sample(before, after, np.zeros_like(before), 10, 1)),
    )
    for icc, redrawn, name in (
        (0.0, 1.0, "all cases alike, all noise of trials"),
        (0.5, 1.0, "settled answers, all drawn afresh"),
        (0.5, 0.2, "settled answers, a fifth drawn afresh"),
    ):
        setting = Setting(20, 10, 1, icc, 0.9, redrawn)
        yield name, *_found(draw(case_law(setting, -0.05), 20, 1, 0.0, runs, rng))


def _found(sample: Sample) -> tuple[float, float]:
    ours = compare_many(sample)
    other = PEERS["t on case means"](sample)
    lost = ours.estimate < 0
    return float((ours.differs & lost).mean()), float(((other.pvalue <= 0.05) & lost).mean())


def _right(counts: Sequence[Count]) -> dict[Setting, set[str]]:
    """Peers that keep all their claims in each setting."""
    wrong = {
        (cell.setting, name)
        for name in PEERS
        for cell in measured(counts, name)
        if cell.claim != REGRESSED and cell.rate > _allowed(cell)
    }
    settings = {item.setting for item in counts}
    return {
        setting: {name for name in PEERS if (setting, name) not in wrong} for setting in settings
    }


def _allowed(cell: Measured) -> float:
    limit = LIMITS[cell.claim]
    return limit + 1.645 * sqrt(limit * (1 - limit) / cell.runs)


def ignores_clusters(name: str) -> bool:
    """Does the method take the cases of a cluster for independent?"""
    return name not in KNOWS_CLUSTERS


def _counts(name: str, setting: Setting, clustered: bool) -> bool:
    return not (clustered and setting.cluster_size > 1 and ignores_clusters(name))


def _gap(
    setting: Setting, what: str, loss: float, ours: float, others: dict[str, float]
) -> list[Gap]:
    if not others:
        return []
    best = max(others, key=lambda name: others[name])
    return [Gap(setting, what, loss, ours, others[best], best)]
