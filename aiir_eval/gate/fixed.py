"""Is an incident fixed? A bound on its failure rate, by checks that are known to fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..compare.columns import Bools, Ints
from ..compare.pairing import Paired
from ..compare.result import Needed
from .judging import Ground, Judged, nothing
from .policy import Claim

MOST_TRIALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that are judged together: an incident's own, or those beside it."""

    name: str
    cases: Ints
    by_trial: bool  # the unit is a trial of the incident; else a case


def judge_failure_rate(
    claim: Claim, below: float, cases: Bools, ground: Ground
) -> Iterator[Judged]:
    """One result for each incident, never pooled.

    The incident's own inputs count by trial. Its adjacent cases and controls are a claim of their
    own in which the unit is the case: it fails where any of its trials does.
    """
    if ground.paired.graded:
        yield nothing(claim, "a graded run has scores and no failures to bound")
        return
    unproven = unproven_checks(ground.paired, ground.proven)
    for group in groups_of(ground.paired, cases):
        name = claim.name if group.name == "" else f"{claim.name} [{group.name}]"
        blind = [case for case in group.cases.tolist() if case in unproven]
        check = unproven[blind[0]] if group.by_trial and blind else None
        yield _judge_group(name, group, below, ground, check)


def groups_of(paired: Paired, cases: Bools) -> Iterator[Group]:
    """Each incident's own cases, those beside it, and the rest."""
    origin, origins = paired.codes("origin")
    incident, incidents = paired.codes("incident_id")
    own = np.array([name == "incident" for name in origins] + [False])[origin]
    for code, name in enumerate(incidents):
        of_it = cases & (incident == code)
        if (of_it & own).any():
            yield Group(name, np.flatnonzero(of_it & own), by_trial=True)
        if (of_it & ~own).any():
            yield Group(f"{name}, beside it", np.flatnonzero(of_it & ~own), by_trial=False)
    for case in np.flatnonzero(cases & (incident < 0) & own).tolist():
        yield Group(paired.case_ids[case].as_py(), np.array([case]), by_trial=True)
    rest = cases & (incident < 0) & ~own
    if rest.any():
        yield Group("" if rest.sum() == cases.sum() else "others", np.flatnonzero(rest), False)


def _judge_group(
    name: str, group: Group, below: float, ground: Ground, unproven: str | None
) -> Judged:
    from ..stats import clopper_pearson, failure_rate_bound

    paired, level = ground.paired, ground.policy.confidence_level
    side = paired.new
    here = np.isin(side.case, group.cases) & ~np.isnan(side.outcome)
    failed = here & (side.outcome == 0)
    if group.by_trial:
        failures, n = int(failed.sum()), int(here.sum())
    else:
        failures, n = np.unique(side.case[failed]).size, np.unique(side.case[here]).size
    if n == 0:
        return Judged(name, "failure_rate_below", "no trial has an outcome", invalid=True)
    bound = failure_rate_bound(failures, n, confidence_level=level)
    low = clopper_pearson(failures, n, confidence_level=level, alternative="greater").low
    reason = rate_reason(failures, n, below, low, bound, level=level, by_trial=group.by_trial)
    if unproven is not None:
        reason += unproven_reason(unproven)
    if group.by_trial and _one_answer(group, paired):
        reason += one_answer_reason(n)
    return Judged(
        name=name,
        rule="failure_rate_below",
        reason=reason,
        threshold=below,
        estimate=failures / n,
        low=low,
        high=bound,
        bound=bound,
        holds=bound < below and unproven is None,
        violation=at_least(failures, n, below),
        needed=None if bound < below else _needed(failures, n, below, level, group),
        n_cases=int(group.cases.size),
    )


def rate_reason(
    failures: int,
    n: int,
    below: float,
    low: float,
    high: float,
    *,
    level: float,
    by_trial: bool,
    looks: int = 0,
) -> str:
    """What was seen of a failure rate, and what is sure of it (over so many looks)."""
    seen = f"{failures:,} of {n:,} {'trials' if by_trial else 'cases'} failed"
    over = " over all looks" if looks else ""
    sure = f"{seen}; with {100 * level:g}% confidence{over} the failure rate is"
    if low > below:
        return f"{sure} at least {100 * low:.1f}%"
    return f"{sure} {'below' if high < below else 'not above'} {100 * high:.2f}%"


def unproven_reason(check: str) -> str:
    """Why a check that passes says nothing."""
    return (
        f"; but its check {check!r} is not known to be able to fail: it has failed neither "
        "on the incident's bad outputs nor in the baseline"
    )


def one_answer_reason(n: int) -> str:
    """Why so many trials are not so many draws."""
    return (
        f"; every trial gave the same answer: one behaviour, seen {n:,} times, and not {n:,} "
        "independent draws"
    )


def at_least(failures: int, n: int, rate: float) -> float:
    """Chance of so many failures or more if the rate were the declared bound."""
    from scipy.special import bdtrc

    return 1.0 if failures == 0 else float(bdtrc(failures - 1, n, rate))


def _needed(failures: int, n: int, below: float, level: float, group: Group) -> Needed | None:
    """Trials (cases) in all that would bring the bound below, with no further failure."""
    from ..stats import failure_rate_bound

    def enough(trials: int) -> bool:
        return failure_rate_bound(failures, trials, confidence_level=level) < below

    high = n + 1
    while not enough(high):
        high *= 2
        if high > MOST_TRIALS:
            return None
    low = n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    cases = int(group.cases.size)
    return Needed(cases, -(-high // cases)) if group.by_trial else Needed(high, 1)


def unproven_checks(paired: Paired, proven: Mapping[str, frozenset[str]]) -> dict[int, str]:
    """By case, a check that has failed neither on bad outputs nor in the baseline."""
    n = len(paired.check_names)
    if n == 0:
        return {}
    pairs = []
    for side, chosen in (
        (paired.new, paired.new.checks.code >= 0),
        (paired.old, paired.old.checks.passed == 0),
    ):
        pairs.append(np.unique(side.case[side.checks.row[chosen]] * n + side.checks.code[chosen]))
    found: dict[int, str] = {}
    for pair in np.setdiff1d(pairs[0], pairs[1]).tolist():
        case, name = pair // n, paired.check_names[pair % n]
        if case not in found and name not in proven.get(paired.case_ids[case].as_py(), ()):
            found[case] = name
    return found


def _one_answer(group: Group, paired: Paired) -> bool:
    """Whether each case, tried more than once, gave one and the same answer every time."""
    side = paired.new
    here = np.flatnonzero(np.isin(side.case, group.cases))
    cases = side.case[here]
    if here.size < 2 * group.cases.size:
        return False
    outputs = side.column("output").take(here).to_pylist()
    calls = side.column("tool_calls").take(here).to_pylist()
    answers = {
        (case, output, repr(call or []))
        for case, output, call in zip(cases.tolist(), outputs, calls, strict=True)
    }
    return len(answers) == group.cases.size and any(output for output in outputs)
