"""How many cases and trials would settle the question?"""

from __future__ import annotations

from math import ceil, sqrt

from aiir_eval.stats.clustering import FEW_NONZERO
from aiir_eval.stats.score_interval import null_variance

MOST_CASES = 100_000_000


def cases_needed(
    *,
    margin: float | None,
    power: float = 0.8,
    confidence_level: float = 0.95,
    p_loss: float,
    p_gain: float,
    trials: int = 1,
    icc: float = 0.5,
    cluster_size: float = 1.0,
    cluster_icc: float = 0.0,
) -> int:
    """How many cases would settle the question if these rates were the truth?

    Parameters
    ----------
    margin : float or None
        Largest loss that is tolerated. None: only the difference itself can settle it.
    power : float
        Chance to settle it.
    confidence_level : float
        One-sided for non-inferiority, two-sided for the difference.
    p_loss, p_gain : float
        Chance that one trial of a case passes before and fails after, and the reverse.
    trials : int
        Trials of each case on each side.
    icc : float
        Share of the variance of a one-trial difference that lies between cases, so that no
        number of trials removes it (0: all noise of trials; 1: a case always answers alike).
    cluster_size, cluster_icc : float
        Cases a cluster and the correlation of their differences.

    Returns
    -------
    int
        Cases in total, the smaller of two numbers: to show non-inferiority at `margin`, and to
        show the difference p_gain - p_loss. Subtract those there are for "how many more".

    Raises
    ------
    ValueError
        Neither can be shown: the difference is 0 and there is no margin to show it against.

    Notes
    -----
    Normal approximation to the power of Tango's score test (null variance under the model
    restricted to the margin, t quantiles, design effect (icc + (1 - icc) / trials) times
    (1 + (cluster_size - 1) cluster_icc), at least the cluster size with the binomial chance that
    fewer than 10 clusters are nonzero). From a sixth below to a quarter above what simulated
    comparisons need (`cases_for_power`), mostly within a tenth. Rates from a small pilot are
    themselves uncertain.

    References
    ----------
    Tango (1998), Stat. Med. 17, 891-908; Nam (1997), Biometrics 53, 1422-1430.

    Examples
    --------
    >>> cases_needed(margin=0.05, p_loss=0.05, p_gain=0.05)
    276
    >>> cases_needed(margin=0.05, p_loss=0.05, p_gain=0.05, trials=5)
    170
    """
    if trials < 1 or cluster_size < 1:
        raise ValueError(f"trials {trials} and cluster_size {cluster_size} must be at least 1")
    if not 0 <= icc <= 1 or not 0 <= cluster_icc <= 1:
        raise ValueError(f"icc {icc} and cluster_icc {cluster_icc} must lie in [0, 1]")
    effect = (icc + (1 - icc) / trials) * (1 + (cluster_size - 1) * cluster_icc)
    discordant = min(p_loss + p_gain, 1.0)
    case = icc * discordant + (1 - icc) * (1 - (1 - discordant) ** trials)
    apart = 1 + (cluster_size - 1) * (1 - sqrt(cluster_icc))  # cases that do not move as one
    return smallest_settling(
        margin=margin,
        power=power,
        confidence_level=confidence_level,
        p_loss=p_loss,
        p_gain=p_gain,
        design_effect=effect,
        cluster_size=cluster_size,
        nonzero=1 - (1 - case) ** apart,
    )


def smallest_settling(
    *,
    margin: float | None,
    power: float,
    confidence_level: float,
    p_loss: float,
    p_gain: float,
    design_effect: float,
    cluster_size: float,
    nonzero: float,
) -> int:
    """The same for a design effect and a share of nonzero clusters that are known.

    For instance from a comparison.
    """
    if not 0 < power < 1 or not 0 < confidence_level < 1:
        raise ValueError(f"power {power} and confidence_level {confidence_level} must be in (0, 1)")
    if p_loss < 0 or p_gain < 0 or p_loss + p_gain > 1 + 1e-12:
        raise ValueError(f"p_loss {p_loss}, p_gain {p_gain}: need rates that sum to at most 1")
    alpha, difference = 1 - confidence_level, p_gain - p_loss
    spread = max(p_loss + p_gain - difference**2, 0.0)
    goals = []  # (distance to show, null variance, tail of the test)
    if margin is not None and difference + margin > 1e-12:
        goals.append((difference + margin, null_variance(p_loss, p_gain, -margin), alpha))
    if abs(difference) > 1e-12:
        goals.append((abs(difference), p_loss + p_gain, alpha / 2))
    if not goals:
        raise ValueError("no number of cases shows a difference of zero without a margin above it")

    def settles(n: int) -> bool:
        return any(
            _power(n, *goal, spread, nonzero, design_effect, cluster_size) >= power
            for goal in goals
        )

    high = max(ceil(6 * cluster_size), 6)
    if settles(high):
        return high
    while not settles(high):
        if high > MOST_CASES:
            raise ValueError(f"more than {MOST_CASES:,} cases would be needed")
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high


def _power(
    n: int,
    distance: float,
    null: float,
    tail: float,
    spread: float,
    nonzero: float,
    design_effect: float,
    cluster_size: float,
) -> float:
    """Mean of the power with so few nonzero clusters that the floor holds, and with more."""
    from scipy.special import bdtr, ndtr, stdtrit

    clusters = n / cluster_size
    few = float(bdtr(FEW_NONZERO - 1, max(round(clusters), FEW_NONZERO - 1), min(nonzero, 1.0)))
    chance = 0.0
    for share, effect, df in (
        (few, max(design_effect, cluster_size), clusters - 1),
        (1 - few, design_effect, max(min(clusters - 1, clusters * nonzero - 1), 1.0)),
    ):
        if cluster_size == 1 and design_effect >= 1:
            df = clusters - 1  # of single trials the trinomial variance is known
        excess = sqrt(n / effect) * distance + float(stdtrit(df, tail)) * sqrt(null)
        if spread <= 1e-15:
            chance += share * (excess > 0)
        else:
            chance += share * float(ndtr(excess / sqrt(spread)))
    return chance
