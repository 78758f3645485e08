"""By what factor did a skewed metric (latency, cost) change, and within what bounds?"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from math import ceil, inf, log, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.stats.clustering import Codes, Floats, as_values, cluster_codes, clustered_mean
from aiir_eval.stats.randomness import Rng, as_generator

Statistic = Literal["mean", "quantile"]

METHOD = "cluster bootstrap, expanded percentile"

BLOCK = 1 << 17  # weights held at a time: they stay in the cache, and memory bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueBound:
    """A mean or quantile with one-sided bounds, each at `confidence_level`.

    A bound is infinite when there are too few values to bound the quantile asked for.
    """

    estimate: float
    lower: float
    upper: float
    confidence_level: float
    n_clusters: int
    n_resamples: int
    method: str
    draws: Floats = field(repr=False, compare=False)

    def pvalue(self, limit: float, alternative: Literal["less", "greater"] = "less") -> float:
        """P-value for the true value being less (or greater) than `limit`; agrees with the bounds.

        1 where the bound on that side does not exist.
        """
        from scipy.special import ndtri, stdtr

        below = alternative == "less"
        if np.isinf(self.upper if below else self.lower) or (not below and self.lower == 0):
            return 1.0
        against = self.draws >= limit if below else self.draws <= limit
        share = (np.count_nonzero(against) + 1) / (self.draws.size + 1)
        if share == 1:
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
        Bootstrap samples.
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
    before, after = (_Side(*side, level) for side in zip(values, codes, strict=True))
    draws = _draws([before, after], n_resamples, rng)
    ratios = np.sort(_ratio(draws[0], draws[1]))
    n_clusters = before.n_clusters
    low, high = _tails(ratios, n_clusters, confidence_level)
    if not (before.shows_high(confidence_level) and after.shows_low(confidence_level)):
        low = 0.0
    if not (after.shows_high(confidence_level) and before.shows_low(confidence_level)):
        high = inf
    estimate = _ratio(np.array([before.estimate]), np.array([after.estimate]))
    return RatioBound(
        estimate=float(estimate[0]),
        lower=max(low, 0.0),
        upper=high,
        confidence_level=confidence_level,
        n_clusters=n_clusters,
        n_resamples=n_resamples,
        method=METHOD,
        draws=ratios,
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
    (ordered,) = _canonical([(array, codes)])
    side = _Side(array, ordered, _share(quantile, statistic))
    draws = np.sort(_draws([side], n_resamples, rng)[0])
    low, high = _tails(draws, side.n_clusters, confidence_level)
    return ValueBound(
        estimate=side.estimate,
        lower=low if side.shows_low(confidence_level) else -inf,
        upper=high if side.shows_high(confidence_level) else inf,
        confidence_level=confidence_level,
        n_clusters=side.n_clusters,
        n_resamples=n_resamples,
        method=METHOD,
        draws=draws,
    )


class _Side:
    """One side's values, ready to be weighted by how often each cluster was drawn."""

    def __init__(self, values: Floats, codes: Codes, level: float | None) -> None:
        order = np.lexsort((codes, values))
        self.values, self.codes, self.level = values[order], codes[order], level
        self.n_clusters = int(codes.max()) + 1
        self.counts = np.bincount(self.codes, minlength=self.n_clusters).astype(np.float64)
        self.sums = np.bincount(self.codes, weights=self.values, minlength=self.n_clusters)
        self.n_effective = inf
        if level is None:
            self.estimate = float(self.sums.sum() / values.size)
            return
        first = max(ceil(level * values.size - 1e-9) - 1, 0)
        self.estimate = float(self.values[first])
        above = (self.values > self.estimate).astype(np.float64)
        mean = clustered_mean(above, np.unique(self.codes, return_inverse=True)[1])
        spread = mean.estimate * (1 - mean.estimate) / values.size
        effect = mean.variance / spread if spread > 0 else mean.cluster_size
        self.n_effective = values.size / max(effect, 1.0)
        reach = 5 * sqrt(max(effect, 1.0) * level * (1 - level) / values.size) * values.size
        self.band = slice(max(int(first - reach - 20), 0), int(first + reach + 20))
        self.before_band = np.bincount(
            self.codes[: self.band.start], minlength=self.n_clusters
        ).astype(np.float64)

    def shows_high(self, confidence_level: float) -> bool:
        """Is a value above the quantile likely to be among so many?"""
        return self.level is None or self._seen(self.level, confidence_level)

    def shows_low(self, confidence_level: float) -> bool:
        return self.level is None or self._seen(1 - self.level, confidence_level)

    def _seen(self, share: float, confidence_level: float) -> bool:
        return self.n_effective * log(share) <= log(1 - confidence_level)

    def only(self, clusters: Codes) -> _Side:
        """The same side of these clusters alone, for means."""
        part = copy(self)
        part.counts, part.sums = self.counts[clusters], self.sums[clusters]
        return part

    def weighted(self, drawn_often: Codes, weights: Floats) -> Floats:
        """The statistic for every row of (draws, clusters), given as integers and as floats."""
        totals = weights @ self.counts
        if self.level is None:
            with np.errstate(invalid="ignore"):
                return np.asarray(weights @ self.sums / totals)
        targets = self.level * totals - 1e-9
        band = self.values[self.band]
        start = weights @ self.before_band
        reached = np.cumsum(np.take(drawn_often, self.codes[self.band], axis=1), axis=1)
        missing = np.ceil(targets - start).astype(np.int64)
        result = band[np.argmax(reached >= missing[:, None], axis=1)]
        outside = (reached[:, -1] < missing) | ((missing <= 0) & (self.band.start > 0))
        for row in np.flatnonzero(outside):  # rarer than one in a million
            every = np.cumsum(weights[row][self.codes])
            result[row] = self.values[
                min(int(np.searchsorted(every, targets[row])), every.size - 1)
            ]
        return np.where(totals > 0, result, np.nan)


def _draws(sides: list[_Side], n_resamples: int, rng: Rng) -> list[Floats]:
    """The statistic of each side over bootstrap samples of clusters, the same for all sides."""
    if n_resamples < 1:
        raise ValueError(f"n_resamples: {n_resamples} is not positive")
    generator, n_clusters = as_generator(rng), sides[0].n_clusters
    sides, often = _alike(sides)
    blocks: list[list[Floats]] = [[] for _ in sides]
    rows = max(8, BLOCK // often.size)
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        if often.size < n_clusters:
            drawn = generator.multinomial(n_clusters, often / n_clusters, size=size)
        else:
            drawn = _drawn_often(n_clusters, size, generator)
        weights = drawn.astype(np.float64)
        for side, block in zip(sides, blocks, strict=True):
            block.append(side.weighted(drawn, weights))
    whole = np.stack([np.concatenate(block) for block in blocks])
    return list(whole[:, ~np.isnan(whole).any(axis=0)])  # a draw may miss a side altogether


def _alike(sides: list[_Side]) -> tuple[list[_Side], Codes]:
    """One cluster for all that hold the same, and how many those are.

    Only for means, and where it saves drawing: pass or fail leaves few kinds of clusters.
    """
    every = np.ones(sides[0].n_clusters, dtype=np.intp)
    if sides[0].level is not None:
        return sides, every
    held = np.stack([column for side in sides for column in (side.counts, side.sums)])
    _, first, often = np.unique(held, axis=1, return_index=True, return_counts=True)
    if 8 * first.size > every.size:
        return sides, every
    return [side.only(first) for side in sides], often


def _drawn_often(n_clusters: int, size: int, generator: np.random.Generator) -> Codes:
    """How often each cluster is drawn, (size, clusters)."""
    small = np.uint16 if n_clusters <= 1 << 16 else np.int64
    drawn = generator.integers(0, n_clusters, size=(size, n_clusters), dtype=small)
    places = np.add(drawn, np.arange(size)[:, None] * n_clusters, dtype=np.intp)
    return np.bincount(places.ravel(), minlength=size * n_clusters).reshape(size, n_clusters)


def _tails(draws: Floats, n_clusters: int, confidence_level: float) -> tuple[float, float]:
    from scipy.special import ndtr, stdtrit

    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level: {confidence_level} is not between 0 and 1")
    if n_clusters < 2 or draws.size == 0:
        return -inf, inf
    t = float(stdtrit(n_clusters - 1, 1 - confidence_level))
    tail = float(ndtr(sqrt(n_clusters / (n_clusters - 1)) * t))
    return (
        float(np.quantile(draws, tail, method="lower")),
        float(np.quantile(draws, 1 - tail, method="higher")),
    )


def _ratio(before: Floats, after: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((before == 0) & (after == 0), 1.0, after / before)


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


def _paired_codes(clusters: Any, values: tuple[Floats, Floats]) -> list[Codes]:
    labels = clusters if isinstance(clusters, tuple) and len(clusters) == 2 else (clusters,) * 2
    if labels[0] is None or labels[1] is None:
        raise ValueError("clusters: needed to pair the two sides")
    split, n = values[0].size, values[0].size + values[1].size
    if len(labels[0]) != split or len(labels[1]) != n - split:
        raise ValueError(
            f"clusters: {len(labels[0])} and {len(labels[1])} labels for {split} and "
            f"{n - split} values"
        )
    codes = cluster_codes([*labels[0], *labels[1]], n)
    return _canonical([(values[0], codes[:split]), (values[1], codes[split:])])


def _canonical(sides: list[tuple[Floats, Codes]]) -> list[Codes]:
    """Number the clusters by what they hold, so that names and row order cannot matter."""
    values = np.concatenate([side[0] for side in sides]) + 0.0  # no negative zero
    codes = np.concatenate([side[1] for side in sides])
    number = np.repeat(np.arange(len(sides)), [side[1].size for side in sides])
    order = np.lexsort((values, number, codes))
    ends = np.cumsum(np.bincount(codes))
    rows = np.ascontiguousarray(np.stack([number[order], values[order]], axis=1, dtype=np.float64))
    data, width = rows.tobytes(), rows.itemsize * 2
    starts = np.concatenate([[0], ends[:-1]])
    keys = [
        data[start * width : end * width]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    rank = np.empty(len(keys), dtype=np.intp)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return [rank[side[1]] for side in sides]
