"""Where can the difference of two paired proportions lie? (Tango's score statistic)"""

from __future__ import annotations

from typing import Literal

from aiir_eval.stats.intervals import ConfidenceInterval


def tango_interval(
    broke: float, fixed: float, n: float, *, confidence_level: float = 0.95
) -> ConfidenceInterval:
    """Score interval for the difference (fixed - broke) / n of paired proportions."""
    raise NotImplementedError


def tango_pvalue(
    broke: float, fixed: float, n: float, difference: float,
    *, alternative: Literal["two-sided", "greater", "less"] = "two-sided",
) -> float:
    """P-value of the score test that the true difference equals `difference`."""
    raise NotImplementedError
