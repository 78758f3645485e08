"""What a table on the command line may be: a file, a query, a run, traces or a table in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .stores import mlflow_option

_TRACKED = ("mlflow-traces:", "mlflow-table:")

tracking_option = mlflow_option(
    "Where mlflow-traces:EXPERIMENT and mlflow-table:RUN_ID/FILE are; by default "
    "MLFLOW_TRACKING_URI.",
    flag="--tracking-uri",
    name="tracking_uri",
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
