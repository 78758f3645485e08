"""What are the values of an Arrow column, as numpy arrays, and its texts as codes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def whole(column: Any) -> pa.Array:
    """A column as one array."""
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def text_levels(values: Any) -> tuple[Ints, pa.Array]:
    """Text as codes into its levels, and those, sorted; -1 where null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = whole(values)
    if values.null_count == len(values):
        return np.full(len(values), -1), values[:0]
    if values.null_count == 0:  # as a run writes what belongs to a case: no need to hash
        earlier, later = values[:-1], values[1:]
        if pc.all(pc.less_equal(earlier, later), min_count=0).as_py():
            starts = np.append(True, as_bools(pc.less(earlier, later)))
            return np.cumsum(starts) - 1, values.filter(pa.array(starts))
    encoded = values.dictionary_encode()
    order = as_ints(pc.sort_indices(encoded.dictionary), null=-1)
    rank = np.full(order.size + 1, -1)
    rank[order] = np.arange(order.size)
    codes = np.take(rank, as_ints(encoded.indices, null=-1))  # the last is for null
    return codes, encoded.dictionary.take(order)


def text_codes(values: Any) -> tuple[Ints, list[str]]:
    """Text as codes into its sorted levels; -1 where null."""
    codes, levels = text_levels(values)
    return codes, levels.to_pylist()


def as_floats(column: Any) -> Floats:
    """Numbers or truth values as floats, NaN where null."""
    import pyarrow as pa

    values: Floats = whole(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def as_ints(column: Any, *, null: int) -> Ints:
    """Whole numbers, `null` standing for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values: Ints = pc.fill_null(whole(column).cast(pa.int64()), null).to_numpy(zero_copy_only=False)
    return values


def as_bools(column: Any) -> Bools:
    """Truth values, null as false."""
    import pyarrow.compute as pc

    values: Bools = pc.fill_null(whole(column), False).to_numpy(zero_copy_only=False)
    return values


def in_order(clusters: Ints) -> Ints:
    """Clusters numbered as they first appear, so that their names cannot matter."""
    _, first, code = np.unique(clusters, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return np.asarray(rank[code])
