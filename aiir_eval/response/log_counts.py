"""Counting distinct values among affected rows that lie on disk: exactly, whatever their number.

The SQL is made of names of this module alone; nothing of a log or a user is put into it.
"""
# ruff: noqa: S608

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .log_reading import COLUMN_OF, Looked

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

_MEMORY = "512MB"  # of DuckDB; beyond it, it uses files
_MAX_SYSTEMS = 10_000
_KEY = {"day": "CAST(CAST(time AS DATE) AS VARCHAR)", "version": "version"}


@dataclass(slots=True)
class Counts:
    """Distinct values of affected rows: in all, and by day and version."""

    distinct: dict[str, int] = field(default_factory=dict)
    with_value: dict[str, int] = field(default_factory=dict)
    frequencies: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    parts: dict[str, dict[str | None, int]] = field(default_factory=dict)
    systems: list[str] = field(default_factory=list)
    first_at: datetime | None = None
    last_at: datetime | None = None
    sizes: NDArray[np.int64] | None = None
    found: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    of_parts: dict[tuple[str, str | None, str], int] = field(default_factory=dict)

    def of_part(self, by: str, value: str | None, kind: str) -> int:
        """Distinct values of a kind on a day, or in a version."""
        return self.of_parts.get((by, value, kind), 0)

    def clusters(self, kind: str) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
        """Rows of each user in a sample (None: no users are known), and affected ones of a kind."""
        return self.sizes, self.found[kind]


def count_affected(folder: Path, looked: Looked) -> Counts:
    """Count what `read_affected` left in a folder.

    DuckDB does it, with at most 512 MB in memory and files in the folder beyond: the counts are
    exact and not estimated.
    """
    import duckdb

    counts = Counts(distinct=dict.fromkeys(looked.kinds, 0))
    counts.with_value = {"rows": looked.affected, **counts.distinct}
    counts.frequencies = {kind: np.zeros(0, np.int64) for kind in looked.kinds}
    spill = {"temp_directory": str(folder), "memory_limit": _MEMORY, "threads": "2"}
    with duckdb.connect(":memory:", config=spill) as connection:
        if looked.sampled:
            _clusters(connection, folder, looked, counts)
        if not (folder / "affected.parquet").exists():
            return counts
        connection.read_parquet(str(folder / "affected.parquet")).create_view("affected")
        low, high = _one(connection, "SELECT min(time), max(time) FROM affected")
        counts.first_at, counts.last_at = low, high
        by = [key for key, needs in (("day", "time"), ("version", "version"))
              if needs in looked.columns]  # fmt: skip
        for key in by:
            query = f"SELECT {_KEY[key]} AS k, count(*) FROM affected GROUP BY k ORDER BY k"
            counts.parts[key] = dict(connection.execute(query).fetchall())
        for kind in looked.kinds:
            if kind == "downstream_systems":
                _systems(connection, by, counts, sampled=looked.sampled)
            else:
                _values(connection, kind, by, counts, sampled=looked.sampled)
    return counts


def _values(connection: Any, kind: str, by: list[str], counts: Counts, *, sampled: bool) -> None:
    """SELECT DISTINCT inside a count is what DuckDB can do with files."""
    column = f'"{COLUMN_OF[kind]}"'
    there = f"FROM affected WHERE {column} IS NOT NULL"
    distinct = f"SELECT count(*) FROM (SELECT DISTINCT {column} {there})"
    counts.distinct[kind] = _one(connection, distinct)[0]
    counts.with_value[kind] = _one(connection, f"SELECT count(*) {there}")[0]
    for key in by:
        pairs = f"SELECT DISTINCT {_KEY[key]} AS k, {column} AS v {there}"
        for value, number in connection.execute(
            f"SELECT k, count(*) FROM ({pairs}) GROUP BY k"
        ).fetchall():
            counts.of_parts[key, value, kind] = number
    if sampled:
        often = connection.execute(f"SELECT count(*) AS c {there} GROUP BY {column}").fetchnumpy()
        counts.frequencies[kind] = np.asarray(often["c"], np.int64)


def _systems(connection: Any, by: list[str], counts: Counts, *, sampled: bool) -> None:
    """Systems are few; a cell may name several, as a JSON list."""
    keys = ", ".join(_KEY[key] for key in by) or "NULL"
    query = (
        f"SELECT [{keys}] AS k, system, count(*) FROM affected WHERE system IS NOT NULL "
        f"GROUP BY k, system LIMIT {50 * _MAX_SYSTEMS}"
    )
    often: dict[str, int] = {}
    sets: dict[tuple[str, str | None], set[str]] = {}
    for values, cell, number in connection.execute(query).fetchall():
        for name in _names(cell):
            often[name] = often.get(name, 0) + number
            for key, value in zip(by, values, strict=False):
                sets.setdefault((key, value), set()).add(name)
        counts.with_value["downstream_systems"] += number
    if len(often) > _MAX_SYSTEMS:
        raise InputError(
            f"the column of systems names more than {_MAX_SYSTEMS:,}",
            hint="--system is the column that says which system was touched",
        )
    counts.systems = sorted(often, key=lambda name: (-often[name], name))
    counts.distinct["downstream_systems"] = len(often)
    if sampled:
        counts.frequencies["downstream_systems"] = np.array(list(often.values()), np.int64)
    for (key, value), names in sets.items():
        counts.of_parts[key, value, "downstream_systems"] = len(names)


def _names(cell: str) -> list[str]:
    if cell.startswith("["):
        try:
            names = json.loads(cell)
        except (ValueError, RecursionError):
            return [cell]
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return list(dict.fromkeys(names))
    return [cell]


def _clusters(connection: Any, folder: Path, looked: Looked, counts: Counts) -> None:
    """The rows of each user of a sample, and how many of them are affected, by kind."""
    connection.read_parquet(str(folder / "looked.parquet")).create_view("looked")
    kinds = ["rows", *looked.kinds]
    casts = {kind: f'CAST("{kind}" AS BIGINT)' for kind in kinds}
    sums = ", ".join(f'sum({cast}) AS "{kind}"' for kind, cast in casts.items())
    # A row without a user is its own cluster.
    query = (
        f'SELECT "user", count(*) AS n, {sums} FROM looked WHERE "user" IS NOT NULL GROUP BY 1 '
        f"UNION ALL SELECT NULL, 1, {', '.join(casts.values())} "
        'FROM looked WHERE "user" IS NULL'
    )
    found = connection.execute(query).fetchnumpy()
    if "user" in looked.columns:
        counts.sizes = np.asarray(found["n"], np.int64)
    counts.found = {kind: np.asarray(found[kind], np.int64) for kind in kinds}


def _one(connection: Any, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(query).fetchone()
    return row
