"""Which watches does a claim of the policy make: one for each of its levels or incidents?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..compare.columns import Bools, Ints
from ..compare.pairing import Paired
from .fixed import groups_of
from .judging import Judged, nothing
from .ledger import Ledger
from .ordering import Order
from .policy import Claim
from .selecting import levels_of
from .watching import CountWatch, PairedWatch, RateWatch, Watch, WholeWatch


def mixes(paired: Paired, strata: Ints, mask: Bools) -> bool:
    """Whether cases that are counted one by one lie in several strata.

    Their order must then be random throughout: they are looked at inside of blocks.
    """
    return any(
        np.unique(strata[paired.clusters[group.cases]]).size > 1
        for group in groups_of(paired, mask)
        if not group.by_trial
    )


@dataclass(frozen=True)
class WatchMaker:
    """Makes the watches of a claim, one for each of its levels."""

    paired: Paired
    order: Order
    ledger: Ledger
    level: float
    unproven: Mapping[int, frozenset[str]]

    def make(self, claim: Claim, number: int, cases: Bools) -> Iterator[Watch | Judged]:
        if not cases.any():
            yield nothing(claim, f"no case is selected: {claim.select}")
        elif claim.non_inferior is not None:
            yield from self._paired(claim, claim.non_inferior.margin, cases)
        elif claim.failure_rate_below is not None:
            for group in groups_of(self.paired, cases):
                name = claim.name if group.name == "" else f"{claim.name} [{group.name}]"
                yield RateWatch(
                    name,
                    claim.failure_rate_below,
                    group,
                    self.order,
                    self.ledger,
                    self.level,
                    self.unproven,
                )
        elif claim.max_failures is not None:
            where = np.flatnonzero(cases)
            yield CountWatch(claim.name, claim.max_failures, where, self.ledger)
        else:
            yield WholeWatch(claim, number, np.flatnonzero(cases), self.ledger)

    def _paired(self, claim: Claim, margin: float, cases: Bools) -> Iterator[Watch | Judged]:
        levels = [(claim.name, cases)]
        if claim.by is not None:
            found = levels_of(self.paired, claim.by, cases)
            levels = [(f"{claim.name} [{value}]", level) for value, level in found]
            if not levels:
                yield nothing(claim, f"no selected case has the key {claim.by!r}")
        for name, level in levels:
            where = np.flatnonzero(level)
            yield PairedWatch(
                name, margin, where, self.order, self.paired.clusters, self.ledger, self.level
            )
