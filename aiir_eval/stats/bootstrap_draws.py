"""How often is each cluster drawn, told one by one only of those for which it matters?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiir_eval.stats.clustering import Codes, Floats

FEW = 8  # one kind in so many clusters, at most: a kind takes the time of as many draws


class Draws:
    """Clusters drawn again, as often as there are, all equally likely.

    A statistic that knows most clusters by a few sums alone need not be told which of those with
    the same sums were drawn. These form a kind, and the numbers of draws of the kinds are
    multinomial; the others are drawn one by one. The law of the statistic is that of drawing every
    cluster by itself.

    Parameters
    ----------
    sums : (clusters, k) ndarray
        What is summed over the clusters drawn.
    single : (clusters,) ndarray of bool
        Clusters that must be told one by one.
    """

    def __init__(self, sums: Floats, single: NDArray[np.bool_]) -> None:
        self.n_clusters = len(sums)
        kinds, kind = np.unique(sums[~single], axis=0, return_inverse=True)
        if FEW * len(kinds) > self.n_clusters:
            kinds, kind, single = kinds[:0], kind[:0], np.ones_like(single)
        others = np.flatnonzero(~single)
        self.kinds = [others[kind == number] for number in range(len(kinds))]
        self.singles = np.flatnonzero(single)
        self.place = np.cumsum(single) - 1  # of a single among the singles
        self.sums = np.concatenate([sums[self.singles], kinds])
        alike = [self.singles.size, *(len(members) for members in self.kinds)]
        self.shares = np.array(alike) / self.n_clusters

    def block(self, size: int, generator: np.random.Generator) -> Block:
        """That many resamples."""
        number = generator.multinomial(self.n_clusters, self.shares, size=size)
        n_singles, drawn = self.singles.size, number[:, 0]
        places = generator.integers(0, max(n_singles, 1), size=int(drawn.sum()))
        places += np.repeat(np.arange(size) * n_singles, drawn)
        often = np.bincount(places, minlength=size * n_singles).reshape(size, n_singles)
        return Block(self, often, number[:, 1:], generator)


@dataclass(frozen=True, slots=True)
class Block:
    """Some resamples: how often each single was drawn, (size, singles), and each kind."""

    draws: Draws
    often: Codes
    kinds: Codes
    generator: np.random.Generator
    told: dict[int, Codes] = field(default_factory=dict)

    def summed(self) -> Floats:
        """The sums of every resample, (size, k)."""
        everything = np.hstack([self.often, self.kinds]).astype(np.float64)
        return np.asarray(everything @ self.draws.sums)

    def every(self, row: int) -> Codes:
        """How often each cluster was drawn in one resample, the same whenever it is asked."""
        if row not in self.told:
            often = np.zeros(self.draws.n_clusters, dtype=np.intp)
            often[self.draws.singles] = self.often[row]
            for members, drawn in zip(self.draws.kinds, self.kinds[row].tolist(), strict=True):
                places = self.generator.integers(0, members.size, size=drawn)
                often[members] = np.bincount(places, minlength=members.size)
            self.told[row] = often
        return self.told[row]
