"""What pass or failure rate do these cases show, and within what bounds?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from aiir_eval.stats.intervals import ConfidenceInterval


@dataclass(frozen=True, slots=True)
class Rate:
    """A pass rate over cases; `confidence_interval()` never has zero width."""

    estimate: float
    standard_error: float
    confidence_level: float
    method: str
    n_cases: int
    n_clusters: int
    n_effective: float
    design_effect: float
    df: float

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        raise NotImplementedError


def pass_rate(
    case_means: ArrayLike, *, clusters: Any = None, confidence_level: float = 0.95,
    binary: bool = True,
) -> Rate:
    """Mean of the case means, clustered score (Wilson) interval; graded scores: CR2 t."""
    raise NotImplementedError


def failure_rate_bound(failures: int, trials: int, *, confidence_level: float = 0.95) -> float:
    """Upper one-sided Clopper-Pearson bound of a failure rate (0 of 59: just below 0.05)."""
    raise NotImplementedError


def clopper_pearson(
    successes: int, n: int, *, confidence_level: float = 0.95,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
) -> ConfidenceInterval:
    """Exact interval of a binomial proportion (one-sided: the other end is 0 or 1)."""
    raise NotImplementedError
