"""What a table on the command line may be: a file, a query, a run, traces or a table in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def store_uri(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Where an MLflow is; a variable that is not set must not mean another store."""
    if value is not None and not value.strip():
        told = "the URI of MLflow is empty: leave the option out, or name a store"
        raise click.BadParameter(told, param=param)
    return value


_TRACKED = ("mlflow-traces:", "mlflow-table:")

tracking_option = click.option(
    "--tracking-uri",
    metavar="URI",
    callback=store_uri,
    help="Where mlflow-traces:EXPERIMENT and mlflow-table:RUN_ID/FILE are; by default "
    "MLFLOW_TRACKING_URI.",
)


def table_of(source: str, tracking_uri: str | None = None) -> Any:
    """A path or query as it is; a run, and what MLflow keeps, as the table it stands for."""
    if source.startswith(_TRACKED):
        from ..tracking.tables import read_tracked

        return read_tracked(source, tracking_uri)
    from ..runs.model import is_run, load_run

    return load_run(source) if is_run(source) else source


def names_a_file(source: str) -> bool:
    """Whether a source is a path: neither a query nor kept in MLflow."""
    return not source.startswith(("sql:", *_TRACKED))


def short_name(source: str) -> str:
    """A file by its stem; anything else by its beginning."""
    return Path(source).stem if names_a_file(source) else source[:60]
