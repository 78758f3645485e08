"""A comparison and a verdict on the terminal: the answer first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...compare.flipped import FlippedCase, flipped_cases
from ...words import count
from ..slices import checks_worth_seeing, slices_worth_seeing
from ..wording import (
    claim_estimate,
    claim_line,
    claim_span,
    graded,
    points,
    pvalue,
    rate,
    rate_span,
    size,
    span,
    stated_pvalue,
    told,
    worst_first,
)
from .page import NARROW, columns, cut, facts, heading, headline, page, text, word

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from ...compare.result import Comparison
    from ...gate.result import Verdict

SHOWN_FLIPS = 8
SHOWN_SLICES = 8
SHOWN_CHECKS = 8


def render_comparison(comparison: Comparison, *, color: bool = False, width: int = 100) -> str:
    """A comparison as text for a terminal of `width` columns."""
    parts = [
        headline(comparison.conclusion, comparison.sentence),
        *_comparison_body(comparison, width),
    ]
    return page(parts, color=color, width=width)


def render_verdict(verdict: Verdict, *, color: bool = False, width: int = 100) -> str:
    """A verdict as text: its line, the claims, then the comparison it rests on."""
    parts: list[RenderableType] = [headline(verdict.verdict, verdict.sentence)]
    parts += _claims(verdict, width)
    parts.append(text(f"\npolicy: {verdict.policy.description}", "dim"))
    comparison = verdict.comparison
    parts += [heading("Comparison"), headline(comparison.conclusion, comparison.sentence)]
    return page([*parts, *_comparison_body(comparison, width)], color=color, width=width)


def render_verdicts(verdicts: Sequence[Verdict], *, color: bool = False, width: int = 100) -> str:
    """Several verdicts as text, one line each: what changed, the verdict, the numbers."""
    rows = []
    for verdict in verdicts:
        comparison, scores = verdict.comparison, graded(verdict.comparison)
        old, new, flips = comparison.baseline, comparison.candidate, comparison.flip_ids
        rows.append(
            (
                word(verdict.verdict),
                f"{comparison.old.name} -> {comparison.new.name}",
                rate(old.pass_rate if old else None, graded=scores),
                rate(new.pass_rate if new else None, graded=scores),
                f"{len(flips.broke):,} / {len(flips.fixed):,}",
                told(verdict.verdict, verdict.sentence),
            )
        )
    table = columns(
        [
            "",
            "change",
            ("before", "right"),
            ("after", "right"),
            ("broke / fixed", "right"),
            "why",
        ],
        rows,
    )
    return page([table], color=color, width=width)


def _claims(verdict: Verdict, width: int) -> Iterator[RenderableType]:
    """The claims that do not hold, each with its reason; then a line for each that holds."""
    scores = graded(verdict.comparison)
    not_holding: list[tuple[str | Text, ...]] = []
    holding: list[tuple[str | Text, ...]] = []
    for claim in worst_first(verdict.claims):
        seen = f"{claim_estimate(claim, graded=scores)} {claim_span(claim, graded=scores)}".strip()
        line = claim_line(claim, graded=scores)
        if claim.verdict == "pass":
            seen += f", {line}" if line else ""
            holding.append((word(claim.verdict), claim.name, seen))
        elif width < NARROW:
            not_holding.append((word(claim.verdict), claim.name, claim.reason))
        else:
            seen += f"\nmust be {line}" if line else ""
            not_holding.append((word(claim.verdict), claim.name, seen, claim.reason))
    if not_holding:
        yield heading("Claims that do not hold")
        heads = ["", "claim", "why"] if width < NARROW else ["", "claim", "seen", "why"]
        yield columns(heads, not_holding)
    if holding:
        yield heading("Claims that hold")
        yield columns(["", "claim", "seen"], holding)


def _comparison_body(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    if comparison.problems:
        yield heading("Not comparable")
        for problem in comparison.problems:
            yield text(f"  {problem}")
    yield text("")
    yield _numbers(comparison)
    yield from _findings(comparison)
    yield from _flips(comparison, width)
    yield from _checks(comparison)
    yield from _slices(comparison)


def _numbers(comparison: Comparison) -> RenderableType:
    scores = graded(comparison)
    pairs: list[tuple[str, str]] = []
    sides = (
        ("baseline", comparison.baseline, comparison.old.name),
        ("candidate", comparison.candidate, comparison.new.name),
    )
    for title, side, name in sides:
        if side is not None:
            interval = rate_span(side.low, side.high, graded=scores)
            pairs.append((title, f"{rate(side.pass_rate, graded=scores)} {interval}  {name}"))
    difference = comparison.difference
    if difference is not None:
        low, high = difference.confidence_interval()
        exact = difference.pvalue_exact
        also = "" if exact is None else f", exact {pvalue(exact)}"
        pairs.append(
            (
                "difference",
                f"{points(difference.estimate, graded=scores)} {span(low, high, graded=scores)}  "
                f"{stated_pvalue(difference.pvalue)}{also}",
            )
        )
    test = comparison.non_inferiority
    if test is not None:
        holds = "holds" if test.holds else "not shown"
        margin = points(test.margin, graded=scores).lstrip("+")
        pairs.append(
            (
                "not worse",
                f"{holds}: loss below {margin}, lower bound "
                f"{points(test.lower_bound, graded=scores)}, {stated_pvalue(test.pvalue)}",
            )
        )
    if comparison.minimum_detectable_effect is not None:
        effect = points(comparison.minimum_detectable_effect, graded=scores).lstrip("+")
        pairs.append(("detectable", f"{effect} with 80% power"))
    pairs.append(("compared", size(comparison)))
    if difference is not None:
        pairs.append(("method", f"{difference.method}, {comparison.confidence_level:.0%} level"))
    return facts(pairs)


def _findings(comparison: Comparison) -> Iterator[RenderableType]:
    if not comparison.findings:
        return
    yield heading("Findings")
    yield columns(
        ["", "finding", "what was seen"],
        [
            (word(finding.severity), finding.code, finding.message)
            for finding in comparison.findings
        ],
    )


def _flips(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    cases = flipped_cases(comparison, limit=SHOWN_FLIPS)
    flips = comparison.flip_ids
    for title, broke, ids in (("Broke", True, flips.broke), ("Fixed", False, flips.fixed)):
        if not ids:
            continue
        shown = [case for case in cases if case.broke == broke]
        more = len(ids) - len(shown)
        yield heading(title, f"{count(len(ids), 'case')}, {more:,} not shown here" if more else
                      count(len(ids), "case"))  # fmt: skip
        yield _flip_table(shown, width)


def _flip_table(cases: Sequence[FlippedCase], width: int) -> RenderableType:
    room = width // 3
    told: list[tuple[str, list[Text]]] = [
        ("case", [cut(case.case_id, room) for case in cases]),
        ("passes", [text(_passes(case)) for case in cases]),
        ("expected", [cut(case.expected or "", 20) for case in cases]),
        ("why it failed", [cut(case.reason, room) for case in cases]),
        ("the failing output", [cut(case.failing.text, room) for case in cases]),
    ]
    if width < NARROW:
        told = [told[0], told[1], told[3]]
    told = [(head, cells) for head, cells in told if any(cell.plain for cell in cells)]
    return columns([head for head, _ in told], zip(*(cells for _, cells in told), strict=True))


def _passes(case: FlippedCase) -> str:
    return f"{case.old.n_passed}/{case.old.n_trials} -> {case.new.n_passed}/{case.new.n_trials}"


def _checks(comparison: Comparison) -> Iterator[RenderableType]:
    checks = checks_worth_seeing(comparison)
    if not checks:
        return
    scores, hidden = graded(comparison), len(comparison.checks) - len(checks[:SHOWN_CHECKS])
    yield heading("Checks", f"{hidden:,} more not shown here" if hidden else "")
    rows = []
    for check in checks[:SHOWN_CHECKS]:
        low, high = check.difference.confidence_interval()
        rows.append(
            (
                check.check,
                points(check.difference.estimate, graded=scores),
                span(low, high, graded=scores),
                pvalue(check.difference.pvalue),
                f"{len(check.flips.broke):,} / {len(check.flips.fixed):,}",
                word(check.conclusion),
            )
        )
    yield columns(
        [
            "check",
            ("difference", "right"),
            "interval",
            ("p", "right"),
            ("broke / fixed", "right"),
            "conclusion",
        ],
        rows,
        flexible=0,
    )


def _slices(comparison: Comparison) -> Iterator[RenderableType]:
    slices = slices_worth_seeing(comparison, SHOWN_SLICES)
    if not slices:
        return
    scores = graded(comparison)
    hidden = len(comparison.slices) - len(slices)
    yield heading("Slices", f"{hidden:,} more not shown here" if hidden else "")
    yield columns(
        [
            "slice",
            ("cases", "right"),
            ("difference", "right"),
            "interval",
            ("adjusted p", "right"),
            "conclusion",
        ],
        [
            (
                f"{item.by}: {item.value}",
                f"{item.n_cases:,}",
                points(item.difference, graded=scores),
                span(item.low, item.high, graded=scores),
                pvalue(item.pvalue_adjusted),
                word(item.conclusion),
            )
            for item in slices
        ],
        flexible=0,
    )
