"""Which columns are made from a column: itself, or what can be told from it?

The seam for kinds of columns that are no numbers, truths or levels as they stand. `expand` gets a
pair as it was read and gives what is to be tested in its place, in the order of the report: pairs
of columns (the length of a text, the hour of a timestamp, whether a value is missing), the facts of
a test of its own (`TestedFacts`), or the reason why nothing is (`Skipped`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .classifying import Draw
from .columns import Pair
from .facts import Facts, Skipped

if TYPE_CHECKING:
    import pyarrow as pa

_ANY = Draw()


def expand(pair: Pair, draw: Draw = _ANY) -> Sequence[Pair | Facts | Skipped]:
    """What is tested in the place of a column."""
    from .missingness import missing_pair

    parts = _by_kind(pair, draw)
    missing = missing_pair(pair)
    return parts if missing is None else [*parts, missing]


def _by_kind(pair: Pair, draw: Draw) -> Sequence[Pair | Facts | Skipped]:
    from . import embeddings, texts, timestamps

    kinds = pair.reference.type, pair.current.type
    if any(side.null_count == len(side) for side in (pair.reference, pair.current)):
        return [pair]
    if all(timestamps.is_temporal(kind) for kind in kinds):
        return timestamps.in_place_of(pair, clustered=draw.design is not None)
    if all(embeddings.is_vector(kind) for kind in kinds):
        return [embeddings.compared(pair, draw)]
    if all(_is_string(kind) for kind in kinds):
        times = timestamps.parsed(pair)
        if times is not None:
            return timestamps.in_place_of(times, clustered=draw.design is not None)
        if texts.is_text(pair):
            return texts.in_place_of(pair, draw)
    return [pair]


def _is_string(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))
