"""``aiir drift``: what changed between two tables, by how much, and is it real."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ..drift.declared import LEVEL_TESTS, NUMERIC_TESTS, LevelTest, NumericTest
from .output import format_option, note, print_json, wants_color, width
from .repeating import digests_of, this_command
from .sources import table_of, tracking_option
from .stores import log_options

if TYPE_CHECKING:
    from ..drift.result import DriftReport


@click.command()
@click.argument("reference", type=click.Path())
@click.argument("current", type=click.Path(), required=False)
@click.option("--columns", metavar="COLS", help="Only these columns, comma-separated.")
@click.option(
    "--primary",
    metavar="COLS",
    help="Columns that decide, comma-separated; COL:up or COL:down is the bad direction.",
)
@click.option("--cluster", metavar="COL", help="Rows that belong together share a value.")
@click.option("--key", metavar="COLS", help="Rows of the same key, one a table, are a pair.")
@click.option(
    "--min-effect",
    "min_effects",
    multiple=True,
    metavar="[NAME=]E",
    help="The smallest effect that matters: for all columns, or by effect (sd, ks, rate, tv) or "
    "column; repeatable.",
)
@click.option(
    "--numeric-test",
    type=click.Choice(NUMERIC_TESTS),
    default="auto",
    show_default=True,
    help="Of numbers: auto combines Welch's t and Kolmogorov-Smirnov.",
)
@click.option(
    "--level-test",
    type=click.Choice(LEVEL_TESTS),
    default="auto",
    show_default=True,
    help="Of levels: auto is chi-square, rare levels lumped.",
)
@click.option(
    "--time",
    metavar="COL",
    help="A column of timestamps: columns are followed over time, and their changes dated.",
)
@click.option("--every", metavar="SPAN", help="Length of a window: 1h, 1d (default), 1w, 1mo.")
@click.option(
    "--since",
    metavar="DATE",
    help="In the place of CURRENT: rows of REFERENCE from this date on are the current ones.",
)
@click.option(
    "--by",
    metavar="COLS",
    help="Which rows explain the change: cut by these columns, or by those of few values (auto).",
)
@click.option("--joint", is_flag=True, help="Test all columns together as well.")
@click.option(
    "--memory-limit",
    metavar="SIZE",
    help="Such as 500MB; tables that need more are read in parts. Default: half of what is free.",
)
@click.option(
    "--confidence-level",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Of intervals and tests.",
)
@click.option(
    "-o",
    "--out",
    "out",
    type=click.Path(),
    metavar="FILE",
    help="Save the report (JSON); `aiir report` renders it.",
)
@log_options
@tracking_option
@format_option
def drift(
    reference: str,
    current: str | None,
    columns: str | None,
    primary: str | None,
    cluster: str | None,
    key: str | None,
    min_effects: tuple[str, ...],
    numeric_test: NumericTest,
    level_test: LevelTest,
    time: str | None,
    every: str | None,
    since: str | None,
    by: str | None,
    joint: bool,
    memory_limit: str | None,
    confidence_level: float,
    out: str | None,
    mlflow_uri: str | None,
    experiment: str,
    tracking_uri: str | None,
    format_: str,
) -> None:
    """What changed between two tables.

    A table is a parquet file or folder, CSV, JSONL, a summary of one, a run, sql: and a query of
    DuckDB, mlflow-traces:EXPERIMENT[?FILTER], or mlflow-table:RUN_ID/FILE.

    \b
    aiir drift last_week.parquet this_week.parquet --cluster user_id
    aiir drift old.csv new.csv --primary passed:down
    aiir drift log.parquet --time created_at --since 2026-03-01 --every 1d
    aiir drift "sql:SELECT * FROM 'log/*.csv' WHERE week = 1" new.csv
    aiir drift old.csv new.csv --primary passed --by model,country

    Rows of two runs belong together by the cluster of their cases.

    Exit code 0 when computed, whatever it says; 2 for bad input; 5 where MLflow was asked for and
    could not be reached (the report is printed and saved all the same).
    """
    if current is None and since is None:
        raise click.UsageError(
            "Missing argument 'CURRENT' (or --time and --since, which split one table)."
        )
    from ..drift.detecting import drift as detect

    report = detect(
        table_of(reference, tracking_uri),
        None if current is None else table_of(current, tracking_uri),
        columns=None if columns is None else names(columns),
        primary=() if primary is None else names(primary),
        key=key or (),
        cluster=cluster,
        min_effect=parse_min_effects(min_effects),
        numeric_test=numeric_test,
        level_test=level_test,
        time=time,
        every=every,
        since=since,
        by=by if by is None or by == "auto" else names(by),
        joint=joint,
        confidence_level=confidence_level,
        memory_limit=memory_limit,
    )
    shown = ("out", "format_", "mlflow_uri", "experiment", "tracking_uri", "memory_limit")
    again = this_command(without=shown)
    report = replace(report, command=again, digests=digests_of((reference, current)))
    if out is not None:
        from ..drift.document import save_drift

        save_drift(report, out)
        note(f"saved {out}")
    if format_ == "json":
        print_json(report.to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import drift_markdown

        click.echo(drift_markdown(report))
    else:
        from ..reports.terminal import render_drift

        click.echo(render_drift(report, color=wants_color(), width=width()))
    if mlflow_uri is not None:
        _log(report, mlflow_uri, experiment, reference, current or f"{reference} since {since}")


def _log(report: DriftReport, uri: str, experiment: str, reference: str, current: str) -> None:
    """Last of all: whatever becomes of it, the report is printed and saved."""
    from ..tracking.drift_log import track_drift
    from .streams import stdout_for_results

    with stdout_for_results():
        tracked = track_drift(
            report, uri=uri, experiment=experiment, reference=reference, current=current
        )
    note(f"MLflow run {tracked.run_id}: {tracked.how_to_open}")


def names(text: str) -> list[str]:
    """Comma-separated names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def parse_min_effects(texts: tuple[str, ...]) -> dict[str, float] | None:
    """``rate=0.02`` as {"rate": 0.02}; a bare number holds for every column."""
    effects: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise click.UsageError(f"--min-effect {text!r}: write NUMBER or NAME=NUMBER") from None
        effects |= {name: value} if equals else dict.fromkeys(("sd", "rate", "tv"), value)
    return effects or None
