"""What pass or failure rate do these cases show, and within what bounds?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import as_rates, cluster_codes, clustered_mean
from aiir_eval.stats.intervals import ConfidenceInterval, checked_level


@dataclass(frozen=True, slots=True)
class Rate(Shown):
    """A pass rate over cases.

    standard_error is CR2 by cluster (0 when every case agrees; the interval is never that sure).
    n_effective = n_cases / design_effect independent cases carry as much; df are the degrees of
    freedom of the variance.
    """

    estimate: float
    standard_error: float
    confidence_level: float
    method: str
    n_cases: int
    n_clusters: int
    n_effective: float
    design_effect: float
    df: float
    binary: bool

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """Two-sided interval within [0, 1], never of zero width."""
        from scipy.special import stdtrit

        level = self.confidence_level if confidence_level is None else confidence_level
        if not 0 < level < 1:
            raise ValueError(f"confidence_level: {level} is not between 0 and 1")
        t = float(stdtrit(self.df, 0.5 + level / 2))
        if not self.binary and self.standard_error > 0:
            low = self.estimate - t * self.standard_error
            high = self.estimate + t * self.standard_error
            return ConfidenceInterval(max(low, 0.0), min(high, 1.0))
        return _wilson(self.estimate, self.n_effective, t)


def pass_rate(
    case_means: ArrayLike,
    *,
    clusters: Any = None,
    confidence_level: float = 0.95,
    binary: bool = True,
) -> Rate:
    """Estimate the mean of case means, with an interval that knows of clusters and trials.

    Parameters
    ----------
    case_means : (n,) array_like
        Share of a case's trials that pass, or its mean score, in [0, 1].
    clusters : (n,) array_like, optional
        Cluster of each case (any hashable); None makes every case its own cluster.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.
    binary : bool
        Trials pass or fail: Wilson's score interval with n / design effect cases and the t
        quantile. Otherwise graded scores: t with CR2 variance.

    Returns
    -------
    Rate

    Notes
    -----
    Inference is to the population of cases (and clusters), so trials enter through case means.
    design effect = CR2 variance / (p (1 - p) / n), at least Kish's cluster size when fewer than
    10 clusters hold the rarer outcome. Unreliable below about 6 clusters, where the t quantile
    makes the interval wide rather than wrong.

    References
    ----------
    Wilson (1927), JASA 22, 209-212; Korn and Graubard (1998), Survey Methodology 24, 193-201;
    Miller (2024), "Adding error bars to evals", arXiv:2411.00640.

    Examples
    --------
    >>> rate = pass_rate([1, 1, 0, 1, 1, 1, 1, 1], clusters=[1, 1, 2, 2, 3, 4, 5, 6])
    >>> rate.estimate, rate.n_clusters
    (0.875, 6)
    >>> low, high = rate.confidence_interval()
    >>> low < 0.875 < high
    True
    """
    means = as_rates(case_means, "case_means")
    codes = cluster_codes(clusters, means.size)
    mean = clustered_mean(means, codes)
    rarer = mean.totals if mean.estimate <= 0.5 else mean.sizes - mean.totals
    n_nonzero = int(np.count_nonzero(np.abs(rarer) > 1e-12 * mean.sizes))
    effect, df = mean.design_effect(mean.estimate * (1 - mean.estimate) / mean.n, n_nonzero)
    if mean.n_clusters == mean.n and bool(np.all((means == 0) | (means == 1))):
        df = mean.df  # single trials: the binomial variance is known, not estimated
    return Rate(
        estimate=mean.estimate,
        standard_error=sqrt(mean.variance),
        confidence_level=confidence_level,
        method="Wilson score with design effect" if binary else "t with CR2 variance",
        n_cases=mean.n,
        n_clusters=mean.n_clusters,
        n_effective=mean.n / effect,
        design_effect=effect,
        df=df if binary else mean.df,
        binary=binary,
    )


def wilson_interval(
    successes: float, n: float, *, confidence_level: float = 0.95
) -> ConfidenceInterval:
    """Wilson's score interval of a binomial proportion.

    Parameters
    ----------
    successes, n : float
        Successes among n independent trials.
    confidence_level : float
        Two-sided level.

    Returns
    -------
    ConfidenceInterval

    Notes
    -----
    Assumes independent trials of one rate; for clustered cases use `pass_rate`.

    References
    ----------
    Wilson (1927), JASA 22, 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    from scipy.special import ndtri

    if not 0 <= successes <= n or n <= 0:
        raise ValueError(f"successes {successes} of n {n}: need 0 <= successes <= n and n > 0")
    checked_level(confidence_level)
    return _wilson(successes / n, n, float(ndtri(0.5 + confidence_level / 2)))


def clopper_pearson(
    successes: int,
    n: int,
    *,
    confidence_level: float = 0.95,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
) -> ConfidenceInterval:
    """Exact interval of a binomial proportion.

    Parameters
    ----------
    successes, n : int
        Successes among n independent trials.
    confidence_level : float
        Level of the interval as given (one-sided for the one-sided alternatives).
    alternative : {"two-sided", "less", "greater"}
        As in scipy's `binomtest`: "less" bounds from above (the lower end is 0), "greater" from
        below (the upper end is 1).

    Returns
    -------
    ConfidenceInterval

    Notes
    -----
    Covers at least the level whatever the rate, if trials are independent; identical outputs of a
    deterministic target are one trial, not many.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, 404-413.

    Examples
    --------
    >>> low, high = clopper_pearson(7, 50)
    >>> round(low, 4), round(high, 4)
    (0.0582, 0.2674)
    """
    from scipy.special import betaincinv

    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"successes {successes} of n {n}: need 0 <= successes <= n and n >= 1")
    checked_level(confidence_level)
    tail = (1 - confidence_level) / (2 if alternative == "two-sided" else 1)
    low, high = 0.0, 1.0
    if alternative != "less" and successes > 0:
        low = float(betaincinv(successes, n - successes + 1, tail))
    if alternative != "greater" and successes < n:
        high = float(betaincinv(successes + 1, n - successes, 1 - tail))
    return ConfidenceInterval(low, high)


def failure_rate_bound(failures: int, trials: int, *, confidence_level: float = 0.95) -> float:
    """Bound a failure rate from above: the one-sided Clopper-Pearson limit.

    Parameters
    ----------
    failures, trials : int
        Failures among fresh, independent trials of one incident.
    confidence_level : float
        One-sided level.

    Returns
    -------
    float
        Rates above it would have shown this few failures with chance below 1 - confidence_level.

    Notes
    -----
    Trials must be independent draws: cached or deterministic repeats prove one behaviour only.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, 404-413.

    Examples
    --------
    >>> failure_rate_bound(0, 59) < 0.05 < failure_rate_bound(0, 58)
    True
    """
    return clopper_pearson(
        failures, trials, confidence_level=confidence_level, alternative="less"
    ).high


def _wilson(rate: float, n: float, critical: float) -> ConfidenceInterval:
    square = critical * critical
    centre = (rate + square / (2 * n)) / (1 + square / n)
    half = critical * sqrt(rate * (1 - rate) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if rate == 0 else max(centre - half, 0.0)
    return ConfidenceInterval(low, 1.0 if rate == 1 else min(centre + half, 1.0))
