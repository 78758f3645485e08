"""``aiir blast-radius``: how far an incident reached, from production logs."""

from __future__ import annotations

from typing import Any

import click

from .incident.records import find_path, incidents_option, instant
from .output import format_option, note, print_json, require_writable, wants_color, width
from .scorers import allow_scorer_option, allowed_scorers

_COLUMNS = {
    "output": "The answer that the checks look at.",
    "input": "The question it was asked.",
    "tool-calls": "The tools that were called, as JSON.",
    "user": "Who was answered.",
    "decision": "The decision that was made.",
    "record": "The record that was changed.",
    "message": "The message that was sent.",
    "system": "The downstream system, or a JSON list of them.",
    "time": "When it was.",
    "version": "The version that answered.",
}


def _column_options(command: Any) -> Any:
    for name, meaning in reversed(_COLUMNS.items()):
        default = name.replace("-", "_")
        command = click.option(
            f"--{name}",
            default,
            metavar="COL",
            help=f"{meaning} [default: {default}, where there is one]",
        )(command)
    return command


@click.command("blast-radius")
@click.argument("id_", metavar="INCIDENT")
@click.option(
    "--log",
    "logs",
    multiple=True,
    required=True,
    metavar="TABLE",
    help="Parquet (file or folder), CSV, JSONL, or sql:QUERY; repeatable.",
)
@click.option(
    "--where", metavar="SQL", help="Which rows are affected [default: the incident's checks]."
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="NAME",
    help="A check that counts on every row [default: those that forbid something].",
)
@click.option(
    "--among",
    metavar="SQL",
    help="Only rows that this is true for can be affected: those about the subject.",
)
@_column_options
@click.option("--from", "start", metavar="TIME", help="Only rows at or after this time.")
@click.option("--to", "end", metavar="TIME", help="Only rows before this time.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Look at N rows at random.")
@click.option(
    "--sampled-from",
    type=click.IntRange(1),
    metavar="TOTAL",
    help="The log is itself a random sample of so many rows.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of --sample.")
@click.option(
    "--confidence-level",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of intervals and tests.",
)
@click.option(
    "-o", "--out", type=click.Path(), metavar="FILE", help="The affected rows: .parquet or .csv."
)
@click.option("--update", is_flag=True, help="Write the numbers into the record.")
@allow_scorer_option
@incidents_option
@format_option
def blast_radius(
    id_: str,
    logs: tuple[str, ...],
    where: str | None,
    checks: tuple[str, ...],
    among: str | None,
    start: str | None,
    end: str | None,
    sample: int | None,
    sampled_from: int | None,
    seed: int,
    confidence_level: float,
    out: str | None,
    update: bool,
    allow_python: tuple[str, ...],
    folders: tuple[str, ...],
    format_: str,
    **columns: str | None,
) -> None:
    """How far an incident reached: users, decisions, records, messages and systems touched.

    A row is affected where its output fails a check of the incident that forbids something; checks
    that ask for something count on rows with the incident's own input. --check or --where say it
    otherwise. Counts are exact; from a sample they are estimates with intervals.

    \b
    aiir blast-radius INC-7 --log logs/ --user customer_id --time at -o affected.parquet --update
    aiir blast-radius INC-7 --log log.csv --where "model = 'm-2' AND refund > 100" --sample 10000
    """
    from time import perf_counter

    from ..errors import InputError
    from ..incidents.editing import edit_incident
    from ..incidents.loading import load_incident
    from ..response.reach import blast_radius as measured

    require_writable(out)
    if out is not None and not out.lower().endswith((".parquet", ".csv")):
        raise InputError("affected rows are written as .parquet or .csv", file=out)
    path = find_path(id_, folders, to_change=update)
    begun = perf_counter()
    reach = measured(
        load_incident(path, draft=True),
        list(logs),
        where=where,
        checks=checks,
        among=among,
        columns={name: column for name, column in columns.items() if column is not None},
        start=None if start is None else instant(start, "--from"),
        end=None if end is None else instant(end, "--to"),
        sample=sample,
        sampled_from=sampled_from,
        confidence_level=confidence_level,
        rng=seed,
        out=out,
        allow_python=allowed_scorers(allow_python),
    )
    took = perf_counter() - begun
    note(f"{reach.looked_at:,} rows in {took:.1f} s ({reach.looked_at / took:,.0f} a second)")
    if update:
        found = reach.to_record()
        edit_incident(path, lambda incident: incident.model_copy(update={"blast_radius": found}))
        note(f"{path}: blast_radius")
    if out is not None:
        note(f"{out}: {reach.rows.seen:,} rows")
    if format_ == "json":
        print_json(reach.to_mapping())
    elif format_ == "markdown":
        from ..response.reach_view import reach_markdown

        click.echo(reach_markdown(reach), nl=False)
    else:
        from ..response.reach_view import render_reach

        click.echo(render_reach(reach, color=wants_color(), width=width()))
