"""How often does each level of a column occur, when there may be any number of levels?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]

NAMED_LEVELS = 65_536  # kept with their texts
NAMED_BYTES = 16_000_000  # of those texts together
KEYED_LEVELS = 1 << 21  # kept by a 64-bit digest of their text
BUCKET_BITS = 20
_NEAREST = 4096  # smallest digests kept, from which the number of levels is estimated


@dataclass(frozen=True, slots=True)
class Caps:
    """When texts, and then single digests, are no longer kept. Part of a state: they must agree."""

    named: int = NAMED_LEVELS
    named_bytes: int = NAMED_BYTES
    keyed: int = KEYED_LEVELS
    bucket_bits: int = BUCKET_BITS


@dataclass(frozen=True, slots=True, eq=False)
class LevelCounts:
    """Counts by level, in one of three forms; each is a function of the one before.

    `named`: by text. Beyond `Caps.named` distinct texts, `keyed`: by the first 64 bits of the
    BLAKE2b digest of the text (two of k levels share one with probability below k^2 / 2^65: 3e-8
    for 10^6), so still one count a level, without its text. Beyond `Caps.keyed`, `bucketed`: by the
    first `bucket_bits` bits, so that several levels are counted as one. Which form a state has
    depends on the set of levels alone, hence not on the order in which parts were merged.

    What bucketing costs: a test on buckets keeps its size, and the total variation between two
    samples of buckets is at most that of their levels, so a change that is shown is real, and one
    may be missed. `nearest` (the smallest digests) estimate how many levels there are.
    """

    n: int = 0
    named: Mapping[str, int] | None = field(default_factory=dict)
    n_bytes: int = 0
    keys: Keys | None = None
    counts: Counts | None = None
    bits: int = 64
    nearest: Keys | None = None
    caps: Caps = Caps()

    @property
    def form(self) -> str:
        if self.named is not None:
            return "named"
        return "keyed" if self.bits == 64 else "bucketed"

    @property
    def n_counted(self) -> int:
        """How many levels (or buckets of levels) have a count."""
        return len(self.named) if self.named is not None else int(self.key_array().size)

    def n_levels(self) -> float:
        """How many distinct levels: exact unless bucketed, then estimated (within some 5%)."""
        if self.bits == 64:
            return float(self.n_counted)
        nearest = self.nearest
        assert nearest is not None
        return (nearest.size - 1) / (float(nearest[-1]) / 2.0**64)

    def key_array(self) -> Keys:
        """The digests of the levels, increasing."""
        return self.by_key()[0]

    def by_key(self) -> tuple[Keys, Counts]:
        """Digests (or their first bits), increasing, and their counts."""
        if self.named is not None:
            keys = digests(self.named)
            return _summed(keys, np.fromiter(self.named.values(), np.int64, len(self.named)))
        assert self.keys is not None
        assert self.counts is not None
        return self.keys, self.counts

    def __add__(self, other: LevelCounts) -> LevelCounts:
        if self.n == 0:
            return other
        if other.n == 0:
            return self
        if self.named is not None and other.named is not None:
            small, large = sorted((self, other), key=lambda item: item.n_counted)
            assert small.named is not None
            assert large.named is not None
            named, n_bytes = dict(large.named), large.n_bytes
            for text, count in small.named.items():
                seen = named.get(text)
                named[text] = count + (seen or 0)
                n_bytes += 0 if seen else len(text.encode())
            return _within_caps(LevelCounts(self.n + other.n, named, n_bytes, caps=self.caps))
        one, two = _keyed(self), _keyed(other)
        bits = min(one.bits, two.bits)
        one, two = _bucketed(one, bits), _bucketed(two, bits)
        keys = np.concatenate([one.key_array(), two.key_array()])
        counts = np.concatenate([one.by_key()[1], two.by_key()[1]])
        assert one.nearest is not None
        assert two.nearest is not None
        nearest = np.unique(np.concatenate([one.nearest, two.nearest]))[:_NEAREST]
        keys, counts = _summed(keys, counts)
        total = self.n + other.n
        return _within_caps(LevelCounts(total, None, 0, keys, counts, bits, nearest, self.caps))


def level_counts(
    texts: Sequence[str], counts: Iterable[int], *, caps: Caps | None = None
) -> LevelCounts:
    """The counts of distinct texts."""
    named = {text: int(count) for text, count in zip(texts, counts, strict=True) if count}
    n_bytes = sum(len(text.encode()) for text in named)
    return _within_caps(LevelCounts(sum(named.values()), named, n_bytes, caps=caps or Caps()))


def keyed_counts(keys: Keys, counts: Counts, *, caps: Caps | None = None) -> LevelCounts:
    """The counts of levels more than have texts kept, by the digests of their texts."""
    keys, counts = _summed(keys, counts)
    state = LevelCounts(
        int(counts.sum()), None, 0, keys, counts, 64, keys[:_NEAREST], caps or Caps()
    )
    return _within_caps(state)


def digests(texts: Iterable[str]) -> Keys:
    """The first 64 bits of the BLAKE2b digest of each text."""
    whole = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(whole, dtype=">u8").astype(np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class AlignedLevels:
    """Both sides counted over the same levels; `texts` where every level has its own."""

    reference: Counts
    current: Counts
    texts: tuple[str, ...] | None
    keys: Keys | None
    bits: int


def aligned(reference: LevelCounts, current: LevelCounts) -> AlignedLevels:
    """Counts of both sides over the union of their levels, at the finer form both can give.

    Named levels come in the order of their texts.
    """
    if reference.named is not None and current.named is not None:
        texts = tuple(sorted({*reference.named, *current.named}))
        sides = [
            np.fromiter((side.get(text, 0) for text in texts), np.int64, len(texts))
            for side in (reference.named, current.named)
        ]
        return AlignedLevels(sides[0], sides[1], texts, None, 64)
    one, two = _keyed(reference), _keyed(current)
    bits = min(one.bits, two.bits)
    one, two = _bucketed(one, bits), _bucketed(two, bits)
    keys = np.union1d(one.key_array(), two.key_array())
    counts = []
    for side in (one, two):
        own = np.zeros(keys.size, dtype=np.int64)
        own[np.searchsorted(keys, side.key_array())] = side.by_key()[1]
        counts.append(own)
    return AlignedLevels(counts[0], counts[1], None, keys, bits)


def _within_caps(state: LevelCounts) -> LevelCounts:
    """The same counts in the form that their number of levels calls for."""
    caps = state.caps
    if state.named is not None and (
        len(state.named) > caps.named or state.n_bytes > caps.named_bytes
    ):
        state = _keyed(state)
    if state.named is None and state.bits == 64 and state.key_array().size > caps.keyed:
        state = _bucketed(state, caps.bucket_bits)
    return state


def _keyed(state: LevelCounts) -> LevelCounts:
    if state.named is None:
        return state
    keys, counts = state.by_key()
    return replace(state, named=None, n_bytes=0, keys=keys, counts=counts, nearest=keys[:_NEAREST])


def _bucketed(state: LevelCounts, bits: int) -> LevelCounts:
    if state.bits == bits:
        return state
    keys, counts = state.by_key()
    keys, counts = _summed(keys >> np.uint64(state.bits - bits), counts)
    return replace(state, keys=keys, counts=counts, bits=bits)


def _summed(keys: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Each key once, increasing, with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if keys.size else order
    return keys[first], np.add.reduceat(counts, first) if keys.size else counts
