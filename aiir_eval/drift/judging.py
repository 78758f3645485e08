"""Did this column change, and by how much?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, isnan, nan, pi, sqrt, tan

import numpy as np
from numpy.typing import NDArray

from ..stats import contingency_chi2, welch_t
from ..stats.drift_effects import (
    EffectEstimate,
    detectable_total_variation,
    ks_distance_interval,
    newcombe_interval,
    standardised_mean_difference,
    total_variation,
)
from ..stats.drift_tests import (
    Alternative,
    cauchy_combination,
    ks_sorted,
    rate_difference_test,
    sparse_chi2,
)
from .clusters import ClusterDesign, Spread
from .columns import Column
from .declared import Direction, MinimumEffects
from .result import ColumnDrift, ColumnKind, Effect

POWER = 0.8
_LUMPED_AT_MOST = 0.2  # of the rows; where more are in rare levels, no level is lumped
_MAX_LEVELS = 1000  # told apart when clusters are relabelled; the rarest beyond are lumped
_NAMED_LEVELS = 3


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
    design: ClusterDesign | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A tested column (p-value not yet adjusted), and what its `drifted` will hang on beside it."""

    result: ColumnDrift
    exceeds: bool  # the effect exceeds its minimum
    blind: bool  # even a change worth seeing could have gone unseen
    note_if_drifted: str = ""


def judge(column: Column, terms: Terms) -> Judged:
    """Test one column and estimate its effect."""
    judged = _BY_KIND[column.kind](column, terms)
    note = "; ".join(part for part in (judged.result.note, column.missing) if part)
    return replace(judged, result=replace(judged.result, note=note))


def _numeric(column: Column, terms: Terms) -> Judged:
    x = np.sort(column.reference.values.astype(np.float64, copy=False))
    y = np.sort(column.current.values.astype(np.float64, copy=False))
    mean_x, mean_y = float(x.mean()), float(y.mean())
    variance_x, variance_y = _variance(x), _variance(y)
    welch, ks = welch_t(y, x), ks_sorted(x, y)
    spread = Spread(1.0, welch.df)
    if terms.design is None:
        pvalues = {"mean": welch.pvalue, "ks": ks.pvalue}
        pvalue = float(cauchy_combination([welch.pvalue, ks.pvalue]))
        test = "cauchy(welch_t, ks)"
    else:
        spread = terms.design.mean_spread(column)
        pvalues = terms.design.numeric_pvalues(column)
        pvalue = pvalues["combined"]
        test = "cluster permutation of cauchy(mean, ks)"
    n_x, n_y = _effective(x.size, y.size, spread, terms)
    confidence = terms.confidence_level
    mean = standardised_mean_difference(
        mean_y - mean_x, variance_x, variance_y, n_x, n_y, confidence_level=confidence
    )
    distance = ks_distance_interval(ks.statistic, n_x, n_y, confidence_level=confidence)
    smallest_mean = terms.minima.of(
        "standardised_mean_difference", column.name, primary=terms.primary
    )
    smallest_ks = terms.minima.of("ks_distance", column.name, primary=terms.primary)
    mean_counts = abs(mean.estimate) >= smallest_mean
    statistics = {
        "welch_t": welch.statistic,
        "welch_t_pvalue": pvalues["mean"],
        "ks": ks.statistic,
        "ks_pvalue": pvalues["ks"],
        "ks_low": distance.low,
        "ks_high": distance.high,
        "mean_reference": mean_x,
        "mean_current": mean_y,
        "sd_reference": sqrt(variance_x),
        "sd_current": sqrt(variance_y),
    }
    statistic, note = 1 / tan(pi * pvalue) if 0 < pvalue < 1 else nan, ""
    exceeds = mean_counts or ks.statistic >= smallest_ks
    if terms.direction is not None and not isnan(mean.estimate):
        sign = 1 if terms.direction == "up" else -1
        shift = smallest_mean * sqrt((variance_x + variance_y) / 2)
        error = sqrt((variance_x / x.size + variance_y / y.size) * spread.design_effect)
        statistic = (sign * (mean_y - mean_x) - shift) / error
        statistics["pvalue_no_change"] = pvalue
        pvalue = _student_tail(statistic, spread.df)
        if terms.design is not None:
            permuted = terms.design.mean_pvalues(column)[_alternative(terms.direction)]
            pvalue = max(pvalue, permuted)
        test, exceeds = f"welch_t, {_beyond(terms.direction)}", True
        note = _bad(terms.direction)
    shape = ""
    if terms.direction is None and abs(mean.estimate) < smallest_mean:
        shape = (
            f"the distribution changed (KS distance {ks.statistic:.3f} "
            f"[{distance.low:.3f}, {distance.high:.3f}]) more than its mean"
        )
    if isnan(mean.estimate):  # constant on both sides, but not the same constant
        effect = Effect("ks_distance", distance.estimate, distance.low, distance.high)
        detectable = 2 * distance.standard_error
        blind = False
        exceeds = terms.direction in (None, "up" if mean_y > mean_x else "down")
    else:
        effect = _effect("standardised_mean_difference", mean)
        detectable = _detectable(mean, terms, spread)
        detectable += smallest_mean if terms.direction is not None else 0.0
        worth = terms.minima.worth_seeing("standardised_mean_difference", column.name)
        blind = detectable > worth
    return Judged(
        _result(column, terms, test, statistic, statistics, pvalue, effect, detectable, note),
        exceeds,
        blind,
        shape,
    )


def _boolean(column: Column, terms: Terms) -> Judged:
    n_x, n_y = column.reference.n, column.current.n
    ones_x = int(np.count_nonzero(column.reference.values))
    ones_y = int(np.count_nonzero(column.current.values))
    smallest = terms.minima.of("rate_difference", column.name, primary=terms.primary)
    direction = terms.direction
    plain = rate_difference_test(ones_x, n_x, ones_y, n_y)
    spread = Spread(1.0, inf)
    pvalue, test = plain.pvalue, "chi2_contingency"
    if plain.method.startswith("Fisher"):
        test = "fisher_exact, mid-p"
    if terms.design is not None:
        spread = terms.design.mean_spread(column)
        permuted = terms.design.mean_pvalues(column)
        pvalue, test = permuted["two-sided"], "cluster permutation of the rates"
    m_x, m_y = _effective(n_x, n_y, spread, terms)
    share_x, share_y = m_x / n_x, m_y / n_y
    rate = newcombe_interval(
        ones_x * share_x, m_x, ones_y * share_y, m_y, confidence_level=terms.confidence_level
    )
    statistics = {
        "chi2": plain.statistic**2,
        "z": plain.statistic,
        "rate_reference": ones_x / n_x,
        "rate_current": ones_y / n_y,
    }
    statistic, note, detectable = plain.statistic**2, "", _detectable(rate, terms, spread)
    exceeds = abs(rate.estimate) >= smallest
    if direction is not None:
        alternative = _alternative(direction)
        bound = smallest if direction == "up" else -smallest
        shifted = rate_difference_test(
            ones_x * share_x, m_x, ones_y * share_y, m_y, difference=bound, alternative=alternative
        )
        unshifted = rate_difference_test(ones_x, n_x, ones_y, n_y, alternative=alternative).pvalue
        if terms.design is not None:
            unshifted = permuted[alternative]
        statistics["pvalue_no_change"] = pvalue
        statistic, pvalue = shifted.statistic, max(shifted.pvalue, unshifted)
        test, exceeds = f"score test of two rates, {_beyond(direction)}", True
        detectable += smallest
        note = _bad(direction)
    detectable = min(detectable, 1.0)
    blind = detectable > terms.minima.worth_seeing("rate_difference", column.name)
    effect = _effect("rate_difference", rate)
    return Judged(
        _result(column, terms, test, statistic, statistics, pvalue, effect, detectable, note),
        exceeds,
        blind,
    )


def _categorical(column: Column, terms: Terms) -> Judged:
    assert column.levels is not None
    width = len(column.levels)
    counts_x, counts_y = (
        np.bincount(side.values.astype(np.intp, copy=False), minlength=width)
        for side in (column.reference, column.current)
    )
    n_x, n_y = column.reference.n, column.current.n
    pooled = counts_x + counts_y
    rare = pooled * min(n_x, n_y) < 5 * (n_x + n_y)
    tested = contingency_chi2(counts_x, counts_y)
    test = "chi2_contingency"
    if width == 2:
        ones = rate_difference_test(counts_x[0], n_x, counts_y[0], n_y)
        if ones.method.startswith("Fisher"):
            tested, test = replace(ones, statistic=ones.statistic**2, df=1.0), "fisher_exact, mid-p"
    elif tested.df < 1 or pooled[rare].sum() > _LUMPED_AT_MOST * (n_x + n_y):
        tested, test = sparse_chi2(counts_x, counts_y), "chi2_contingency, all levels"
    pvalue, spread = tested.pvalue, Spread(1.0, inf)
    if terms.design is not None:
        groups = _groups(pooled, rare, lump=test == "chi2_contingency")
        pvalue = terms.design.count_pvalue(column, groups)
        spread = terms.design.count_spread(column, groups)
        test = "cluster permutation of chi2"
    m_x, m_y = _effective(n_x, n_y, spread, terms)
    change = total_variation(
        counts_x,
        counts_y,
        design_effect=n_x / m_x,
        confidence_level=terms.confidence_level,
    )
    detectable = detectable_total_variation(
        max(tested.df, 1.0), m_x, m_y, level=terms.level, power=POWER
    )
    statistics = {
        "chi2": tested.statistic,
        "df": tested.df,
        "levels": float(width),
        "total_variation_uncorrected": float(np.abs(counts_x / n_x - counts_y / n_y).sum()) / 2,
    }
    note = _level_note(column, counts_x, counts_y)
    smallest = terms.minima.of("total_variation", column.name, primary=terms.primary)
    blind = detectable > terms.minima.worth_seeing("total_variation", column.name)
    effect, statistic = _effect("total_variation", change), tested.statistic
    return Judged(
        _result(column, terms, test, statistic, statistics, pvalue, effect, detectable, note),
        change.estimate >= smallest,
        blind,
    )


_BY_KIND: Mapping[ColumnKind, Callable[[Column, Terms], Judged]] = {
    "numeric": _numeric,
    "boolean": _boolean,
    "categorical": _categorical,
}


def _result(
    column: Column,
    terms: Terms,
    test: str,
    statistic: float,
    statistics: Mapping[str, float],
    pvalue: float,
    effect: Effect,
    detectable: float,
    note: str,
) -> ColumnDrift:
    return ColumnDrift(
        column=column.name,
        kind=column.kind,
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
    )


def _variance(values: NDArray[np.float64]) -> float:
    """Sample variance; exactly zero for a constant."""
    return 0.0 if values[0] == values[-1] else float(values.var(ddof=1))


def _effective(n_x: int, n_y: int, spread: Spread, terms: Terms) -> tuple[float, float]:
    """Sizes of independent samples that would be as telling, few clusters allowed for."""
    from scipy.special import ndtri, stdtrit

    tail = (1 + terms.confidence_level) / 2
    inflation = spread.design_effect
    if terms.design is not None:
        inflation *= float(stdtrit(spread.df, tail) / ndtri(tail)) ** 2
    return max(n_x / inflation, 1.0 + 1e-9), max(n_y / inflation, 1.0 + 1e-9)


def _detectable(estimate: EffectEstimate, terms: Terms, spread: Spread) -> float:
    """(t_{1 - alpha/2} + t_{0.8}) x SE; the standard error already allows for few clusters."""
    from scipy.special import ndtri, stdtrit

    tail = terms.level if terms.direction is not None else terms.level / 2
    if terms.design is None and np.isfinite(spread.df):
        reach = float(stdtrit(spread.df, 1 - tail) + stdtrit(spread.df, POWER))
    else:
        reach = float(ndtri(1 - tail) + ndtri(POWER))
    return reach * estimate.standard_error


def _groups(pooled: NDArray[np.int64], rare: NDArray[np.bool_], *, lump: bool) -> NDArray[np.intp]:
    """A column number for each level: its own, or the last one for all lumped levels."""
    kept = ~rare if lump else np.ones(pooled.size, dtype=np.bool_)
    if np.count_nonzero(kept) > _MAX_LEVELS:
        order = np.argsort(np.where(kept, -pooled, 1), kind="stable")
        kept = np.zeros(pooled.size, dtype=np.bool_)
        kept[order[:_MAX_LEVELS]] = True
    groups = np.full(pooled.size, np.count_nonzero(kept), dtype=np.intp)
    groups[kept] = np.arange(np.count_nonzero(kept))
    return groups


def _effect(name: str, estimate: EffectEstimate) -> Effect:
    return Effect(name, estimate.estimate, estimate.low, estimate.high)


def _student_tail(statistic: float, df: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(df, -statistic))


def _alternative(direction: Direction) -> Alternative:
    return "greater" if direction == "up" else "less"


def _beyond(direction: Direction) -> str:
    return f"{_alternative(direction)} than the minimum effect"


def _bad(direction: Direction) -> str:
    return "up is bad" if direction == "up" else "down is bad"


def _level_note(column: Column, counts_x: NDArray[np.int64], counts_y: NDArray[np.int64]) -> str:
    """The most frequent levels that one side does not have."""
    parts = []
    for own, other, label in ((counts_y, counts_x, "new"), (counts_x, counts_y, "vanished")):
        found = np.flatnonzero((own > 0) & (other == 0))
        if found.size == 0:
            continue
        first = found[np.argsort(-own[found], kind="stable")][:_NAMED_LEVELS]
        assert column.levels is not None
        names = [f"{column.levels[int(i)].as_py()[:40]!r} ({own[i]:,})" for i in first]
        more = f" and {found.size - first.size:,} more" if found.size > first.size else ""
        parts.append(f"{label} levels: {', '.join(names)}{more}")
    return "; ".join(parts)
