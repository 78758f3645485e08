"""What does a column hold on both sides, and can it be tested?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from .result import ColumnKind

_ID_SHARE = 0.5  # more distinct values than this share of the rows: ids or free text


@dataclass(frozen=True, slots=True)
class Side:
    """The values of a column on one side.

    `values` are float64, or the codes of levels. `rows` says which rows of the table they stand
    in; None is all of them.
    """

    values: NDArray[Any]
    rows: NDArray[np.bool_] | None
    n_null: int
    n_odd: int  # NaN or infinite

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

    @property
    def missing(self) -> str:
        """What was left out, in words; empty where nothing was."""
        parts = []
        for side, label in ((self.reference, "reference"), (self.current, "current")):
            for count, what in ((side.n_null, "null"), (side.n_odd, "NaN or infinite")):
                if count:
                    parts.append(f"{count:,} {what} in {label}")
        return "left out: " + ", ".join(parts) if parts else ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A column that is not tested, and why."""

    name: str
    reason: str


def read_column(
    name: str, reference: pa.Table, current: pa.Table, *, primary: bool = False
) -> Column | Skipped:
    """The values of one column of both tables.

    Numbers that are 0 or 1 throughout are truth values. A column with one value throughout says
    nothing and is skipped, unless it is a primary rate.
    """
    left, right = reference[name], current[name]
    kinds = _kind_of(left.type), _kind_of(right.type)
    for values, side in ((left, "reference"), (right, "current")):
        if values.null_count == len(values):
            return Skipped(name, f"every value is null in {side}")
    if None in kinds:
        other = left.type if kinds[0] is None else right.type
        return Skipped(name, f"columns of type {other} are not tested")
    if "categorical" in kinds:
        if kinds[0] != kinds[1]:
            return Skipped(name, f"its type changed from {left.type} to {right.type}")
        return _categorical(name, left, right)
    whole = _is_whole(left.type) and _is_whole(right.type)
    return _numeric(name, _numbers(left), _numbers(right), kinds, whole=whole, primary=primary)


def _kind_of(kind: pa.DataType) -> Literal["numeric", "boolean", "categorical"] | None:
    import pyarrow.types as types

    if types.is_boolean(kind):
        return "boolean"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numeric"
    if types.is_string(kind) or types.is_large_string(kind):
        return "categorical"
    return None


def _is_whole(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind))


def _numbers(values: pa.ChunkedArray) -> Side:
    import pyarrow as pa

    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    rows = None
    if values.null_count:
        rows = values.is_valid().to_numpy()
        present = values.drop_null()
    else:
        present = values
    numbers = present.cast(pa.float64(), safe=False).to_numpy()
    finite = np.isfinite(numbers)
    n_odd = int(numbers.size - np.count_nonzero(finite))
    if n_odd:
        if rows is None:
            rows = finite
        else:
            rows = rows.copy()
            rows[np.flatnonzero(rows)[~finite]] = False
        numbers = numbers[finite]
    return Side(numbers, rows, int(values.null_count), n_odd)


def _numeric(
    name: str,
    left: Side,
    right: Side,
    kinds: tuple[str | None, str | None],
    *,
    whole: bool,
    primary: bool,
) -> Column | Skipped:
    for side, label in ((left, "reference"), (right, "current")):
        if side.n < 2:
            return Skipped(name, f"fewer than two finite values in {label}")
    low = min(left.values.min(), right.values.min())
    high = max(left.values.max(), right.values.max())
    truth = low >= 0 and high <= 1 and _is_truth(left.values) and _is_truth(right.values)
    if low == high and not (truth and primary):
        return Skipped(name, "one value throughout")
    if truth:
        return Column(name, "boolean", left, right)
    if "boolean" in kinds:
        return Skipped(name, "its type changed between truth values and numbers")
    if whole and _is_row_number(left.values) and _is_row_number(right.values):
        return Skipped(name, "it numbers the rows")
    return Column(name, "numeric", left, right)


def _is_truth(values: NDArray[Any]) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _is_row_number(values: NDArray[Any]) -> bool:
    """Consecutive whole numbers, each once."""
    size = values.size
    if size < 10 or values.max() - values.min() != size - 1:
        return False
    return bool(np.unique(values).size == size)


def _categorical(name: str, left: pa.ChunkedArray, right: pa.ChunkedArray) -> Column | Skipped:
    import pyarrow as pa

    chunks = [*left.cast(pa.large_string()).chunks, *right.cast(pa.large_string()).chunks]
    encoded = pa.chunked_array(chunks, pa.large_string()).dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    sides = _codes(codes[: len(left)]), _codes(codes[len(left) :])
    for side, label in zip(sides, ("reference", "current"), strict=True):
        if side.n < 2:
            return Skipped(name, f"fewer than two values in {label}")
    levels = len(encoded.dictionary)
    if levels == 1:
        return Skipped(name, "one value throughout")
    n = sides[0].n + sides[1].n
    if levels > 2 and (levels > _ID_SHARE * n or all(_is_key(side, levels) for side in sides)):
        return Skipped(name, f"{levels:,} distinct texts in {n:,} values: ids or free text")
    return Column(name, "categorical", *sides, levels=encoded.dictionary)


def _codes(codes: NDArray[Any]) -> Side:
    rows = codes >= 0
    n_null = int(codes.size - np.count_nonzero(rows))
    if n_null == 0:
        return Side(codes, None, 0, 0)
    return Side(codes[rows], rows, n_null, 0)


def _is_key(side: Side, levels: int) -> bool:
    """Whether nearly every value of a side stands there once."""
    used = np.count_nonzero(np.bincount(side.values.astype(np.intp), minlength=levels))
    return bool(side.n >= 20 and used > 0.95 * side.n)
