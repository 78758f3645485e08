"""What values does a column hold on both sides, and can they be tested?

A new kind of column, or a column made from another one (the length of a text, the hour of a
timestamp), goes through `derived.expand`: it gets what was read here and may give other pairs, or
the facts of a test of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .facts import Missing, Skipped

if TYPE_CHECKING:
    import pyarrow as pa

    from .result import ColumnKind

_EXACT_IN_DOUBLES = 2**53


class Columns(Protocol):
    """What has columns by name: a `tables.Source`, or an Arrow table."""

    def column(self, name: str, /) -> pa.ChunkedArray: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """One column as it was read on both sides."""

    name: str
    reference: pa.ChunkedArray
    current: pa.ChunkedArray
    may_write: bool = False  # the values are ours alone: they may be sorted in their place


@dataclass(frozen=True, slots=True)
class Side:
    """The values of a column on one side.

    `values` are numbers, or the codes of levels. `rows` says which rows of the table they stand
    in; None is all of them.
    """

    values: NDArray[Any]
    rows: NDArray[np.bool_] | None
    n_null: int
    n_odd: int  # NaN or infinite
    low: Any = nan  # of numbers, in their own type
    high: Any = nan

    @property
    def n(self) -> int:
        return int(self.values.size)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be tested. `levels` are the texts of the codes of a categorical one."""

    name: str
    kind: ColumnKind
    reference: Side
    current: Side
    levels: pa.Array | None = None
    note: str = ""
    in_order: bool = False  # the numbers are sorted

    @property
    def missing(self) -> Missing:
        left, right = self.reference, self.current
        return Missing((left.n_null, right.n_null), (left.n_odd, right.n_odd))


def read_pair(name: str, reference: Columns, current: Columns, *, may_write: bool = False) -> Pair:
    """One column of both tables."""
    return Pair(name, reference.column(name), current.column(name), may_write)


def read_column(
    name: str, reference: Columns, current: Columns, *, primary: bool = False
) -> Column | Skipped:
    """The values of one column of both tables."""
    return column_of(read_pair(name, reference, current), primary=primary)


def column_of(pair: Pair, *, primary: bool = False, in_order: bool = False) -> Column | Skipped:
    """The values of a pair.

    With `in_order`, numbers are sorted: their rows are then lost, and with them the clusters.
    Numbers that are 0 or 1 throughout are truth values. A column with one value throughout says
    nothing and is skipped, unless it is a primary rate.
    """
    left, right, name = pair.reference, pair.current, pair.name
    for values, side in ((left, "reference"), (right, "current")):
        if values.null_count == len(values):
            return Skipped(name, f"every value is null in {side}")
    types = _value_type(left.type), _value_type(right.type)
    kinds = _kind_of(types[0]), _kind_of(types[1])
    if None in kinds and str(types[0]) == str(types[1]):
        return Skipped(name, f"columns of type {types[0]} are not tested")
    if None in kinds or (kinds[0] != kinds[1] and {"levels", "bytes"} & set(kinds)):
        return Skipped(name, f"its type changed from {types[0]} to {types[1]}")
    if kinds[0] in ("levels", "bytes"):
        return _levels(pair)
    return _numbers(pair, kinds, types, primary=primary, in_order=in_order)


def _value_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow.types as types

    return kind.value_type if types.is_dictionary(kind) else kind


def _kind_of(kind: pa.DataType) -> Literal["numbers", "truths", "levels", "bytes"] | None:
    import pyarrow.types as types

    if types.is_boolean(kind):
        return "truths"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "levels"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return "bytes"
    return None


def _numbers(
    pair: Pair,
    kinds: tuple[str | None, str | None],
    types: tuple[pa.DataType, pa.DataType],
    *,
    primary: bool,
    in_order: bool,
) -> Column | Skipped:
    import pyarrow as pa

    name = pair.name
    sides = [
        _present(side, ours=pair.may_write, with_rows=not in_order)
        for side in (pair.reference, pair.current)
    ]
    arrays, note = _of_one_type([side[0] for side in sides], types)
    if in_order:
        left, right = (
            _finite_of_sorted(sort(array), n_null)
            for array, (_, _, n_null) in zip(arrays, sides, strict=True)
        )
    else:
        left, right = (
            _finite(array, rows, n_null)
            for array, (_, rows, n_null) in zip(arrays, sides, strict=True)
        )
    for side, label in ((left, "reference"), (right, "current")):
        if side.n < 2:
            return Skipped(name, f"fewer than two finite values in {label}")
    low, high = min(left.low, right.low), max(left.high, right.high)
    truth = low >= 0 and high <= 1 and _is_truth(left.values) and _is_truth(right.values)
    if low == high and not (truth and primary):
        return Skipped(name, "one value throughout")
    if truth:
        return Column(name, "boolean", left, right)
    if "truths" in kinds:
        return Skipped(name, "its type changed between truth values and numbers")
    whole = all(pa.types.is_integer(kind) for kind in types)
    if whole and _is_row_number(left) and _is_row_number(right):
        return Skipped(name, "it numbers the rows")
    return Column(name, "numeric", left, right, note=note, in_order=in_order)


def _present(
    values: pa.ChunkedArray, *, ours: bool, with_rows: bool
) -> tuple[NDArray[Any], NDArray[np.bool_] | None, int]:
    """Numbers without nulls, as numpy keeps their type; where they stand; how many were null.

    The array can be written to only where its memory is nobody else's.
    """
    import pyarrow as pa

    before = values
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    elif pa.types.is_decimal(values.type) or pa.types.is_float16(values.type):
        values = values.cast(pa.float64(), safe=False)
    n_null = int(values.null_count)
    rows = values.is_valid().to_numpy() if n_null and with_rows else None
    if n_null:
        values = values.drop_null()
    ours = ours or values is not before
    if values.num_chunks != 1:
        return values.to_numpy(), rows, n_null  # a copy
    chunk = values.chunk(0)
    numbers = chunk.to_numpy(zero_copy_only=False)
    memory = chunk.buffers()[1]
    if ours and memory is not None and memory.is_mutable:
        size, start = numbers.itemsize, chunk.offset
        numbers = np.frombuffer(memory, numbers.dtype, len(chunk), start * size)
    return numbers, rows, n_null


def _of_one_type(
    arrays: list[NDArray[Any]], types: tuple[pa.DataType, pa.DataType]
) -> tuple[list[NDArray[Any]], str]:
    """Both sides as the type that compares them exactly; else as doubles, which a note may say."""
    import pyarrow as pa

    note = ""
    common = np.promote_types(arrays[0].dtype, arrays[1].dtype)
    whole = [np.issubdtype(array.dtype, np.integer) for array in arrays]
    fits = all(whole) and all(array.size == 0 or int(array.max()) < 2**63 for array in arrays)
    if fits and common.kind == "f":  # int64 beside uint64
        common = np.dtype(np.int64)
    if common.kind == "f":
        common = np.dtype(np.float64)
        if any(w and _is_huge(array) for w, array in zip(whole, arrays, strict=True)):
            note = "whole numbers beyond 2^53 are compared as doubles"
        elif any(pa.types.is_decimal(kind) and kind.precision > 15 for kind in types):
            note = "decimals are compared as doubles"
    return [array.astype(common, copy=False) for array in arrays], note


def _is_huge(array: NDArray[Any]) -> bool:
    if array.size == 0:
        return False
    return max(abs(int(array.min())), abs(int(array.max()))) > _EXACT_IN_DOUBLES


def _finite(numbers: NDArray[Any], rows: NDArray[np.bool_] | None, n_null: int) -> Side:
    if numbers.size == 0:
        return Side(numbers, rows, n_null, 0)
    low, high = numbers.min(), numbers.max()
    if np.isfinite(low) and np.isfinite(high):
        return Side(numbers, rows, n_null, 0, low, high)
    finite = np.isfinite(numbers)
    n_odd = int(numbers.size - np.count_nonzero(finite))
    if rows is None:
        rows = finite
    else:
        rows = rows.copy()
        rows[np.flatnonzero(rows)[~finite]] = False
    numbers = numbers[finite]
    if numbers.size == 0:
        return Side(numbers, rows, n_null, n_odd)
    return Side(numbers, rows, n_null, n_odd, numbers.min(), numbers.max())


def sort(values: NDArray[Any]) -> NDArray[Any]:
    """Sorted where they stand, unless they are someone else's."""
    if not values.flags.writeable:
        return np.sort(values)
    values.sort()
    return values


def _finite_of_sorted(numbers: NDArray[Any], n_null: int) -> Side:
    """NaN stands behind all numbers, the infinities at their ends."""
    start, stop = 0, numbers.size
    if numbers.dtype.kind == "f" and numbers.size and not np.isfinite(numbers[[0, -1]]).all():
        start = int(np.searchsorted(numbers, -inf, "right"))
        stop = int(np.searchsorted(numbers, inf, "left"))
    n_odd = numbers.size - (stop - start)
    numbers = numbers[start:stop]
    if numbers.size == 0:
        return Side(numbers, None, n_null, n_odd)
    return Side(numbers, None, n_null, n_odd, numbers[0], numbers[-1])


def _is_truth(values: NDArray[Any]) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _is_row_number(side: Side) -> bool:
    """Consecutive whole numbers, each once."""
    if side.n < 10 or int(side.high) - int(side.low) != side.n - 1:
        return False
    return bool(np.unique(side.values).size == side.n)


def _levels(pair: Pair) -> Column:
    """Both sides as codes of the same dictionary."""
    import pyarrow as pa

    left, right = _encoded(pair.reference), _encoded(pair.current)
    if left.type != right.type:
        wide = pa.large_binary() if _kind_of(left.type.value_type) == "bytes" else pa.large_string()
        left, right = (side.cast(pa.dictionary(pa.int32(), wide)) for side in (left, right))
    # What a code of each chunk is among the levels of all: the dictionaries alone are unified, so
    # that the codes lie in memory once more and not twice.
    chunks = [*left.chunks, *right.chunks]
    entries = [
        pa.DictionaryArray.from_arrays(
            np.arange(len(part.dictionary), dtype=np.int32), part.dictionary
        )
        for part in chunks
    ]
    unified = pa.chunked_array(entries, left.type).unify_dictionaries().chunks
    places = [entry.indices.to_numpy(zero_copy_only=False) for entry in unified]
    levels = unified[0].dictionary
    if _kind_of(levels.type) == "bytes":
        levels = pa.array([value.hex() for value in levels.to_pylist()], pa.large_string())
    split = left.num_chunks
    sides = _codes(left.chunks, places[:split]), _codes(right.chunks, places[split:])
    return Column(pair.name, "categorical", *sides, levels=levels)


def _encoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of levels, each chunk as codes of a dictionary without nulls."""
    import pyarrow as pa

    if not pa.types.is_dictionary(values.type):
        return values.dictionary_encode()
    if any(chunk.dictionary.null_count for chunk in values.chunks):
        return values.cast(values.type.value_type).dictionary_encode()
    return values.cast(pa.dictionary(pa.int32(), values.type.value_type))


def _codes(chunks: list[pa.DictionaryArray], places: list[NDArray[np.int32]]) -> Side:
    """The codes of one side among all levels; `places` are those of each chunk's dictionary."""
    n_null = sum(chunk.null_count for chunk in chunks)
    codes = np.empty(sum(len(chunk) for chunk in chunks), dtype=np.int32)
    start = 0
    for chunk, place in zip(chunks, places, strict=True):
        stop = start + len(chunk)
        if chunk.null_count:
            own = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            codes[start:stop] = np.append(place, -1)[own]  # the last place is that of nulls
        else:
            np.take(place, chunk.indices.to_numpy(), out=codes[start:stop], mode="clip")
        start = stop
    if n_null == 0:
        return Side(codes, None, 0, 0)
    rows = codes >= 0
    return Side(codes[rows], rows, n_null, 0)
