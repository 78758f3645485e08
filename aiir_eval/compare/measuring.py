"""What is the difference over a set of cases? One way to ask the statistics, for all who ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .columns import Bools, Floats
from .pairing import Paired

if TYPE_CHECKING:
    from ..stats import PairedDifference

Rng = np.random.Generator | np.random.SeedSequence | int | None


def stream(rng: Rng, *key: int) -> np.random.Generator | np.random.SeedSequence:
    """An independent stream for one question, the same whatever else is asked."""
    if isinstance(rng, np.random.Generator):
        return rng
    seed = rng if isinstance(rng, np.random.SeedSequence) else np.random.SeedSequence(rng or 0)
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


def measure(
    paired: Paired,
    cases: Bools,
    *,
    baseline: Floats | None = None,
    candidate: Floats | None = None,
    confidence_level: float,
    rng: Rng,
    binary: bool | None = None,
) -> PairedDifference | None:
    """The paired difference over those of `cases` that have a value on both sides.

    `baseline` and `candidate` are case means; by default those of the outcome. None where no case
    is left.
    """
    from ..stats import paired_difference

    before = paired.baseline if baseline is None else baseline
    after = paired.candidate if candidate is None else candidate
    there = cases & ~np.isnan(before) & ~np.isnan(after)
    if not there.any():
        return None
    return paired_difference(
        before[there],
        after[there],
        clusters=paired.clusters[there],
        binary=not paired.graded if binary is None else binary,
        single_trial=paired.single_trial,
        confidence_level=confidence_level,
        rng=rng,
    )
