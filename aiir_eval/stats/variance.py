"""Where does the noise come from: clusters, cases or trials?"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Floats, cluster_codes


@dataclass(frozen=True, slots=True)
class VarianceComponents(Shown):
    """Variance of one trial's value (or difference) between clusters, cases and trials.

    `trials` is NaN with one trial a case: its noise is then part of `cases`. `trials_share` is
    the share of the squared standard error that more trials would remove; `cluster_size` Kish's.
    """

    clusters: float
    cases: float
    trials: float
    n_clusters: int
    n_cases: int
    n_trials: float
    cluster_size: float
    trials_share: float
    advice: Literal["more_cases", "more_trials", "either"]

    def standard_error(self, n_cases: int | None = None, n_trials: float | None = None) -> float:
        """Standard error that so many cases (of the same cluster size) and trials would have."""
        cases = self.n_cases if n_cases is None else n_cases
        trials = self.n_trials if n_trials is None else n_trials
        if cases < 1 or trials < 1:
            raise ValueError(f"n_cases {cases} and n_trials {trials} must be at least 1")
        noise = 0.0 if np.isnan(self.trials) else self.trials / trials
        return sqrt((self.clusters * self.cluster_size + self.cases + noise) / cases)


def variance_components(
    baseline: ArrayLike, candidate: ArrayLike | None = None, *, clusters: Any = None
) -> VarianceComponents:
    """Split the variance of case means, or of their differences, by its sources.

    Parameters
    ----------
    baseline, candidate : (n_cases,) or (n_cases, n_trials) array_like
        Values of every trial, NaN where a case has fewer; rows are cases, paired by position.
        Without `candidate` the values of `baseline` are split, else candidate minus baseline.
    clusters : (n_cases,) array_like, optional
        Cluster of each case; None: each alone, and `clusters` is 0.

    Returns
    -------
    VarianceComponents
        `advice` is "more_trials" when trials make more than half of the squared standard error,
        "more_cases" below a quarter or when trials are not repeated, else "either".

    Notes
    -----
    Moments of a nested analysis of variance, unbiased for any distribution; negative estimates
    become 0. Trials of the two sides are independent given the case. More cases always help;
    more trials help only against the part that is theirs. Noisy below some 20 cases.

    References
    ----------
    Searle, Casella and McCulloch (1992), Variance Components, chapter 3; Miller (2024),
    arXiv:2411.00640, section 3.

    Examples
    --------
    >>> parts = variance_components([[1, 0], [0, 1], [1, 0], [0, 1], [1, 1], [0, 1]])
    >>> parts.advice, round(parts.trials, 4)
    ('more_trials', 0.4167)
    """
    means, noise, n_trials = _case_moments(baseline, "baseline")
    if candidate is not None:
        after, noise_after, trials_after = _case_moments(candidate, "candidate")
        if after.size != means.size:
            raise ValueError(f"baseline has {means.size} cases, candidate {after.size}")
        means, noise = after - means, noise + noise_after
        n_trials = 2 / (1 / n_trials + 1 / trials_after)
    codes = cluster_codes(clusters, means.size)
    sizes = np.bincount(codes).astype(np.float64)
    n, groups = means.size, sizes.size
    sampling = 0.0 if np.isnan(noise) else noise / n_trials
    if n < 2:
        raise ValueError("variance components need at least two cases")
    between_cases, between_clusters = float(means.var(ddof=1)), 0.0
    if 1 < groups < n:
        centres = np.bincount(codes, weights=means) / sizes
        within = float(((means - centres[codes]) ** 2).sum()) / (n - groups)
        between = float((sizes * (centres - means.mean()) ** 2).sum()) / (groups - 1)
        typical = (n - float((sizes**2).sum()) / n) / (groups - 1)
        between_cases, between_clusters = within, max((between - within) / typical, 0.0)
    between_cases = max(between_cases - sampling, 0.0)
    kish = float((sizes**2).sum()) / n
    whole = between_clusters * kish + between_cases + sampling
    share = sampling / whole if whole > 0 else 0.0
    advice: Literal["more_cases", "more_trials", "either"] = "either"
    if share > 0.5:
        advice = "more_trials"
    elif share < 0.25:
        advice = "more_cases"
    return VarianceComponents(
        clusters=between_clusters,
        cases=between_cases,
        trials=noise,
        n_clusters=groups,
        n_cases=n,
        n_trials=n_trials,
        cluster_size=kish,
        trials_share=share,
        advice=advice,
    )


def _case_moments(values: ArrayLike, name: str) -> tuple[Floats, float, float]:
    """Case means, variance of a trial within its case (NaN: not repeated), mean trials a case.

    The mean is harmonic, so that variance / trials is the average sampling variance of a mean.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name}: expected (cases,) or (cases, trials), got shape {array.shape}")
    present = ~np.isnan(array)
    counts = present.sum(axis=1)
    if counts.min() == 0:
        raise ValueError(f"{name}: case {int(counts.argmin())} has no trial")
    filled = np.where(present, array, 0.0)
    means = filled.sum(axis=1) / counts
    n_trials = float(counts.size / (1 / counts).sum())
    spare = int((counts - 1).sum())
    if spare == 0:
        return means, nan, n_trials
    squares = float(((filled - means[:, None] * present) ** 2).sum())
    return means, squares / spare, n_trials
