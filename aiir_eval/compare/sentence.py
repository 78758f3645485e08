"""What does a comparison say, in one sentence of plain English?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import count

if TYPE_CHECKING:
    from .result import Comparison


def comparison_sentence(comparison: Comparison) -> str:
    """``Worse: 32.9 points fewer cases pass (84.0% -> 51.1%; ...; 476 broke, 147 fixed).``"""
    graded = comparison.new.manifest.outcome == "score"
    if comparison.conclusion == "invalid":
        problems = comparison.problems
        others = len(problems) - 1
        more = f" (and {count(others, 'more problem')})" if others else ""
        return f"Not comparable: {problems[0]}{more}."
    if comparison.difference is None:
        return "Not compared: no case was looked at on both sides."
    lead = {
        "regressed": "Worse",
        "improved": "Better",
        "non_inferior": _no_loss(comparison, graded),
        "inconclusive": "Not settled",
    }[comparison.conclusion]
    numbers = _numbers(comparison, graded)
    return f"{lead}: {_change(comparison, graded)} ({numbers}){_more(comparison)}."


def _no_loss(comparison: Comparison, graded: bool) -> str:
    margin = comparison.margin
    shown = "the margin" if margin is None else _amount(margin, graded)
    return f"No loss of {shown} or more"


def _change(comparison: Comparison, graded: bool) -> str:
    """What changed; where one check alone was compared, it is named."""
    difference, check = comparison.difference, comparison.check
    estimate = 0.0 if difference is None else difference.estimate
    amount = _amount(abs(estimate), graded)
    if graded or max(comparison.n_trials) > comparison.n_cases:
        what = "the mean score" if graded else "the pass rate"
        what += f" of {check!r}" if check else ""
        if estimate == 0:
            return f"{what} is the same"
        return f"{what} is {amount} {'lower' if estimate < 0 else 'higher'}"
    passing = f"pass {check!r}" if check else "pass"
    if estimate == 0:
        return f"as many cases {passing} as before"
    return f"{amount} {'fewer' if estimate < 0 else 'more'} cases {passing}"


def _numbers(comparison: Comparison, graded: bool) -> str:
    difference, old, new = comparison.difference, comparison.baseline, comparison.candidate
    if difference is None or old is None or new is None:
        return "no numbers"
    low, high = difference.confidence_interval()
    scale, digits = (1, 3) if graded else (100, 1)
    rates = (
        f"{old.pass_rate:.3f} -> {new.pass_rate:.3f}"
        if graded
        else f"{100 * old.pass_rate:.1f}% -> {100 * new.pass_rate:.1f}%"
    )
    return (
        f"{rates}; {100 * difference.confidence_level:g}% interval "
        f"{scale * low:+.{digits}f} to {scale * high:+.{digits}f}; {_pvalue(difference.pvalue)}; "
        f"{len(comparison.flip_ids.broke):,} broke, {len(comparison.flip_ids.fixed):,} fixed"
    )


def _more(comparison: Comparison) -> str:
    needed = comparison.needed
    if comparison.conclusion != "inconclusive":
        return ""
    difference = comparison.difference
    if difference is not None and difference.conclusion(comparison.margin) != "inconclusive":
        return "; it would hold but for the errors, if those counted against the candidate"
    if needed is None and comparison.margin is None:
        return "; name a margin to ask whether a loss can be ruled out"
    if needed is None and hasattr(difference, "n_looks"):
        return "; left open at the cap of a sequential test"
    if needed is None:
        return "; no number of cases like these would settle it"
    trials = f" with {needed.trials} trials of each" if needed.trials > 1 else ""
    more = needed.cases - comparison.n_cases
    return f"; about {more:,} more cases{trials} ({needed.cases:,} in all) would settle it"


def _amount(value: float, graded: bool) -> str:
    return f"{value:.3f}" if graded else f"{100 * value:.1f} points"


def _pvalue(value: float) -> str:
    if value >= 0.001:
        return f"p = {value:.3f}"
    if value < 1e-300:
        return "p < 1e-300"
    return f"p = {value:.1e}"
