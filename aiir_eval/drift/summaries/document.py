"""How a summary stands on disk: one JSON file, its long arrays packed (aiir/drift-summary/1).

A packed array is base64 of zlib of little-endian numbers, with their type and shape beside it. A
sum is the exact fraction, written ``numerator/denominator`` in hexadecimal.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from fractions import Fraction
from math import inf, prod
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ...documents import Document, read_json, validate, write_text
from ...errors import DocumentError
from .clusters import UnitSums
from .histogram import Histogram
from .levels import Caps, LevelCounts
from .moments import Moments
from .states import ColumnState, LevelState, NumericState, OpaqueState
from .table import TableSummary

SCHEMA = "aiir/drift-summary/1"
_FORBID = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
_MOST_VALUES = 1 << 27  # of one array: a file is data, and may claim anything
_FRACTION = r"^-?[0-9a-f]+/[0-9a-f]+$"

Count = Annotated[int, Field(ge=0)]
Bits = Annotated[int, Field(ge=1, le=64)]


class PackedDocument(BaseModel):
    """Numbers of one type, packed."""

    model_config = _FORBID

    dtype: Literal["<f8", "<i8", "<u8"]
    shape: list[Count] = Field(max_length=2)
    data: str


class MomentsDocument(BaseModel):
    """Count, sum and sum of squares; the sums as hexadecimal fractions."""

    model_config = _FORBID

    n: Count
    total: str = Field(pattern=_FRACTION, max_length=5000)
    squares: str = Field(pattern=_FRACTION, max_length=10000)


class NumbersDocument(BaseModel):
    """A column of numbers. `below` and `upto` count the values before and up to each edge."""

    model_config = _FORBID

    kind: Literal["numbers"]
    type: str
    whole: bool
    truth: bool
    n_null: Count
    n_odd: Count
    n_nan: Count
    n_zero: Count
    n_one: Count
    minimum: float | None
    maximum: float | None
    moments: MomentsDocument
    edges: PackedDocument
    below: PackedDocument
    upto: PackedDocument


class CapsDocument(BaseModel):
    """Up to how many levels texts, and then single digests, are kept."""

    model_config = _FORBID

    named: Count
    named_bytes: Count
    keyed: Count
    bucket_bits: Bits


class LevelsDocument(BaseModel):
    """A column of levels: `named` counts by text, or counts by digest of the text."""

    model_config = _FORBID

    kind: Literal["levels"]
    type: str
    n_null: Count
    times: bool = False
    caps: CapsDocument
    named: dict[str, Annotated[int, Field(ge=1)]] | None = None
    keys: PackedDocument | None = None
    counts: PackedDocument | None = None
    bits: Bits = 64
    nearest: PackedDocument | None = None


class OpaqueDocument(BaseModel):
    """A column of a type that is not tested."""

    model_config = _FORBID

    kind: Literal["untested"]
    type: str
    n_null: Count
    n: Count


class UnitsDocument(BaseModel):
    """Sums of a column by cluster."""

    model_config = _FORBID

    keys: PackedDocument
    bits: Bits
    sums: PackedDocument
    counts: PackedDocument
    pivot: float
    level_keys: PackedDocument | None = None
    level_bits: Bits = 64


ColumnDocument = Annotated[
    NumbersDocument | LevelsDocument | OpaqueDocument, Field(discriminator="kind")
]


class SummaryDocument(BaseModel):
    """The states of a table's columns. It holds quantiles, extremes and the texts of levels."""

    model_config = _FORBID

    schema_: Literal["aiir/drift-summary/1"] = Field(alias="schema")
    n_rows: Annotated[int, Field(ge=1)]
    cluster: str | None = None
    columns: dict[str, ColumnDocument]
    units: dict[str, UnitsDocument] = Field(default_factory=dict)


def is_summary(path: Any) -> bool:
    """Whether a path is meant as a saved summary: no table format is named .json."""
    return Path(path).suffix.lower() == ".json"


def save_summary(summary: TableSummary, path: str | Path) -> None:
    """Write a summary, whole or not at all."""
    content = {
        "schema": SCHEMA,
        "n_rows": summary.n_rows,
        "cluster": summary.cluster,
        "columns": {name: _written(state) for name, state in summary.columns.items()},
        "units": {name: _units_written(units) for name, units in summary.units.items()},
    }
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def load_summary(path: str | Path) -> TableSummary:
    """Read a saved summary.

    Raises
    ------
    DocumentError
        The file is no summary, or is damaged; it names the field.
    """
    document = Document(str(path), read_json(path))
    data = document.data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise DocumentError(
            f"this is no summary of a table (its schema is not {SCHEMA})",
            file=str(path),
            hint="aiir drift-summarize writes one; a table is .parquet, .csv, .tsv or .jsonl",
        )
    saved = validate(SummaryDocument, document)
    columns: dict[str, ColumnState] = {}
    units: dict[str, UnitSums] = {}
    for name, column in saved.columns.items():
        columns[name] = _checked(lambda column=column: _read(column), path, f"columns.{name}")
        if (
            columns[name].n + columns[name].n_null + getattr(columns[name], "n_odd", 0)
            != saved.n_rows
        ):
            raise _damaged(path, f"columns.{name}", "its counts do not add up to the rows")
    for name, sums in saved.units.items():
        units[name] = _checked(lambda sums=sums: _units_read(sums), path, f"units.{name}")
    return TableSummary(saved.n_rows, columns, str(path), saved.cluster, units)


def _checked(read: Any, path: str | Path, field: str) -> Any:
    try:
        return read()
    except (ValueError, zlib.error, OverflowError, ZeroDivisionError) as error:
        raise _damaged(path, field, str(error)) from None


def _damaged(path: str | Path, field: str, reason: str) -> DocumentError:
    return DocumentError(
        f"the file is damaged: {reason}", file=str(path), field=field, hint="summarise it again"
    )


def _written(state: ColumnState) -> dict[str, Any]:
    if isinstance(state, OpaqueState):
        return {"kind": "untested", "type": state.type_name, "n_null": state.n_null, "n": state.n}
    if isinstance(state, LevelState):
        return _levels_written(state)
    known = state.n > 0
    return {
        "kind": "numbers",
        "type": state.type_name,
        "whole": state.whole,
        "truth": state.truth,
        "n_null": state.n_null,
        "n_odd": state.n_odd,
        "n_nan": state.n_nan,
        "n_zero": state.n_zero,
        "n_one": state.n_one,
        "minimum": state.low if known else None,
        "maximum": state.high if known else None,
        "moments": {
            "n": state.moments.n,
            "total": _fraction_written(state.moments.total),
            "squares": _fraction_written(state.moments.squares),
        },
        "edges": _packed(state.histogram.edges),
        "below": _packed(state.histogram.below),
        "upto": _packed(state.histogram.upto),
    }


def _levels_written(state: LevelState) -> dict[str, Any]:
    levels = state.levels
    caps = levels.caps
    content: dict[str, Any] = {
        "kind": "levels",
        "type": state.type_name,
        "n_null": state.n_null,
        "times": state.times,
        "caps": {
            "named": caps.named,
            "named_bytes": caps.named_bytes,
            "keyed": caps.keyed,
            "bucket_bits": caps.bucket_bits,
        },
        "bits": levels.bits,
    }
    if levels.named is not None:
        return {**content, "named": dict(sorted(levels.named.items()))}
    keys, counts = levels.by_key()
    assert levels.nearest is not None
    packed = {"keys": _packed(keys), "counts": _packed(counts), "nearest": _packed(levels.nearest)}
    return {**content, **packed}


def _units_written(units: UnitSums) -> dict[str, Any]:
    return {
        "keys": _packed(units.keys),
        "bits": units.bits,
        "sums": _packed(units.sums),
        "counts": _packed(units.counts),
        "pivot": units.pivot,
        "level_keys": None if units.level_keys is None else _packed(units.level_keys),
        "level_bits": units.level_bits,
    }


def _read(saved: NumbersDocument | LevelsDocument | OpaqueDocument) -> ColumnState:
    if isinstance(saved, OpaqueDocument):
        return OpaqueState(saved.n_null, saved.n, saved.type)
    if isinstance(saved, LevelsDocument):
        return _levels_read(saved)
    moments = Moments(
        saved.moments.n,
        _fraction_read(saved.moments.total),
        _fraction_read(saved.moments.squares),
    )
    edges, below, upto = _unpacked(saved.edges), _unpacked(saved.below), _unpacked(saved.upto)
    _require(
        edges.ndim == 1 and edges.shape == below.shape == upto.shape, "edges and counts differ"
    )
    _require(bool(np.isfinite(edges).all()), "an edge is not a number")
    _require(bool((np.diff(edges) > 0).all()), "its edges do not increase")
    steps = np.stack([below, upto], axis=1).ravel()
    _require(bool((np.diff(steps, prepend=0, append=moments.n) >= 0).all()), "its counts fall")
    low = inf if saved.minimum is None else saved.minimum
    high = -inf if saved.maximum is None else saved.maximum
    _require((moments.n > 0) == (low <= high), "its extremes are missing")
    _require(saved.n_nan <= saved.n_odd, "more NaN than values that are no numbers")
    _require(saved.n_zero + saved.n_one <= moments.n, "more zeros and ones than values")
    return NumericState(
        n_null=saved.n_null,
        n_odd=saved.n_odd,
        n_nan=saved.n_nan,
        moments=moments,
        low=low,
        high=high,
        n_zero=saved.n_zero,
        n_one=saved.n_one,
        histogram=Histogram(moments.n, edges, below, upto),
        type_name=saved.type,
        whole=saved.whole,
        truth=saved.truth,
    )


def _levels_read(saved: LevelsDocument) -> LevelState:
    caps = Caps(saved.caps.named, saved.caps.named_bytes, saved.caps.keyed, saved.caps.bucket_bits)
    if saved.named is not None:
        size = sum(len(text.encode()) for text in saved.named)
        levels = LevelCounts(sum(saved.named.values()), dict(saved.named), size, caps=caps)
        return LevelState(saved.n_null, levels, saved.type, saved.times)
    if saved.keys is None or saved.counts is None or saved.nearest is None:
        raise ValueError("levels have neither texts nor digests")
    keys, counts, nearest = (_unpacked(part) for part in (saved.keys, saved.counts, saved.nearest))
    _require(keys.ndim == 1 and keys.shape == counts.shape, "levels and counts differ")
    _require(bool((keys[1:] > keys[:-1]).all()), "its levels are out of order")
    _require(bool((counts > 0).all()), "a level has no count")
    _require(
        nearest.size > 0 and bool((nearest[1:] > nearest[:-1]).all()), "its digests are broken"
    )
    levels = LevelCounts(int(counts.sum()), None, 0, keys, counts, saved.bits, nearest, caps)
    return LevelState(saved.n_null, levels, saved.type, saved.times)


def _units_read(saved: UnitsDocument) -> UnitSums:
    keys, sums, counts = (_unpacked(part) for part in (saved.keys, saved.sums, saved.counts))
    _require(sums.ndim == 2 and counts.ndim == 2, "sums by cluster have the wrong shape")
    _require(len(sums) == len(counts) == keys.size, "sums by cluster have the wrong length")
    _require(bool((keys[1:] > keys[:-1]).all()), "its clusters are out of order")
    levels = None if saved.level_keys is None else _unpacked(saved.level_keys)
    _require(levels is None or levels.size == counts.shape[1], "levels by cluster do not match")
    return UnitSums(keys, saved.bits, sums, counts, saved.pivot, levels, saved.level_bits)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def _packed(values: NDArray[Any]) -> dict[str, Any]:
    kind = {"f": "<f8", "i": "<i8", "u": "<u8"}[values.dtype.kind]
    data = np.ascontiguousarray(values, dtype=kind).tobytes()
    text = base64.b64encode(zlib.compress(data, 6)).decode()
    return {"dtype": kind, "shape": list(values.shape), "data": text}


def _unpacked(saved: PackedDocument) -> NDArray[Any]:
    size = prod(saved.shape)
    if size > _MOST_VALUES:
        raise ValueError(f"an array of {size:,} numbers")
    packed = zlib.decompressobj()
    data = packed.decompress(base64.b64decode(saved.data, validate=True), 8 * size + 1)
    if len(data) != 8 * size or not packed.eof:
        raise ValueError("an array is not as long as it says")
    return np.frombuffer(data, dtype=saved.dtype).astype(saved.dtype[1:]).reshape(saved.shape)


def _fraction_written(value: Fraction) -> str:
    return f"{value.numerator:x}/{value.denominator:x}"


def _fraction_read(text: str) -> Fraction:
    if not re.match(_FRACTION, text):
        raise ValueError("a sum is no fraction")
    over, under = text.split("/")
    return Fraction(int(over, 16), int(under, 16))
