"""What do resamples that are drawn say, however many they are, in bounded memory?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, floor, inf, sqrt

import numpy as np

from aiir_eval.stats.clustering import Floats

HELD = 1 << 17  # values held at a time: 1 MB

Blocks = Callable[[], Iterable[Floats]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Resampled values, drawn again from the same seed whenever they are asked for.

    Up to HELD of them are kept, sorted; of more, a quantile is found in a few passes that keep
    what lies in an ever narrower range. Values that are not a number (a resample that misses a
    side) are left out.

    Parameters
    ----------
    blocks : callable
        Yields the values in blocks, the same ones every time.
    """

    blocks: Blocks
    count: int
    kept: Floats | None

    @classmethod
    def of(cls, blocks: Blocks) -> Drawn:
        """Count the values, and keep them if there are few."""
        kept: list[Floats] = []
        count = 0
        for block in blocks():
            values = block[~np.isnan(block)]
            count += values.size
            if count <= HELD:
                kept.append(values)
            else:
                kept.clear()
        held = np.sort(np.concatenate(kept)) if 0 < count <= HELD else None
        return cls(blocks, count, held)

    def at_most(self, limit: float) -> float:
        """Share of the resamples at most `limit`, as (k + 1) / (n + 1)."""
        if self.kept is not None:
            hits = int(np.searchsorted(self.kept, limit, side="right"))
        else:
            hits = sum(int(np.count_nonzero(block <= limit)) for block in self.blocks())
        return (hits + 1) / (self.count + 1)

    def at_least(self, limit: float) -> float:
        """Share of the resamples at least `limit`, as (k + 1) / (n + 1)."""
        if self.kept is not None:
            hits = self.count - int(np.searchsorted(self.kept, limit, side="left"))
        else:
            hits = sum(int(np.count_nonzero(block >= limit)) for block in self.blocks())
        return (hits + 1) / (self.count + 1)

    def lower(self, tail: float) -> float:
        """The largest value with at most a share `tail` of the others below it."""
        return self._at_rank(floor(tail * (self.count - 1))) if self.count else -inf

    def upper(self, tail: float) -> float:
        """The smallest value with at most a share `tail` of the others above it."""
        return self._at_rank(ceil((1 - tail) * (self.count - 1))) if self.count else inf

    def _at_rank(self, rank: int) -> float:
        """The value that so many others come before."""
        if self.kept is not None:
            return float(self.kept[rank])
        least, most = low, high = -inf, inf  # it lies between the former; the latter are tried
        while True:
            below, inside, some = self._within(low, high)
            if rank < below:
                most = float(np.nextafter(low, -inf))
                low, high = least, most
            elif rank >= below + inside:
                least = float(np.nextafter(high, inf))
                low, high = least, most
            elif inside == some.size:
                return float(np.partition(some, rank - below)[rank - below])
            elif low == high:
                return low
            else:
                least, most = low, high
                low, high = _around(np.sort(some), (rank - below) / inside, least, most)

    def _within(self, low: float, high: float) -> tuple[int, int, Floats]:
        """How many values are below `low`, how many up to `high`, and the first HELD of those."""
        below = inside = held = 0
        some: list[Floats] = []
        for block in self.blocks():
            below += int(np.count_nonzero(block < low))
            here = block[(block >= low) & (block <= high)]
            inside += here.size
            if held < HELD:
                some.append(here[: HELD - held])
                held += some[-1].size
        return below, inside, np.concatenate(some)


def _around(ordered: Floats, share: float, least: float, most: float) -> tuple[float, float]:
    """A narrower range in which the value at that share probably lies, going by those held."""
    n = ordered.size
    far = 6 * sqrt(share * (1 - share) * n) + 6
    first, last = floor(share * n - far), ceil(share * n + far)
    low = least if first <= 0 else float(ordered[first])
    high = most if last >= n - 1 else float(ordered[last])
    if (low, high) == (least, most):  # two values share what there is
        low = high = float(ordered[int(share * n)])
    return low, high
