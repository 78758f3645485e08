"""Which row of the current table is the same thing as which row of the reference?

Where both tables hold the same cases (two versions answer the same questions), rows are paired by
a key. What a case has in common on both sides then cancels: tests deal the labels anew within
pairs only, and intervals come from the differences of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TableError
from .clusters import ClusterDesign, Codes, cluster_codes, design_of, label_codes
from .columns import Column, Columns
from .facts import Skipped

if TYPE_CHECKING:
    import pyarrow as pa

    from ..stats.paired import PairedDifference
    from ..tables.sources import Source

_BATCH_ROWS = 1 << 17


@dataclass(frozen=True, slots=True)
class Pairing:
    """Rows of both tables, pair by pair in the order of the keys, and how many had no partner."""

    key: tuple[str, ...]
    reference: Codes
    current: Codes
    n_alone: tuple[int, int]

    @property
    def n_pairs(self) -> int:
        return int(self.reference.size)

    def __str__(self) -> str:
        text = f"rows are paired by {', '.join(self.key)}: {self.n_pairs:,} pairs"
        sides = zip(self.n_alone, ("reference", "current"), strict=True)
        alone = " and ".join(f"{count:,} in {label}" for count, label in sides if count)
        return f"{text}; left out, for the other side has no such key: {alone}" if alone else text


class Aligned:
    """Chosen rows of a table, in a chosen order; reads like the table."""

    in_memory = True

    def __init__(self, source: Source, rows: Codes) -> None:
        self._source, self._rows = source, rows
        self.name, self.schema = source.name, source.schema
        self.n_rows = int(rows.size)
        self.nbytes = source.nbytes * self.n_rows // max(source.n_rows, 1)

    def column(self, name: str) -> pa.ChunkedArray:
        return self._source.column(name).take(self._rows)

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        names = self.schema.names if columns is None else list(columns)
        table = pa.table({name: self.column(name) for name in names})
        yield from table.to_batches(max_chunksize=batch_rows)


def paired_tables(
    reference: Source,
    current: Source,
    key: Sequence[str],
    *,
    cluster: str | None,
    n_resamples: int,
    rng: int,
) -> tuple[Source, Source, ClusterDesign, str]:
    """Both tables, row i beside row i; how labels are swapped; and what a reader is told."""
    pairing = pair_rows(reference, current, key)
    left, right = Aligned(reference, pairing.reference), Aligned(current, pairing.current)
    design = paired_design(pairing, left, right, cluster=cluster, n_resamples=n_resamples, rng=rng)
    return left, right, design, str(pairing)


def pair_rows(reference: Columns, current: Columns, key: Sequence[str]) -> Pairing:
    """Pair the rows that have the same key; several columns are one key together.

    Raises
    ------
    TableError
        A key is null or stands twice in a table, or fewer than two keys are on both sides.
    """
    codes = _key_codes(reference, current, key)
    n_keys = 1 + int(max(side.max() for side in codes))
    at = []
    for side, label in zip(codes, ("reference", "current"), strict=True):
        counts = np.bincount(side, minlength=n_keys)
        if counts.max() > 1:
            first, second = np.flatnonzero(side == counts.argmax())[:2] + 1
            raise TableError(
                f"rows {first} and {second} of {label} have the same key "
                f"({int((counts > 1).sum()):,} keys stand more than once)",
                field=",".join(key),
                hint="name more columns of the key, or leave it out and name a cluster",
            )
        rows = np.full(n_keys, -1, dtype=np.intp)
        rows[side] = np.arange(side.size)
        at.append(rows)
    both = (at[0] >= 0) & (at[1] >= 0)
    n_pairs = int(np.count_nonzero(both))
    if n_pairs < 2:
        raise TableError(
            f"only {n_pairs} of the keys are on both sides: there is nothing to pair",
            field=",".join(key),
            hint="leave the key out where the tables hold different cases",
        )
    alone = codes[0].size - n_pairs, codes[1].size - n_pairs
    return Pairing(tuple(key), at[0][both], at[1][both], alone)


def paired_design(
    pairing: Pairing,
    reference: Columns,
    current: Columns,
    *,
    cluster: str | None,
    n_resamples: int,
    rng: int,
) -> ClusterDesign:
    """Swap the labels within pairs; with a `cluster`, within all pairs of a cluster at once.

    `reference` and `current` are aligned.
    """
    rows = np.arange(pairing.n_pairs)
    codes = rows, rows
    if cluster is not None:
        codes = cluster_codes(reference, current, cluster)
        differ = np.flatnonzero(codes[0] != codes[1])
        if differ.size:
            first = int(differ[0])
            raise TableError(
                f"row {pairing.reference[first] + 1} of reference and its partner, row "
                f"{pairing.current[first] + 1} of current, belong to different clusters",
                field=cluster,
                hint="a cluster of pairs holds both rows of each",
            )
    return design_of(*codes, n_resamples=n_resamples, rng=rng, paired=True)


def complete_pairs(column: Column) -> Column | Skipped:
    """A column of aligned tables without the pairs that lack a value on either side."""
    sides = column.reference, column.current
    if sides[0].rows is not None or sides[1].rows is not None:
        n = int(max(side.n if side.rows is None else side.rows.size for side in sides))
        there = [np.ones(n, np.bool_) if side.rows is None else side.rows for side in sides]
        both = there[0] & there[1]
        cut = [
            replace(side, values=side.values[both[rows]], rows=both)
            for side, rows in zip(sides, there, strict=True)
        ]
        column = replace(column, reference=cut[0], current=cut[1])
    return _testable(column)


def paired_rate(column: Column, design: ClusterDesign) -> PairedDifference:
    """The difference of the rates of complete pairs."""
    from ..stats.paired import paired_difference

    rows = column.reference.rows
    units = design.reference if rows is None else design.reference[rows]
    alone = design.n_clusters[2] == design.reference.size
    return paired_difference(
        column.reference.values, column.current.values, clusters=None if alone else units
    )


def _testable(column: Column) -> Column | Skipped:
    left, right = column.reference.values, column.current.values
    if left.size < 2:
        return Skipped(column.name, "fewer than two pairs with a value on both sides")
    if column.kind != "boolean" and (left == left[0]).all() and (right == left[0]).all():
        return Skipped(column.name, "one value throughout in pairs with a value on both sides")
    return column


def _key_codes(
    reference: Columns, current: Columns, key: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The key of each row as a number, in the order of the keys."""
    found: NDArray[Any] | None = None
    size = 0
    for name in key:
        sides = label_codes(
            reference,
            current,
            name,
            problem="has no key: the value is null",
            hint="leave such rows out, or name a column that every row has",
        )
        size = sides[0].size
        codes = np.concatenate(sides)
        if found is not None:
            codes = np.unique(found * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
        found = codes.astype(np.intp)
    assert found is not None
    return found[:size], found[size:]
