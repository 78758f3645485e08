"""How a drift report stands on disk (aiir/drift/1): the JSON of ``aiir drift``, and the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import compress
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..documents import Document, read_json, validate, write_json
from .result import (
    ChangePoint,
    ColumnDrift,
    ColumnKind,
    Distribution,
    DriftConclusion,
    DriftReport,
    Effect,
    Segment,
    Series,
    Window,
    json_number,
)

if TYPE_CHECKING:
    from .comparing import DriftComparison

_FORBID = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Number = float | None
Span = tuple[Number, Number]


class EffectDocument(BaseModel):
    """An effect; a number that is not finite is null."""

    model_config = _FORBID

    name: str
    estimate: Number
    confidence_interval: Span


class DistributionDocument(BaseModel):
    """Both sides of a column, at the points or the levels of `at`."""

    model_config = _FORBID

    form: Literal["ecdf", "bars"]
    at: list[float] | list[str]
    reference: list[float]
    current: list[float]

    @model_validator(mode="after")
    def _sides_as_long_as_at(self) -> DistributionDocument:
        if not len(self.at) == len(self.reference) == len(self.current):
            raise ValueError("at, reference and current must have the same length")
        if self.at and (self.form == "ecdf") is isinstance(self.at[0], str):
            raise ValueError("an ecdf stands at numbers, bars at levels")
        return self


class ColumnDocument(BaseModel):
    """One column of the report."""

    model_config = _FORBID

    column: str
    kind: ColumnKind
    test: str
    statistic: Number
    statistics: dict[str, Number]
    pvalue: Number
    pvalue_adjusted: Number
    effect: EffectDocument
    minimum_detectable_effect: Number
    drifted: bool
    note: str = ""
    primary: bool = False
    effects: list[EffectDocument] = Field(default_factory=list)
    distribution: DistributionDocument | None = None


class WindowDocument(BaseModel):
    """A window of a series."""

    model_config = _FORBID

    start: datetime
    end: datetime
    n: int
    value: Number
    confidence_interval: Span


class ChangePointDocument(BaseModel):
    """A date at which a level moved, and the interval of that date."""

    model_config = _FORBID

    at: datetime
    confidence_interval: tuple[datetime, datetime]
    before: Number
    after: Number
    pvalue: Number
    until: datetime | None = None


class SeriesDocument(BaseModel):
    """A column over time."""

    model_config = _FORBID

    column: str
    unit: Literal["mean", "rate"]
    windows: list[WindowDocument]
    change_points: list[ChangePointDocument] = Field(default_factory=list)


class SegmentDocument(BaseModel):
    """The rows with one value of a column, and what another did among them."""

    model_config = _FORBID

    by: str
    value: str
    column: str
    n_reference: int
    n_current: int
    difference: Number
    confidence_interval: Span
    pvalue: Number
    pvalue_adjusted: Number
    contribution: Number
    contribution_interval: Span = (None, None)
    within: Number = None
    mix: Number = None


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
    joint: ColumnDocument | None = None
    series: list[SeriesDocument] = Field(default_factory=list)
    segments: list[SegmentDocument] = Field(default_factory=list)
    command: str = ""
    digests: dict[str, str] = Field(default_factory=dict)


def save_drift(report: DriftReport, path: str | Path) -> None:
    """Write a report, whole or not at all."""
    write_json(path, drift_mapping(report))


def drift_mapping(report: DriftReport) -> dict[str, Any]:
    """The JSON of ``aiir drift``, and all that a report needs besides."""
    content: dict[str, Any] = {"schema": "aiir/drift/1", **report.to_dict()}
    content["columns"] = [_column_mapping(column) for column in report.columns]
    if report.joint is not None:
        content["joint"] = _column_mapping(report.joint)
    content["notes"] = list(report.notes)
    content["confidence_level"] = json_number(report.confidence_level)
    if report.command:
        content |= {"command": report.command, "digests": dict(report.digests)}
    return content


def _column_mapping(column: ColumnDrift) -> dict[str, Any]:
    """What stands in a report file beyond the contract is left out where there is nothing."""
    mapping = {**column.to_dict(), "note": column.note, "primary": column.primary}
    if column.effects:
        mapping["effects"] = [effect.to_dict() for effect in column.effects]
    if column.distribution is not None:
        mapping["distribution"] = _distribution_mapping(column.distribution)
    return mapping


def _distribution_mapping(distribution: Distribution) -> dict[str, Any]:
    """Points at infinity are left out: JSON has no number for them, and no plot a place."""
    kept = [isinstance(at, str) or isfinite(at) for at in distribution.at]
    sides = {
        "at": distribution.at,
        "reference": distribution.reference,
        "current": distribution.current,
    }
    return {
        "form": distribution.form,
        **{name: list(compress(values, kept)) for name, values in sides.items()},
    }


def load_drift(path: str | Path) -> DriftReport:
    """Read a saved report; `DocumentError` names every field that is wrong."""
    return _report(validate(DriftDocument, Document(str(path), read_json(path))))


class DriftComparisonDocument(BaseModel):
    """Both reports, from which the comparison is computed again; `compared` is what it said."""

    model_config = _FORBID

    schema_: Literal["aiir/drift-comparison/1"] = Field(alias="schema")
    compared: dict[str, Any]
    then: DriftDocument
    now: DriftDocument


def save_drift_comparison(comparison: DriftComparison, path: str | Path) -> None:
    """Write a comparison with both its reports, whole or not at all."""
    write_json(
        path,
        {
            "schema": "aiir/drift-comparison/1",
            "compared": comparison.to_dict(),
            "then": drift_mapping(comparison.then),
            "now": drift_mapping(comparison.now),
        },
    )


def load_drift_comparison(path: str | Path) -> DriftComparison:
    """Read a saved comparison; `DocumentError` names every field that is wrong."""
    from .comparing import compare_drift

    saved = validate(DriftComparisonDocument, Document(str(path), read_json(path)))
    return compare_drift(_report(saved.then), _report(saved.now))


def _report(saved: DriftDocument) -> DriftReport:
    return DriftReport(
        conclusion=saved.conclusion,
        n_reference=saved.n_reference,
        n_current=saved.n_current,
        columns=tuple(_column(column) for column in saved.columns),
        notes=tuple(saved.notes),
        confidence_level=saved.confidence_level,
        joint=None if saved.joint is None else _column(saved.joint),
        series=tuple(_series(series) for series in saved.series),
        segments=tuple(_segment(segment) for segment in saved.segments),
        command=saved.command,
        digests=saved.digests,
    )


def _column(saved: ColumnDocument) -> ColumnDrift:
    return ColumnDrift(
        column=saved.column,
        kind=saved.kind,
        test=saved.test,
        statistic=_or_nan(saved.statistic),
        statistics={name: _or_nan(value) for name, value in saved.statistics.items()},
        pvalue=_or_nan(saved.pvalue),
        pvalue_adjusted=_or_nan(saved.pvalue_adjusted),
        effect=_effect(saved.effect),
        minimum_detectable_effect=_or_nan(saved.minimum_detectable_effect),
        drifted=saved.drifted,
        note=saved.note,
        primary=saved.primary,
        effects=tuple(_effect(effect) for effect in saved.effects),
        distribution=None if saved.distribution is None else _distribution(saved.distribution),
    )


def _effect(saved: EffectDocument) -> Effect:
    return Effect(saved.name, _or_nan(saved.estimate), *_span(saved.confidence_interval))


def _distribution(saved: DistributionDocument) -> Distribution:
    at: Any = tuple(saved.at)
    return Distribution(saved.form, at, tuple(saved.reference), tuple(saved.current))


def _series(saved: SeriesDocument) -> Series:
    return Series(
        saved.column,
        saved.unit,
        tuple(
            Window(_utc(each.start), _utc(each.end), each.n, _or_nan(each.value),
                   *_span(each.confidence_interval))
            for each in saved.windows
        ),
        tuple(_change_point(each) for each in saved.change_points),
    )  # fmt: skip


def _change_point(saved: ChangePointDocument) -> ChangePoint:
    low, high = saved.confidence_interval
    return ChangePoint(
        at=_utc(saved.at),
        low=_utc(low),
        high=_utc(high),
        before=_or_nan(saved.before),
        after=_or_nan(saved.after),
        pvalue=_or_nan(saved.pvalue),
        until=None if saved.until is None else _utc(saved.until),
    )


def _segment(saved: SegmentDocument) -> Segment:
    low, high = _span(saved.confidence_interval)
    part = _span(saved.contribution_interval)
    return Segment(
        by=saved.by,
        value=saved.value,
        column=saved.column,
        n_reference=saved.n_reference,
        n_current=saved.n_current,
        difference=_or_nan(saved.difference),
        low=low,
        high=high,
        pvalue=_or_nan(saved.pvalue),
        pvalue_adjusted=_or_nan(saved.pvalue_adjusted),
        contribution=_or_nan(saved.contribution),
        contribution_low=part[0],
        contribution_high=part[1],
        within=_or_nan(saved.within),
        mix=_or_nan(saved.mix),
    )


def _utc(moment: datetime) -> datetime:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def _span(saved: Span) -> tuple[float, float]:
    return _or_nan(saved[0]), _or_nan(saved[1])


def _or_nan(value: Number) -> float:
    return nan if value is None else value
