"""How many cases and trials would settle the question? From a pilot or from assumed rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..runs.model import Run
from .design import Design, Goal, Plan
from .pilot import Pilot, read_pilot
from .result import Comparison

if TYPE_CHECKING:
    from ..stats.assuming import Assumptions
    from ..stats.bounding import BoundDesign

TRIALS = (1, 3, 5, 10)
MOST_TRIALS_OF_A_CASE = 1_000
MOSTLY_NOISE = 0.9


@dataclass(frozen=True, slots=True)
class _Given:
    """The assumptions as the user gave them; None where they are to be found."""

    pass_rate: float | None
    discordance: float | None
    difference: float
    trial_noise: float | None
    icc: float | None
    cluster_size: int | None


def plan(
    *,
    margin: float | None = None,
    power: float = 0.8,
    confidence_level: float = 0.95,
    pilot: Run | Comparison | str | Path | None = None,
    pilot_candidate: Run | str | Path | None = None,
    check: str | None = None,
    pass_rate: float | None = None,
    discordance: float | None = None,
    difference: float = 0.0,
    trial_noise: float | None = None,
    icc: float | None = None,
    cluster_size: int | None = None,
    trials: Sequence[int] = TRIALS,
    cases: int | None = None,
    failure_rate_below: float | None = None,
    failure_rate: float = 0.0,
    seed: int = 0,
) -> Plan:
    """Plan a comparison: cases and trials, the smallest detectable effect, what would help.

    Parameters
    ----------
    margin : float, optional
        The loss that does not matter. The plan is to show non-inferiority where the true
        difference is above -margin; otherwise to show the difference itself.
    power : float
        Chance to show it.
    confidence_level : float
        Of the test: one-sided for non-inferiority, two-sided for a difference.
    pilot, pilot_candidate : Run, Comparison or path, optional
        A run, or baseline and candidate, from which what is not given is estimated.
    check : str, optional
        The check of the pilot to plan for.
    pass_rate : float, optional
        Pass rate of the baseline.
    discordance : float, optional
        Chance that one trial a side disagree on a case. Unknown: that of versions which agree no
        more than by chance, the most cautious one.
    difference : float
        The true difference, candidate minus baseline.
    trial_noise : float, optional
        Share of the variance of a one-trial difference that is chance of the trials. Unknown:
        half of what clusters leave.
    icc, cluster_size : float and int, optional
        Correlation of the one-trial differences of two cases of a cluster, and its cases.
    trials : sequence of int
        Trials of each case to plan for.
    cases : int, optional
        The cases there are: power and smallest detectable effect are then those of as many.
    failure_rate_below, failure_rate : float, optional
        Also plan the trials that bound an incident's failure rate, the true one being
        `failure_rate`.
    seed : int
        Seed of the simulation.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        An option is out of range, two contradict each other, or the pilot cannot be read.

    Notes
    -----
    Cases are found by simulating comparisons and judging them with the statistics that
    `compare` uses: see `stats.power`. Rates from a small pilot are themselves uncertain.

    Examples
    --------
    >>> result = plan(margin=0.05, pass_rate=0.9, discordance=0.1, trials=[1, 5])
    >>> [abs(design.n_cases - n) < 0.03 * n for design, n in zip(result.designs, (273, 174))]
    [True, True]
    >>> plan(failure_rate_below=0.05).bound.n_trials
    59
    """
    _check_options(margin, power, confidence_level, trials, cases, cluster_size)
    bound = _bound(failure_rate_below, failure_rate, power, confidence_level)
    given = _Given(pass_rate, discordance, difference, trial_noise, icc, cluster_size)
    if pilot is None and pass_rate is None:
        if pilot_candidate is not None:
            raise InputError("a pilot's candidate needs its baseline", field="pilot")
        if bound is None:
            raise InputError(
                "nothing to plan from",
                hint="give a pilot run, or a pass rate (and discordance), or a failure rate to "
                "stay below",
            )
        return Plan(None, margin, power, confidence_level, None, (), cases, bound, seed=seed)
    seen = None if pilot is None else read_pilot(pilot, pilot_candidate, check=check)
    assumptions, notes = _assume(given, seen)
    goal = _goal(margin, assumptions.difference)
    aim = margin if goal == "non_inferior" else None
    designs = [
        _design(assumptions, number, aim, power, confidence_level, cases, seed)
        for number in sorted(set(trials))
    ]
    return Plan(
        goal=goal,
        margin=margin,
        power=power,
        confidence_level=confidence_level,
        assumptions=assumptions,
        designs=designs,
        cases=cases,
        bound=bound,
        notes=notes,
        seed=seed,
    )


def _goal(margin: float | None, difference: float) -> Goal:
    if margin is not None and difference > -margin:
        return "non_inferior"
    if difference == 0:
        raise InputError(
            "without a margin there is nothing to show of versions that do not differ",
            field="margin",
            hint="give a margin, or the difference that is to be found",
        )
    return "improved" if difference > 0 else "regressed"


def _design(
    assumptions: Assumptions,
    n_trials: int,
    margin: float | None,
    power: float,
    confidence_level: float,
    cases: int | None,
    seed: int,
) -> Design:
    from ..stats.assuming import population
    from ..stats.power import cases_for_power, settling_power

    kinds = population(assumptions, n_trials, rng=seed)
    needed: int | None
    try:
        needed = cases_for_power(
            kinds, margin=margin, power=power, confidence_level=confidence_level, rng=seed
        )
    except ValueError:
        needed = None
    size = needed if cases is None else cases
    reached = (
        settling_power(kinds, size, margin=margin, confidence_level=confidence_level, rng=seed)
        if size is not None
        else 0.0
    )
    effect = (
        assumptions.minimum_detectable_effect(
            size, n_trials, power=power, confidence_level=confidence_level
        )
        if size is not None
        else 1.0
    )
    return Design(
        n_trials=n_trials,
        n_cases=needed,
        n_clusters=None if needed is None else max(round(needed / kinds.mean_size), 1),
        power=reached,
        minimum_detectable_effect=effect,
        trial_share=assumptions.trial_share(n_trials),
    )


def _assume(given: _Given, seen: Pilot | None) -> tuple[Assumptions, list[str]]:
    """The assumptions in full, and where each of them comes from."""
    from ..stats.assuming import Assumptions

    graded = seen is not None and seen.spread is not None
    notes: list[str] = []
    origin = "" if seen is None else f"from the pilot ({seen.name}, {seen.n_cases:,} cases)"
    sizes, icc = _clusters(given, seen)
    clustered = max(sizes) > 1
    rate = given.pass_rate if given.pass_rate is not None else _rate(given, seen)
    if given.pass_rate is None:
        notes.append(f"{'mean score' if graded else 'pass rate'} {rate:.3g}: {origin}")
    discordance, why = _discordance(given, seen, rate)
    if why:
        notes.append(f"{why}: {origin}" if why[-1].isdigit() else why)
    spread = seen.spread if seen is not None else None
    variance = discordance - given.difference**2 if spread is None else spread**2
    noise = _noise(given, seen, variance)
    if given.icc is None and noise is not None:
        icc = min(icc, 1 - noise)
    if clustered and given.icc is None:
        notes.append(f"icc {icc:.2f}: {origin}")
    if noise is None:
        noise = (1 - icc) / 2
        notes.append(
            f"noise of trials {noise:.2f} of the variance: not known; half of what "
            f"{'clusters leave' if clustered else 'there is'}"
        )
    elif given.trial_noise is None:
        noise = min(noise, 1 - icc)
        notes.append(f"noise of trials {noise:.2f} of the variance: {origin}")
        if noise > MOSTLY_NOISE:
            notes.append(
                "the pilot's versions differ by the noise of trials alone; a version that changes "
                "whole cases needs more of them: a lower noise of trials is more cautious"
            )
    try:
        assumptions = Assumptions(
            pass_rate=rate,
            discordance=discordance,
            difference=given.difference,
            trial_noise=noise,
            icc=icc,
            cluster_sizes=sizes,
            spread=spread,
        )
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        raise InputError(message, field=field) from None
    return assumptions, [*notes, *(seen.remarks if seen is not None else ())]


def _rate(given: _Given, seen: Pilot | None) -> float:
    """The pass rate of the pilot's baseline, moved to where its discordance is possible.

    Versions that are alike disagree by chance at most, which at a rate of 1 is never.
    """
    if seen is None:
        return 0.0
    if seen.discordance is None or given.discordance is not None or given.difference:
        return seen.pass_rate
    nearest = (1 - sqrt(max(1 - 2 * seen.discordance, 0))) / 2
    return min(max(seen.pass_rate, nearest), 1 - nearest)


def _clusters(given: _Given, seen: Pilot | None) -> tuple[tuple[int, ...], float]:
    """Sizes of clusters and the correlation inside them."""
    sizes: tuple[int, ...] = (given.cluster_size or 1,)
    if given.cluster_size is None and seen is not None:
        sizes = seen.cluster_sizes
    if max(sizes) == 1:
        if given.icc:
            raise InputError("an icc needs clusters", field="icc", hint="give the cluster size too")
        return sizes, 0.0
    if given.icc is not None:
        return sizes, given.icc
    if given.cluster_size is not None:
        raise InputError(
            "how alike are the cases of a cluster?",
            field="icc",
            hint="give the correlation of their differences, from 0 to 1",
        )
    return sizes, seen.icc if seen is not None else 0.0


def _discordance(given: _Given, seen: Pilot | None, rate: float) -> tuple[float, str]:
    """Chance that two trials disagree (0 where graded), and what is to be said of it."""
    if seen is not None and seen.spread is not None:
        if given.discordance is not None:
            raise InputError("graded scores have no discordance", field="discordance")
        if seen.spread == 0:
            raise InputError("the scores of the pilot do not vary: it shows no noise to plan for")
        return 0.0, f"standard deviation of a difference {seen.spread:.3g}"
    if given.discordance is not None:
        return given.discordance, ""
    after = rate + given.difference
    by_chance = max(rate * (1 - after) + after * (1 - rate), 0.0)
    if seen is None or seen.discordance is None:
        return by_chance, (
            f"discordance {by_chance:.3g}: not known; that of versions which agree by chance "
            "alone, the most cautious one"
        )
    found = min(max(seen.discordance, abs(given.difference)), by_chance)
    return found, f"discordance {found:.3g}"


def _noise(given: _Given, seen: Pilot | None, variance: float) -> float | None:
    """Share of that variance which is chance of the trials; None where nothing is known."""
    if given.trial_noise is not None:
        return given.trial_noise
    if seen is None or seen.trial_noise is None or seen.noise is None:
        return None
    if given.discordance is None and seen.discordance is not None:
        return seen.trial_noise
    return min(seen.noise / variance, 1.0) if variance > 0 else 0.0


def _bound(
    below: float | None, failure_rate: float, power: float, confidence_level: float
) -> BoundDesign | None:
    from ..stats.bounding import trials_for_bound

    if below is None:
        if failure_rate:
            raise InputError(
                "a failure rate is to be bounded below something",
                field="failure_rate",
                hint="give failure_rate_below too",
            )
        return None
    try:
        return trials_for_bound(
            below, failure_rate=failure_rate, power=power, confidence_level=confidence_level
        )
    except ValueError as error:
        raise InputError(str(error), field="failure_rate_below") from None


def _check_options(
    margin: float | None,
    power: float,
    confidence_level: float,
    trials: Sequence[int],
    cases: int | None,
    cluster_size: int | None,
) -> None:
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"a margin lies between 0 and 1, got {margin!r}", field="margin")
    if not 0.5 <= power < 1:
        raise InputError(f"a power lies in [0.5, 1), got {power!r}", field="power")
    if not 0.5 <= confidence_level < 1:
        raise InputError(
            f"a confidence level lies in [0.5, 1), got {confidence_level!r}",
            field="confidence_level",
        )
    if len(trials) == 0 or not all(1 <= number <= MOST_TRIALS_OF_A_CASE for number in trials):
        raise InputError(
            f"trials of a case are from 1 to {MOST_TRIALS_OF_A_CASE:,}, got {list(trials)}",
            field="trials",
        )
    for name, value in (("cases", cases), ("cluster_size", cluster_size)):
        if value is not None and value < 1:
            raise InputError(f"at least 1 is needed, got {value}", field=name)
