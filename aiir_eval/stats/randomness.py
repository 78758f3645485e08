"""Where do random numbers come from when the caller does not say?"""

from __future__ import annotations

import numpy as np

Rng = np.random.Generator | np.random.SeedSequence | int | None
"""A generator is drawn from; a seed, a SeedSequence or None (a fixed seed) starts a new one."""

DEFAULT_SEED = 20240229


def as_generator(rng: Rng) -> np.random.Generator:
    """Turn `rng` into a generator; None gives the same stream every time."""
    return np.random.default_rng(DEFAULT_SEED if rng is None else rng)
