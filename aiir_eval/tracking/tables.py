"""Tables that are kept in MLflow: the traces of an experiment, and tables logged to a run.

``mlflow-traces:EXPERIMENT``, with ``?FILTER`` in MLflow's own words where not all are wanted
(``mlflow-traces:desk?trace.status = 'OK'``), and ``mlflow-table:RUN_ID/FILE`` for what
``mlflow.log_table`` and evaluations wrote, or any Parquet, CSV or JSON Lines artifact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..documents import read_json
from ..errors import InputError, TableError
from ..incidents.interactions import last_question
from ..incidents.traces import interaction_of
from ..tables import read_table
from ..tables.columns import NAME
from ..telemetry import opt_out
from .stores import check_readable, experiments_there, resolve_store
from .writing import plain_errors, quiet

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow import MlflowClient

TRACES, TABLE = "mlflow-traces:", "mlflow-table:"
_PAGE = 200  # traces asked for at once


def is_tracked(source: Any) -> bool:
    """Whether a source is a table in MLflow."""
    return isinstance(source, str) and source.startswith((TRACES, TABLE))


def read_tracked(source: str, tracking_uri: str | None = None) -> pa.Table:
    """A table out of MLflow.

    Parameters
    ----------
    source : str
        ``mlflow-traces:EXPERIMENT[?FILTER]``, the experiment by name or id, or
        ``mlflow-table:RUN_ID/FILE``.
    tracking_uri : str, optional
        The store. Default: ``MLFLOW_TRACKING_URI``, else ``sqlite:///aiir-mlflow.db`` here.

    Returns
    -------
    pyarrow.Table
        Of traces one row each, in the order of time: ``trace_id, started_at, state, errored,
        latency_s, input`` (what was asked last), ``output, model, n_tool_calls, tools, n_passages,
        input_tokens, output_tokens, cost_usd, error, session, user``, ``feedback.NAME`` of each
        assessment, ``expectation.NAME`` of what was expected and ``tag.NAME`` of each tag of the
        user's. Columns without a value are left out.

    Raises
    ------
    TableError, InputError
        No such experiment, run or table, or nothing in it.
    UnreachableError
        The server does not answer.
    """
    opt_out()
    store = resolve_store(tracking_uri)
    check_readable(store)
    with quiet(), plain_errors(store, lost=""):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=store.uri)
        if source.startswith(TRACES):
            table = _traces(client, source.removeprefix(TRACES), source)
        else:
            table = _logged(client, source.removeprefix(TABLE), source)
    return table.replace_schema_metadata({NAME: source.encode()})


def _traces(client: MlflowClient, wanted: str, source: str) -> pa.Table:
    name, _, condition = wanted.partition("?")
    found = client.get_experiment_by_name(name)
    if found is None and name.isdigit():
        found = client.get_experiment(name)
    if found is None:
        told = f"there is no experiment {name!r}"
        raise TableError(told, file=source, hint=experiments_there(client))
    rows = [_row(trace) for trace in _pages(client, str(found.experiment_id), condition or None)]
    if not rows:
        raise TableError("there is no such trace in the experiment", file=source)
    return _columns(rows)


def _pages(client: MlflowClient, experiment: str, condition: str | None) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_traces(
            locations=[experiment],
            filter_string=condition,
            max_results=_PAGE,
            order_by=["timestamp_ms ASC"],
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def _row(trace: Any) -> dict[str, Any]:
    """One trace as a row."""
    from datetime import UTC, datetime

    info, said = trace.info, interaction_of(trace)
    notes: Mapping[str, str] = {**info.trace_metadata, **info.tags}
    usage = info.token_usage or {}
    root = next((span for span in trace.data.spans if span.parent_id is None), None)
    state = getattr(info.state, "value", str(info.state))
    return {
        "trace_id": info.trace_id,
        "started_at": datetime.fromtimestamp(info.request_time / 1000, UTC),
        "state": state,
        "errored": state == "ERROR",
        "latency_s": None if info.execution_duration is None else info.execution_duration / 1000,
        "input": last_question(said.input),
        "output": said.output,
        "model": said.fields.get("model"),
        "n_tool_calls": len(said.tool_calls),
        "tools": ",".join(call.name for call in said.tool_calls) or None,
        "n_passages": len(said.context),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cost_usd": (info.cost or {}).get("total_cost"),
        "error": (root.status.description or None) if root is not None else None,
        "session": notes.get("mlflow.trace.session"),
        "user": notes.get("mlflow.trace.user"),
        **dict(_assessed(info.assessments or ())),
        **{f"tag.{name}": value for name, value in info.tags.items()
           if not name.startswith("mlflow.")},
    }  # fmt: skip


def _assessed(assessments: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Judgements and expectations by column; of several the last, of those taken back none."""
    for each in sorted(assessments, key=lambda each: each.create_time_ms or 0):
        if each.valid is False:
            continue
        if each.feedback is not None and each.feedback.error is None:
            yield f"feedback.{each.name}", _plain(each.feedback.value)
        elif each.expectation is not None:
            yield f"expectation.{each.name}", _plain(each.expectation.value)


def _plain(value: Any) -> Any:
    """A value of a table; what is no single value as JSON text."""
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else json.dumps(value, default=str)


def _columns(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of several shapes as one table; a column of several types as text."""
    import pyarrow as pa

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values if value is not None}
        if not kinds:
            continue
        if len(kinds) > 1 and not kinds <= {int, float}:
            values = [None if value is None else str(value) for value in values]
        columns[name] = pa.array(values)
    return pa.table(columns)


def _logged(client: MlflowClient, wanted: str, source: str) -> pa.Table:
    import tempfile

    run_id, _, file = wanted.partition("/")
    if not run_id or not file or ".." in Path(file).parts:
        raise InputError(f"{source!r} names no table: write mlflow-table:RUN_ID/FILE")
    with tempfile.TemporaryDirectory(prefix="aiir-") as folder:
        path = Path(client.download_artifacts(run_id, file, folder))
        if path.suffix == ".json":
            return _split_table(read_json(path), source)
        # Read whole before the folder goes.
        return read_table(path, name=source)


def _split_table(content: Any, source: str) -> pa.Table:
    """What ``mlflow.log_table`` writes: ``{"columns": [...], "data": [[...], ...]}``."""
    columns = content.get("columns") if isinstance(content, Mapping) else None
    data = content.get("data") if isinstance(content, Mapping) else None
    if not (isinstance(columns, list) and isinstance(data, list)) or not all(
        isinstance(row, list) and len(row) == len(columns) for row in data
    ):
        raise TableError("the file is no table of MLflow (columns and data)", file=source)
    if not data:
        raise TableError("the table has no rows", file=source)
    rows = [
        {
            str(name): json.dumps(value, ensure_ascii=False)
            if isinstance(value, list | dict)
            else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in data
    ]
    return _columns(rows)
