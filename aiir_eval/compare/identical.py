"""Which trials got the very same answer on both sides, and were those judged alike?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .pairing import Paired, SideTrials, as_bools


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
    outputs = []
    for side in (old, new):
        output = side.column("output")
        said = as_bools(pc.greater(pc.binary_length(output), 0)) & ~np.isnan(side.outcome)
        outputs.append((output, np.flatnonzero(said)))
    span = max(_span(old), _span(new))
    keys = [
        side.case[said] * span + side.trial[said]
        for side, (_, said) in zip((old, new), outputs, strict=True)
    ]
    _, left, right = np.intersect1d(keys[0], keys[1], return_indices=True)
    if left.size == 0:
        return SameAnswers(0, 0, 0)
    at = [outputs[0][1][left], outputs[1][1][right]]
    same = as_bools(pc.equal(outputs[0][0].take(at[0]), outputs[1][0].take(at[1])))
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
        int(left.size),
        int(same.sum()),
        int(suspects.size),
        tuple(paired.case_ids[int(case)].as_py() for case in cases),
    )


def _span(side: SideTrials) -> int:
    return int(side.trial.max(initial=0)) + 2
