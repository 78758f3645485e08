"""The rows of a page's tables that carry a forest plot, and the scale that each group shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..slices import checks_worth_seeing, slices_worth_seeing
from ..wording import (
    claim_estimate,
    claim_line,
    claim_span,
    graded,
    name,
    points,
    pvalue,
    span,
    worst_first,
)
from .forest import Interval, Scale, make_scale

if TYPE_CHECKING:
    from ...compare.result import Comparison
    from ...gate.result import ClaimResult, Verdict

MAX_SLICES, MAX_CHECKS = 30, 16


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, its mark on the plot, its numbers as text; cells it lacks are empty."""

    name: str
    word: str  # verdict or conclusion, which gives the colour
    interval: Interval
    estimate: str
    span: str
    pvalue: str = ""
    by: str = ""
    n_cases: str = ""
    broke: str = ""
    fixed: str = ""
    line: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that share a unit; without a scale they have no plot. `hidden` rows are not here."""

    title: str
    rows: Sequence[Row]
    scale: Scale | None
    hidden: int = 0


def check_group(comparison: Comparison) -> Group:
    """The checks on which a case flipped, the largest differences first."""
    scores, moved = graded(comparison), checks_worth_seeing(comparison)[:MAX_CHECKS]
    rows = []
    for check in moved:
        estimate = check.difference.estimate
        low, high = check.difference.confidence_interval()
        rows.append(
            Row(
                check.check,
                check.conclusion,
                _difference(check.check, estimate, low, high, scores),
                points(estimate, graded=scores, unit=False),
                span(low, high, graded=scores),
                pvalue(check.difference.pvalue),
                broke=f"{len(check.flips.broke):,}",
                fixed=f"{len(check.flips.fixed):,}",
            )
        )
    hidden = len(comparison.checks) - len(moved)
    return _group("Checks", rows, _difference_label(scores), hidden=hidden)


def slice_group(comparison: Comparison) -> Group:
    """The slices worth seeing."""
    scores = graded(comparison)
    shown = slices_worth_seeing(comparison, MAX_SLICES)
    rows = [
        Row(
            name(item.value) if item.by == "class" else item.value,
            item.conclusion,
            _difference(f"{item.by} {item.value}", item.difference, item.low, item.high, scores),
            points(item.difference, graded=scores, unit=False),
            span(item.low, item.high, graded=scores),
            pvalue(item.pvalue_adjusted),
            by=item.by,
            n_cases=f"{item.n_cases:,}",
        )
        for item in shown
    ]
    hidden = len(comparison.slices) - len(shown)
    return _group("Slices", rows, _difference_label(scores), hidden=hidden)


_CLAIM_TITLES: Mapping[str, str] = {
    "non_inferior": "Difference, in points",
    "failure_rate_below": "Failure rate, in percent",
    "metric": "Latency, cost, tokens, score",
    "max_failures": "Failures, counted",
}


def claim_groups(verdict: Verdict) -> list[Group]:
    """The claims in groups that share a unit, the failing ones first in each."""
    scores = graded(verdict.comparison)
    groups: dict[str, list[ClaimResult]] = {}
    for claim in worst_first(verdict.claims):
        groups.setdefault(claim.rule, []).append(claim)
    return [_claim_group(rule, claims, scores) for rule, claims in groups.items()]


def _claim_group(rule: str, claims: Sequence[ClaimResult], scores: bool) -> Group:
    rows = []
    for claim in claims:
        estimate, ends = claim_estimate(claim, graded=scores), claim_span(claim, graded=scores)
        told = f"{claim.name}: {estimate} {ends}"
        rows.append(
            Row(
                claim.name,
                claim.verdict,
                Interval(claim.estimate, claim.low, claim.high, claim.threshold, told),
                estimate,
                ends,
                line=claim_line(claim, graded=scores),
                note=claim.reason,
            )
        )
    title = "Difference" if rule == "non_inferior" and scores else _CLAIM_TITLES.get(rule, "")
    if rule == "non_inferior":
        return _group(title, rows, _difference_label(scores))
    if rule == "failure_rate_below":
        return _group(title, rows, lambda value: f"{100 * value:.3g}")
    return Group(title, rows, None)


def _group(
    title: str, rows: Sequence[Row], label: Callable[[float], str], *, hidden: int = 0
) -> Group:
    return Group(title, rows, make_scale([row.interval for row in rows], label), hidden)


def _difference(what: str, estimate: float, low: float, high: float, scores: bool) -> Interval:
    told = f"{what}: {points(estimate, graded=scores)} {span(low, high, graded=scores)}"
    return Interval(estimate, low, high, label=told)


def _difference_label(scores: bool) -> Callable[[float], str]:
    def label(value: float) -> str:
        if abs(value) < 1e-9:
            return "0"
        return f"{value:+.2g}" if scores else f"{100 * value:+.3g}"

    return label
