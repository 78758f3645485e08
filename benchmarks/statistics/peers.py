"""What do other methods say of the same data?

Each takes a sample and answers with a two-sided p-value, a one-sided 95% lower bound and a 95%
interval of the difference, the last two where the method has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from population import Floats, Ints, Sample
from scipy import fft, special


@dataclass(frozen=True, slots=True)
class Answers:
    """What a method says of each run."""

    pvalue: Floats
    lower: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None


def unpaired_z(sample: Sample) -> Answers:
    """Two independent samples of trials; the versions' standard errors added in squares.

    Stands for the model comparator of EleutherAI's lm-evaluation-harness.
    """
    count = sample.before.shape[1] * sample.n_trials
    before, after = (side.sum(axis=1) / count for side in (sample.before, sample.after))
    variances = (before * (1 - before) + after * (1 - after)) / (count - 1)
    return _by_quantiles(after - before, np.sqrt(variances), special.ndtr, special.ndtri(0.975))


def pooled_mcnemar(sample: Sample) -> Answers:
    """Exact McNemar on pairs of trials, as if all were independent (statsmodels' default)."""
    broke, fixed = _pooled(sample)
    n, fewer = broke + fixed, np.minimum(broke, fixed)
    tail = 2 * special.bdtr(fewer, np.maximum(n, 1), 0.5)
    return Answers(np.where(n == 0, 1.0, np.minimum(tail, 1.0)))


def pooled_chi2(sample: Sample) -> Answers:
    """McNemar's chi-square without correction on pairs of trials."""
    broke, fixed = _pooled(sample)
    z = np.abs(fixed - broke) / np.sqrt(np.maximum(broke + fixed, 1))
    return Answers(2 * special.ndtr(-z))


def case_t(sample: Sample) -> Answers:
    """Paired t on case means (scipy's `ttest_rel`)."""
    return _t(sample.differences / sample.n_trials)


def cluster_t(sample: Sample) -> Answers:
    """t on cluster means: CR2 by cluster, as all clusters are of one size (Miller 2024)."""
    runs = len(sample.before)
    totals = sample.differences.reshape(runs, -1, sample.cluster_size).sum(axis=2)
    return _t(totals / (sample.n_trials * sample.cluster_size))


def case_wilcoxon(sample: Sample) -> Answers:
    """Wilcoxon's signed ranks of case means, normal, ties counted (scipy's `wilcoxon`)."""
    differences, trials = sample.differences, sample.n_trials
    losses, gains = (
        np.stack([(side == size).sum(axis=1) for size in range(1, trials + 1)], axis=1)
        for side in (-differences, differences)
    )
    counts = losses + gains
    ranks = np.cumsum(counts, axis=1) - (counts - 1) / 2
    spread = (counts * ranks**2).sum(axis=1)
    z = ((gains - losses) * ranks).sum(axis=1) / np.sqrt(np.where(spread > 0, spread, 1.0))
    return Answers(2 * special.ndtr(-np.abs(z)))


def case_bootstrap(sample: Sample) -> Answers:
    """Percentiles of the bootstrapped mean over cases.

    Stands for the harnesses that resample cases, 1,000 times by default (lighteval), and for
    `scipy.stats.bootstrap(method="percentile")`. Here with every resample there is: the law of
    their mean is the n-fold convolution of the observed one, so no noise of resampling is held
    against it.
    """
    differences, trials = sample.differences, sample.n_trials
    runs, n = differences.shape
    sizes = np.arange(-trials, trials + 1)
    shares = np.stack([(differences == size).sum(axis=1) for size in sizes], axis=1) / n
    centre = np.rint(differences.sum(axis=1)).astype(int)
    spread = np.sqrt(float((shares @ sizes**2).max()) * n)
    length = fft.next_fast_len(min(2 * trials * n, int(20 * spread) + 20) + 1, real=True)
    angles = 2 * np.pi / length * np.arange(length // 2 + 1)
    half = length // 2
    law = np.empty((runs, length))
    step = max(1, 2_000_000 // length)
    for start in range(0, runs, step):
        part = slice(start, start + step)
        one = shares[part] @ np.exp(-1j * sizes[:, None] * angles)
        many = one**n * np.exp(1j * (centre[part, None] - half) * angles)
        law[part] = fft.irfft(many, n=length, axis=1)
    cumulative = np.cumsum(law, axis=1)

    def percentile(share: float) -> Floats:
        return (np.argmax(cumulative >= share, axis=1) - half + centre) / (n * trials)

    low, high = percentile(0.025), percentile(0.975)
    return Answers(np.where((low > 0) | (high < 0), 0.05, 1.0), percentile(0.05), low, high)


PEERS: dict[str, Callable[[Sample], Answers]] = {
    "unpaired z": unpaired_z,
    "McNemar, pooled trials": pooled_mcnemar,
    "chi-square, pooled trials": pooled_chi2,
    "t on case means": case_t,
    "bootstrap of cases": case_bootstrap,
    "Wilcoxon on case means": case_wilcoxon,
    "t on cluster means": cluster_t,
}


def _pooled(sample: Sample) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    both = sample.both.sum(axis=1, dtype=np.int64)
    return sample.before.sum(axis=1) - both, sample.after.sum(axis=1) - both


def _t(values: Floats | Ints) -> Answers:
    n = values.shape[1]
    error = values.std(axis=1, ddof=1) / np.sqrt(n)
    estimate = values.mean(axis=1)
    return _by_quantiles(
        estimate, error, lambda t: special.stdtr(n - 1, t), float(special.stdtrit(n - 1, 0.975)),
        float(special.stdtrit(n - 1, 0.95)),
    )  # fmt: skip


def _by_quantiles(
    estimate: Floats,
    error: Floats,
    tail: Callable[[Floats], Floats],
    two_sided: float,
    one_sided: float = float(special.ndtri(0.95)),
) -> Answers:
    """Estimate plus and minus so many standard errors; without any spread no test, no width."""
    spread = error > 1e-15
    statistic = np.abs(estimate) / np.where(spread, error, 1.0)
    pvalue = np.where(spread, 2 * tail(-statistic), np.where(estimate == 0, 1.0, 0.0))
    return Answers(
        pvalue,
        estimate - one_sided * error,
        estimate - two_sided * error,
        estimate + two_sided * error,
    )
