"""Do two independent samples of a column come from the same distribution?"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class TestResult:
    """`statistic` and `pvalue` (both NaN when the test cannot be made), `df` where it has one."""

    statistic: float
    pvalue: float
    df: float
    method: str


def welch_t(x: ArrayLike, y: ArrayLike) -> TestResult:
    """Welch's t-test (as scipy.stats.ttest_ind with equal_var=False); NaN values are dropped."""
    raise NotImplementedError


def ks_2samp(x: ArrayLike, y: ArrayLike) -> TestResult:
    """Two-sample Kolmogorov-Smirnov test, two-sided; NaN values are dropped."""
    raise NotImplementedError


def contingency_chi2(
    counts_x: ArrayLike, counts_y: ArrayLike, *, min_expected: float = 5.0
) -> TestResult:
    """Chi-square test of a 2 x levels table, without Yates; rare levels lumped on pooled counts."""
    raise NotImplementedError
