"""By how much did a column of independent rows change, beyond chance?"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, nan, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.showing import Shown


@dataclass(frozen=True, slots=True)
class EffectEstimate(Shown):
    """An effect with its interval; `standard_error` is that under no change, never zero."""

    estimate: float
    low: float
    high: float
    standard_error: float


def standardised_mean_difference(
    gap: float,
    variance_x: float,
    variance_y: float,
    n_x: float,
    n_y: float,
    *,
    confidence_level: float = 0.95,
) -> EffectEstimate:
    """`gap` = mean(y) - mean(x) in units of the standard deviation of both sides (Cohen's d).

    Parameters
    ----------
    gap, variance_x, variance_y : float
        In the units of the column (squared for the variances). The unit of the effect is the root
        of the mean of both variances; the effect is NaN where that is zero.
    n_x, n_y : float
        (Effective) sample sizes, more than 1.

    Notes
    -----
    Interval: normal, with Welch's variance and the usual term d^2 / (4 df) for the estimated
    standard deviation, which heavy tails exceed.

    References
    ----------
    Bonett (2008), Psychological Methods 13, 99-109.

    Examples
    --------
    >>> effect = standardised_mean_difference(0.2, 1.0, 1.0, 800, 800)
    >>> effect.estimate, round(effect.low, 3), round(effect.high, 3)
    (0.2, 0.102, 0.298)
    """
    unit = sqrt((variance_x + variance_y) / 2)
    null_error = sqrt(1 / n_x + 1 / n_y)
    if unit == 0:
        return EffectEstimate(nan, nan, nan, null_error)
    estimate = gap / unit
    share_x, share_y = variance_x / unit**2, variance_y / unit**2
    spread = share_x / n_x + share_y / n_y
    spread += estimate**2 / 8 * (share_x**2 / max(n_x - 1, 1) + share_y**2 / max(n_y - 1, 1))
    half = _normal_quantile((1 + confidence_level) / 2) * sqrt(spread)
    return EffectEstimate(estimate, estimate - half, estimate + half, null_error)


def ks_distance_interval(
    distance: float, n_x: float, n_y: float, *, confidence_level: float = 0.95
) -> EffectEstimate:
    """The largest gap between two cumulative distributions, with an interval.

    Notes
    -----
    The band of the Kolmogorov distribution on both sides of the estimate: it holds wherever the
    largest gap lies, at the price of being wide. The estimate itself is biased upwards where
    nothing changed (about .87 sqrt(1/n + 1/m)).

    Examples
    --------
    >>> effect = ks_distance_interval(0.2, 1000, 1000)
    >>> round(effect.low, 3), round(effect.high, 3)
    (0.139, 0.261)
    """
    from scipy.special import kolmogi

    scale = sqrt(1 / n_x + 1 / n_y)
    half = float(kolmogi(1 - confidence_level)) * scale
    return EffectEstimate(distance, max(distance - half, 0.0), min(distance + half, 1.0), scale / 2)


def total_variation(
    counts_x: ArrayLike,
    counts_y: ArrayLike,
    *,
    design_effect: float = 1.0,
    confidence_level: float = 0.95,
) -> EffectEstimate:
    """Share of the rows that would have to move between levels, less what chance alone moves.

    Parameters
    ----------
    counts_x, counts_y : (k,) array_like
        How often each level occurs on each side.
    design_effect : float
        By what factor clusters inflate the variance of the counts.

    Notes
    -----
    The plain distance of 1,000 unchanged levels is about .8 at 200 rows a side. Here levels whose
    own change stands out (beyond the universal threshold sqrt(2 log 2k) standard errors) count as
    they are. The rest is corrected for chance as agreement coefficients are,
    (observed - expected) / (largest - expected), where the expectation is the mean absolute
    deviation of the hypergeometric; where its sum exceeds chance by two standard errors, it is
    taken as made of equal changes (in standard errors) if that is more. 0 is no change, 1 no level
    in common. The interval is normal; its upper end also allows for changes that are spread over
    many levels, up to what Pearson's chi-square leaves possible.

    References
    ----------
    Diaconis and Zabell (1991), Statistical Science 6, 284-302 (mean absolute deviation);
    Donoho and Johnstone (1994), Biometrika 81, 425-455 (threshold).

    Examples
    --------
    >>> effect = total_variation([500, 500], [300, 700])
    >>> round(effect.estimate, 3), round(effect.low, 3), round(effect.high, 3)
    (0.2, 0.158, 0.242)
    """
    x, y = np.asarray(counts_x, np.float64), np.asarray(counts_y, np.float64)
    pooled = x + y
    x, y, pooled = x[pooled > 0], y[pooled > 0], pooled[pooled > 0]
    n, m = float(x.sum()), float(y.sum())
    p, q, share, levels = x / n, y / m, pooled / (n + m), pooled.size
    noise = (1 / n + 1 / m) * design_effect  # variance of a gap, but for share (1 - share)
    z = _normal_quantile((1 + confidence_level) / 2)

    gap = np.abs(p - q)
    error = np.sqrt(share * (1 - share) * noise)
    clear = gap > max(2.0, sqrt(2 * log(2 * levels))) * error
    chance = _expected_gap(pooled, n, m) * sqrt(design_effect)
    mass = float((p + q)[~clear].sum()) / 2  # the largest the rest can be
    rest, slope = _beyond_chance(gap[~clear], chance[~clear], error[~clear], mass)
    estimate = min(float(gap[clear].sum()) / 2 + rest, 1.0)

    sign = np.sign(p - q)
    moved_x, moved_y = 1 - float(sign @ p) ** 2, 1 - float(sign @ q) ** 2
    sampling = max((moved_x / n + moved_y / m) * design_effect, noise**2)  # never zero
    half = z * sqrt(sampling) / 2 * slope
    allowed = float(gap[clear].sum()) / 2 + _spread_out(gap[~clear], share[~clear], noise, z)
    high = min(max(estimate + half, allowed), 1.0)
    return EffectEstimate(estimate, max(estimate - half, 0.0), high, sqrt(noise) / 2)


def _beyond_chance(
    gap: NDArray[np.float64], chance: NDArray[np.float64], error: NDArray[np.float64], mass: float
) -> tuple[float, float]:
    """Half the sum of the gaps less what chance alone gives; and how fast that grows with them."""
    observed, expected = float(gap.sum()) / 2, float(chance.sum()) / 2
    if expected <= 0 or expected >= mass:
        return 0.0, 1.0
    slope = mass / (mass - expected)
    corrected = slope * (observed - expected)
    noise = 0.6 * sqrt(float((error**2).sum())) / 2  # sd of |normal| is .603
    if observed < expected + 2 * noise:
        return max(corrected, 0.0), slope
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def folded_mean(z: float) -> float:
        return sqrt(2 / pi) * exp(-(z**2) / 2) + z * (2 * float(ndtr(z)) - 1)

    target = sqrt(2 / pi) * observed / expected
    z = float(brentq(lambda z: folded_mean(z) - target, 0, target + 1))
    spread_out = z * float(error.sum()) / 2
    if corrected >= spread_out:
        return min(corrected, mass), slope
    return min(spread_out, mass), max(slope, 1 / (2 * float(ndtr(z)) - 1))


def _spread_out(
    gap: NDArray[np.float64], share: NDArray[np.float64], noise: float, z: float
) -> float:
    """The most that small changes of many levels can add up to, by what chi-square leaves open."""
    if gap.size <= 2:
        return 0.0
    excess = float((gap**2 / share).sum()) / noise - gap.size
    spread = sqrt(2 * gap.size + 4 * max(excess, 0.0))
    noncentrality = max(excess + z * spread, 0.0)
    return sqrt(noncentrality * noise * float(share.sum())) / 2  # Cauchy-Schwarz


def _expected_gap(pooled: NDArray[np.float64], n: float, m: float) -> NDArray[np.float64]:
    """E |x/n - y/m| of each level where nothing changed, given its pooled count."""
    from scipy.special import betaln, xlog1py, xlogy

    total = n + m
    share = n / total
    top = np.floor(pooled * share) + 1  # de Moivre: E|X - cp| = 2 k (1 - p) P(X = k)
    log_choose = -np.log1p(pooled) - betaln(pooled - top + 1, top + 1)
    log_mass = log_choose + xlogy(top, share) + xlog1py(pooled - top, -share)
    deviation = 2 * top * (1 - share) * np.exp(log_mass)
    without_replacement = np.sqrt((total - pooled) / max(total - 1, 1))
    result: NDArray[np.float64] = deviation * without_replacement * total / (n * m)
    return result


def detectable_total_variation(
    df: float, n_x: float, n_y: float, *, level: float = 0.05, power: float = 0.8
) -> float:
    """A total variation that the chi-square test with `df` finds at least with this `power`.

    Notes
    -----
    A change of total variation d has a noncentrality of at least 4 d^2 n m / (n + m), by
    Cauchy-Schwarz, so changes in few or rare levels are found more easily than this says.

    Examples
    --------
    >>> round(detectable_total_variation(1, 1000, 1000), 3)
    0.063
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri, chndtr

    if df < 1:
        return nan
    critical = float(chdtri(df, level))
    high = 4.0
    while chndtr(critical, df, high) > 1 - power:
        high *= 2
    needed = brentq(lambda excess: chndtr(critical, df, excess) - (1 - power), 0, high)
    return min(sqrt(float(needed) * (1 / n_x + 1 / n_y)) / 2, 1.0)


def detectable_rate_difference(
    rate: float, n_x: float, n_y: float, *, critical: float, reach: float, upwards: bool
) -> float:
    """How far a rate must move for the score test of two rates to find it.

    Parameters
    ----------
    rate : float
        Before the move, in [0, 1].
    n_x, n_y : float
        (Effective) sample sizes.
    critical, reach : float
        Quantiles of the level and of the power, such as 1.96 and .84.
    upwards : bool
        Where it moves to. The variance is larger towards one half, so a move there is harder to
        find.

    Returns
    -------
    float
        At most what is left on that side, plus what the sample could not tell anyway.

    Examples
    --------
    >>> size = detectable_rate_difference(0.3, 200, 200, critical=1.96, reach=0.8416, upwards=True)
    >>> round(size, 3)
    0.135
    """
    size, sign = 0.0, 1 if upwards else -1
    rate = min(max(rate, 1 / (n_x + n_y + 2)), 1 - 1 / (n_x + n_y + 2))
    for _ in range(100):
        moved = min(max(rate + sign * size, 0.0), 1.0)
        pooled = (rate * n_x + moved * n_y) / (n_x + n_y)
        null_error = sqrt(pooled * (1 - pooled) * (1 / n_x + 1 / n_y))
        error = sqrt(rate * (1 - rate) / n_x + moved * (1 - moved) / n_y)
        before, size = size, critical * null_error + reach * error
        if abs(size - before) < 1e-9:
            break
    return size


def newcombe_interval(
    successes_x: float,
    n_x: float,
    successes_y: float,
    n_y: float,
    *,
    confidence_level: float = 0.95,
) -> EffectEstimate:
    """Rate of y minus rate of x, with Newcombe's hybrid score interval (from Wilson's).

    Notes
    -----
    Counts may be effective counts (divided by a design effect). Never of zero width.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> effect = newcombe_interval(56, 70, 48, 80)      # Newcombe's example (a), sides exchanged
    >>> round(effect.low, 4), round(effect.high, 4)
    (-0.3339, -0.0524)
    """
    z = _normal_quantile((1 + confidence_level) / 2)
    p, q = successes_x / n_x, successes_y / n_y
    low_x, high_x = _wilson(p, n_x, z)
    low_y, high_y = _wilson(q, n_y, z)
    gap = q - p
    low = gap - sqrt((q - low_y) ** 2 + (high_x - p) ** 2)
    high = gap + sqrt((high_y - q) ** 2 + (p - low_x) ** 2)
    pooled = (successes_x + successes_y + 1) / (n_x + n_y + 2)
    error = sqrt(pooled * (1 - pooled) * (1 / n_x + 1 / n_y))
    return EffectEstimate(gap, max(low, -1.0), min(high, 1.0), error)


def _wilson(rate: float, n: float, z: float) -> tuple[float, float]:
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
