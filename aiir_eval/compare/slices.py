"""For whom did it change? Levels of the keys of a case, each with its difference, adjusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError
from .columns import Bools, Floats, Ints, as_ints, text_codes
from .measuring import Rng, measure, stream
from .pairing import Paired
from .result import Slice

Adjustment = Literal["bh", "max-t"]
KEYS = ("class", "origin", "incident_id", "tag", "expected")
MOST_LEVELS = 20  # of a key nobody asked for
MOST_ASKED_LEVELS = 1000


def slices_of(
    paired: Paired,
    cases: Bools,
    *,
    by: Sequence[str] = (),
    margin: float | None,
    confidence_level: float,
    adjust: Adjustment = "bh",
    rng: Rng,
) -> list[Slice]:
    """Every level of every key with its difference, interval and adjusted p-value.

    Keys: class, origin, incident_id, tag, expected and the case's own `by` keys, where they have 2
    to 20 levels; a key named in `by` with any number of levels up to 1,000. Levels with fewer
    than 6 clusters are shown and not tested: their adjusted p-value is 1.

    adjust: "bh" controls the share of false discoveries among slices that are called changed
    (Benjamini-Hochberg); "max-t" the chance of any, by flipping clusters in all slices at once.
    """
    from ..stats.paired import MIN_CLUSTERS

    found, members = [], []
    for number, (key, value, level) in enumerate(_levels_of_all(paired, cases, by)):
        difference = measure(
            paired, level & cases, confidence_level=confidence_level, rng=stream(rng, 1, number)
        )
        if difference is not None:
            found.append((key, value, difference))
            members.append(level & cases)
    pvalues = np.array(
        [
            difference.pvalue if difference.n_clusters >= MIN_CLUSTERS else np.nan
            for _, _, difference in found
        ]
    )
    adjusted = _adjusted(pvalues, members, paired, cases, adjust, stream(rng, 4))
    slices = []
    for (key, value, difference), pvalue in zip(found, adjusted.tolist(), strict=True):
        low, high = difference.confidence_interval()
        slices.append(
            Slice(
                by=key,
                value=value,
                n_cases=difference.n_cases,
                difference=difference.estimate,
                low=low,
                high=high,
                pvalue=difference.pvalue,
                pvalue_adjusted=pvalue,
                conclusion=difference.conclusion(margin, pvalue),
            )
        )
    return slices


def _adjusted(
    pvalues: Floats,
    members: Sequence[Bools],
    paired: Paired,
    cases: Bools,
    adjust: Adjustment,
    rng: Rng,
) -> Floats:
    """P-values in the light of all slices; 1 for those that are not tested."""
    from ..stats import benjamini_hochberg, max_t

    tested = ~np.isnan(pvalues)
    adjusted = np.ones(pvalues.size)
    if not tested.any():
        return adjusted
    if adjust == "bh":
        adjusted[tested] = benjamini_hochberg(pvalues[tested])
        return adjusted
    joint = max_t(
        (paired.candidate - paired.baseline)[cases],
        np.array(members)[tested][:, cases],
        clusters=paired.clusters[cases],
        rng=rng,
    )
    # its flips are drawn: chance must not take an adjusted p-value below the slice's own
    adjusted[tested] = np.maximum(joint, pvalues[tested])
    return adjusted


def _levels_of_all(
    paired: Paired, cases: Bools, by: Sequence[str]
) -> Iterator[tuple[str, str, Bools]]:
    keys = keys_of(paired)
    for key in by:
        if key not in keys:
            raise InputError(
                f"no case has the key {key!r}; the keys are {', '.join(map(repr, keys))}",
                field="by",
            )
    for name, found in keys.items():
        present = found.restricted(cases)
        if name in by:
            if len(present) > MOST_ASKED_LEVELS:
                raise InputError(
                    f"{name!r} has {len(present):,} levels; the limit is {MOST_ASKED_LEVELS:,}",
                    field="by",
                )
        elif name == "cluster" or not present.tells_apart(cases):
            continue
        elif name == "incident_id" and present.splits_like(keys["class"].restricted(cases)):
            continue  # the same slices under another name
        for value, level in present.levels():
            yield name, value, level


@dataclass(frozen=True, slots=True)
class Key:
    """A key of cases: which case has which level. A case may have several tags, or none.

    case: index of a case; code: index into `names`, sorted; -1 for no level.
    """

    case: Ints
    code: Ints
    names: Sequence[str]
    n_cases: int

    def __len__(self) -> int:
        return int(np.count_nonzero(self._often))

    @property
    def _often(self) -> Ints:
        """How many cases have each level."""
        return np.bincount(self.code + 1, minlength=1)[1:]

    def restricted(self, cases: Bools) -> Key:
        """The same for some of the cases."""
        here = cases[self.case] & (self.code >= 0)
        return Key(self.case[here], self.code[here], self.names, self.n_cases)

    def tells_apart(self, cases: Bools) -> bool:
        """2 to 20 levels, not one for each case; a single tag does, where some cases lack it."""
        number, n = len(self), int(cases.sum())
        if number == 1:
            return int(np.count_nonzero(np.bincount(self.case))) < n
        return 1 < number <= MOST_LEVELS and number < n

    def splits_like(self, other: Key) -> bool:
        """Whether both put the same cases together."""
        if not np.array_equal(self.case, other.case):
            return False
        pairs = np.unique(np.column_stack([self.code, other.code]), axis=0)
        return len(pairs) == len(self) == len(other)

    def levels(self) -> Iterator[tuple[str, Bools]]:
        """Each level and its cases."""
        for code in np.flatnonzero(self._often).tolist():
            level = np.zeros(self.n_cases, dtype=bool)
            level[self.case[self.code == code]] = True
            yield self.names[code], level


def keys_of(paired: Paired) -> dict[str, Key]:
    """The keys that a case can be sliced by, those of its `by` map last."""
    if paired.n_cases == 0:
        return {}
    everyone = np.arange(paired.n_cases)
    keys = {}
    for name in (*KEYS, "cluster"):
        if name == "tag":
            keys[name] = _tags(paired)
        else:
            codes, names = paired.codes(name)
            keys[name] = Key(everyone, codes, names, paired.n_cases)
    own, other = _map(paired, "old"), _map(paired, "new")
    for name, key in own.items():
        # A key that differs between the sides says nothing of the case.
        if name not in keys and name in other and _equal(key, other[name]):
            keys[name] = key
    return keys


def _equal(a: Key, b: Key) -> bool:
    return (
        list(a.names) == list(b.names)
        and np.array_equal(a.case, b.case)
        and np.array_equal(a.code, b.code)
    )


def _tags(paired: Paired) -> Key:
    import pyarrow.compute as pc

    tags = paired.attribute("tags")
    codes, names = text_codes(pc.list_flatten(tags))
    case = as_ints(pc.list_parent_indices(tags), null=-1)
    return Key(case, codes, names, paired.n_cases)


def _map(paired: Paired, side: str) -> dict[str, Key]:
    """The `by` maps, key by key."""
    import pyarrow as pa
    import pyarrow.compute as pc

    maps = paired.attribute("by", side=side)
    pairs = maps.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])))
    flat = pc.list_flatten(pairs)
    case = as_ints(pc.list_parent_indices(pairs), null=-1)
    keys, key_names = text_codes(pc.struct_field(flat, 0))
    values = pc.struct_field(flat, 1)
    found = {}
    for code, name in enumerate(key_names):
        here = np.flatnonzero(keys == code)
        codes, names = text_codes(values.take(here))
        found[name] = Key(case[here], codes, names, paired.n_cases)
    return found
