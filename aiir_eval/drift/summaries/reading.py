"""How Arrow columns become states: the one place of this room that knows Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .histogram import Floats
from .levels import Caps, Keys, digests, keyed_counts, level_counts
from .states import ColumnState, LevelState, OpaqueState, numeric_state

if TYPE_CHECKING:
    import pyarrow as pa

Edges = Mapping[str, Floats]


def type_kind(kind: pa.DataType) -> Literal["numeric", "levels", "opaque"]:
    """Which state a column of an Arrow type has."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return "numeric"
    if types.is_decimal(kind):
        return "numeric"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "levels"
    return "opaque"


def state_of(values: Any, edges: Floats | None, caps: Caps) -> ColumnState:
    """The state of an Arrow array; `edges` where it holds numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = plain(values)
    kind, n_null = values.type, int(values.null_count)
    which = type_kind(kind)
    if which == "opaque":
        return OpaqueState(n_null, len(values) - n_null, str(kind))
    if which == "numeric":
        return numeric_state(
            numbers_of(values),
            np.empty(0) if edges is None else edges,
            type_name=str(kind),
            n_null=n_null,
            whole=bool(pa.types.is_integer(kind)),
            truth=bool(pa.types.is_boolean(kind)),
        )
    counted = pc.value_counts(values.drop_null() if n_null else values)
    texts, counts = counted.field("values"), counted.field("counts").to_numpy()
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    if len(texts) > caps.named:
        levels = keyed_counts(digests_of(texts), counts, caps=caps)
    else:
        levels = level_counts(texts.to_pylist(), counts, caps=caps)
    return LevelState(n_null, levels, "string", _are_times(texts))


_ISO = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$"


def _are_times(texts: Any) -> bool:
    """Whether all texts are dates or times (ISO 8601); most are told by their first."""
    import pyarrow.compute as pc

    first = pc.all(pc.match_substring_regex(texts.slice(0, 100), _ISO)).as_py()
    return bool(first and pc.all(pc.match_substring_regex(texts, _ISO)).as_py())


def plain(values: Any) -> Any:
    """The same array with every null among its values, none in a dictionary; no text as views."""
    import pyarrow as pa

    if pa.types.is_dictionary(values.type) and values.dictionary.null_count:
        values = values.dictionary_decode()
    return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values


def digests_of(texts: Any) -> Keys:
    """The digest of each text of an Arrow array, a part of them in Python at a time."""
    step = 1 << 15
    starts = range(0, max(len(texts), 1), step)
    return np.concatenate([digests(texts.slice(start, step).to_pylist()) for start in starts])


def texts_of_digests(values: Any, wanted: Keys) -> dict[int, str]:
    """Those texts of an Arrow array whose digests are `wanted`, by digest."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.unique(plain(values))
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    texts = texts.drop_null()
    keys = digests_of(texts)
    found = np.flatnonzero(np.isin(keys, wanted))
    named = texts.take(pa.array(found)).to_pylist()
    return dict(zip(keys[found].tolist(), named, strict=True))


def numbers_of(values: Any) -> NDArray[np.float64]:
    """The values of an Arrow array that are not null, as float64."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
    if pa.types.is_boolean(kind):
        values = values.cast(pa.uint8())
    if values.null_count:
        values = values.drop_null()
    numbers: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    return numbers
