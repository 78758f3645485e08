"""``aiir incident new``: open a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..output import note


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    metavar="TABLE#ID|mlflow:TRACE_ID",
    help="The logged interaction: a row of a table, or an MLflow trace.",
)
@click.option(
    "--id-columns",
    default="id",
    show_default=True,
    metavar="COLS",
    help="The columns that make a row's id.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=COL",
    help="Which column fills a field of the record; repeatable.",
)
@click.option("--mlflow", "tracking_uri", metavar="URI", help="Where the trace is stored.")
@click.option("--class", "incident_class", metavar="CLASS", help="The class of the incident.")
@click.option("--id", "id_", metavar="ID", help="The id of the record.")
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="The file to write [default: incidents_corpus/CLASS/ID.yaml].",
)
def new(
    source: str,
    id_columns: str,
    columns: tuple[str, ...],
    tracking_uri: str | None,
    incident_class: Any,
    id_: str | None,
    out: str | None,
) -> None:
    """Open a record, prefilled from a logged interaction, with a draft check.

    \b
    aiir incident new --from logs.parquet#4711 --class hallucination
    aiir incident new --from mlflow:tr-0123 --mlflow sqlite:///mlflow.db
    """
    from ...documents import write_text
    from ...errors import InputError
    from ...incidents.drafting import draft_from_row, draft_from_trace
    from ...incidents.writing import incident_yaml

    for pair in columns:
        if "=" not in pair:
            raise click.UsageError(
                f"--column {pair!r}: write FIELD=COL, e.g. triggering_input=text"
            )
    mapping = dict(pair.split("=", 1) for pair in columns)
    if source.startswith("mlflow:"):
        from ...tracking.stores import check_readable, resolve_store

        if tracking_uri is not None:  # else MLflow's own default
            store = resolve_store(tracking_uri)
            check_readable(store)
            tracking_uri = store.uri
        draft = draft_from_trace(
            source.removeprefix("mlflow:"), tracking_uri, id=id_, incident_class=incident_class
        )
    else:
        table, hash_, row = source.rpartition("#")
        if not hash_ or not row:
            raise click.UsageError(f"--from {source!r}: write TABLE#ID or mlflow:TRACE_ID")
        draft = draft_from_row(
            table,
            row,
            id_columns=id_columns,
            columns=mapping,
            id=id_,
            incident_class=incident_class,
        )
    path = Path(out) if out else Path("incidents_corpus", str(draft.class_), f"{draft.id}.yaml")
    if path.exists():
        raise InputError("a file is there already", file=str(path), hint="name another with -o")
    write_text(path, incident_yaml(draft))
    note(f"{path}: a draft; fill in what it says is unknown, then `aiir incident validate {path}`")
    click.echo(str(path))
