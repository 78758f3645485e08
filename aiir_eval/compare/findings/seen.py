"""What a family of findings looks at, and what it hands back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..columns import Bools, Floats
from ..identical import SameAnswers
from ..measuring import Rng, measure
from ..pairing import Paired
from ..result import CheckComparison, Conclusion, Finding, Needed, Slice

if TYPE_CHECKING:
    from ...stats import PairedDifference


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding that may be reported.

    pvalue: of the test it rests on, None where it rests on none. The tests of all families are
    adjusted together. `large_enough` is false where the effect is too small to be worth a word;
    such a test still counts in the adjustment.
    """

    finding: Finding
    pvalue: float | None = None
    large_enough: bool = True


@dataclass(frozen=True)
class Seen:
    """The comparison as far as it is known when findings are looked for.

    cases: those compared. difference: None where nothing could be compared.
    """

    paired: Paired
    cases: Bools
    difference: PairedDifference | None
    checks: Sequence[CheckComparison]
    slices: Sequence[Slice]
    same: SameAnswers
    conclusion: Conclusion
    margin: float | None
    needed: Needed | None
    confidence_level: float
    rng: Rng

    @property
    def alpha(self) -> float:
        return 1 - self.confidence_level

    @cached_property
    def answered(self) -> tuple[Bools, Bools]:
        """The trials of either side whose output was recorded and that did not error."""
        old, new = self.paired.outputs.recorded
        return old & ~self.paired.old.error, new & ~self.paired.new.error

    @cached_property
    def fell(self) -> list[tuple[str, PairedDifference, Floats, Floats]]:
        """What got worse beyond chance: (name, difference, case means before, after).

        The checks where there are several, else the outcome itself.
        """
        if len(self.checks) < 2 and self.difference is not None:
            means = (self.paired.baseline, self.paired.candidate)
            found = [("the outcome", self.difference, *means)]
        else:
            found = [
                (
                    check.check,
                    check.difference,
                    *self.paired.check_means(self.paired.check_names.index(check.check)),
                )
                for check in self.checks
            ]
        return [item for item in found if item[1].estimate < 0 and item[1].pvalue <= self.alpha]

    def shift(self, before: Floats, after: Floats) -> PairedDifference | None:
        """The paired difference of a rate (refusals, fences, ...) by case."""
        return measure(
            self.paired,
            np.ones(self.paired.n_cases, dtype=bool),
            baseline=before,
            candidate=after,
            confidence_level=self.confidence_level,
            rng=self.rng,
            binary=True,
        )


def percent(value: float) -> str:
    """A rate as a percentage: ``84.0%``."""
    return f"{100 * value:.1f}%"
