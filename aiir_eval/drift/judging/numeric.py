"""Did a column of numbers change, in its mean or in its shape?"""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, isnan, ldexp, nan, pi, sqrt, tan

from ...stats.drift_effects import ks_distance_interval, standardised_mean_difference
from ...stats.drift_tests import cauchy_combination, ks_pvalue, welch_of_moments
from ...stats.ks_ties import tied_ks_pvalue
from ...stats.two_sample import TestResult
from ..facts import NumericFacts
from ..result import Effect
from .describing import further_sizes
from .terms import (
    Judged,
    Terms,
    alternative_of,
    beyond,
    column_drift,
    detectable_effect,
    effective_sizes,
    named_effect,
    spread_of,
    which_is_bad,
)


def judge_numeric(facts: NumericFacts, terms: Terms) -> Judged:
    """Welch's t and Kolmogorov-Smirnov, combined, or the one test that was asked for."""
    old, new = facts.reference, facts.current
    # no test or effect hangs on the unit; in this one no square overflows or vanishes
    power = -frexp(max(old.sd, new.sd))[1]
    means = ldexp(old.mean, power), ldexp(new.mean, power)
    variances = ldexp(old.sd, power) ** 2, ldexp(new.sd, power) ** 2
    gap = means[1] - means[0]
    welch = welch_of_moments(new.n, means[1], variances[1], old.n, means[0], variances[0])
    tests = _tests(facts, terms, welch)
    test, statistic = tests.chosen.test, tests.chosen.statistic
    pvalue, pvalue_at_least = tests.chosen.pvalue, tests.chosen.pvalue_at_least
    spread = spread_of(facts.clustered, welch.df)
    n_x, n_y = effective_sizes(old.n, new.n, facts.clustered, terms)
    confidence, minima = terms.confidence_level, terms.minima
    mean = standardised_mean_difference(gap, *variances, n_x, n_y, confidence_level=confidence)
    k_x, k_y = effective_sizes(old.n, new.n, facts.clustered, terms, shape=True)
    low = ks_distance_interval(facts.ks.low, k_x, k_y, confidence_level=confidence)
    high = ks_distance_interval(facts.ks.high, k_x, k_y, confidence_level=confidence)
    smallest = minima.of("standardised_mean_difference", facts.name, primary=terms.primary)
    smallest_ks = minima.of("ks_distance", facts.name, primary=terms.primary)
    mean_counts = abs(mean.estimate) >= smallest
    statistics = {
        "welch_t": welch.statistic,
        "welch_t_pvalue": tests.mean,
        "ks": facts.ks.low,
        "ks_pvalue": tests.ks,
        "ks_pvalue_ties": tests.ks_ties,
        "ks_low": low.low,
        "ks_high": high.high,
        "mean_reference": old.mean,
        "mean_current": new.mean,
        "sd_reference": old.sd,
        "sd_current": new.sd,
    }
    if not facts.ks.exact:
        statistics["ks_at_most"] = facts.ks.high
    for name, tested in facts.tests.items():
        statistics[name] = tested.statistic
        statistics[f"{name}_pvalue"] = tested.pvalue
    note = ""
    exceeds = mean_counts or facts.ks.low >= smallest_ks
    may_exceed = mean_counts or facts.ks.high >= smallest_ks
    if terms.direction is not None and not isnan(mean.estimate):
        sign = 1 if terms.direction == "up" else -1
        shift = smallest * sqrt(sum(variances) / 2)
        error = sqrt((variances[0] / old.n + variances[1] / new.n) * spread.design_effect)
        statistic = (sign * gap - shift) / error
        statistics["pvalue_no_change"] = pvalue
        pvalue, pvalue_at_least = _student_tail(statistic, spread.df), nan
        if facts.clustered is not None:
            pvalue = max(pvalue, facts.clustered.pvalues[alternative_of(terms.direction)])
        test, exceeds = f"welch_t, {beyond(terms.direction)}", True
        note = which_is_bad(terms.direction)
    shape = ""
    if terms.direction is None and abs(mean.estimate) < smallest:
        shape = (
            f"the distribution changed (KS distance {facts.ks.low:.3f} "
            f"[{low.low:.3f}, {high.high:.3f}]) more than its mean"
        )
    if isnan(mean.estimate):  # constant on both sides, but not the same constant
        effect = Effect("ks_distance", low.estimate, low.low, high.high)
        detectable, blind = 2 * low.standard_error, False
        exceeds = terms.direction in (None, "up" if new.mean > old.mean else "down")
    else:
        effect = named_effect("standardised_mean_difference", mean)
        detectable = detectable_effect(mean, terms, clustered=facts.clustered, df=spread.df)
        detectable += smallest if terms.direction is not None else 0.0
        blind = detectable > minima.worth_seeing("standardised_mean_difference", facts.name)
    effects: tuple[Effect, ...] = ()
    if effect.name != "ks_distance":
        effects = (Effect("ks_distance", low.estimate, low.low, high.high),)
    if facts.bins is not None:
        effects += further_sizes(*facts.bins, old.n / n_x, terms)
    result = column_drift(
        facts,
        terms,
        test=test,
        statistic=statistic,
        statistics=statistics,
        pvalue=pvalue,
        effect=effect,
        detectable=detectable,
        note=note,
        effects=effects,
        distribution=facts.distribution,
    )
    return Judged(result, exceeds, blind, shape, pvalue_at_least, may_exceed)


@dataclass(frozen=True, slots=True)
class _Chosen:
    test: str
    statistic: float
    pvalue: float
    pvalue_at_least: float = nan


@dataclass(frozen=True, slots=True)
class _Tests:
    """P-values of both tests, the largest where the distance is a bound, and the chosen one."""

    mean: float
    ks: float
    ks_ties: float  # given the ties of both sides, what `chosen` combines
    chosen: _Chosen


def _tests(facts: NumericFacts, terms: Terms, welch: TestResult) -> _Tests:
    wanted, n_x, n_y = terms.numeric_test, facts.reference.n, facts.current.n
    if facts.clustered is not None:
        known = facts.clustered.pvalues
        mean, ks, combined, ks_at_least = known["two-sided"], known["ks"], known["combined"], nan
        by = f"{facts.clustered.by} of "
    else:
        mean, ks, by = welch.pvalue, ks_pvalue(facts.ks.low, n_x, n_y), ""
        tied = ks
        if wanted == "auto" and facts.steps is not None and facts.ks.exact:
            tied = tied_ks_pvalue(facts.ks.low, n_x, n_y, facts.steps)
        combined = float(cauchy_combination([mean, tied]))
        ks_at_least = nan if facts.ks.exact else ks_pvalue(facts.ks.high, n_x, n_y)
    if wanted == "auto":
        least = nan if isnan(ks_at_least) else float(cauchy_combination([mean, ks_at_least]))
        name = f"{by}cauchy(mean, ks)" if by else "cauchy(welch_t, ks)"
        statistic = 1 / tan(pi * combined) if 0 < combined < 1 else nan
        chosen = _Chosen(name, statistic, combined, least)
    elif wanted == "ks":
        chosen = _Chosen(f"{by}ks", facts.ks.low, ks, ks_at_least)
    elif wanted == "welch":
        chosen = _Chosen(f"{by}mean" if by else "welch_t", welch.statistic, mean)
    else:
        result = facts.tests[wanted]
        chosen = _Chosen(wanted, result.statistic, result.pvalue)
    return _Tests(mean, ks, tied if by == "" else ks, chosen)


def _student_tail(statistic: float, df: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(df, -statistic))
