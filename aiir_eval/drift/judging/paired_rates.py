"""Did a rate change, the same cases being on both sides?"""

from __future__ import annotations

from math import sqrt

from ...stats.drift_effects import EffectEstimate
from ...stats.paired import PairedDifference
from ...stats.score_interval import score
from ..declared import Direction
from ..facts import RateFacts
from .terms import POWER, Judged, Terms, beyond, column_drift, named_effect, which_is_bad


def judge_paired_rate(facts: RateFacts, paired: PairedDifference, terms: Terms) -> Judged:
    """McNemar's test and Tango's score interval, or their clustered forms."""
    smallest = terms.minima.of("rate_difference", facts.name, primary=terms.primary)
    low, high = paired.confidence_interval(terms.confidence_level)
    rate = EffectEstimate(paired.estimate, low, high, _null_error(paired))
    (ones_x, ones_y), (n_x, n_y) = facts.ones, facts.n
    statistics = {
        "rate_reference": ones_x / n_x,
        "rate_current": ones_y / n_y,
        "ones_lost": float(paired.broke),
        "ones_gained": float(paired.fixed),
    }
    discordant = paired.broke + paired.fixed
    statistic = (paired.fixed - paired.broke) / sqrt(discordant) if discordant else 0.0
    test, pvalue, note = paired.method.split("; ")[-1], paired.pvalue, ""
    exceeds, direction = abs(rate.estimate) >= smallest, terms.direction
    detectable = _reach(paired, terms) * rate.standard_error
    if direction is not None:
        statistics["pvalue_no_change"] = pvalue
        statistic, beyond_smallest = _shifted(paired, smallest, direction)
        towards = rate.estimate > 0 if direction == "up" else rate.estimate < 0
        one_sided = pvalue / 2 if towards else 1 - pvalue / 2
        pvalue = max(beyond_smallest, one_sided)
        test, exceeds = f"score test of paired rates, {beyond(direction)}", True
        detectable += smallest
        note = which_is_bad(direction)
    detectable = min(detectable, 1.0)
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
    )
    blind = detectable > terms.minima.worth_seeing("rate_difference", facts.name)
    return Judged(result, exceeds, blind, may_exceed=exceeds)


def _shifted(
    paired: PairedDifference, smallest: float, direction: Direction
) -> tuple[float, float]:
    """Score statistic and one-sided p-value of a change that is no worse than `smallest`."""
    from scipy.special import stdtr

    loss, gain = paired.p_loss, paired.p_gain
    if direction == "up":
        loss, gain = gain, loss
    statistic = score(loss, gain, -smallest, paired.unseen) * sqrt(paired.n_effective)
    return statistic, float(stdtr(paired.score_df, statistic))


def _null_error(paired: PairedDifference) -> float:
    """Standard error of the difference were there none; never zero."""
    pairs = paired.n_effective
    discordant = max(paired.p_loss + paired.p_gain, 1 / (pairs + 2))
    return sqrt(discordant / pairs)


def _reach(paired: PairedDifference, terms: Terms) -> float:
    """t_{1 - alpha/2} + t_{0.8}."""
    from scipy.special import stdtrit

    tail = terms.level if terms.direction is not None else terms.level / 2
    return float(stdtrit(paired.score_df, 1 - tail) + stdtrit(paired.score_df, POWER))
