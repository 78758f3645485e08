"""Did this column change, and by how much? Facts in, whichever engine found them, judgement out."""

from __future__ import annotations

from dataclasses import replace

from ..facts import Facts, LevelFacts, NumericFacts, RateFacts
from .adjusting import adjusted, undecided
from .levels import judge_levels
from .numeric import judge_numeric
from .paired_rates import judge_paired_rate
from .rates import judge_rate
from .terms import Judged, Terms
from .tested import judge_tested

__all__ = ["Judged", "Terms", "adjusted", "judge", "undecided"]


def judge(facts: Facts, terms: Terms) -> Judged:
    """Test one column and estimate its effect.

    Where the facts are known within bounds only, the p-value of the result is the largest that
    they allow, and `Judged` has the smallest beside it.
    """
    if isinstance(facts, NumericFacts):
        judged = judge_numeric(facts, terms)
    elif isinstance(facts, RateFacts) and facts.paired is not None:
        judged = judge_paired_rate(facts, facts.paired, terms)
    elif isinstance(facts, RateFacts):
        judged = judge_rate(facts, terms)
    elif isinstance(facts, LevelFacts):
        judged = judge_levels(facts, terms)
    else:
        judged = judge_tested(facts, terms)
    note = "; ".join(part for part in (judged.result.note, facts.note, str(facts.missing)) if part)
    return replace(judged, result=replace(judged.result, note=note))
