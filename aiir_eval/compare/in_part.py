"""How do two runs compare as far as they went, where they were looked at while they ran?

Nothing here is a fixed-sample test: those are void on data that were looked at before their end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..runs.model import Run
from ..suites.model import cases_digest
from .columns import Floats
from .comparing import compare
from .pairing import Paired
from .result import Comparison, Conclusion, FindingCode, Flips, Needed, Side

if TYPE_CHECKING:
    from ..stats.sequential_difference import SequentialDifference

FACTS: tuple[FindingCode, ...] = (
    "evaluator_changed",
    "scorer_version_differs",
    "duplicate_ids",
    "same_target",
    "constant_expected_answer",
    "flaky_cases",
)
"""Findings that rest on no test."""


def compare_in_part(
    old: Run,
    new: Run,
    *,
    looks: Mapping[str, tuple[int, float]],
    margin: float | None,
    bets: float,
    confidence_level: float,
    aa: bool = False,
) -> Comparison:
    """Compare two runs on the cases that have been run on both sides.

    Parameters
    ----------
    old, new : Run
        Baseline and candidate as far as they went.
    looks : mapping of case id to (look, share)
        When each case was looked at, and by how much its cluster counts for more than itself
        (`ordering.Block`); cases whose look did not come are left out of the difference.
    margin : float, optional
        The loss that is tolerated, where a claim declares one.
    bets : float
        The margin of the bets; `margin` where there is one.
    confidence_level : float
    aa : bool
        Both sides are the same target on purpose.

    Returns
    -------
    Comparison
        Flips are of all cases run on both sides. Difference, interval and p-value hold at every
        look together; checks and slices, which have no such test, are left out, and so are the
        findings that rest on one.
    """
    shared = sorted(_ids(old) & _ids(new))
    if not shared:
        return uncompared(old, new, margin=margin, confidence_level=confidence_level)
    base = compare(
        _part(old, shared),
        _part(new, shared),
        margin=margin,
        confidence_level=confidence_level,
        aa=aa,
    )
    assert base.paired is not None
    paired = base.paired.counting_errors()
    difference, sides = _difference(paired, looks, bets, confidence_level)
    conclusion: Conclusion = "invalid"
    needed = None
    if not base.problems:
        conclusion = "inconclusive" if difference is None else difference.conclusion(margin)
        if difference is not None and conclusion == "inconclusive":
            needed = _needed(difference, margin, base)
    return replace(
        base,
        conclusion=conclusion,
        n_clusters=0 if difference is None else difference.n_clusters,
        n_trials=(old.trials.num_rows, new.trials.num_rows),
        baseline=sides[0],
        candidate=sides[1],
        difference=difference,
        checks=[],
        non_inferiority=None
        if difference is None or margin is None
        else difference.non_inferiority(margin),
        minimum_detectable_effect=None,
        slices=[],
        findings=[finding for finding in base.findings if finding.code in FACTS],
        needed=needed,
        old=old,
        new=new,
    )


def _ids(run: Run) -> set[str]:
    import pyarrow.compute as pc

    return set(pc.unique(run.trials["case_id"]).to_pylist())


def _part(run: Run, ids: list[str]) -> Run:
    """The run of these cases alone, as it would be if no other had been asked for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trials = run.trials.filter(pc.is_in(run.trials["case_id"], value_set=pa.array(ids)))
    counted = pc.value_counts(trials["case_id"]).to_pylist()
    cases = [run.cases[id_] for id_ in ids if id_ in run.cases]
    update = {
        "trials": {item["values"]: item["counts"] for item in counted},
        "n_rows": trials.num_rows,
        "status": "complete",
        "suite_digest": cases_digest([case.to_mapping() for case in cases]),
    }
    return Run(run.manifest.model_copy(update=update), trials, run.path, cases)


def _difference(
    paired: Paired, looks: Mapping[str, tuple[int, float]], bets: float, confidence_level: float
) -> tuple[SequentialDifference | None, tuple[Side | None, Side | None]]:
    from ..stats.sequential_difference import sequential_difference

    ids = paired.case_ids.to_pylist()
    here = np.flatnonzero([id_ in looks for id_ in ids])
    if here.size == 0:
        return None, (None, None)
    at = np.array([looks[ids[case]][0] for case in here.tolist()])
    shares = np.array([looks[ids[case]][1] for case in here.tolist()])
    before, after = paired.baseline[here], paired.candidate[here]
    clusters = paired.clusters[here]

    def of(first: Floats, second: Floats) -> SequentialDifference:
        return sequential_difference(
            first,
            second,
            looks=at,
            clusters=clusters,
            shares=shares,
            margin=bets,
            confidence_level=confidence_level,
        )

    sides = []
    for means in (before, after):  # a rate is its difference from never
        rate = of(np.zeros_like(means), means)
        sides.append(Side(rate.estimate, max(rate.low, 0.0), min(rate.high, 1.0)))
    return of(before, after), (sides[0], sides[1])


def _needed(
    difference: SequentialDifference, margin: float | None, base: Comparison
) -> Needed | None:
    cases = difference.cases_needed(margin)
    if cases is None:
        return None
    trials = max(round(sum(base.n_trials) / 2 / base.n_cases), 1)
    return Needed(cases, trials)


def uncompared(
    old: Run,
    new: Run,
    *,
    margin: float | None,
    confidence_level: float,
    problems: Sequence[str] = (),
) -> Comparison:
    """No case was run on both sides: no claim asked for one, or there are problems."""
    return Comparison(
        conclusion="invalid" if problems else "inconclusive",
        n_cases=0,
        n_clusters=0,
        n_trials=(old.trials.num_rows, new.trials.num_rows),
        baseline=None,
        candidate=None,
        difference=None,
        flip_ids=Flips(),
        checks=[],
        non_inferiority=None,
        minimum_detectable_effect=None,
        slices=[],
        findings=[],
        problems=list(problems),
        confidence_level=confidence_level,
        needed=None,
        old=old,
        new=new,
        margin=margin,
    )
