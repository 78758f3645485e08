"""What does the evidence say of one claim, before the claims are weighed against each other?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..compare.columns import Bools
from ..compare.comparing import trials_of_each
from ..compare.measuring import Rng, measure, stream
from ..compare.pairing import Paired
from ..compare.result import Needed
from ..words import count
from .policy import Claim, Policy
from .selecting import levels_of, selected

if TYPE_CHECKING:
    from ..stats import PairedDifference


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim (or one level of it) with its numbers.

    holds: shown at its own level; violation: p-value against the claim, None where there is no
    test; certain: a violation that needs no test (a count); invalid: nothing can be said.
    """

    name: str
    rule: str
    reason: str
    threshold: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    holds: bool = False
    violation: float | None = None
    certain: bool = False
    invalid: bool = False
    needed: Needed | None = None
    n_cases: int = 0


@dataclass(frozen=True)
class Ground:
    """What claims are judged on.

    proven: by case, the checks known to fail on the incident's bad outputs. errors_count: errored
    trials are tolerated, and count against the candidate.
    """

    paired: Paired
    policy: Policy
    proven: Mapping[str, frozenset[str]]
    rng: Rng


def judge(claim: Claim, ground: Ground, number: int) -> Iterator[Judged]:
    """One claim, or each of its levels; `number` makes its random stream its own."""
    from .fixed import judge_failure_rate
    from .metrics import judge_metric

    cases = selected(ground.paired, claim.select)
    if not cases.any():
        yield nothing(claim, f"no case is selected: {claim.select}")
    elif claim.non_inferior is not None:
        yield from _judge_non_inferior(claim, claim.non_inferior.margin, cases, ground, number)
    elif claim.failure_rate_below is not None:
        yield from judge_failure_rate(claim, claim.failure_rate_below, cases, ground)
    elif claim.max_failures is not None:
        yield _judge_count(claim, claim.max_failures, cases, ground)
    else:
        yield judge_metric(claim, cases, ground, stream(ground.rng, 10, number))


def nothing(claim: Claim, reason: str, name: str | None = None) -> Judged:
    """A claim of which nothing can be said."""
    return Judged(name or claim.name, claim.rule, reason, invalid=True)


def _judge_non_inferior(
    claim: Claim, margin: float, cases: Bools, ground: Ground, number: int
) -> Iterator[Judged]:
    if claim.by is None:
        yield _non_inferior(claim.name, margin, cases, ground, stream(ground.rng, 11, number, 0))
        return
    levels = list(levels_of(ground.paired, claim.by, cases))
    if not levels:
        yield nothing(claim, f"no selected case has the key {claim.by!r}")
    for at, (value, level) in enumerate(levels):
        name = f"{claim.name} [{value}]"
        yield _non_inferior(name, margin, level, ground, stream(ground.rng, 11, number, at))


def settles(difference: PairedDifference, margin: float) -> tuple[bool, float]:
    """Whether the claim holds, and the p-value of a violation; neither from too few clusters."""
    from ..stats.paired import MIN_CLUSTERS

    if difference.n_clusters < MIN_CLUSTERS:
        return False, 1.0
    violation = difference.pvalue if difference.estimate < 0 else 1.0
    return difference.non_inferiority(margin).holds, violation


def _non_inferior(name: str, margin: float, cases: Bools, ground: Ground, rng: Rng) -> Judged:
    from ..stats.paired import MIN_CLUSTERS

    level = ground.policy.confidence_level
    difference = measure(ground.paired, cases, confidence_level=level, rng=rng)
    if difference is None:
        return Judged(name, "non_inferior", "no selected case has an outcome", invalid=True)
    test = difference.non_inferiority(margin)
    low, high = difference.confidence_interval()
    holds, violation = settles(difference, margin)
    what = "mean score" if ground.paired.graded else "pass rate"
    graded = ground.paired.graded
    reason = (
        f"{what} {changed(difference.estimate, graded=graded)} over "
        f"{count(difference.n_cases, 'case')} in {count(difference.n_clusters, 'cluster')}; "
        f"with {100 * level:g}% confidence "
        f"{bounded(test.lower_bound, margin, holds=test.holds, graded=graded)}"
    )
    if difference.n_clusters < MIN_CLUSTERS:
        reason += f"; nothing is concluded from fewer than {MIN_CLUSTERS} clusters"
    cases_needed = difference.cases_needed(margin)
    return Judged(
        name=name,
        rule="non_inferior",
        reason=reason,
        threshold=-margin,
        estimate=difference.estimate,
        low=low,
        high=high,
        bound=test.lower_bound,
        holds=holds,
        violation=violation,
        needed=None
        if cases_needed is None
        else Needed(max(cases_needed, difference.n_cases + 1), trials_of_each(ground.paired)),
        n_cases=difference.n_cases,
    )


def _judge_count(claim: Claim, most: int, cases: Bools, ground: Ground) -> Judged:
    """A count of failing trials of the candidate; an error is a failure too. No inference."""
    if ground.paired.graded:
        return nothing(claim, "a graded run has scores and no failures to count")
    side = ground.paired.new
    here = cases[side.case]
    failures = here & ((side.outcome == 0) | side.error)
    count, trials = int(failures.sum()), int(here.sum())
    failing = np.unique(side.case[failures]).tolist()
    return Judged(
        name=claim.name,
        rule="max_failures",
        reason=count_reason(
            count, trials, most, [ground.paired.case_ids[at].as_py() for at in failing]
        ),
        threshold=float(most),
        estimate=float(count),
        holds=count <= most,
        certain=count > most,
        n_cases=int(cases.sum()),
    )


def count_reason(count: int, trials: int, most: int, failing: Sequence[str]) -> str:
    """How many trials failed, in which cases, and how many may."""
    shown = ", ".join(map(repr, failing[:3]))
    where = f", in {shown}{' and others' if len(failing) > 3 else ''}" if count else ""
    return f"{count:,} of {trials:,} trials failed{where}; at most {most:,} may"


def changed(value: float, *, graded: bool) -> str:
    """``fell by 1.2 points``."""
    if value == 0:
        return "unchanged"
    return f"{'rose' if value > 0 else 'fell'} by {amount(abs(value), graded=graded)}"


def bounded(lower: float, margin: float, *, holds: bool, graded: bool) -> str:
    """``it falls by at most 3.3 points, within the margin of 5.0 points``."""
    if lower > 0:
        return f"it rises by at least {amount(lower, graded=graded)}"
    loss, allowed = amount(abs(lower), graded=graded), amount(margin, graded=graded)
    return f"it falls by at most {loss}, {'within' if holds else 'beyond'} the margin of {allowed}"


def amount(value: float, *, graded: bool) -> str:
    """A difference of pass rates in points; of scores as it is."""
    return f"{value:.3f}" if graded else f"{100 * value:.1f} points"
