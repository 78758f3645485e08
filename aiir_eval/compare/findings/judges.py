"""Do two checks that judge the same cases contradict each other on the candidate?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..columns import Bools
from ..measuring import measure
from ..result import CheckComparison, Finding
from .format_ import is_nested
from .seen import Candidate, Seen

if TYPE_CHECKING:
    from ...stats import PairedDifference

MOST_CHECKS = 30  # of a comparison; beyond, checks are items and not judges


def find(seen: Seen) -> Iterator[Candidate]:
    """One check says improved, another regressed: both must be shown, so the larger p counts.

    Where what passes one passes the other too, it is no contradiction: see `format_`.
    """
    if len(seen.checks) > MOST_CHECKS:
        return
    for first, second in combinations(seen.checks, 2):
        if first.difference.estimate * second.difference.estimate >= 0:
            continue
        better, worse = sorted((first, second), key=lambda item: -item.difference.estimate)
        codes = [seen.paired.check_names.index(item.check) for item in (better, worse)]
        means = [seen.paired.check_means(code) for code in codes]
        sides = np.array([side for pair in means for side in pair])
        shared = np.asarray(~np.isnan(sides).any(axis=0))
        if _nested(seen, codes) or not shared.any():
            continue
        rise, fall = (_on(seen, item, shared) for item in (better, worse))
        if rise is None or fall is None or not rise.estimate > 0 > fall.estimate:
            continue
        said = [difference.conclusion(seen.margin) for difference in (rise, fall)]
        n_cases = int(shared.sum())
        yield Candidate(
            Finding(
                "judge_disagreement",
                "warning",
                f"On the same {n_cases:,} cases {better.check!r:.80} says that the candidate is "
                f"better by {100 * rise.estimate:.1f} points and {worse.check!r:.80} that it is "
                f"worse by {-100 * fall.estimate:.1f}: settle which of the two to believe.",
                {
                    "improved": {
                        "check": better.check,
                        "difference": rise.estimate,
                        "pvalue": rise.pvalue,
                    },
                    "regressed": {
                        "check": worse.check,
                        "difference": fall.estimate,
                        "pvalue": fall.pvalue,
                    },
                    "n_cases": n_cases,
                    "same_judgement": _agreement(seen, codes),
                },
            ),
            pvalue=max(rise.pvalue, fall.pvalue),
            large_enough=said == ["improved", "regressed"],
        )


def _on(seen: Seen, check: CheckComparison, shared: Bools) -> PairedDifference | None:
    """The check's difference on the cases that both checks judge."""
    if check.difference.n_cases == int(shared.sum()):
        return check.difference
    code = seen.paired.check_names.index(check.check)
    before, after = seen.paired.check_means(code)
    return measure(
        seen.paired,
        shared,
        baseline=before,
        candidate=after,
        confidence_level=seen.confidence_level,
        rng=seen.rng,
        binary=check.difference.binary,
    )


def _nested(seen: Seen, codes: list[int]) -> bool:
    """Whether one of them passes, on both sides, whatever the other passes."""
    pairs = [
        [seen.paired.check_values(side, code) for code in codes]
        for side in (seen.paired.old, seen.paired.new)
    ]
    return all(is_nested(a, b) for a, b in pairs) or all(is_nested(b, a) for a, b in pairs)


def _agreement(seen: Seen, codes: list[int]) -> dict[str, float | None]:
    """Share of the trials of each side that both judge alike."""
    shares: dict[str, float | None] = {}
    for name, side in (("baseline", seen.paired.old), ("candidate", seen.paired.new)):
        a, b = (seen.paired.check_values(side, code) for code in codes)
        both = ~np.isnan(a) & ~np.isnan(b)
        shares[name] = float((a == b)[both].mean()) if both.any() else None
    return shares
