"""A comparison and a verdict as markdown: the answer, claims, findings, flipped cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...compare.flipped import Draw, FlippedCase, flipped_cases
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
    worst_first,
)
from .page import MAX_BYTES, Page, answer, marked
from .text import code, plain, said

if TYPE_CHECKING:
    from ...compare.result import Comparison
    from ...gate.result import Verdict

MAX_CLAIMS = 60  # the worst; a policy by incident may have thousands
MAX_FLIPS = 40  # of each direction
MAX_OUTPUT = 1_200
MAX_SLICES = 15


def comparison_markdown(comparison: Comparison, *, max_bytes: int = MAX_BYTES) -> str:
    """A comparison as markdown of at most `max_bytes` bytes."""
    page = Page(max_bytes)
    page.add(answer(comparison.conclusion, comparison.sentence))
    _compared(page, comparison)
    return str(page)


def verdict_markdown(verdict: Verdict, *, max_bytes: int = MAX_BYTES) -> str:
    """A verdict as markdown: its line, the claims, then the comparison."""
    page = Page(max_bytes)
    page.add(answer(verdict.verdict, verdict.sentence))
    scores = graded(verdict.comparison)
    rows = [
        [
            marked(claim.verdict),
            plain(claim.name, 80),
            f"{claim_estimate(claim, graded=scores)} {claim_span(claim, graded=scores)}".strip(),
            claim_line(claim, graded=scores),
            plain(claim.reason, 300),
        ]
        for claim in worst_first(verdict.claims)[:MAX_CLAIMS]
    ]
    heads = ["verdict", "claim", "estimate", "must be", "why"]
    page.table("Claims", heads, rows, total=len(verdict.claims))
    page.add(f"Policy: {plain(verdict.policy.description)}")
    comparison = verdict.comparison
    page.add(f"### Comparison\n\n{answer(comparison.conclusion, comparison.sentence)}")
    _compared(page, comparison)
    return str(page)


def _compared(page: Page, comparison: Comparison) -> None:
    if comparison.problems:
        problems = "\n".join(f"- {plain(problem, 400)}" for problem in comparison.problems[:50])
        page.add(f"**Not comparable:**\n\n{problems}")
    page.table("", ["", "", ""], _numbers(comparison))
    page.table(
        "Findings",
        ["", "finding", "what was seen"],
        [
            [marked(finding.severity), code(finding.code), plain(finding.message, 600)]
            for finding in comparison.findings
        ],
    )
    scores = graded(comparison)
    heads = ["check", "difference", "broke", "fixed", "conclusion"]
    page.table("Checks", heads, list(_check_rows(comparison)))
    page.table(
        "Slices",
        ["slice", "cases", "difference", "adjusted p", "conclusion"],
        [
            [
                plain(f"{item.by}: {item.value}", 80),
                f"{item.n_cases:,}",
                f"{points(item.difference, graded=scores)} "
                + span(item.low, item.high, graded=scores),
                pvalue(item.pvalue_adjusted),
                marked(item.conclusion),
            ]
            for item in slices_worth_seeing(comparison, MAX_SLICES)
        ],
    )
    cases = flipped_cases(comparison, limit=MAX_FLIPS)
    broke, fixed = comparison.flip_ids.broke, comparison.flip_ids.fixed
    for title, ids, leave in (
        ("broke", broke, page.room // 3 if fixed else 0),
        ("were fixed", fixed, 0),
    ):
        if ids:
            items = [_flip(case) for case in cases if case.broke == (ids is broke)]
            page.folded(f"{count(len(ids), 'case')} {title}", items, len(ids), leave=leave)


def _numbers(comparison: Comparison) -> list[list[str]]:
    scores = graded(comparison)
    rows = [
        [
            title,
            code(run.name, 60),
            f"{rate(side.pass_rate, graded=scores)} "
                  f"{rate_span(side.low, side.high, graded=scores)}",
        ]
        for title, run, side in (
            ("baseline", comparison.old, comparison.baseline),
            ("candidate", comparison.new, comparison.candidate),
        )
        if side is not None
    ]  # fmt: skip
    difference = comparison.difference
    if difference is not None:
        low, high = difference.confidence_interval()
        rows.append(
            [
                "difference",
                stated_pvalue(difference.pvalue),
                f"{points(difference.estimate, graded=scores)} "
                      f"{span(low, high, graded=scores)}",
            ]
        )  # fmt: skip
    rows.append(["compared", "", size(comparison)])
    return rows


def _check_rows(comparison: Comparison) -> Iterator[list[str]]:
    scores = graded(comparison)
    for check in checks_worth_seeing(comparison):
        low, high = check.difference.confidence_interval()
        yield [
            code(check.check, 60),
            f"{points(check.difference.estimate, graded=scores)} "
                  f"{span(low, high, graded=scores)}",
            f"{len(check.flips.broke):,}",
            f"{len(check.flips.fixed):,}",
            marked(check.conclusion),
        ]  # fmt: skip


def _flip(case: FlippedCase) -> str:
    passes = (
        f"{case.old.n_passed}/{case.old.n_trials} to {case.new.n_passed}/{case.new.n_trials} passes"
    )
    lines = [f"**{code(case.case_id, 120)}** {passes}: {plain(case.reason, 300)}"]
    if any(draw.text or draw.tool_calls for draw in (case.old, case.new)):
        lines.append(f"Before:\n{_draw(case.old)}\n\nAfter:\n{_draw(case.new)}")
    return "\n\n".join(lines)


def _draw(draw: Draw) -> str:
    return said(draw.text, draw.tool_calls, MAX_OUTPUT)
