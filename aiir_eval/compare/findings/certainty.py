"""How far can the conclusion be trusted: power, clusters, flaky cases, a loss within the margin?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...words import count
from ..pairing import SideTrials
from ..result import Finding
from .seen import Candidate, Seen


def find(seen: Seen) -> Iterator[Candidate]:
    yield from _worse_within_margin(seen)
    yield from _underpowered(seen)
    yield from _few_clusters(seen)
    yield from _flaky(seen)


def _worse_within_margin(seen: Seen) -> Iterator[Candidate]:
    difference = seen.difference
    if seen.conclusion != "non_inferior" or difference is None or seen.margin is None:
        return
    if difference.estimate < 0 and difference.pvalue <= seen.alpha:
        yield Candidate(
            Finding(
                "worse_within_margin",
                "warning",
                f"The candidate is worse by {-100 * difference.estimate:.1f} points beyond chance, "
                f"though by less than the margin of {100 * seen.margin:.1f}.",
                {
                    "difference": difference.estimate,
                    "pvalue": difference.pvalue,
                    "margin": seen.margin,
                },
            )
        )


def _underpowered(seen: Seen) -> Iterator[Candidate]:
    difference = seen.difference
    if difference is None or seen.conclusion != "inconclusive":
        return
    if difference.conclusion(seen.margin) != "inconclusive":  # it is the errors that leave it open
        return
    detectable = difference.minimum_detectable_effect()
    settles = ""
    if seen.needed is not None:
        settles = f"; about {seen.needed.cases:,} cases would settle it"
        if seen.needed.trials > 1:
            settles += f" with {seen.needed.trials} trials of each"
    yield Candidate(
        Finding(
            "underpowered",
            "info",
            f"{count(difference.n_cases, 'case')} in {count(difference.n_clusters, 'cluster')} "
            f"can be expected to show only differences of {100 * detectable:.1f} points or more"
            f"{settles}.",
            {
                "minimum_detectable_effect": detectable,
                "n_cases": difference.n_cases,
                "needed": None if seen.needed is None else seen.needed.to_dict(),
            },
        )
    )


def _few_clusters(seen: Seen) -> Iterator[Candidate]:
    """Too few to conclude anything, or so skewed that the test of no change may mislead.

    From 30 clusters on the skew is told only of a test that found a change: where changes are
    rare a few clusters often carry what there is.
    """
    from ...stats.paired import FEW_CLUSTERS, MIN_CLUSTERS

    difference = seen.difference
    if difference is None:
        return
    few = difference.n_clusters < FEW_CLUSTERS
    found = difference.pvalue <= 1 - difference.confidence_level
    if difference.n_clusters < MIN_CLUSTERS:
        message = (
            f"The cases fall into {count(difference.n_clusters, 'cluster')}: "
            f"nothing is concluded from fewer than {MIN_CLUSTERS}."
        )
    elif difference.skewed and (few or found):
        message = (
            f"A few of the {difference.n_clusters} clusters carry the change: the test of no "
            "change speaks of exchangeable versions, not of the mean."
        )
    else:
        return
    yield Candidate(
        Finding(
            "few_clusters",
            "warning",
            message,
            {
                "n_clusters": difference.n_clusters,
                "skewed": difference.skewed,
                "skewness": round(difference.skewness, 3),
            },
        )
    )


def _flaky(seen: Seen) -> Iterator[Candidate]:
    """Cases that both pass and fail on one side, where trials were repeated."""
    if seen.paired.graded:
        return
    flaky = [_mixed(side) for side in (seen.paired.old, seen.paired.new)]
    either = flaky[0] | flaky[1]
    if not either.any():
        return
    ids = [seen.paired.case_ids[int(at)].as_py() for at in np.flatnonzero(either)[:5]]
    before, after = int(flaky[0].sum()), int(flaky[1].sum())
    yield Candidate(
        Finding(
            "flaky_cases",
            "info",
            f"{int(either.sum()):,} cases both pass and fail from one trial to the next "
            f"({before:,} in the baseline, {after:,} in the candidate).",
            {"cases": int(either.sum()), "baseline": before, "candidate": after, "examples": ids},
        )
    )


def _mixed(side: SideTrials) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    means = side.case_means(side.outcome)
    mixed: np.ndarray[tuple[int], np.dtype[np.bool_]] = (means > 0) & (means < 1)
    return mixed
