"""Writing a drift report into MLflow: one run with its numbers, tables, JSON and page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..drift.document import drift_mapping
from ..reports.drift_view import ranked
from ..reports.markdown.text import plain
from ..reports.wording import drift_sentence
from .entries import (
    TABLES_TAG,
    Entries,
    Measured,
    finite_metrics,
    text_params,
    text_tags,
)
from .figures import drift_figures
from .outbox import OUTBOX, Planned, Record, deliver
from .stores import Openable

if TYPE_CHECKING:
    from ..drift.result import ColumnDrift, DriftReport


@dataclass(frozen=True, slots=True)
class TrackedReport(Openable):
    """Where a report stands in MLflow: `uri` without secrets, `url` None for a file store."""

    run_id: str
    uri: str
    url: str | None


def track_drift(
    report: DriftReport,
    *,
    uri: str | None = None,
    experiment: str = "aiir",
    reference: str = "reference",
    current: str = "current",
    report_html: str | None = None,
    outbox: str | Path | None = OUTBOX,
) -> TrackedReport:
    """Write a drift report into MLflow.

    Parameters
    ----------
    report : DriftReport
    uri : str, optional
        Any MLflow tracking URI, or the path of an SQLite file. Default: ``MLFLOW_TRACKING_URI``
        where it is set, else ``sqlite:///aiir-mlflow.db`` in the current folder.
    experiment : str
        Made where it does not exist.
    reference, current : str
        What the two tables are called.
    report_html : str, optional
        The page (text, not a path) to keep as ``report.html``. By default it is rendered.
    outbox : path, optional
        Where the record is kept when no server answers, for ``aiir track push``; None: nowhere.

    Raises
    ------
    UnreachableError
        The server does not answer. Nothing is lost: the record is in the outbox.
    InputError
        The store cannot be used: a file that cannot be written, an experiment that was deleted.

    Notes
    -----
    Metrics of a column are ``column/NAME/`` and ``effect``, ``effect_low``, ``effect_high``,
    ``pvalue``, ``pvalue_adjusted``, ``minimum_detectable_effect``, ``drifted``. What exceeds the
    limits of MLflow stays whole in ``drift.json`` and the tables.
    """
    from ..reports.html import render_html

    page = render_html(report) if report_html is None else report_html
    planned = Planned(
        entries=drift_entries(report, reference=reference, current=current),
        files={"drift.json": drift_mapping(report), "report.html": page},
        figures=drift_figures(report),
    )
    record = Record(what="report", experiment=experiment, runs=[planned])
    sent = deliver(record, uri, outbox=outbox)
    return TrackedReport(sent.run_ids[0], sent.uri, sent.url)


def drift_entries(report: DriftReport, *, reference: str, current: str) -> Entries:
    """The batch and the tables of a report's run."""
    tables = {
        "tables/columns.json": columns_table(report),
        "tables/series.json": series_table(report),
        "tables/change_points.json": change_points_table(report),
        "tables/segments.json": segments_table(report),
    }
    tables = {name: table for name, table in tables.items() if any(table.values())}
    drifted = [column.column for column in ranked(report.columns) if column.drifted]
    return Entries(
        name=f"drift {reference} -> {current}",
        params=text_params(
            {
                "reference": reference,
                "current": current,
                "confidence_level": report.confidence_level,
                "primary": ",".join(each.column for each in report.columns if each.primary),
                "notes": "; ".join(report.notes),
            }
        ),
        metrics=finite_metrics(_measured(report)),
        tags=text_tags(
            {
                "aiir.kind": "drift",
                "aiir.conclusion": report.conclusion,
                "aiir.drifted_columns": ",".join(drifted),
                "mlflow.note.content": plain(drift_sentence(report)),
                TABLES_TAG: json.dumps([{"path": name, "type": "table"} for name in tables]),
            },
            command="aiir drift",
            tool_version=__version__,
        ),
        tables=tables,
    )


def columns_table(report: DriftReport) -> dict[str, list[Any]]:
    """One row a column, those that decide or drifted first."""
    columns = ranked(report.columns)
    return {
        "column": [each.column for each in columns],
        "drifted": [each.drifted for each in columns],
        "primary": [each.primary for each in columns],
        "kind": [each.kind for each in columns],
        "test": [each.test for each in columns],
        "pvalue": [each.pvalue for each in columns],
        "pvalue_adjusted": [each.pvalue_adjusted for each in columns],
        "effect": [each.effect.name for each in columns],
        "estimate": [each.effect.estimate for each in columns],
        "low": [each.effect.low for each in columns],
        "high": [each.effect.high for each in columns],
        "minimum_detectable_effect": [each.minimum_detectable_effect for each in columns],
        "note": [each.note for each in columns],
    }


def series_table(report: DriftReport) -> dict[str, list[Any]]:
    """One row a window of a column."""
    rows = [
        {"column": series.column, "unit": series.unit, **window.to_dict()}
        for series in report.series
        for window in series.windows
    ]
    return _spread(rows)


def change_points_table(report: DriftReport) -> dict[str, list[Any]]:
    """One row a change of a column's level."""
    return _spread(
        [
            {"column": series.column, **point.to_dict()}
            for series in report.series
            for point in series.change_points
        ]
    )


def segments_table(report: DriftReport) -> dict[str, list[Any]]:
    """One row a segment."""
    return _spread([segment.to_dict() for segment in report.segments])


def _spread(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns, an interval as two of them."""
    for row in rows:
        row["low"], row["high"] = row.pop("confidence_interval")
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _measured(report: DriftReport) -> Iterator[Measured]:
    yield "n_reference", report.n_reference
    yield "n_current", report.n_current
    yield "n_columns", len(report.columns)
    yield "n_drifted", sum(column.drifted for column in report.columns)
    yield "drift", report.conclusion == "drift"
    if report.joint is not None:
        yield from _column_measured(("joint",), report.joint)
    for column in ranked(report.columns):
        yield from _column_measured(("column", column.column), column)


def _column_measured(place: tuple[str, ...], column: ColumnDrift) -> Iterator[Measured]:
    yield *place, "drifted", column.drifted
    yield *place, "effect", column.effect.estimate
    yield *place, "effect_low", column.effect.low
    yield *place, "effect_high", column.effect.high
    yield *place, "pvalue", column.pvalue
    yield *place, "pvalue_adjusted", column.pvalue_adjusted
    yield *place, "minimum_detectable_effect", column.minimum_detectable_effect
