"""Where does the noise come from: clusters, cases or trials?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Variance between clusters, between cases of a cluster, between trials of a case."""

    clusters: float
    cases: float
    trials: float
    n_clusters: int
    n_cases: int
    n_trials: float
    trials_share: float
    advice: Literal["more_cases", "more_trials", "either"]


def variance_components(
    baseline: ArrayLike, candidate: ArrayLike | None = None, *, clusters: Any = None
) -> VarianceComponents:
    """Split the variance of the (difference of) case means by its sources.

    baseline, candidate: (n_cases,) or (n_cases, n_trials) with NaN for a trial that is missing.
    """
    raise NotImplementedError
