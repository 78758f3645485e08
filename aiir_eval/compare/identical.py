"""Which trials got the very same answer on both sides, and were those judged alike?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import Ints
from .pairing import Paired


@dataclass(frozen=True, slots=True)
class SameAnswers:
    """Trials (same case, same number) with an answer on both sides, and how many of them agree.

    compared: both sides say something; identical: they say the same; judged_differently: they say
    the same, and one passed where the other failed (graded: the scores differ).
    """

    compared: int
    identical: int
    judged_differently: int
    examples: tuple[str, ...] = ()

    def evidence(self) -> dict[str, Any]:
        return {
            "compared": self.compared,
            "identical": self.identical,
            "judged_differently": self.judged_differently,
            "examples": list(self.examples),
        }


def same_answers(paired: Paired) -> SameAnswers:
    """Count the trials that were answered alike, and those of them that were judged differently.

    Trials that errored, have no outcome, or whose output is empty or was not recorded, are left
    out; the same text with other tool calls is another answer.
    """
    import pyarrow.compute as pc

    old, new = paired.old, paired.new
    both = paired.outputs
    rows = [
        np.flatnonzero(said & ~np.isnan(side.outcome))
        for side, said in zip(
            (old, new), both.told(lambda texts: pc.greater(pc.binary_length(texts), 0)), strict=True
        )
    ]
    at = _same_trials(paired, *rows)
    if at[0].size == 0:
        return SameAnswers(0, 0, 0)
    same = both.old[at[0]] == both.new[at[1]]
    differs = same & (np.abs(old.outcome[at[0]] - new.outcome[at[1]]) > 1e-12)
    suspects = np.flatnonzero(differs)
    if suspects.size:
        calls = [
            side.column("tool_calls").take(rows[suspects]).to_pylist()
            for side, rows in zip((old, new), at, strict=True)
        ]
        other = np.array([(a or []) != (b or []) for a, b in zip(*calls, strict=True)])
        same[suspects[other]] = False
        suspects = suspects[~other]
    cases = np.unique(old.case[at[0][suspects]])[:5]
    return SameAnswers(
        int(at[0].size),
        int(same.sum()),
        int(suspects.size),
        tuple(paired.case_ids[int(case)].as_py() for case in cases),
    )


def _same_trials(paired: Paired, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Those of some trials of either side that are of the same case and number."""
    old, new = paired.old, paired.new
    cases, numbers = (old.case[left], new.case[right]), (old.trial[left], new.trial[right])
    if np.array_equal(*cases) and np.array_equal(*numbers):
        return left, right
    span = max(int(number.max(initial=0)) for number in numbers) + 2
    keys = [case * span + number for case, number in zip(cases, numbers, strict=True)]
    _, first, second = np.intersect1d(keys[0], keys[1], return_indices=True)
    return left[first], right[second]
