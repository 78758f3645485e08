"""Which findings are reported? Those without a test as they are, those with one after BH."""

from __future__ import annotations

from dataclasses import replace
from math import nan

from ..result import Finding
from . import bias, certainty, evaluator, format_, judges, measures, records, refusals
from .seen import Candidate, Seen

FAMILIES = (
    evaluator.find,
    records.find,
    format_.find,
    judges.find,
    bias.find,
    refusals.find,
    measures.find,
    certainty.find,
)
_ORDER = {"error": 0, "warning": 1, "info": 2}


def notice(seen: Seen) -> list[Finding]:
    """All findings, the gravest first. Their tests are adjusted together (Benjamini-Hochberg)."""
    from ...stats import benjamini_hochberg

    candidates = [candidate for find in FAMILIES for candidate in find(seen)]
    # NaN marks what rests on no test: it is not counted, and stays NaN.
    pvalues = [nan if item.pvalue is None else item.pvalue for item in candidates]
    adjusted = benjamini_hochberg(pvalues).tolist()
    found = [
        _reported(item, pvalue)
        for item, pvalue in zip(candidates, adjusted, strict=True)
        if item.large_enough and not pvalue > seen.alpha
    ]
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def _reported(candidate: Candidate, adjusted: float) -> Finding:
    if candidate.pvalue is None:
        return candidate.finding
    tests = {"pvalue": candidate.pvalue, "pvalue_adjusted": adjusted}
    return replace(candidate.finding, evidence={**candidate.finding.evidence, **tests})
