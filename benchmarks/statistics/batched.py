"""`aiir_eval.stats.paired_difference`, for many simulated comparisons at once.

The same numbers, not another method: `unlike` compares every quantity with the library's own, and
the grid does so for some runs of each of its cells and refuses to go on when one differs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from population import Floats, Ints, Sample
from scipy import fft, special

from aiir_eval.stats import paired_difference
from aiir_eval.stats.clustering import FEW_NONZERO
from aiir_eval.stats.paired import FEW_CLUSTERS, MIN_CLUSTERS, SKEWED, SKEWED_MEAN

LEVEL = 0.95
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What the library says of each run: estimate, p-value, one-sided bound, interval."""

    estimate: Floats
    pvalue: Floats
    lower: Floats
    low: Floats
    high: Floats
    n_clusters: int

    @property
    def differs(self) -> Bools:
        return self.pvalue <= 1 - LEVEL + 1e-12

    @property
    def decides(self) -> bool:
        """Are there enough clusters to conclude anything?"""
        return self.n_clusters >= MIN_CLUSTERS

    def conclusions(self, margin: float | None = None) -> dict[str, Bools]:
        """Runs that come to each conclusion."""
        none = np.zeros(self.estimate.size, dtype=bool)
        holds = none if margin is None else self.lower > -margin
        better, worse = self.differs & (self.estimate > 0), self.differs & (self.estimate < 0)
        improved = better & (holds if margin is not None else ~none)
        passes = holds & ~improved
        decided = {
            "improved": improved,
            "non_inferior": passes,
            "regressed": worse & ~passes & ~improved,
        }
        if not self.decides:
            decided = dict.fromkeys(decided, none)
        open_ = ~(decided["improved"] | decided["non_inferior"] | decided["regressed"])
        return {**decided, "inconclusive": open_}


def compare_many(sample: Sample, few_nonzero: int = FEW_NONZERO) -> Comparisons:
    """Every run of the sample compared as `paired_difference` does; clusters of one size.

    few_nonzero: as in the library, or to see what another floor would do.
    """
    differences, trials, size = sample.differences, sample.n_trials, sample.cluster_size
    runs, n = differences.shape
    n_clusters = n // size
    totals = differences.reshape(runs, n_clusters, size).sum(axis=2, dtype=np.int32)
    scale = n * trials
    loss = -np.minimum(differences, 0).sum(axis=1) / scale
    gain = np.maximum(differences, 0).sum(axis=1) / scale
    estimate = totals.sum(axis=1) / scale
    nonzero = np.count_nonzero(totals, axis=1)

    residuals = totals / trials - size * estimate[:, None]
    residuals[np.abs(residuals) < 1e-12 * size] = 0.0
    squares = residuals**2
    spread = squares.sum(axis=1)
    variance = spread * n_clusters / (n_clusters - 1) / n**2
    independent = np.maximum(loss + gain - estimate**2, 0.0) / n
    effect = np.divide(variance, independent, out=np.zeros(runs), where=independent > 0)
    kurtosis = np.divide(
        n_clusters * (squares**2).sum(axis=1), spread**2, out=np.zeros(runs), where=spread > 0
    )
    df = n_clusters - 1
    heavy = 2 / (2 / df + np.maximum(kurtosis - 3, 0.0) / n_clusters)
    few = nonzero < few_nonzero
    unknown = few | (effect == 0)
    effect = np.where(unknown, np.maximum(effect, size), effect)
    score_df = np.where(unknown, df, np.minimum(heavy, nonzero - 1))
    if size == 1:
        alone = np.all(differences % trials == 0, axis=1)
        score_df = np.where(alone, df, score_df)

    unseen = np.zeros(runs)
    if size > 1:
        alone = (differences / trials).var(axis=1, ddof=1) / n
        clusters = np.divide(variance, alone, out=np.zeros(runs), where=alone > 0)
        unseen = np.maximum(clusters / effect - 1, 0.0)

    root = np.sqrt(n / effect)
    one_sided, two_sided = (-special.stdtrit(score_df, tail) for tail in (0.05, 0.025))
    return Comparisons(
        estimate=estimate,
        pvalue=_mcnemar(differences) if size == trials == 1 else _sign_flips(totals),
        lower=_lower_bound(loss, gain, root, one_sided, few, unseen),
        low=_lower_bound(loss, gain, root, two_sided, few, unseen),
        high=-_lower_bound(gain, loss, root, two_sided, few, unseen),
        n_clusters=n_clusters,
    )


def skewed(sample: Sample) -> Bools:
    """Runs whose cluster sums are too skewed for their number (`PairedDifference.skewed`)."""
    runs, n = sample.differences.shape
    totals = sample.differences.reshape(runs, -1, sample.cluster_size).sum(axis=2)
    centred = totals - totals.mean(axis=1, keepdims=True)
    second = np.maximum((centred**2).mean(axis=1), 1e-18)
    skewness = np.abs((centred**3).mean(axis=1)) / second**1.5
    if sample.cluster_size == 1:
        alone = np.all(sample.differences % sample.n_trials == 0, axis=1)
        skewness = np.where(alone, 0.0, skewness)
    n_clusters = n // sample.cluster_size
    return skewness > (SKEWED if n_clusters < FEW_CLUSTERS else SKEWED_MEAN * np.sqrt(n_clusters))


def unlike(sample: Sample, ours: Comparisons, runs: int) -> float:
    """Largest difference between the first runs and what the library itself says of them.

    Infinite where a conclusion differs.
    """
    n = sample.before.shape[1]
    clusters = None if sample.cluster_size == 1 else np.arange(n) // sample.cluster_size
    margins = (None, 0.02, 0.05)
    conclusions = [ours.conclusions(margin) for margin in margins]
    warned = skewed(sample)
    worst = 0.0
    for run in range(runs):
        result = paired_difference(
            sample.before[run] / sample.n_trials,
            sample.after[run] / sample.n_trials,
            clusters=clusters,
            single_trial=sample.n_trials == 1,
            confidence_level=LEVEL,
        )
        low, high = result.confidence_interval()
        numbers = (result.estimate, result.pvalue, low, high, result.non_inferiority(0).lower_bound)
        here = (ours.estimate, ours.pvalue, ours.low, ours.high, ours.lower)
        worst = max(worst, *(abs(a - b[run]) for a, b in zip(numbers, here, strict=True)))
        for margin, named in zip(margins, conclusions, strict=True):
            if not named[result.conclusion(margin)][run] or result.skewed != warned[run]:
                return np.inf
    return worst


def _mcnemar(differences: Ints) -> Floats:
    broke, fixed = (differences < 0).sum(axis=1), (differences > 0).sum(axis=1)
    n, fewer = broke + fixed, np.minimum(broke, fixed)
    logs = special.gammaln(n + 1) - special.gammaln(fewer + 1) - special.gammaln(n - fewer + 1)
    point = np.exp(logs - n * np.log(2))
    tail = 2 * special.bdtr(fewer, np.maximum(n, 1), 0.5) - point
    return np.where(n == 0, 1.0, np.where(broke == fixed, 1 - point / 2, tail))


def _sign_flips(totals: NDArray[np.int32]) -> Floats:
    """Mid-p of the sum over all sign flips: its characteristic function, turned back at once."""
    runs = totals.shape[0]
    units = np.abs(totals)
    observed, whole = np.abs(totals.sum(axis=1)), units.sum(axis=1)
    largest = int(units.max())
    if largest == 0:
        return np.ones(runs)
    rows = np.repeat(np.arange(runs), totals.shape[1]) * (largest + 1)
    counts = np.bincount(rows + units.ravel(), minlength=runs * (largest + 1))
    counts = counts.reshape(runs, -1)[:, 1:].astype(np.float64)
    length = fft.next_fast_len(int(whole.max()) + 1, real=True)
    angles = 2 * np.pi / length * np.arange(length // 2 + 1)
    cosines = np.cos(np.arange(1, largest + 1)[:, None] * angles / 2)
    pvalues = np.empty(runs)
    step = max(1, 4_000_000 // length)
    for start in range(0, runs, step):
        part = slice(start, start + step)
        size = np.exp(counts[part] @ np.log(np.maximum(np.abs(cosines), 1e-300)))
        sign = 1 - 2 * ((counts[part] @ (cosines < 0)) % 2)
        phase = np.exp(-0.5j * whole[part, None] * angles)
        chances = fft.irfft(size * sign * phase, n=length, axis=1)
        first = (whole[part] + observed[part]) // 2
        beyond = np.arange(length) >= first[:, None]
        beyond &= np.arange(length) <= whole[part, None]
        at_least = (chances * beyond).sum(axis=1)
        equal = chances[np.arange(first.size), first]
        pvalues[part] = np.where(
            observed[part] == 0, 1 - equal / 2, np.minimum(2 * at_least, 1) - equal
        )
    return np.where(whole == 0, 1.0, pvalues)


def _lower_bound(
    loss: Floats, gain: Floats, root: Floats, quantile: Floats, few: Bools, unseen: Floats
) -> Floats:
    low, high = np.full(loss.size, -1.0), gain - loss
    flips = np.where(loss + gain > 0, loss + gain, 1.0)
    least = np.where(unseen > 0, (gain - loss) / np.sqrt(flips), -np.inf)
    for _ in range(60):
        middle = (low + high) / 2
        plain = _null_variance(loss, gain, middle)
        discordant = plain + middle**2
        needed = np.where(middle < 0, np.clip(discordant - loss - gain, 0.0, plain), 0.0)
        known = plain > 0
        safe = np.where(known, plain + unseen * needed, 1.0)
        deviation = gain - loss - middle
        score = np.where(known, deviation / np.sqrt(safe), np.where(deviation > 0, np.inf, 0.0))
        score = np.where(middle < 0, np.maximum(score, least), score)
        bare = np.where(known, plain, 1.0)
        skewness = middle * (1 - 3 * discordant + 2 * middle**2) / (bare * np.sqrt(bare))
        skewness = np.where(known, np.maximum(skewness, 0.0), 0.0) / root
        corrected = few & (middle > 0) & (quantile > 1)
        critical = quantile + np.where(corrected, skewness * (quantile**2 - 1) / 6, 0.0)
        above = score * root > critical
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def _null_variance(loss: Floats, gain: Floats, difference: Floats) -> Floats:
    slope = (2 - gain + loss) * difference - gain - loss
    constant = -loss * difference * (1 - difference)
    lost = (np.sqrt(np.maximum(slope**2 - 8 * constant, 0.0)) - slope) / 4
    return 2 * lost + difference * (1 - difference)
