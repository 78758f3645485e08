"""On what terms is a column judged, and what does a judgement hold?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan

from ...stats.drift_effects import EffectEstimate
from ...stats.drift_tests import Alternative
from ..declared import Direction, LevelTest, MinimumEffects, NumericTest
from ..facts import Clustered, Facts, Spread, kind_of
from ..result import ColumnDrift, Distribution, Effect

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Terms:
    """How one column is to be judged.

    `level` is what its p-value must reach if it alone of its family changed. With a `direction` the
    test is one-sided, against a change that is no worse than the minimum effect.
    """

    confidence_level: float
    level: float
    minima: MinimumEffects
    primary: bool = False
    direction: Direction | None = None
    numeric_test: NumericTest = "auto"
    level_test: LevelTest = "auto"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A tested column (p-value not yet adjusted), and what its `drifted` will hang on beside it.

    Facts that are known within bounds leave a range: the p-value lies between `pvalue_at_least` and
    that of the result; the effect certainly exceeds its minimum (`exceeds`), or may (`may_exceed`).
    """

    result: ColumnDrift
    exceeds: bool  # the effect exceeds its minimum
    blind: bool  # even a change worth seeing could have gone unseen
    note_if_drifted: str = ""
    pvalue_at_least: float = nan  # NaN: the p-value is exact
    may_exceed: bool = False


def column_drift(
    facts: Facts,
    terms: Terms,
    *,
    test: str,
    statistic: float,
    statistics: Mapping[str, float],
    pvalue: float,
    effect: Effect,
    detectable: float,
    note: str = "",
    effects: tuple[Effect, ...] = (),
    distribution: Distribution | None = None,
) -> ColumnDrift:
    """The row of the report, its p-value not yet adjusted."""
    return ColumnDrift(
        column=facts.name,
        kind=kind_of(facts),
        test=test,
        statistic=statistic,
        statistics=statistics,
        pvalue=pvalue,
        pvalue_adjusted=nan,
        effect=effect,
        minimum_detectable_effect=detectable,
        drifted=False,
        note=note,
        primary=terms.primary,
        effects=effects,
        distribution=distribution,
    )


def effective_sizes(
    n_x: int,
    n_y: int,
    clustered: Clustered | None,
    terms: Terms,
    *,
    shape: bool = False,
) -> tuple[float, float]:
    """Sizes of independent samples that would tell as much of the mean (of the `shape`)."""
    inflation = 1.0
    if clustered is not None:
        spread = (clustered.shape if shape else None) or clustered.spread
        inflation = spread.design_effect * _few(spread, terms) ** 2
    return max(n_x / inflation, 1.0 + 1e-9), max(n_y / inflation, 1.0 + 1e-9)


def quantiles(terms: Terms, clustered: Clustered | None, df: float = inf) -> tuple[float, float]:
    """Of the level and of the power; the first is infinite where clusters never reach the level."""
    from scipy.special import stdtrit

    tail = terms.level if terms.direction is not None else terms.level / 2
    if clustered is not None:
        df = clustered.spread.df
        if clustered.smallest_pvalue > terms.level:
            return inf, 0.0
    return float(stdtrit(df, 1 - tail)), float(stdtrit(df, POWER))


def detectable_effect(
    estimate: EffectEstimate, terms: Terms, *, clustered: Clustered | None, df: float = inf
) -> float:
    """(t_{1 - alpha/2} + t_{0.8}) x SE; infinite where so few clusters never reach the level."""
    error = estimate.standard_error
    if clustered is not None:
        error /= _few(clustered.spread, terms)  # which the quantiles allow for
    return sum(quantiles(terms, clustered, df)) * error


def _few(spread: Spread, terms: Terms) -> float:
    """By how much a t quantile exceeds the normal one, at the level of the intervals."""
    from scipy.special import ndtri, stdtrit

    tail = (1 + terms.confidence_level) / 2
    return float(stdtrit(spread.df, tail) / ndtri(tail))


def spread_of(clustered: Clustered | None, df: float = inf) -> Spread:
    """The design effect of the clusters, or that of independent rows."""
    return Spread(1.0, df) if clustered is None else clustered.spread


def named_effect(name: str, estimate: EffectEstimate) -> Effect:
    return Effect(name, estimate.estimate, estimate.low, estimate.high)


def alternative_of(direction: Direction) -> Alternative:
    return "greater" if direction == "up" else "less"


def beyond(direction: Direction) -> str:
    return f"{alternative_of(direction)} than the minimum effect"


def which_is_bad(direction: Direction) -> str:
    return "up is bad" if direction == "up" else "down is bad"
