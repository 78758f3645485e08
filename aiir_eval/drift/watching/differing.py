"""Do looks differ among themselves more than their rows explain?"""

from __future__ import annotations

import numpy as np

from .measuring import Floats
from .state import WatchState

_LEAST_LOOKS = 8
_MEDIAN_CHI2 = 0.4549  # of one degree of freedom


def dispersion_notes(known: WatchState) -> list[str]:
    """A note where quiet looks differ more among themselves than their rows explain."""
    from scipy.special import chdtrc

    looks = known.looks[known.cycle :]
    if known.alarmed or known.options.unit == "looks" or len(looks) < _LEAST_LOOKS:
        return []
    notes = []
    for number, watched in enumerate(known.columns):
        n = np.array([look.seen[number].n for look in looks], dtype=np.float64)
        means = np.array([look.seen[number].mean for look in looks])
        centre = float((n * means).sum() / n.sum())
        excess = float((n * (means - centre) ** 2).sum() / watched.variance)
        if chdtrc(len(looks) - 1, excess) < 1e-3:
            times = excess / (len(looks) - 1)
            notes.append(
                f"{watched.column}: looks differ {times:.1f} times as much as their rows explain; "
                "the promise of rows may not hold: begin anew with unit looks"
            )
    return notes


def excess(means: Floats, sizes: Floats, variance: float) -> float:
    """How many times as much neighbouring looks differ as their rows explain, at least once.

    By the median, so that a step or two among them does not count.
    """
    if len(means) < _LEAST_LOOKS:
        return 1.0
    steps = np.diff(means) ** 2 / (variance * (1 / sizes[1:] + 1 / sizes[:-1]))
    return max(float(np.median(steps)) / _MEDIAN_CHI2, 1.0)
