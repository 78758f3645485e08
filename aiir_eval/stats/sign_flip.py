"""Could the two versions be exchangeable? (McNemar and cluster sign flips)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

Alternative = Literal["two-sided", "less", "greater"]
Rng = np.random.Generator | np.random.SeedSequence | int | None


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test: `pvalue` is the mid-p, `pvalue_exact` the conditional exact p."""

    broke: int
    fixed: int
    pvalue: float
    pvalue_exact: float


@dataclass(frozen=True, slots=True)
class SignFlip:
    """Sign-flip test of the sum of the differences.

    `pvalue` is the mid-p when `enumerated`, else (k + 1) / (n_resamples + 1); `pvalue_exact` is
    the conditional p-value P(T >= t) when enumerated, else None. `statistic` is the mean.
    """

    statistic: float
    pvalue: float
    pvalue_exact: float | None
    enumerated: bool
    n_resamples: int
    n_clusters: int
    n_nonzero_clusters: int


def mcnemar(broke: int, fixed: int) -> McNemar:
    """Test that as many cases broke as were fixed."""
    raise NotImplementedError


def sign_flip(
    differences: ArrayLike, *, clusters: Any = None, n_resamples: int = 9999, rng: Rng = None,
    alternative: Alternative = "two-sided",
) -> SignFlip:
    """Test that the sign of every cluster's differences is a fair coin."""
    raise NotImplementedError
