"""Is a value missing more often on one side?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .columns import Pair

if TYPE_CHECKING:
    import pyarrow as pa


def missing_pair(pair: Pair) -> Pair | None:
    """Truths: whether a value is null or NaN; None where none is, or all are on both sides.

    A column that is null throughout on one side can still be tested for that.
    """
    import pyarrow.compute as pc

    if not any(_may_miss(side) for side in (pair.reference, pair.current)):
        return None
    sides = [_is_missing(side) for side in (pair.reference, pair.current)]
    if not any(pc.any(side).as_py() for side in sides):
        return None
    if all(pc.all(side).as_py() for side in sides):
        return None
    return Pair(f"{pair.name} is missing", sides[0], sides[1])


def _may_miss(values: pa.ChunkedArray) -> bool:
    """Whether a null or a NaN may be among the values: cheap where there is none."""
    import pyarrow as pa

    if values.null_count:
        return True
    if pa.types.is_dictionary(values.type):
        return any(chunk.dictionary.null_count for chunk in values.chunks)
    if not pa.types.is_floating(values.type):
        return False
    lowest = [chunk.to_numpy().min() for chunk in values.chunks if len(chunk)]
    return bool(np.isnan(lowest).any())


def _is_missing(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        # A null may stand among the codes or in the dictionary.
        chunks = [pc.is_null(chunk.dictionary_decode()) for chunk in values.chunks]
        return pa.chunked_array(chunks, pa.bool_())
    return pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))
