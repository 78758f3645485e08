"""Does a test that was made elsewhere (a classifier, a kernel test) amount to a change?"""

from __future__ import annotations

from ..facts import TestedFacts
from .terms import Judged, Terms, column_drift


def judge_tested(facts: TestedFacts, terms: Terms) -> Judged:
    """The test as it was made, its effect against its minimum."""
    result = column_drift(
        facts,
        terms,
        test=facts.test,
        statistic=facts.statistic,
        statistics=facts.statistics,
        pvalue=facts.pvalue,
        effect=facts.effect,
        detectable=facts.minimum_detectable_effect,
        effects=facts.effects,
    )
    exceeds = abs(facts.effect.estimate) >= facts.smallest
    blind = facts.minimum_detectable_effect > facts.worth_seeing
    return Judged(result, exceeds, blind, may_exceed=exceeds)
