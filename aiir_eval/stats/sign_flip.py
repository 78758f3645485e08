"""Could the two versions be exchangeable? (McNemar and cluster sign flips)"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import exp, inf, lcm, log
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Floats, as_values, cluster_codes, cluster_totals
from aiir_eval.stats.randomness import Rng, as_generator

Alternative = Literal["two-sided", "less", "greater"]

MEET_IN_THE_MIDDLE = 34  # clusters of any size: two lists of 2^17 sums
MAX_DENOMINATOR = 1000  # case means of up to so many trials are exact fractions
MAX_LATTICE_WORK = 4_000_000  # frequencies x distinct sizes: about a third of a second
BLOCK = 1 << 16  # resamples at a time: memory does not grow with their number


@dataclass(frozen=True, slots=True)
class McNemar(Shown):
    """McNemar's test: `pvalue` is the two-sided mid-p, `pvalue_exact` the conditional exact p."""

    broke: int
    fixed: int
    pvalue: float
    pvalue_exact: float


@dataclass(frozen=True, slots=True)
class SignFlip(Shown):
    """Sign-flip test of the mean difference (`statistic`).

    Enumerated: `pvalue` is the mid-p and `pvalue_exact` the plain p-value over all flips.
    Otherwise `pvalue` is (k + 1) / (n_resamples + 1) and `pvalue_exact` None.
    """

    statistic: float
    pvalue: float
    pvalue_exact: float | None
    enumerated: bool
    n_resamples: int
    n_clusters: int
    n_nonzero_clusters: int


def mcnemar(broke: int, fixed: int) -> McNemar:
    """Test that as many cases broke as were fixed.

    Parameters
    ----------
    broke, fixed : int
        Cases that passed only before, and only after.

    Returns
    -------
    McNemar

    Notes
    -----
    Conditional on the discordant cases, which must be independent with one trial a side. The
    exact test is conservative; its mid-p keeps close to the level and is rarely above it.

    References
    ----------
    McNemar (1947), Psychometrika 12, 153-157; Fagerland, Lydersen and Laake (2013), BMC Med. Res.
    Methodol. 13:91.

    Examples
    --------
    >>> result = mcnemar(16, 0)
    >>> f"{result.pvalue_exact:.3g} {result.pvalue:.3g}"
    '3.05e-05 1.53e-05'
    """
    from scipy.special import bdtr, gammaln

    if not (0 <= broke < inf and 0 <= fixed < inf) or broke % 1 or fixed % 1:
        raise ValueError(f"broke {broke}, fixed {fixed}: counts are whole numbers from 0 on")
    n, fewer = broke + fixed, min(broke, fixed)
    if n == 0:
        return McNemar(0, 0, 1.0, 1.0)
    point = exp(gammaln(n + 1) - gammaln(fewer + 1) - gammaln(n - fewer + 1) - n * log(2))
    if broke == fixed:
        return McNemar(broke, fixed, 1 - point / 2, 1.0)
    exact = min(2 * float(bdtr(fewer, n, 0.5)), 1.0)
    return McNemar(broke, fixed, exact - point, exact)


def sign_flip(
    differences: ArrayLike,
    *,
    clusters: Any = None,
    n_resamples: int = 9999,
    rng: Rng = None,
    alternative: Alternative = "two-sided",
) -> SignFlip:
    """Test that the sign of every cluster's differences is a fair coin.

    Parameters
    ----------
    differences : (n,) array_like
        Candidate minus baseline, one a case.
    clusters : (n,) array_like, optional
        Cluster of each case; a cluster flips as one. None: each case alone.
    n_resamples : int
        Random flips where all of them cannot be enumerated.
    rng : Generator, SeedSequence, int or None
        Source of the random flips; None is a fixed seed.
    alternative : {"two-sided", "less", "greater"}
        "greater": the mean difference is positive.

    Returns
    -------
    SignFlip

    Notes
    -----
    Exact under exchangeable versions: swapping the two outputs of a cluster changes nothing. A
    mean of zero alone is not enough where few clusters have a skewed distribution.

    Differences that are fractions (means of trials) put the sum on a lattice; its whole
    distribution follows from one discrete Fourier transform, tilted exponentially to the observed
    sum so that even tiny p-values keep their digits. Other values are enumerated up to 34 nonzero
    clusters (two sorted halves); beyond that, flips are drawn, eight clusters a byte.

    References
    ----------
    Fisher (1935), The Design of Experiments, section 21; Hemerik and Goeman (2018), TEST 27,
    811-825; Lancaster (1961), JASA 56, 223-234 (mid-p).

    Examples
    --------
    >>> result = sign_flip([-1, -1, -1, -1, -1, -1, 1, 0, 0])
    >>> result.enumerated, round(result.pvalue, 4), round(result.pvalue_exact, 4)
    (True, 0.0703, 0.125)
    """
    values = as_values(differences, "differences")
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError(f"alternative: {alternative!r} is not two-sided, less or greater")
    if n_resamples < 1:
        raise ValueError(f"n_resamples: {n_resamples} is not positive")
    totals, sizes = cluster_totals(values, cluster_codes(clusters, values.size))
    rounding = 1e-12 * float(np.abs(values).max()) * sizes
    nonzero = totals[np.abs(totals) > rounding]
    mean = float(totals.sum() / values.size)
    if nonzero.size == 0:
        return SignFlip(mean, 1.0, 1.0, True, 0, totals.size, 0)
    weights = np.sort(np.abs(nonzero))
    signed = float(nonzero.sum())
    if abs(signed) < 1e-12 * float(weights.sum()):
        signed = 0.0
    tail = _lattice_tail(values, weights, abs(signed))
    if tail is None and weights.size <= MEET_IN_THE_MIDDLE:
        tail = _halves_tail(weights, abs(signed))
    if tail is not None:
        at_least, equal = tail
        exact, ties = _one_or_two_sided(at_least, equal, signed, alternative)
        return SignFlip(mean, exact - ties / 2, exact, True, 0, totals.size, nonzero.size)
    hits = _random_hits(weights, signed, n_resamples, as_generator(rng), alternative)
    pvalue = (hits + 1) / (n_resamples + 1)
    return SignFlip(mean, pvalue, None, False, n_resamples, totals.size, nonzero.size)


def _one_or_two_sided(
    at_least: float, equal: float, signed: float, alternative: Alternative
) -> tuple[float, float]:
    """P-value and the share of ties in it, from P(S >= |t|) and P(S = |t|) of a symmetric S."""
    if alternative == "two-sided":
        twice = max(2 * at_least - 1, 0.0)  # a t that ties with 0 ties with -t, too
        return min(2 * at_least, 1.0), 2 * equal - twice
    towards = signed if alternative == "greater" else -signed
    return (at_least if towards >= 0 else 1 - at_least + equal), equal


def _lattice_tail(values: Floats, weights: Floats, observed: float) -> tuple[float, float] | None:
    """P(S >= observed) and P(S = observed) when all sums are multiples of one unit, else None."""
    from scipy.fft import irfft, next_fast_len

    denominator = _common_denominator(values)
    if denominator is None:
        return None
    units = np.rint(weights * denominator).astype(np.int64)
    units //= np.gcd.reduce(units)
    sizes, counts = np.unique(units, return_counts=True)
    total = int(units.sum())
    target = round(observed / float(weights.sum()) * total)
    if target == total:
        return 0.5**weights.size, 0.5**weights.size
    length = next_fast_len(total + 1, real=True)
    if (length // 2 + 1) * sizes.size > MAX_LATTICE_WORK:
        return None
    tilt = _tilt(sizes.astype(np.float64), counts.astype(np.float64), target)
    # X = sum of the weights with a plus sign, S = 2 X - total; plus has chance `plus` when tilted
    plus = 1 / (1 + np.exp(-2 * tilt * sizes))
    frequency = -2j * np.pi / length * np.arange(length // 2 + 1)
    transform = np.ones(frequency.size, dtype=np.complex128)
    for size, count, chance in zip(sizes, counts, plus, strict=True):
        transform *= (1 - chance + chance * np.exp(frequency * size)) ** int(count)
    tilted = irfft(transform, n=length)[: total + 1].clip(0.0)
    first = (total + target) // 2
    excess = 2.0 * np.arange(total + 1 - first)  # S - target
    log_cosh = tilt * sizes + np.log1p(np.exp(-2 * tilt * sizes)) - log(2)
    log_scale = float((counts * log_cosh).sum()) - tilt * target
    at_least = float((tilted[first:] * np.exp(-tilt * excess)).sum())
    scale = exp(log_scale)
    return min(scale * at_least, 1.0), min(scale * float(tilted[first]), 1.0)


def _common_denominator(values: Floats) -> int | None:
    """Smallest q that makes every value a multiple of 1 / q, None when it is not small."""
    sizes = np.abs(values)
    distinct = np.unique(sizes[sizes > 1e-12 * sizes.max()].round(12))
    if distinct.size > 4 * MAX_DENOMINATOR or distinct[0] < 1 / MAX_DENOMINATOR - 1e-9:
        return None
    common = 1
    for value in distinct.tolist():
        scaled = value * common
        if abs(scaled - round(scaled)) < 1e-7:
            continue
        fraction = Fraction(value).limit_denominator(MAX_DENOMINATOR)
        common = lcm(common, fraction.denominator)
        if abs(float(fraction) - value) > 1e-10 or common > 10 * MAX_DENOMINATOR:
            return None
    return common


def _tilt(sizes: Floats, counts: Floats, target: int) -> float:
    """The tilt that makes `target` the mean of S (its derivative is convex: bisection is safe)."""
    low, high = 0.0, 1.0
    while float((counts * sizes * np.tanh(high * sizes)).sum()) < target and high < 400:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if float((counts * sizes * np.tanh(middle * sizes)).sum()) < target:
            low = middle
        else:
            high = middle
    return low


def _halves_tail(weights: Floats, observed: float) -> tuple[float, float]:
    """The same tail for weights of any kind, from the sorted sums of two halves."""
    left, right = _all_sums(weights[::2]), np.sort(_all_sums(weights[1::2]))
    slack = 1e-9 * float(weights.sum())
    reach = right.size - np.searchsorted(right, observed - slack - left, side="left")
    beyond = right.size - np.searchsorted(right, observed + slack - left, side="left")
    at_least, above = int(reach.sum()), int(beyond.sum())
    every = left.size * right.size
    return at_least / every, (at_least - above) / every


def _all_sums(weights: Floats) -> Floats:
    sums = np.zeros(1)
    for weight in weights:
        sums = np.concatenate([sums - weight, sums + weight])
    return sums


def _random_hits(
    weights: Floats,
    signed: float,
    n_resamples: int,
    rng: np.random.Generator,
    alternative: Alternative,
) -> int:
    """How many random flips give a sum at least as extreme as the observed one."""
    padded = np.zeros(-(-weights.size // 8) * 8)
    padded[: weights.size] = weights
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    tables = (2.0 * bits - 1.0) @ padded.reshape(-1, 8).T  # (256, groups): a byte's signed sum
    tables = np.ascontiguousarray(tables.T)
    slack = 1e-9 * float(weights.sum())
    hits = 0
    for start in range(0, n_resamples, BLOCK):
        size = min(BLOCK, n_resamples - start)
        sums = np.zeros(size)
        for table in tables:
            sums += table[rng.integers(0, 256, size=size, dtype=np.uint8)]
        if alternative == "two-sided":
            hits += int(np.count_nonzero(np.abs(sums) >= abs(signed) - slack))
        elif alternative == "greater":
            hits += int(np.count_nonzero(sums >= signed - slack))
        else:
            hits += int(np.count_nonzero(sums <= signed + slack))
    return hits
