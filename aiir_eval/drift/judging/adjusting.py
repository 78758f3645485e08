"""Which columns have drifted once all are looked at, and where can bounds not decide that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from .terms import Judged


def adjusted(judged: Sequence[Judged], alpha: float) -> list[Judged]:
    """Adjust over the columns (Benjamini-Hochberg) and over the primaries (Holm)."""
    pvalues = _adjusted_pvalues(judged, [item.result.pvalue for item in judged])
    results = []
    for item, pvalue in zip(judged, pvalues, strict=True):
        drifted = pvalue <= alpha and item.exceeds
        notes = (item.note_if_drifted if drifted else "", item.result.note)
        note = "; ".join(text for text in notes if text)
        result = replace(item.result, pvalue_adjusted=pvalue, drifted=drifted, note=note)
        results.append(replace(item, result=result))
    return results


def undecided(judged: Sequence[Judged], alpha: float) -> list[str]:
    """The columns that the bounds of their facts let be drifted or not: these must be refined.

    Both adjustments are monotone, so all p-values at their largest and all at their smallest are
    the two ends. A column whose facts are exact is never named: refining others settles it.
    """
    ends = [
        [item.result.pvalue for item in judged],
        [
            item.result.pvalue if isnan(item.pvalue_at_least) else item.pvalue_at_least
            for item in judged
        ],
    ]
    largest, smallest = (_adjusted_pvalues(judged, pvalues) for pvalues in ends)
    names = []
    hangs_on_others = False
    for item, most, least in zip(judged, largest, smallest, strict=True):
        surely = most <= alpha and item.exceeds
        possibly = least <= alpha and (item.exceeds or item.may_exceed)
        if surely != possibly and _is_open(item):
            names.append(item.result.column)
        hangs_on_others |= surely != possibly and not _is_open(item)
    if hangs_on_others and not names:
        return [item.result.column for item in judged if _is_open(item)]
    return names


def _is_open(item: Judged) -> bool:
    """Whether bounds leave the p-value, or whether the effect counts, open."""
    return not isnan(item.pvalue_at_least) or (item.may_exceed and not item.exceeds)


def _adjusted_pvalues(judged: Sequence[Judged], pvalues: Sequence[float]) -> list[float]:
    from ...stats import benjamini_hochberg, holm

    found = [1.0] * len(judged)
    for primary, adjust in ((True, holm), (False, benjamini_hochberg)):
        family = [i for i, item in enumerate(judged) if item.result.primary is primary]
        for i, pvalue in zip(family, adjust([pvalues[i] for i in family]), strict=True):
            found[i] = float(pvalue)
    return found
