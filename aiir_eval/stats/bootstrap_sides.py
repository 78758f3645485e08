"""What is a mean or a quantile, or the ratio of two, when clusters are drawn again?"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf, log, sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aiir_eval.stats.bootstrap_drawn import Drawn
from aiir_eval.stats.bootstrap_draws import Block, Draws
from aiir_eval.stats.bootstrap_every import EveryResample
from aiir_eval.stats.clustering import Codes, Floats, clustered_mean
from aiir_eval.stats.randomness import Rng, as_generator

BLOCK = 1 << 16  # weights held at a time: they stay in the cache, and memory bounded
FAR = 4.0  # standard errors of a rank within which a resampled quantile is looked for first


class Law(Protocol):
    """How a statistic is distributed over resamples: shares on each side, and bounds by share."""

    def at_most(self, limit: float) -> float: ...
    def at_least(self, limit: float) -> float: ...
    def lower(self, tail: float) -> float: ...
    def upper(self, tail: float) -> float: ...


class Side:
    """One side's values, ready to be weighted by how often each cluster was drawn."""

    def __init__(self, values: Floats, codes: Codes, level: float | None, n_clusters: int) -> None:
        order = np.lexsort((codes, values))
        self.values, self.codes, self.level = values[order], codes[order], level
        self.n_clusters = n_clusters  # those of the other side included
        self.counts = np.bincount(self.codes, minlength=self.n_clusters).astype(np.float64)
        self.sums: Floats = np.bincount(
            self.codes, weights=self.values, minlength=self.n_clusters
        ).astype(np.float64)
        self.n_effective = inf
        if level is None:
            self.estimate = float(self.values.sum() / values.size)
            return
        first = max(ceil(level * values.size - 1e-9) - 1, 0)
        self.estimate = float(self.values[first])
        above = (self.values > self.estimate).astype(np.float64)
        mean = clustered_mean(above, np.unique(self.codes, return_inverse=True)[1])
        spread = mean.estimate * (1 - mean.estimate) / values.size
        effect = mean.variance / spread if spread > 0 else mean.cluster_size
        self.n_effective = values.size / max(effect, 1.0)
        reach = FAR * sqrt(max(effect, 1.0) * level * (1 - level) * values.size)
        self.band = slice(max(int(first - reach - 20), 0), int(first + reach + 20))
        self.before_band = np.bincount(
            self.codes[: self.band.start], minlength=self.n_clusters
        ).astype(np.float64)

    def shows_high(self, confidence_level: float) -> bool:
        """Is a value above the quantile likely to be among so many?"""
        return self.level is None or self._seen(self.level, confidence_level)

    def shows_low(self, confidence_level: float) -> bool:
        return self.level is None or self._seen(1 - self.level, confidence_level)

    def _seen(self, share: float, confidence_level: float) -> bool:
        return self.n_effective * log(share) <= log(1 - confidence_level)

    @property
    def linear(self) -> Floats:
        """What is summed over the drawn clusters, (clusters, 2)."""
        return np.stack(
            [self.counts, self.sums if self.level is None else self.before_band], axis=1
        )

    @property
    def single(self) -> NDArray[np.bool_]:
        """Clusters that must be known one by one: those with a value in the band."""
        if self.level is None:
            return np.zeros(self.n_clusters, dtype=np.bool_)
        return np.bincount(self.codes[self.band], minlength=self.n_clusters) > 0

    def resampled(self, block: Block, totals: Floats, sums: Floats) -> Floats:
        """The statistic for every resample of a block with its sums of `linear`."""
        with np.errstate(invalid="ignore"):
            if self.level is None:
                return np.asarray(sums / totals)
        targets = self.level * totals - 1e-9
        band = self.values[self.band]
        reached = np.cumsum(
            np.take(block.often, block.draws.place[self.codes[self.band]], axis=1), axis=1
        )
        missing = np.ceil(targets - sums).astype(np.int64)
        result = band[np.argmax(reached >= missing[:, None], axis=1)]
        outside = (reached[:, -1] < missing) | ((missing <= 0) & (self.band.start > 0))
        for row in np.flatnonzero(outside):  # one in ten thousand
            every = np.cumsum(block.every(int(row))[self.codes])
            result[row] = self.values[
                min(int(np.searchsorted(every, targets[row])), every.size - 1)
            ]
        return np.where(totals > 0, result, np.nan)


def value_law(side: Side, n_resamples: int, rng: Rng) -> Law:
    """The statistic of one side over resamples of its clusters."""
    _check(n_resamples)
    if side.level is None:
        return _every(side.sums, side.counts)
    return _drawn([side], n_resamples, rng)


def ratio_law(before: Side, after: Side, n_resamples: int, rng: Rng) -> Law:
    """Statistic after / before over resamples of the clusters, the same for both sides.

    A ratio of means is one of sums, and needs no drawing, where each cluster has as many trials on
    one side as on the other (or always twice as many, ...) and none sums to 0 before.
    """
    _check(n_resamples)
    if before.level is None:
        share = after.values.size / before.values.size
        if np.array_equal(after.counts, before.counts * share):
            law = _every(after.sums / share, before.sums)
            if law.defined:
                return law
    return _drawn([before, after], n_resamples, rng)


def ratio(before: Floats, after: Floats) -> Floats:
    """after / before, 1 where both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((before == 0) & (after == 0), 1.0, after / before)


def _check(n_resamples: int) -> None:
    if n_resamples < 1:
        raise ValueError(f"n_resamples: {n_resamples} is not positive")


def _every(above: Floats, below: Floats) -> EveryResample:
    order = np.lexsort((below, above))
    return EveryResample(above[order], below[order])


def _drawn(sides: list[Side], n_resamples: int, rng: Rng) -> Drawn:
    sides = _canonical(sides)
    draws = Draws(
        np.hstack([side.linear for side in sides]),
        np.logical_or.reduce([side.single for side in sides]),
    )
    seed = as_generator(rng).integers(0, 1 << 62, size=2).tolist()
    rows = max(8, BLOCK // len(draws.sums))

    def blocks() -> Iterator[Floats]:
        generator = np.random.default_rng(seed)
        for start in range(0, n_resamples, rows):
            block = draws.block(min(rows, n_resamples - start), generator)
            sums = block.summed()
            found = [
                side.resampled(block, sums[:, 2 * number], sums[:, 2 * number + 1])
                for number, side in enumerate(sides)
            ]
            yield found[0] if len(found) == 1 else ratio(*found)

    return Drawn.of(blocks)


def _canonical(sides: list[Side]) -> list[Side]:
    """Number the clusters by what they hold, so that names and row order cannot matter."""
    values = np.concatenate([side.values for side in sides]) + 0.0  # no negative zero
    codes = np.concatenate([side.codes for side in sides])
    number = np.repeat(np.arange(len(sides)), [side.codes.size for side in sides])
    order = np.lexsort((values, number, codes))
    ends = np.cumsum(np.bincount(codes))
    rows = np.ascontiguousarray(np.stack([number[order], values[order]], axis=1, dtype=np.float64))
    data, width = rows.tobytes(), rows.itemsize * 2
    starts = np.concatenate([[0], ends[:-1]])
    keys = [
        data[start * width : end * width]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    rank = np.empty(len(keys), dtype=np.intp)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return [Side(side.values, rank[side.codes], side.level, side.n_clusters) for side in sides]
