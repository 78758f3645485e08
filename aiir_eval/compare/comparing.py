"""How does the candidate compare with the baseline? Pair, measure, slice, notice, conclude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from ..errors import InputError
from ..runs.model import Run, load_run
from ..showing import ShownList
from .columns import Bools, Floats
from .comparability import obstacles
from .findings import Seen, notice
from .identical import same_answers
from .measuring import Rng, measure, stream
from .pairing import Paired, pair
from .result import CheckComparison, Comparison, Conclusion, Finding, Flips, Needed, Side, Slice
from .slices import Adjustment, slices_of

if TYPE_CHECKING:
    from ..stats import NonInferiority, PairedDifference

FAVOURABLE = ("improved", "non_inferior")


def compare(
    old: Run | str | Path,
    new: Run | str | Path,
    *,
    margin: float | None = None,
    by: Sequence[str] = (),
    check: str | None = None,
    confidence_level: float = 0.95,
    aa: bool = False,
    adjust: Adjustment = "bh",
    rng: Rng = 0,
) -> Comparison:
    """Compare two runs of the same cases.

    Parameters
    ----------
    old, new : Run or path
        Baseline and candidate, or the folders they are in.
    margin : float, optional
        The largest loss of pass rate (mean score) that does not matter, in (0, 1). Without one
        nothing can be called not inferior.
    by : sequence of str
        Keys to slice by besides those that offer themselves: class, origin, incident_id, tag,
        expected, cluster, or a key of the cases' own `by`.
    check : str, optional
        Compare on this check alone.
    confidence_level : float
        Of intervals and, as 1 - alpha, of every test.
    aa : bool
        Both sides are the same target on purpose.
    adjust : {"bh", "max-t"}
        How the p-values of slices count that there are several. "bh" (Benjamini-Hochberg) holds
        the expected share of false ones among the slices called changed at 1 - confidence_level.
        "max-t" (Westfall and Young) holds the chance of any false one there, by flipping the
        clusters' signs in all slices at once, so that overlapping slices cost little.
    rng : Generator, SeedSequence, int or None
        Seed of the resampling.

    Returns
    -------
    Comparison
        Its conclusion is ``invalid`` where the runs are not comparable; the numbers it still has
        are of the cases on both sides.

    Raises
    ------
    InputError
        A folder is no run, an option is out of range, or a check or key does not exist.

    Notes
    -----
    An errored trial has no outcome, and a case without any outcome on a side is left out; both are
    reported. Since errors are seldom innocent, `improved` or `non_inferior` must then also hold
    with every error of the candidate counted as a fail and every error of the baseline as a pass.
    """
    _check_options(margin, confidence_level, adjust)
    before, after = (run if isinstance(run, Run) else load_run(run) for run in (old, new))
    paired = pair(before, after, check=check)
    same = same_answers(paired)
    stops = obstacles(paired, same, aa=aa)
    problems = [obstacle.message for obstacle in stops]
    cases = paired.has_outcome
    difference = measure(paired, cases, confidence_level=confidence_level, rng=stream(rng, 0))
    if difference is None and not problems:
        problems.append("no case has an outcome on both sides")

    conclusion = _conclude(paired, difference, problems, margin, confidence_level, rng)
    needed = _needed(paired, difference, margin) if conclusion == "inconclusive" else None
    slices: list[Slice] = []
    checks: list[CheckComparison] = []
    findings: list[Finding] = []
    if difference is not None:
        slices = slices_of(
            paired,
            cases,
            by=by,
            margin=margin,
            confidence_level=confidence_level,
            adjust=adjust,
            rng=rng,
        )
        checks = _checks(paired, difference, margin, confidence_level, rng)
        seen = Seen(
            paired=paired,
            cases=cases,
            difference=difference,
            checks=checks,
            slices=slices,
            same=same,
            conclusion=conclusion,
            margin=margin,
            needed=needed,
            confidence_level=confidence_level,
            rng=stream(rng, 3),
        )
        findings = notice(seen)
        if problems:
            slices = [replace(item, conclusion="invalid") for item in slices]
            checks = [replace(item, conclusion="invalid") for item in checks]
    findings = [
        *(
            Finding(stop.code, "error", _sentence(stop.message), stop.evidence)
            for stop in stops
            if stop.code is not None
        ),
        *findings,
    ]
    return Comparison(
        conclusion=conclusion,
        n_cases=int(cases.sum()),
        n_clusters=0 if difference is None else difference.n_clusters,
        n_trials=(int(paired.old.rows.size), int(paired.new.rows.size)),
        baseline=_side(paired, paired.baseline, cases, confidence_level),
        candidate=_side(paired, paired.candidate, cases, confidence_level),
        difference=difference,
        flip_ids=_flips(paired, paired.baseline, paired.candidate),
        checks=checks,
        non_inferiority=_non_inferiority(difference, margin),
        minimum_detectable_effect=None
        if difference is None
        else difference.minimum_detectable_effect(),
        slices=slices,
        findings=ShownList(findings),
        problems=problems,
        confidence_level=confidence_level,
        needed=needed,
        old=before,
        new=after,
        margin=margin,
        check=check,
        paired=paired,
    )


def _check_options(margin: float | None, confidence_level: float, adjust: str) -> None:
    if adjust not in get_args(Adjustment):
        raise InputError(
            f"slices are adjusted by {' or '.join(get_args(Adjustment))}, not {adjust!r}",
            field="adjust",
        )
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"a margin lies between 0 and 1, got {margin!r}", field="margin")
    if not 0.5 <= confidence_level < 1:
        raise InputError(
            f"a confidence level lies in [0.5, 1), got {confidence_level!r}",
            field="confidence_level",
        )


def _conclude(
    paired: Paired,
    difference: PairedDifference | None,
    problems: Sequence[str],
    margin: float | None,
    confidence_level: float,
    rng: Rng,
) -> Conclusion:
    if problems or difference is None:
        return "invalid"
    conclusion: Conclusion = difference.conclusion(margin)
    if conclusion in FAVOURABLE and (paired.old.error.any() or paired.new.error.any()):
        worst = paired.counting_errors()
        counted = measure(
            worst, worst.has_outcome, confidence_level=confidence_level, rng=stream(rng, 0)
        )
        if counted is None or counted.conclusion(margin) not in FAVOURABLE:
            return "inconclusive"
    return conclusion


def _non_inferiority(
    difference: PairedDifference | None, margin: float | None
) -> NonInferiority | None:
    if difference is None or margin is None:
        return None
    return difference.non_inferiority(margin)


def _needed(
    paired: Paired, difference: PairedDifference | None, margin: float | None
) -> Needed | None:
    """Cases in all, with as many trials of each as there are now; None where no number would do."""
    if difference is not None and difference.conclusion(margin) != "inconclusive":
        return None  # it is the errors that leave it open
    cases = None if difference is None else difference.cases_needed(margin)
    if cases is None or difference is None:
        return None
    return Needed(max(cases, difference.n_cases + 1), trials_of_each(paired))


def trials_of_each(paired: Paired) -> int:
    """The usual number of trials of a case: the median of the side that has fewer."""
    return max(int(min(np.median(paired.old.counts), np.median(paired.new.counts))), 1)


def _side(paired: Paired, means: Floats, cases: Bools, confidence_level: float) -> Side | None:
    from ..stats import pass_rate

    if not cases.any():
        return None
    rate = pass_rate(
        means[cases],
        clusters=paired.clusters[cases],
        confidence_level=confidence_level,
        binary=not paired.graded,
    )
    return Side(rate.estimate, *rate.confidence_interval())


def _flips(paired: Paired, before: Floats, after: Floats) -> Flips:
    change = after - before
    with np.errstate(invalid="ignore"):
        broke, fixed = (np.flatnonzero(flipped) for flipped in (change < -1e-12, change > 1e-12))
    return Flips(
        broke=tuple(paired.case_ids.take(broke).to_pylist()),
        fixed=tuple(paired.case_ids.take(fixed).to_pylist()),
    )


def _checks(
    paired: Paired,
    overall: PairedDifference,
    margin: float | None,
    confidence_level: float,
    rng: Rng,
) -> list[CheckComparison]:
    """Every check that judged a case on both sides, on those cases."""
    compared = []
    everywhere = np.ones(paired.n_cases, dtype=bool)
    for code, name in enumerate(paired.check_names):
        if paired.check is not None and name != paired.check:
            continue
        before, after = paired.check_means(code)
        binary = not (paired.graded or paired.check_is_graded(code))
        difference: PairedDifference | None
        if binary == overall.binary and _is_outcome(paired, before, after):
            difference = overall  # this check alone makes the outcome
        else:
            difference = measure(
                paired,
                everywhere,
                baseline=before,
                candidate=after,
                confidence_level=confidence_level,
                rng=stream(rng, 2, code),
                binary=binary,
            )
        if difference is not None:
            flips = _flips(paired, before, after)
            conclusion: Conclusion = difference.conclusion(margin)
            compared.append(CheckComparison(name, difference, flips, conclusion))
    return compared


def _is_outcome(paired: Paired, before: Floats, after: Floats) -> bool:
    return np.array_equal(before, paired.baseline, equal_nan=True) and np.array_equal(
        after, paired.candidate, equal_nan=True
    )


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."
