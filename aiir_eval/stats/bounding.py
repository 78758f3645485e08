"""How many trials of an incident bound its failure rate below a limit?"""

from __future__ import annotations

from dataclasses import dataclass

from aiir_eval.showing import Shown
from aiir_eval.stats.proportions import failure_rate_bound

MOST_TRIALS = 10_000_000


@dataclass(frozen=True, slots=True)
class BoundDesign(Shown):
    """Trials of one incident that bound its failure rate below a limit.

    n_trials fresh trials of which at most `failures` may fail; `power` is the chance of that if
    the true failure rate is `failure_rate`.
    """

    below: float
    failure_rate: float
    confidence_level: float
    n_trials: int
    failures: int
    power: float


def trials_for_bound(
    below: float,
    *,
    failure_rate: float = 0.0,
    power: float = 0.8,
    confidence_level: float = 0.95,
) -> BoundDesign:
    """Trials of an incident that show its failure rate to be below a limit.

    Parameters
    ----------
    below : float
        The limit, in (0, 1).
    failure_rate : float
        The true failure rate; 0: fixed for good.
    power : float
        Chance to show it; with a failure rate of 0 it is always shown.
    confidence_level : float
        One-sided level of the Clopper-Pearson bound.

    Returns
    -------
    BoundDesign
        The smallest number of trials.

    Raises
    ------
    ValueError
        The failure rate is not below the limit, or so near that more than 10 million trials are
        needed.

    Notes
    -----
    Assumes fresh, independent trials. With k failures allowed the number of trials is the
    smallest whose bound is below the limit; k grows until that many are likely enough.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, 404-413.

    Examples
    --------
    >>> trials_for_bound(0.05).n_trials
    59
    >>> design = trials_for_bound(0.05, failure_rate=0.01)
    >>> design.n_trials, design.failures, round(design.power, 2)
    (124, 2, 0.87)
    """
    from scipy.special import bdtr

    if not 0 < below < 1:
        raise ValueError(f"below: {below} is not between 0 and 1")
    if not 0 <= failure_rate < below:
        raise ValueError(f"failure_rate: {failure_rate} is not in [0, {below:g}): nothing to show")
    if not 0 < power < 1 or not 0 < confidence_level < 1:
        raise ValueError(f"power {power} and confidence_level {confidence_level} must be in (0, 1)")
    low, failures = 0, 0
    while True:
        n = _smallest_bounded(failures, low, below, confidence_level)
        chance = 1.0 if failure_rate == 0 else float(bdtr(failures, n, failure_rate))
        if chance >= power:
            return BoundDesign(below, failure_rate, confidence_level, n, failures, chance)
        low, failures = n, failures + 1


def _smallest_bounded(failures: int, low: int, below: float, confidence_level: float) -> int:
    """Smallest n above `low` whose bound with so many failures is below the limit."""
    low, step = max(low, failures), 1

    def bounded(n: int) -> bool:
        return failure_rate_bound(failures, n, confidence_level=confidence_level) < below

    high = low + step
    while not bounded(high):
        if high > MOST_TRIALS:
            raise ValueError(f"more than {MOST_TRIALS:,} trials would be needed")
        low, step = high, 2 * step
        high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bounded(middle) else (middle, high)
    return high
