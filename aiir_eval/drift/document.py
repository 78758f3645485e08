"""How a drift report stands on disk: the JSON of ``aiir drift``, with its notes (aiir/drift/1)."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..documents import Document, read_json, validate, write_json
from .result import ColumnDrift, ColumnKind, DriftConclusion, DriftReport, Effect, json_number

_FORBID = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class EffectDocument(BaseModel):
    """An effect; a number that is not finite is null."""

    model_config = _FORBID

    name: str
    estimate: float | None
    confidence_interval: tuple[float | None, float | None]


class ColumnDocument(BaseModel):
    """One column of the report."""

    model_config = _FORBID

    column: str
    kind: ColumnKind
    test: str
    statistic: float | None
    statistics: dict[str, float | None]
    pvalue: float | None
    pvalue_adjusted: float | None
    effect: EffectDocument
    minimum_detectable_effect: float | None
    drifted: bool
    note: str = ""
    primary: bool = False


class DriftDocument(BaseModel):
    """A whole report."""

    model_config = _FORBID

    schema_: Literal["aiir/drift/1"] = Field(alias="schema")
    conclusion: DriftConclusion
    n_reference: int
    n_current: int
    columns: list[ColumnDocument]
    notes: list[str] = Field(default_factory=list)
    confidence_level: float = 0.95


def save_drift(report: DriftReport, path: str | Path) -> None:
    """Write a report, whole or not at all."""
    content: dict[str, Any] = {"schema": "aiir/drift/1", **report.to_dict()}
    content["columns"] = [
        {**column.to_dict(), "note": column.note, "primary": column.primary}
        for column in report.columns
    ]
    content["notes"] = list(report.notes)
    content["confidence_level"] = json_number(report.confidence_level)
    write_json(path, content)


def load_drift(path: str | Path) -> DriftReport:
    """Read a saved report; `DocumentError` names every field that is wrong."""
    saved = validate(DriftDocument, Document(str(path), read_json(path)))
    return DriftReport(
        conclusion=saved.conclusion,
        n_reference=saved.n_reference,
        n_current=saved.n_current,
        columns=tuple(_column(column) for column in saved.columns),
        notes=tuple(saved.notes),
        confidence_level=saved.confidence_level,
    )


def _column(saved: ColumnDocument) -> ColumnDrift:
    low, high = saved.effect.confidence_interval
    effect = Effect(saved.effect.name, _or_nan(saved.effect.estimate), _or_nan(low), _or_nan(high))
    return ColumnDrift(
        column=saved.column,
        kind=saved.kind,
        test=saved.test,
        statistic=_or_nan(saved.statistic),
        statistics={name: _or_nan(value) for name, value in saved.statistics.items()},
        pvalue=_or_nan(saved.pvalue),
        pvalue_adjusted=_or_nan(saved.pvalue_adjusted),
        effect=effect,
        minimum_detectable_effect=_or_nan(saved.minimum_detectable_effect),
        drifted=saved.drifted,
        note=saved.note,
        primary=saved.primary,
    )


def _or_nan(value: float | None) -> float:
    return nan if value is None else value
