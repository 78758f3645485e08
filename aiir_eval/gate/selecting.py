"""Which cases is a claim about? The keys of `select`, ANDed, and the levels of `by`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..compare.columns import Bools
from ..compare.pairing import Paired
from ..compare.slices import Key, keys_of
from .policy import Select

NO_LEVEL = "(none)"


def selected(paired: Paired, select: Select) -> Bools:
    """The cases that a claim is about."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cases = np.ones(paired.n_cases, dtype=bool)
    keys = keys_of(paired)
    for name, values in select.keys().items():
        if name == "case_id":
            wanted = pc.is_in(paired.case_ids, value_set=pa.array(values, pa.string()))
            cases &= wanted.to_numpy(zero_copy_only=False)
        else:
            cases &= _with_levels(keys.get(name), values, paired.n_cases)
    return cases


def _with_levels(key: Key | None, values: list[str], n_cases: int) -> Bools:
    cases = np.zeros(n_cases, dtype=bool)
    if key is not None:
        for value, level in key.levels():
            if value in values:
                cases |= level
    return cases


def levels_of(paired: Paired, name: str, cases: Bools) -> Iterator[tuple[str, Bools]]:
    """The levels of a key among some cases; the cases without one are a level too.

    Nothing where no case has the key.
    """
    key = keys_of(paired).get(name)
    if key is None:
        return
    present = key.restricted(cases)
    without = cases.copy()
    for value, level in present.levels():
        without &= ~level
        yield value, level & cases
    if len(present) and without.any():
        yield NO_LEVEL, without
