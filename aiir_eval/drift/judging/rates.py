"""Did a rate change?"""

from __future__ import annotations

from math import inf

import numpy as np

from ...stats.drift_effects import detectable_rate_difference, newcombe_interval
from ...stats.drift_tests import rate_difference_test
from ..facts import Counts, RateFacts
from .describing import bars_of_rate, further_sizes
from .terms import (
    Judged,
    Terms,
    alternative_of,
    beyond,
    column_drift,
    effective_sizes,
    named_effect,
    quantiles,
    spread_of,
    which_is_bad,
)


def judge_rate(facts: RateFacts, terms: Terms) -> Judged:
    """Chi-square of the 2 x 2 table, Fisher's mid-p where counts are small."""
    (ones_x, ones_y), (n_x, n_y) = facts.ones, facts.n
    smallest = terms.minima.of("rate_difference", facts.name, primary=terms.primary)
    direction, clustered = terms.direction, facts.clustered
    plain = rate_difference_test(ones_x, n_x, ones_y, n_y)
    pvalue, test = plain.pvalue, "chi2_contingency"
    if plain.method.startswith("Fisher"):
        test = "fisher_exact, mid-p"
    if clustered is not None:
        pvalue, test = clustered.pvalues["two-sided"], f"{clustered.by} of the rates"
    m_x, m_y = effective_sizes(n_x, n_y, clustered, terms)
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
    statistic, note = plain.statistic**2, ""
    detectable = _detectable(facts, terms)
    exceeds = abs(rate.estimate) >= smallest
    if direction is not None:
        alternative = alternative_of(direction)
        bound = smallest if direction == "up" else -smallest
        shifted = rate_difference_test(
            ones_x * share_x, m_x, ones_y * share_y, m_y, difference=bound, alternative=alternative
        )
        unshifted = rate_difference_test(ones_x, n_x, ones_y, n_y, alternative=alternative).pvalue
        if clustered is not None:
            unshifted = clustered.pvalues[alternative]
        statistics["pvalue_no_change"] = pvalue
        statistic, pvalue = shifted.statistic, max(shifted.pvalue, unshifted)
        test, exceeds = f"score test of two rates, {beyond(direction)}", True
        note = which_is_bad(direction)
    result = column_drift(
        facts,
        terms,
        test=test,
        statistic=statistic,
        statistics=statistics,
        pvalue=pvalue,
        effect=named_effect("rate_difference", rate),
        detectable=detectable,
        note=note,
        effects=further_sizes(*_counts(facts), n_x / m_x, terms),
        distribution=bars_of_rate(facts),
    )
    blind = detectable > terms.minima.worth_seeing("rate_difference", facts.name)
    return Judged(result, exceeds, blind, may_exceed=exceeds)


def _counts(facts: RateFacts) -> tuple[Counts, Counts]:
    """How often false and true occur on each side."""
    (ones_x, ones_y), (n_x, n_y) = facts.ones, facts.n
    return np.array([n_x - ones_x, ones_x]), np.array([n_y - ones_y, ones_y])


def _detectable(facts: RateFacts, terms: Terms) -> float:
    """In the bad direction; where there is none, in that which is harder to see."""
    inflation = spread_of(facts.clustered).design_effect
    n_x, n_y = (n / inflation for n in facts.n)
    critical, reach = quantiles(terms, facts.clustered)
    if critical == inf:
        return 1.0
    rate = sum(facts.ones) / sum(facts.n)
    upwards = rate < 0.5 if terms.direction is None else terms.direction == "up"
    size = detectable_rate_difference(
        rate, n_x, n_y, critical=critical, reach=reach, upwards=upwards
    )
    if terms.direction is not None:
        size += terms.minima.of("rate_difference", facts.name, primary=terms.primary)
    return min(size, 1.0)
