"""What does a plan say, in plain English?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import count

if TYPE_CHECKING:
    from .design import Design, Plan

FEWEST = 20  # cases: below, no floor is worth a word


def plan_sentence(plan: Plan) -> str:
    """``To show, with 80% power, that ...: 276 cases of 1 trial, or 166 of 5 trials.``"""
    parts = []
    if plan.assumptions is not None:
        parts.append(_designs(plan))
    if plan.bound is not None:
        parts.append(_bound(plan))
    return " ".join(parts)


def plan_advice(plan: Plan) -> str:
    """More cases, or more trials?"""
    if plan.assumptions is None or not plan.designs:
        return ""
    fewest = plan.designs[0]
    share = fewest.trial_share
    part = f"{share:.0%} of the squared standard error at {count(fewest.n_trials, 'trial')} a case"
    if share > 0.5:
        parts = [f"More trials help: their noise is {part}."]
    elif share < 0.25:
        parts = [f"More cases help, more trials hardly: the noise of trials is only {part}."]
    else:
        parts = [f"More cases help, and more trials do: the noise of trials is {part}."]
    most = plan.designs[-1]
    if plan.assumptions.cluster_size > 1 and plan.assumptions.icc > 0:
        parts.append("New clusters help more than further cases of the same clusters.")
    if most.n_cases is not None and most is not fewest:
        floor = round(most.n_cases * (1 - most.trial_share))
        if floor >= FEWEST:
            parts.append(f"However many trials, about {count(floor, 'case')} are needed.")
    best = plan.cheapest
    if best is not None and len(plan.designs) > 1:
        parts.append(
            f"The fewest trials in all: {best.n_cases:,} cases of "
            f"{count(best.n_trials, 'trial')}, {best.trials_a_side:,} a side."
        )
    return " ".join(parts)


def _designs(plan: Plan) -> str:
    what = _goal(plan)
    if plan.cases is not None:
        reached = "; ".join(
            f"{design.power:.0%} with {count(design.n_trials, 'trial')}" for design in plan.designs
        )
        return f"The chance that {plan.cases:,} cases show {what}: {reached}."
    found = [design for design in plan.designs if design.n_cases is not None]
    if not found:
        return f"No number of cases shows {what}."
    needed = ", or ".join(
        f"{design.n_cases:,} cases of {count(design.n_trials, 'trial')}" for design in found
    )
    return f"To show {what}, with {plan.power:.0%} power: {needed}."


def _goal(plan: Plan) -> str:
    assert plan.assumptions is not None
    graded = plan.assumptions.spread is not None
    difference = plan.assumptions.difference
    change = f"a {'gain' if difference > 0 else 'loss'} of {amount(abs(difference), graded)}"
    if plan.goal != "non_inferior" or plan.margin is None:
        return change
    margin = amount(plan.margin, graded)
    if difference == 0:
        return f"that an unchanged version loses less than {margin}"
    if difference > 0:
        return f"that a version with {change} does not lose {margin}"
    return f"that {change} is less than {margin}"


def _bound(plan: Plan) -> str:
    bound = plan.bound
    assert bound is not None
    what = f"to bound its failure rate below {bound.below:g} at {bound.confidence_level:.0%}"
    if bound.failures == 0:
        told = f"{bound.n_trials:,} fresh trials of an incident, none of which fails"
    else:
        told = f"{bound.n_trials:,} fresh trials of an incident, at most {bound.failures:,} failing"
    chance = ""
    if bound.failure_rate > 0:
        chance = (
            f" (that happens {bound.power:.0%} of the time if the true failure rate is "
            f"{bound.failure_rate:g})"
        )
    return f"{told}, {what}{chance}."


def amount(value: float, graded: bool) -> str:
    """A difference of rates in points, of scores as it is."""
    if graded:
        return f"{value:.3g}"
    points = f"{100 * value:.3g}"
    return f"{points} point{'s' if points != '1' else ''}"


def design_row(design: Design, *, graded: bool = False) -> tuple[str, str, str, str, str, str]:
    """Trials, cases, trials a side, power, detectable, share of noise: the cells of a table."""
    cases, trials = design.n_cases, design.trials_a_side
    return (
        f"{design.n_trials:,}",
        "-" if cases is None else f"{cases:,}",
        "-" if trials is None else f"{trials:,}",
        f"{design.power:.0%}",
        amount(design.minimum_detectable_effect, graded),
        f"{design.trial_share:.0%}",
    )
