"""By what factor did a skewed metric (latency, cost) change, and within what bounds?"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.bootstrap_drawn import Drawn
from aiir_eval.stats.bootstrap_sides import Law, Side, ratio, ratio_law, value_law
from aiir_eval.stats.clustering import Codes, Floats, as_values, cluster_codes
from aiir_eval.stats.intervals import checked_level
from aiir_eval.stats.randomness import Rng

Statistic = Literal["mean", "quantile"]

METHOD = "cluster bootstrap, expanded percentile"
EVERY = "cluster bootstrap over all resamples, expanded percentile"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueBound(Shown):
    """A mean or quantile with one-sided bounds, each at `confidence_level`.

    A bound is infinite when there are too few values to bound the quantile asked for. n_resamples
    is 0 where the law of all resamples is computed and none is drawn.
    """

    estimate: float
    lower: float
    upper: float
    confidence_level: float
    n_clusters: int
    n_resamples: int
    method: str
    law: Law = field(repr=False, compare=False)

    def pvalue(self, limit: float, alternative: Literal["less", "greater"] = "less") -> float:
        """P-value for the true value being less (or greater) than `limit`; agrees with the bounds.

        1 where the bound on that side does not exist.
        """
        from scipy.special import ndtri, stdtr

        below = alternative == "less"
        if self.upper == inf if below else self.lower in (-inf, 0):
            return 1.0
        share = self.law.at_least(limit) if below else self.law.at_most(limit)
        if share >= 1:
            return 1.0
        shrink = sqrt((self.n_clusters - 1) / self.n_clusters)
        return float(stdtr(self.n_clusters - 1, shrink * float(ndtri(share))))


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioBound(ValueBound):
    """candidate / baseline with one-sided bounds; `lower` is 0 where it cannot be bounded."""

    baseline: float
    candidate: float


def cluster_bootstrap_ratio(
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    clusters: Any,
    statistic: Statistic = "mean",
    quantile: float | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    rng: Rng = None,
) -> RatioBound:
    """Bound the ratio of a mean or quantile, resampling clusters over both sides together.

    Parameters
    ----------
    baseline, candidate : (n,), (m,) array_like
        Values of single trials, none negative (seconds, USD, tokens).
    clusters : (n,) array_like or pair of (n,) and (m,) array_like
        Cluster of each trial: one array for both sides when their rows match, else a tuple
        (baseline_clusters, candidate_clusters). A cluster brings all its trials of both sides.
    statistic : {"mean", "quantile"}
        What is compared.
    quantile : float, optional
        The quantile in (0, 1), with statistic "quantile" (0.95: the 95th percentile).
    confidence_level : float
        Level of each one-sided bound.
    n_resamples : int
        Bootstrap samples where they have to be drawn: for quantiles, and for a mean where the
        sides differ in trials by cluster or a cluster's baseline sums to 0. Memory does not grow
        with them.
    rng : Generator, SeedSequence, int or None
        Source of the resampling; None is a fixed seed.

    Returns
    -------
    RatioBound
        A ratio of 0 to 0 counts as 1.

    Notes
    -----
    Percentile bootstrap, its tail moved from alpha to Phi(sqrt(G / (G - 1)) t_{alpha, G - 1}),
    which makes up for its narrowness with few clusters. Quantiles are the smallest value with at
    least that share at or below it. The sample cannot bound a tail it is unlikely to have seen:
    with fewer than log(alpha) / log(q) effective values (n over the design effect of the share
    above the quantile; 59 for the 95th percentile at 95%) that bound is infinite (or 0). Assumes
    independent clusters; below about 10 the bounds are rough.

    A mean, and a ratio of means with the same trials on both sides, is a ratio of sums: the law of
    all its resamples follows from Fourier transforms, nothing is drawn and n_resamples of the
    result is 0. Its bounds are never inside those of all resamples, and outside by at most 0.04
    standard errors plus a share of 1e-4 (9,999 drawn resamples leave a noise of 0.02).

    References
    ----------
    Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8; Hesterberg
    (2015), Am. Stat. 69, 371-386 (expanded percentile).

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> before = rng.exponential(1.0, size=200)
    >>> case = np.repeat(np.arange(100), 2)
    >>> bound = cluster_bootstrap_ratio(before, 1.5 * before, clusters=case)
    >>> round(bound.estimate, 3), round(bound.lower, 3), round(bound.upper, 3)
    (1.5, 1.5, 1.5)
    """
    values = (as_values(baseline, "baseline"), as_values(candidate, "candidate"))
    if min(float(side.min()) for side in values) < 0:
        raise ValueError("a ratio needs values that are not negative")
    level = _share(quantile, statistic)
    codes = _paired_codes(clusters, values)
    n_clusters = max(int(side.max()) for side in codes) + 1
    before, after = (
        Side(array, side, level, n_clusters) for array, side in zip(values, codes, strict=True)
    )
    law = ratio_law(before, after, n_resamples, rng)
    low, high = _bounds(law, n_clusters, confidence_level)
    if not (before.shows_high(confidence_level) and after.shows_low(confidence_level)):
        low = 0.0
    if not (after.shows_high(confidence_level) and before.shows_low(confidence_level)):
        high = inf
    estimate = ratio(np.array([before.estimate]), np.array([after.estimate]))
    return RatioBound(
        estimate=float(estimate[0]),
        lower=max(low, 0.0),
        upper=high,
        confidence_level=confidence_level,
        n_clusters=n_clusters,
        n_resamples=n_resamples if isinstance(law, Drawn) else 0,
        method=METHOD if isinstance(law, Drawn) else EVERY,
        law=law,
        baseline=before.estimate,
        candidate=after.estimate,
    )


def cluster_bootstrap_value(
    values: ArrayLike,
    *,
    clusters: Any = None,
    statistic: Statistic = "mean",
    quantile: float | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    rng: Rng = None,
) -> ValueBound:
    """Bound a mean or quantile of one side, resampling clusters.

    Parameters
    ----------
    values : (n,) array_like
        Values of single trials.
    clusters : (n,) array_like, optional
        Cluster of each trial; None: each alone.
    statistic, quantile, confidence_level, n_resamples, rng
        As for `cluster_bootstrap_ratio`.

    Returns
    -------
    ValueBound

    Notes
    -----
    As for `cluster_bootstrap_ratio`; -inf and inf where the sample is too small for the quantile.

    References
    ----------
    Hesterberg (2015), Am. Stat. 69, 371-386.

    Examples
    --------
    >>> bound = cluster_bootstrap_value(np.arange(100.0), statistic="quantile", quantile=0.95)
    >>> bound.estimate, bound.lower < 94 <= bound.upper
    (94.0, True)
    >>> cluster_bootstrap_value(np.arange(40.0), statistic="quantile", quantile=0.95).upper
    inf
    """
    array = as_values(values, "values")
    codes = cluster_codes(clusters, array.size)
    side = Side(array, codes, _share(quantile, statistic), int(codes.max()) + 1)
    law = value_law(side, n_resamples, rng)
    low, high = _bounds(law, side.n_clusters, confidence_level)
    return ValueBound(
        estimate=side.estimate,
        lower=low if side.shows_low(confidence_level) else -inf,
        upper=high if side.shows_high(confidence_level) else inf,
        confidence_level=confidence_level,
        n_clusters=side.n_clusters,
        n_resamples=n_resamples if isinstance(law, Drawn) else 0,
        method=METHOD if isinstance(law, Drawn) else EVERY,
        law=law,
    )


def _bounds(law: Law, n_clusters: int, confidence_level: float) -> tuple[float, float]:
    from scipy.special import ndtr, stdtrit

    checked_level(confidence_level)
    if n_clusters < 2:
        return -inf, inf
    t = float(stdtrit(n_clusters - 1, 1 - confidence_level))
    tail = float(ndtr(sqrt(n_clusters / (n_clusters - 1)) * t))
    return law.lower(tail), law.upper(tail)


def _share(quantile: float | None, statistic: Statistic) -> float | None:
    if statistic not in ("mean", "quantile"):
        raise ValueError(f"statistic: {statistic!r} is neither mean nor quantile")
    if statistic == "mean":
        if quantile is not None:
            raise ValueError("quantile: only with statistic 'quantile'")
        return None
    if quantile is None or not 0 < quantile < 1:
        raise ValueError(f"quantile: {quantile} is not between 0 and 1")
    return quantile


def _paired_codes(clusters: Any, values: tuple[Floats, Floats]) -> tuple[Codes, Codes]:
    pair = clusters if isinstance(clusters, tuple) and len(clusters) == 2 else (clusters,) * 2
    if pair[0] is None or pair[1] is None:
        raise ValueError("clusters: needed to pair the two sides")
    split, n = values[0].size, values[0].size + values[1].size
    if len(pair[0]) != split or len(pair[1]) != n - split:
        raise ValueError(
            f"clusters: {len(pair[0])} and {len(pair[1])} labels for {split} and {n - split} values"
        )
    arrays = all(isinstance(labels, np.ndarray) for labels in pair)
    codes = cluster_codes(np.concatenate(pair) if arrays else [*pair[0], *pair[1]], n)
    return codes[:split], codes[split:]
