"""Which cells keep which claim about errors, with 99% confidence for all cells together?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grid import MARGINS, Count, Tally
from population import Setting
from scipy import special

OURS = "aiir"
CONFIDENCE = 0.99
REGRESSED = "no change is called regressed"
REJECTED = "no change is rejected (two-sided)"
PASSED = "a loss of exactly the margin passes"
MISSED = "the interval misses the difference"
LIMITS = {REGRESSED: 0.05, REJECTED: 0.05, PASSED: 0.05, MISSED: 0.06}
CLAIMED = (REGRESSED, PASSED, MISSED)


@dataclass(frozen=True, slots=True)
class Measured:
    """How often a method errs in one cell."""

    claim: str
    method: str
    setting: Setting
    difference: float
    wrong: int
    runs: int

    @property
    def rate(self) -> float:
        return self.wrong / self.runs

    def lower(self, tail: float) -> float:
        """Clopper-Pearson: the error rate is shown to be above it."""
        if not self.wrong:
            return 0.0
        return float(special.betaincinv(self.wrong, self.runs - self.wrong + 1, tail))

    def upper(self, tail: float) -> float:
        if self.wrong == self.runs:
            return 1.0
        return float(special.betaincinv(self.wrong + 1, self.runs - self.wrong, 1 - tail))


@dataclass(frozen=True, slots=True)
class Kept:
    """A claim over all cells: those beyond the limit for sure, and the worst first."""

    claim: str
    method: str
    beyond: list[Measured]
    above: int
    ordered: list[Measured]
    at_most: float

    @property
    def cells(self) -> int:
        return len(self.ordered)

    @property
    def worst(self) -> Measured:
        return self.ordered[0]


def measured(counts: Sequence[Count], method: str) -> Iterator[Measured]:
    """Errors of a method in every cell of at least six clusters."""
    for item in counts:
        if not item.decides:
            continue
        tally = item.ours if method == OURS else item.peers[method]
        cell = method, item.setting, item.difference
        if item.difference == 0:
            yield Measured(REJECTED, *cell, tally.rejected, tally.runs)
            yield Measured(REGRESSED, *cell, _regressed(item, tally, method), tally.runs)
        if tally.passed is not None:
            for margin, passed in zip(MARGINS, tally.passed, strict=True):
                if item.difference == -margin:
                    yield Measured(PASSED, *cell, passed, tally.runs)
        if tally.covered is not None:
            yield Measured(MISSED, *cell, tally.runs - tally.covered, tally.runs)


def kept(counts: Sequence[Count], method: str, claim: str) -> Kept | None:
    """The claim over all cells, None where the method makes no such statement."""
    cells = [item for item in measured(counts, method) if item.claim == claim]
    if not cells:
        return None
    tail, limit = (1 - CONFIDENCE) / len(cells), LIMITS[claim]
    return Kept(
        claim=claim,
        method=method,
        beyond=[cell for cell in cells if cell.lower(tail) > limit],
        above=sum(cell.rate > limit for cell in cells),
        ordered=sorted(cells, key=lambda cell: -cell.rate),
        at_most=max(cell.upper(tail) for cell in cells),
    )


def always_inconclusive(counts: Sequence[Count]) -> tuple[int, int]:
    """Cells below six clusters in which every run is inconclusive, and all such cells."""
    small = [item for item in counts if not item.decides]
    return sum(all(row[-1] == item.ours.runs for row in item.conclusions) for item in small), len(
        small
    )


def _regressed(item: Count, tally: Tally, method: str) -> int:
    return item.conclusions[0][2] if method == OURS else tally.worse
