"""How is a source read in parts, its columns side by side, into states?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ...errors import TableError
from ...tables.sources import ParquetFolder, ParquetSource, Source
from .clusters import UnitSums, level_units, missing_units, number_units
from .histogram import Floats, quantile_edges
from .levels import Caps
from .reading import Edges, digests_of, numbers_of, plain, state_of, type_kind
from .states import ColumnState
from .table import TableSummary, merge_states

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1 << 19
SAMPLE_ROWS = 1 << 18  # of the reference, from which edges are chosen
_SAMPLED_PARTS = 32  # row groups looked at, spread evenly over a file
_SAMPLED_ROWS = 1 << 20  # of them together

Result = TypeVar("Result")


def choose_edges(source: Source, columns: Sequence[str]) -> dict[str, Floats]:
    """Edges for the numeric columns, at quantiles of a sample spread over the table.

    A sample decides how narrow later bounds are, never whether they hold, so no more than a few
    parts of a large file are read for it.
    """
    wanted = [name for name in columns if type_kind(source.schema.field(name).type) == "numeric"]

    def sample(names: Sequence[str]) -> dict[str, Floats]:
        parts: dict[str, list[Floats]] = {name: [] for name in names}
        n_rows, batches = sampled_batches(source, names)
        step = max(n_rows // SAMPLE_ROWS, 1)
        seen = 0
        for batch in batches:
            first = -seen % step  # every step-th row, counted over the batches
            seen += batch.num_rows
            for name in names:
                thin = batch.column(name).slice(min(first, batch.num_rows))
                if step > 1:
                    thin = thin.take(np.arange(0, len(thin), step))
                parts[name].append(numbers_of(thin))
        return {name: quantile_edges(np.concatenate(parts[name])) for name in names}

    return _over_groups(source, wanted, sample)


def sampled_batches(source: Source, columns: Sequence[str]) -> tuple[int, Iterator[pa.RecordBatch]]:
    """Some batches spread over the source, and how many rows they have in all."""
    import pyarrow.parquet as pq

    from ...tables.reading import parquet_files

    if isinstance(source, ParquetSource):
        files = [source.path]
    elif isinstance(source, ParquetFolder):
        files = list(parquet_files(source.path))
    else:
        return source.n_rows, source.batches(list(columns), batch_rows=BATCH_ROWS)
    groups = [
        (file, group, metadata.row_group(group).num_rows)
        for file, metadata in ((file, pq.read_metadata(file)) for file in files)
        for group in range(metadata.num_row_groups)
    ]
    marks = np.linspace(0, len(groups) - 1, min(_SAMPLED_PARTS, len(groups))).round()
    chosen = [groups[int(mark)] for mark in marks]
    most = max(_SAMPLED_ROWS // len(chosen), 1 << 16)  # of one group

    def read() -> Iterator[pa.RecordBatch]:
        for file, group, _ in chosen:
            with pq.ParquetFile(file) as opened:
                have = [name for name in columns if name in opened.schema_arrow.names]
                if len(have) < len(columns):  # a column of the folders' names
                    continue
                batches = opened.iter_batches(
                    most, row_groups=[group], columns=have, use_threads=False
                )
                yield from islice(batches, 1)

    return sum(min(rows, most) for _, _, rows in chosen), read()


def summarise_source(
    source: Source,
    columns: Sequence[str],
    edges: Edges,
    *,
    cluster: str | None = None,
    caps: Caps | None = None,
) -> TableSummary:
    """The states of some columns of a source, batch by batch."""

    def scan(names: Sequence[str]) -> dict[str, tuple[ColumnState, UnitSums | None]]:
        found: dict[str, tuple[ColumnState, UnitSums | None]] = {}
        wanted = list(dict.fromkeys([*names, *([cluster] if cluster else [])]))
        for batch in source.batches(wanted, batch_rows=BATCH_ROWS):
            if batch.num_rows == 0:
                continue
            units = None
            if cluster is not None:
                units = _units_of(plain(batch.column(cluster)), cluster, source)
            for name in names:
                values = plain(batch.column(name))
                state = state_of(values, edges.get(name), caps or Caps())
                sums = None if units is None else _sums_of(values, units, edges.get(name))
                if name in found:
                    before, sums_before = found[name]
                    state = merge_states(name, before, state, source.name)
                    if sums is not None and sums_before is not None:
                        sums = sums_before + sums
                found[name] = state, sums
        return found

    found = _over_groups(source, columns, scan)
    units = {name: sums for name, (_, sums) in found.items() if sums is not None}
    states = {name: found[name][0] for name in columns}
    return TableSummary(source.n_rows, states, source.name, cluster, units)


def _over_groups(
    source: Source,
    columns: Sequence[str],
    read: Callable[[Sequence[str]], Mapping[str, Result]],
) -> dict[str, Result]:
    """`read` over groups of columns, in threads; columns that are read alone are groups of one."""
    if not columns:
        return {}
    workers = min(os.cpu_count() or 1, len(columns))
    alone = isinstance(source, ParquetSource | ParquetFolder) or source.in_memory
    groups = [[name] for name in columns] if alone else [list(columns)]
    import pyarrow as pa

    result: dict[str, Result] = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for part in pool.map(read, groups):
            result.update(part)
            pa.default_memory_pool().release_unused()  # what Arrow keeps counts as taken
    return result


def _units_of(values: Any, cluster: str, source: Source) -> tuple[Any, Any]:
    """The cluster of each row as a number, and the digests of the clusters' texts."""
    import pyarrow as pa

    from ...tables import as_text

    if values.null_count:
        raise TableError(
            "a row belongs to no cluster: the value is null",
            file=source.name,
            field=cluster,
            hint="leave such rows out, or give each its own cluster",
        )
    if not pa.types.is_dictionary(values.type):
        values = as_text(pa.table({cluster: values}), cluster).dictionary_encode()
    keys = digests_of(values.dictionary.cast(pa.large_string()))
    return values.indices.to_numpy(zero_copy_only=False).astype(np.intp), keys


def _sums_of(values: Any, units: tuple[Any, Any], edges: Floats | None) -> UnitSums:
    """The sums of one column by unit."""
    import pyarrow as pa

    codes, keys = units
    which = type_kind(values.type)
    missing = values.is_null(nan_is_null=False).to_numpy(zero_copy_only=False)
    present = values.drop_null() if values.null_count else values
    if which == "numeric":
        numbers = numbers_of(present)
        nans = np.isnan(numbers)
        if nans.any():
            missing = missing.copy()
            missing[np.flatnonzero(~missing)[nans]] = True
            numbers = numbers[~nans]
        return number_units(codes, keys, numbers, np.empty(0) if edges is None else edges, missing)
    if which == "opaque":
        return missing_units(codes, keys, missing)
    if not pa.types.is_dictionary(present.type):
        present = present.dictionary_encode()
    levels = present.indices.to_numpy(zero_copy_only=False).astype(np.intp)
    return level_units(codes, keys, levels, digests_of(present.dictionary), missing)
