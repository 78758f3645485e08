"""By what factor did a skewed metric (latency, cost) change, and within what bounds?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from aiir_eval.stats.sign_flip import Rng


@dataclass(frozen=True, slots=True)
class RatioBound:
    """candidate / baseline: `lower` and `upper` are one-sided bounds at `confidence_level` each.

    `upper` is inf (`lower` is 0) when there are too few values to bound the quantile asked for.
    """

    estimate: float
    lower: float
    upper: float
    baseline: float
    candidate: float
    confidence_level: float
    n_clusters: int
    n_resamples: int
    method: str


@dataclass(frozen=True, slots=True)
class ValueBound:
    """A mean or quantile of one side with its one-sided bounds at `confidence_level` each."""

    estimate: float
    lower: float
    upper: float
    confidence_level: float
    n_clusters: int
    n_resamples: int
    method: str


def cluster_bootstrap_ratio(
    baseline: ArrayLike, candidate: ArrayLike, *, clusters: Any,
    statistic: Literal["mean", "quantile"] = "mean", quantile: float | None = None,
    confidence_level: float = 0.95, n_resamples: int = 1999, rng: Rng = None,
) -> RatioBound:
    """Bound the ratio of a mean or quantile, resampling clusters over both sides together.

    clusters: one array for both sides when they have the same length, or a pair
    (baseline_clusters, candidate_clusters) when they have not. For `ratio_below`.
    """
    raise NotImplementedError


def cluster_bootstrap_value(
    values: ArrayLike, *, clusters: Any = None, statistic: Literal["mean", "quantile"] = "mean",
    quantile: float | None = None, confidence_level: float = 0.95, n_resamples: int = 1999,
    rng: Rng = None,
) -> ValueBound:
    """Bound a mean or quantile of one side, resampling clusters. For `value_below`."""
    raise NotImplementedError
