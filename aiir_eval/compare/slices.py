"""For whom did it change? Levels of the keys of a case, each with its difference, BH-adjusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .measuring import Rng, measure, stream
from .pairing import Bools, Ints, Paired, as_ints, text_codes
from .result import Slice

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
    rng: Rng,
) -> list[Slice]:
    """Every level of every key with its difference, interval and adjusted p-value.

    Keys: class, origin, incident_id, tag, expected and the case's own `by` keys, where they have 2
    to 20 levels; a key named in `by` with any number of levels up to 1,000. Levels with fewer
    than 6 clusters are shown and not tested: their adjusted p-value is 1.
    """
    from ..stats import benjamini_hochberg
    from ..stats.paired import MIN_CLUSTERS

    found = []
    for number, (key, value, level) in enumerate(_levels_of_all(paired, cases, by)):
        difference = measure(
            paired, level & cases, confidence_level=confidence_level, rng=stream(rng, 1, number)
        )
        if difference is not None:
            found.append((key, value, difference))
    pvalues = [
        difference.pvalue if difference.n_clusters >= MIN_CLUSTERS else np.nan
        for _, _, difference in found
    ]
    adjusted = np.nan_to_num(benjamini_hochberg(pvalues), nan=1.0) if found else np.empty(0)
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


def _levels_of_all(
    paired: Paired, cases: Bools, by: Sequence[str]
) -> Iterator[tuple[str, str, Bools]]:
    known = keys_of(paired)
    for key in by:
        if key not in known:
            raise InputError(
                f"no case has the key {key!r}; the keys are {', '.join(map(repr, known))}",
                field="by",
            )
    for key in known:
        found = [(value, level) for value, level in levels(paired, key) if (level & cases).any()]
        if key in by:
            if len(found) > MOST_ASKED_LEVELS:
                raise InputError(
                    f"{key!r} has {len(found):,} levels; the limit is {MOST_ASKED_LEVELS:,}",
                    field="by",
                )
        elif not _tells_cases_apart(found, cases):
            continue
        for value, level in found:
            yield key, value, level


def _tells_cases_apart(found: Sequence[tuple[str, Bools]], cases: Bools) -> bool:
    """2 to 20 levels, not one for each case; a single tag does, where some cases lack it."""
    if not found or len(found) > MOST_LEVELS or len(found) >= int(cases.sum()):
        return False
    return len(found) > 1 or not bool((found[0][1] & cases)[cases].all())


def keys_of(paired: Paired) -> list[str]:
    """The keys that a case can be sliced by, those of its `by` map last."""
    own = sorted(_map_codes(paired)[0].keys() - {*KEYS, "cluster", "case_id"})
    return [*KEYS, "cluster", *own]


def levels(paired: Paired, key: str) -> list[tuple[str, Bools]]:
    """The levels of a key, sorted, and the cases of each. A case may have several tags, or none."""
    if paired.n_cases == 0:
        return []
    if key == "tag":
        codes, names, case = _tag_codes(paired)
    elif key in (*KEYS, "cluster"):
        codes, names = paired.codes(key)
        case = np.arange(paired.n_cases)
    else:
        by_key, names_of = _map_codes(paired)
        if key not in by_key:
            return []
        case, codes, names = *by_key[key], names_of[key]
    found = []
    for code, name in enumerate(names):
        level = np.zeros(paired.n_cases, dtype=bool)
        level[case[codes == code]] = True
        found.append((name, level))
    return found


def _tag_codes(paired: Paired) -> tuple[Ints, list[str], Ints]:
    import pyarrow.compute as pc

    tags = paired.attribute("tags")
    codes, names = text_codes(pc.list_flatten(tags))
    return codes, names, as_ints(pc.list_parent_indices(tags), null=-1)


def _map_codes(
    paired: Paired,
) -> tuple[dict[str, tuple[Ints, Ints]], dict[str, list[str]]]:
    """The `by` maps as (cases, codes) and level names of each key.

    A key whose value is not the same on both sides says nothing of the case: it is left out.
    """
    if paired.n_cases == 0:
        return {}, {}
    found, names = _side_map(paired.attribute("by"))
    other, other_names = _side_map(paired.attribute("by", side="new"))
    for key in list(found):
        same = (
            key in other
            and names[key] == other_names[key]
            and all(np.array_equal(a, b) for a, b in zip(found[key], other[key], strict=True))
        )
        if not same:
            del found[key], names[key]
    return found, names


def _side_map(maps: Any) -> tuple[dict[str, tuple[Ints, Ints]], dict[str, list[str]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    pairs = maps.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])))
    flat = pc.list_flatten(pairs)
    case = as_ints(pc.list_parent_indices(pairs), null=-1)
    keys, key_names = text_codes(pc.struct_field(flat, 0))
    values = pc.struct_field(flat, 1)
    found, names = {}, {}
    for code, name in enumerate(key_names):
        here = np.flatnonzero(keys == code)
        codes, names[name] = text_codes(values.take(here))
        found[name] = (case[here], codes)
    return found, names
