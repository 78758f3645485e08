"""In which order do clusters come, so that every look speaks for the whole suite?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compare.columns import Floats, Ints
from ..compare.measuring import Rng
from ..compare.pairing import Paired

LEAST_CLUSTERS = 20
"""A stratum of fewer is put together with others: every block needs a cluster of each."""

LARGEST_BLOCK = 10
"""A stratum with less than one in so many clusters is, too: looks would be rare."""


@dataclass(frozen=True)
class Block:
    """Clusters that are looked at together.

    cases: in the order they are run, those of a cluster together; shares: one a case, by how much
    its cluster stands for more of its stratum than it does by itself.
    """

    cases: Ints
    shares: Floats


@dataclass(frozen=True)
class Order:
    """All cases of a suite, block by block, in an order that was fixed before any outcome."""

    blocks: Sequence[Block]
    n_strata: int


def strata_of(paired: Paired) -> Ints:
    """Stratum of each cluster: which origins and classes its cases have; small ones together."""
    clusters = paired.clusters
    kinds = [np.unique(paired.codes(name)[0], return_inverse=True)[1] for name in _KEYS]
    pairs = kinds[0] * (int(kinds[1].max(initial=0)) + 1) + kinds[1]
    members: dict[int, set[int]] = {}
    for cluster, pair in zip(clusters.tolist(), pairs.tolist(), strict=True):
        members.setdefault(cluster, set()).add(pair)
    keys = [tuple(sorted(members[cluster])) for cluster in sorted(members)]
    levels = {key: code for code, key in enumerate(sorted(set(keys)))}
    return merged(np.array([levels[key] for key in keys], dtype=np.int64))


_KEYS = ("origin", "class")


def merged(strata: Ints) -> Ints:
    """Small strata put together, until the smallest is large enough; codes from 0."""
    codes = np.unique(strata, return_inverse=True)[1]
    least = max(LEAST_CLUSTERS, -(-codes.size // LARGEST_BLOCK))
    while True:
        sizes = np.bincount(codes)
        if sizes.size == 1 or sizes.min() >= least:
            return codes
        smallest, next_ = np.argsort(sizes, kind="stable")[:2].tolist()
        codes = np.unique(np.where(codes == smallest, next_, codes), return_inverse=True)[1]


def ordered(clusters: Ints, strata: Ints, rng: Rng) -> Order:
    """The order of the cases: clusters at random, every block with its share of each stratum.

    Parameters
    ----------
    clusters : (n,) array of int
        Cluster of each case.
    strata : (g,) array of int
        Stratum of each cluster, in the order of their codes; codes from 0.
    rng : Generator, SeedSequence or int
        What fixes the order.

    Notes
    -----
    There are as many blocks as the smallest stratum has clusters. Where a stratum does not divide
    evenly, the clusters of a block with fewer of them weigh more, so that the weighted sum of every
    block has the expectation of the suite: bets that are frozen in a block are then fair at its end
    whatever the strata (the product of what they expect is largest where they expect alike).
    """
    generator = np.random.default_rng(rng)
    names, cluster = np.unique(clusters, return_inverse=True)
    if names.size != strata.size:
        raise ValueError(f"strata: {strata.size} for {names.size} clusters")
    groups = [
        generator.permutation(np.flatnonzero(strata == code))
        for code in range(int(strata.max(initial=0)) + 1)
    ]
    inside = generator.permutation(cluster.size)
    cases_of = np.split(
        inside[np.argsort(cluster[inside], kind="stable")],
        np.cumsum(np.bincount(cluster))[:-1],
    )
    n_blocks = min(group.size for group in groups)
    blocks = []
    for number in range(n_blocks):
        parts = [
            group[number * group.size // n_blocks : (number + 1) * group.size // n_blocks]
            for group in groups
        ]
        cases = [cases_of[at] for part in parts for at in part.tolist()]
        shares = [
            np.full(cases_of[at].size, group.size / (n_blocks * part.size))
            for part, group in zip(parts, groups, strict=True)
            for at in part.tolist()
        ]
        blocks.append(Block(np.concatenate(cases), np.concatenate(shares)))
    return Order(blocks, len(groups))
