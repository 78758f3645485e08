"""Did the candidate do worse than the baseline on the same cases, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from aiir_eval.stats.intervals import ConfidenceInterval
from aiir_eval.stats.sign_flip import Rng

Conclusion = Literal["improved", "non_inferior", "regressed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Is the loss smaller than `margin`? `holds` exactly when `lower_bound` > -margin."""

    margin: float
    pvalue: float
    lower_bound: float
    holds: bool
    confidence_level: float


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Are loss and gain both smaller than `margin`? (two one-sided tests)"""

    margin: float
    pvalue: float
    holds: bool
    confidence_level: float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean over cases of candidate minus baseline, with everything that follows from it."""

    estimate: float
    standard_error: float
    pvalue: float
    pvalue_exact: float | None
    method: str
    confidence_level: float
    n_cases: int
    n_clusters: int
    n_nonzero_clusters: int
    n_effective: float
    design_effect: float
    df: float
    broke: int
    fixed: int
    p_loss: float
    p_gain: float
    skewed: bool

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """Two-sided interval of the difference; never of zero width."""
        raise NotImplementedError

    def non_inferiority(
        self, margin: float, confidence_level: float | None = None
    ) -> NonInferiority:
        """One-sided test that the loss is smaller than `margin` (0 < margin < 1)."""
        raise NotImplementedError

    def equivalence(self, margin: float, confidence_level: float | None = None) -> Equivalence:
        """Two one-sided tests that the difference lies in (-margin, margin)."""
        raise NotImplementedError

    def minimum_detectable_effect(self, power: float = 0.8) -> float:
        """Smallest true difference that the two-sided test would find with this `power`."""
        raise NotImplementedError

    def cases_needed(self, margin: float | None = None, power: float = 0.8) -> int | None:
        """Total cases that would settle the question if the observed rates were the truth.

        None when no number would (no margin and no difference). Subtract `n_cases` for "more".
        """
        raise NotImplementedError

    def conclusion(self, margin: float | None = None, pvalue: float | None = None) -> Conclusion:
        """The table of conclusions; `pvalue` (an adjusted one) replaces the own for W and B."""
        raise NotImplementedError


def paired_difference(
    baseline: ArrayLike, candidate: ArrayLike, *, clusters: Any = None, binary: bool = True,
    single_trial: bool = True, confidence_level: float = 0.95, n_resamples: int = 9999,
    rng: Rng = None,
) -> PairedDifference:
    """Compare two versions on the same cases."""
    raise NotImplementedError
