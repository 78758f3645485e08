"""What does a pilot (one run, or baseline x candidate) say of the rates that a plan needs?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..runs.model import Run, load_run
from .columns import Bools, Floats, in_order
from .comparability import obstacles
from .identical import same_answers
from .pairing import Paired, SideTrials, pair
from .result import Comparison

SMALL = 50
FEW_FLIPS = 10


@dataclass(frozen=True, slots=True)
class Pilot:
    """What was seen; None where a pilot of this kind cannot show it.

    discordance: chance that one trial a side disagree. trial_noise, icc: shares of the variance
    of a one-trial difference; `noise` the part of the variance itself that is chance of trials.
    spread: its standard deviation, of graded scores alone. remarks: what to know of it.
    """

    name: str
    n_cases: int
    pass_rate: float
    discordance: float | None
    noise: float | None
    trial_noise: float | None
    icc: float
    cluster_sizes: tuple[int, ...]
    spread: float | None
    remarks: tuple[str, ...]


def read_pilot(
    pilot: Run | Comparison | str | Path,
    candidate: Run | str | Path | None = None,
    *,
    check: str | None = None,
) -> Pilot:
    """The rates of a pilot.

    Raises
    ------
    InputError
        A folder is no run, no case has an outcome, or a comparison holds no runs.
    """
    if isinstance(pilot, Comparison):
        if pilot.paired is None and pilot.pilot is not None and candidate is None:
            return pilot.pilot
        if pilot.paired is None:
            raise InputError(
                "this comparison was read from a file and holds no runs",
                field="pilot",
                hint="give the two runs",
            )
        if candidate is not None:
            raise InputError("a comparison has its candidate", field="pilot_candidate")
        return _of_pair(pilot.paired)
    old = pilot if isinstance(pilot, Run) else load_run(pilot)
    if candidate is None:
        return _of_run(pair(old, old, check=check))
    new = candidate if isinstance(candidate, Run) else load_run(candidate)
    return _of_pair(pair(old, new, check=check))


def _of_pair(paired: Paired) -> Pilot:
    from ..stats import variance_components

    cases = paired.has_outcome
    _enough(cases)
    before, after = paired.baseline[cases], paired.candidate[cases]
    parts = variance_components(
        by_trial(paired.old, cases),
        by_trial(paired.new, cases),
        clusters=in_order(paired.clusters[cases]),
    )
    remarks = [stop.message for stop in obstacles(paired, same_answers(paired), aa=True)[:3]]
    loss, gain = float((before * (1 - after)).mean()), float((after * (1 - before)).mean())
    discordance = loss + gain
    n = int(cases.sum())
    if not paired.graded:
        flips = discordance * n
        if flips == 0:  # the rate at which seeing none is as likely as not
            discordance = 1 - 0.5 ** (1 / n)
            remarks.append(
                f"no case flipped in the pilot: a discordance of {discordance:.2%} is taken, at "
                "which that is as likely as not"
            )
        elif flips < FEW_FLIPS:
            remarks.append(f"the discordance rests on about {flips:.0f} flips: it is uncertain")
    noise = 0.0 if np.isnan(parts.trials) else parts.trials
    whole = parts.clusters + parts.cases + noise
    change = float((after - before).mean())
    if not paired.graded and abs(change) > discordance / 2:
        remarks.append(
            f"the pilot's versions differ by {change:+.3f}, which is most of their discordance: "
            "two that are alike would disagree less"
        )
    return Pilot(
        name=f"{paired.old.run.name} and {paired.new.run.name}",
        n_cases=n,
        pass_rate=float(before.mean()),
        discordance=None if paired.graded else discordance,
        noise=None if np.isnan(parts.trials) else noise,
        spread=float(np.sqrt(whole)) if paired.graded else None,
        remarks=(*remarks, *_small(n)),
        trial_noise=None if np.isnan(parts.trials) else noise / whole if whole > 0 else 0.0,
        icc=parts.clusters / whole if whole > 0 else 0.0,
        cluster_sizes=_sizes(paired, cases),
    )


def _of_run(paired: Paired) -> Pilot:
    from ..stats import variance_components

    cases = paired.has_outcome
    _enough(cases)
    parts = variance_components(
        by_trial(paired.old, cases), clusters=in_order(paired.clusters[cases])
    )
    noise = 0.0 if np.isnan(parts.trials) else parts.trials
    whole = parts.clusters + parts.cases + noise
    n = int(cases.sum())
    return Pilot(
        name=paired.old.run.name,
        n_cases=n,
        pass_rate=float(paired.baseline[cases].mean()),
        discordance=None,
        noise=None if np.isnan(parts.trials) else 2 * noise,
        spread=float(np.sqrt(2 * whole)) if paired.graded else None,
        remarks=_small(n),
        trial_noise=None if np.isnan(parts.trials) else noise / whole if whole > 0 else 0.0,
        icc=parts.clusters / whole if whole > 0 else 0.0,
        cluster_sizes=_sizes(paired, cases),
    )


def _sizes(paired: Paired, cases: Bools) -> tuple[int, ...]:
    sizes = np.bincount(in_order(paired.clusters[cases]))
    return tuple(sorted(sizes.tolist()))


def by_trial(side: SideTrials, cases: Bools) -> Floats:
    """Outcomes as (cases, trials), NaN where a case has fewer."""
    there = ~np.isnan(side.outcome) & cases[side.case]
    case = side.case[there]
    first = np.searchsorted(case, case)
    place = np.arange(case.size) - first
    row = np.cumsum(cases) - 1
    values = np.full((int(cases.sum()), int(place.max()) + 1), np.nan)
    values[row[case], place] = side.outcome[there]
    return values


def _enough(cases: Bools) -> None:
    if int(cases.sum()) < 2:
        raise InputError("a pilot needs at least two cases with an outcome", field="pilot")


def _small(n: int) -> tuple[str, ...]:
    if n >= SMALL:
        return ()
    return (f"the pilot has {n} cases: what it says of the rates is itself uncertain",)
