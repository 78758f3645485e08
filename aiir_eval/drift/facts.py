"""What is known of a column on both sides, before anything is concluded from it?

Facts are small, whatever the number of rows. Every engine yields the same ones: `exact` from all
values in memory, `summaries` from states that are merged. `judging` sees nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..stats.two_sample import TestResult
from .result import ColumnKind, Distribution, Effect

if TYPE_CHECKING:
    import pyarrow as pa

    from ..stats.paired import PairedDifference

Counts = NDArray[np.int64]

_ID_SHARE = 0.5  # more distinct values than this share of the rows: ids or free text
_KEY_SHARE = 0.95  # the same, of each side


@dataclass(frozen=True, slots=True)
class Missing:
    """Values that were left out, as (in reference, in current)."""

    null: tuple[int, int] = (0, 0)
    odd: tuple[int, int] = (0, 0)  # NaN or infinite

    def __str__(self) -> str:
        parts = []
        for side, label in enumerate(("reference", "current")):
            for count, what in ((self.null[side], "null"), (self.odd[side], "NaN or infinite")):
                if count:
                    parts.append(f"{count:,} {what} in {label}")
        return "left out: " + ", ".join(parts) if parts else ""


@dataclass(frozen=True, slots=True)
class Moments:
    """Size, mean, standard deviation (exactly zero for a constant) and extremes of one side."""

    n: int
    mean: float
    sd: float
    low: float
    high: float

    @property
    def variance(self) -> float:
        """Infinite or zero where doubles end: `sd` is not."""
        return self.sd * self.sd


@dataclass(frozen=True, slots=True)
class Bound:
    """A number that lies in [low, high]; known exactly where these are equal."""

    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Bound:
        return cls(value, value)

    @property
    def exact(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of a difference of means relative to independent rows, with its df."""

    design_effect: float
    df: float


@dataclass(frozen=True, slots=True)
class Clustered:
    """What whole clusters say of a column: how they widen intervals, and permutation p-values.

    `pvalues` has ``two-sided``, ``less`` and ``greater`` for a mean or a rate, ``ks`` and
    ``combined`` besides for numbers, ``levels`` for levels. `shape` is the spread of the cumulative
    shares of numbers. `smallest_pvalue` is the smallest that so many clusters can ever give.
    """

    spread: Spread
    pvalues: Mapping[str, float]
    shape: Spread | None = None
    smallest_pvalue: float = 0.0
    by: str = "cluster permutation"


@dataclass(frozen=True, slots=True)
class NumericFacts:
    """A column of numbers.

    `ks` is the largest gap between both cumulative shares, or what is known of it. `bins` are the
    counts of both sides in the same intervals, for effects that need such. `tests` are further
    tests by name (their p-values), where they were asked for. `steps` are how many values of both
    sides lie up to each distinct value, where these are few; then ties count.
    """

    name: str
    reference: Moments
    current: Moments
    ks: Bound
    missing: Missing = Missing()
    bins: tuple[Counts, Counts] | None = None
    distribution: Distribution | None = None
    clustered: Clustered | None = None
    tests: Mapping[str, TestResult] = field(default_factory=dict)
    note: str = ""
    steps: Counts | None = None


@dataclass(frozen=True, slots=True)
class RateFacts:
    """A column of truths: how many of how many, as (in reference, in current).

    `paired` is their difference where the same cases are on both sides.
    """

    name: str
    ones: tuple[int, int]
    n: tuple[int, int]
    missing: Missing = Missing()
    clustered: Clustered | None = None
    note: str = ""
    paired: PairedDifference | None = None


@dataclass(frozen=True, slots=True)
class LevelFacts:
    """A column of levels: how often each occurs on each side, none of them on neither.

    `levels` are their texts (an Arrow array), sorted, and the counts are in their order: which of
    two equally rare levels takes the lump must not hang on the order of the rows.
    """

    name: str
    reference: Counts
    current: Counts
    levels: pa.Array
    missing: Missing = Missing()
    clustered: Clustered | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TestedFacts:
    """A column whose own test was made already, such as a classifier or a kernel test.

    The column counts as changed beyond the declared minimum where `effect` reaches `smallest`.
    """

    __test__ = False  # not a test of pytest's

    name: str
    kind: ColumnKind
    n: tuple[int, int]
    test: str
    statistic: float
    pvalue: float
    effect: Effect
    smallest: float
    minimum_detectable_effect: float
    worth_seeing: float  # a change of this size one would not want to miss
    statistics: Mapping[str, float] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    missing: Missing = Missing()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A column that is not tested, and why."""

    name: str
    reason: str


Facts = NumericFacts | RateFacts | LevelFacts | TestedFacts


def are_ids(distinct: float, reference: Counts, current: Counts) -> bool:
    """Whether texts are ids or free text, and no levels: few of them stand more than once."""
    if distinct <= 2:
        return False
    sizes = [int(counts.sum()) for counts in (reference, current)]
    once = all(
        n >= 20 and np.count_nonzero(counts) > _KEY_SHARE * n
        for n, counts in zip(sizes, (reference, current), strict=True)
    )
    return once or distinct > _ID_SHARE * sum(sizes)


def kind_of(facts: Facts) -> ColumnKind:
    """What a report calls such a column."""
    if isinstance(facts, TestedFacts):
        return facts.kind
    return _KINDS[type(facts)]


_KINDS: Mapping[type[Any], ColumnKind] = {
    NumericFacts: "numeric",
    RateFacts: "boolean",
    LevelFacts: "categorical",
}
