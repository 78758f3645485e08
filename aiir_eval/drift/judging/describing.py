"""What else is to be said of a change: its size on other scales, and a picture of both sides."""

from __future__ import annotations

import numpy as np

from ...stats.drift_divergences import divergences
from ..facts import Counts, LevelFacts, RateFacts
from ..result import Distribution, Effect
from .terms import Terms, named_effect

_BARS = 12


def further_sizes(
    counts_x: Counts, counts_y: Counts, design_effect: float, terms: Terms
) -> tuple[Effect, ...]:
    """PSI, Jensen-Shannon and Hellinger of the same levels or bins, less what chance brings."""
    found = divergences(
        counts_x, counts_y, design_effect=design_effect, confidence_level=terms.confidence_level
    )
    return (
        named_effect("psi", found.psi),
        named_effect("jensen_shannon", found.jensen_shannon),
        named_effect("hellinger", found.hellinger),
    )


def bars_of_rate(facts: RateFacts) -> Distribution:
    """The shares of both truth values."""
    rates = [ones / n for ones, n in zip(facts.ones, facts.n, strict=True)]
    return Distribution(
        "bars", ("false", "true"), (1 - rates[0], rates[0]), (1 - rates[1], rates[1])
    )


def bars_of_levels(facts: LevelFacts) -> Distribution:
    """The shares of the most frequent levels of both sides together, and of the rest."""
    import pyarrow as pa

    sides = [counts / max(int(counts.sum()), 1) for counts in (facts.reference, facts.current)]
    order = np.argsort(-(facts.reference + facts.current), kind="stable")
    shown = order[:_BARS]
    names = [str(name) for name in facts.levels.take(pa.array(shown)).to_pylist()]
    shares = [[float(share) for share in side[shown]] for side in sides]
    if order.size > shown.size:
        names.append(f"{order.size - shown.size:,} more")
        for side, own in zip(sides, shares, strict=True):
            own.append(float(side[order[_BARS:]].sum()))
    return Distribution("bars", tuple(names), tuple(shares[0]), tuple(shares[1]))
