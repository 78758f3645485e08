"""How a result is written into MLflow: an experiment, one run in one batch, its files.

Neither the caller's active run nor the tracking URI of their process is touched: everything goes
through a client of its own.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..documents import write_json, write_text
from ..errors import AiirError, InputError, UnreachableError
from ..telemetry import opt_out
from .entries import Entries
from .linking import model_inputs
from .stores import Store, check_reachable, nothing_lost, resolve_store
from .trace_writing import delete_traces, write_traces
from .traces import TrialTrace

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECORD_TAG = "aiir.record"


@dataclass(frozen=True, slots=True)
class Experiment:
    """Where runs are written: a client, an experiment, a store."""

    client: MlflowClient
    id: str
    store: Store

    def url(self, run_id: str) -> str | None:
        """The page of a run; None for a store without a server."""
        if not self.store.is_server:
            return None
        return f"{self.store.shown.rstrip('/')}/#/experiments/{self.id}/runs/{run_id}"

    def write(
        self,
        entries: Entries,
        files: Mapping[str, Any],
        *,
        figures: Mapping[str, str],
        inputs: Sequence[Any] = (),
        models: Sequence[str] = (),
        parent: str | None = None,
        at: int,
        record: str,
        traces: Sequence[TrialTrace] = (),
    ) -> str:
        """One MLflow run: created, written in one batch, its files and traces, and ended; its id.

        `files` are texts or JSON by path (None: left out), `figures` PNG in base64, `inputs`
        MLflow's own dataset inputs, `models` the registered ones that were used.
        `at` is when the result was found, in milliseconds; `record` is what it is known by.
        """
        from mlflow.entities import Metric, Param, RunTag

        client, now = self.client, at
        lineage = {RECORD_TAG: record}
        if parent is not None:
            lineage["mlflow.parentRunId"] = parent
        created = client.create_run(self.id, start_time=at, run_name=entries.name, tags=lineage)
        run_id = str(created.info.run_id)
        try:
            client.log_batch(
                run_id,
                metrics=[Metric(name, value, now, 0) for name, value in entries.metrics.items()],
                params=[Param(name, value) for name, value in entries.params.items()],
                tags=[RunTag(name, value) for name, value in entries.tags.items()],
                synchronous=True,
            )
            used = model_inputs(client, models)
            if inputs or used:
                client.log_inputs(run_id, list(inputs), used or None)
            _write_files(client, run_id, entries, files, figures)
            write_traces(client, self.id, run_id, traces, at=at)
        except BaseException as error:
            if not _connection_lost(error):
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        return run_id

    def written(self, record: str) -> str | None:
        """The run of a record where an earlier try has ended it; what it left half is deleted."""
        found = self.client.search_runs(
            [self.id], filter_string=f"tags.`{RECORD_TAG}` = '{record}'", max_results=10
        )
        ended = [str(run.info.run_id) for run in found if run.info.status == "FINISHED"]
        for run in found:
            if str(run.info.run_id) not in ended:
                delete_traces(self.client, self.id, run.info.run_id)
                self.client.delete_run(run.info.run_id)
        return ended[0] if ended else None


@contextmanager
def open_experiment(uri: str | None, name: str, *, what: str) -> Iterator[Experiment]:
    """The experiment `name` of a store, made where it does not exist.

    `what` is written (``verdict``): errors say that it stands, whatever became of its record.
    """
    opt_out()
    store, lost = resolve_store(uri), nothing_lost(what)
    check_reachable(store, lost=lost)
    with quiet(), plain_errors(store, lost):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=store.uri)
        yield Experiment(client, _experiment_id(client, name, store), store)


def _experiment_id(client: MlflowClient, name: str, store: Store) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=store.artifacts))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another process was faster
    if found is None or found.lifecycle_stage == "deleted":
        raise InputError(
            f"the experiment {name!r} was deleted in {store.shown}",
            hint="restore it with `mlflow experiments restore`, or name another",
        )
    return str(found.experiment_id)


def _write_files(
    client: MlflowClient,
    run_id: str,
    entries: Entries,
    files: Mapping[str, Any],
    figures: Mapping[str, str],
) -> None:
    """All files of a run in one upload; tables in the form that MLflow's pages show."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="aiir-") as name:
        folder = Path(name)
        for file, content in files.items():
            if isinstance(content, str):
                write_text(folder / file, content)
            elif content is not None:
                write_json(folder / file, content)
        for file, table in entries.tables.items():
            write_text(folder / file, _split(table))
        for file, picture in figures.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b64decode(picture))
        client.log_artifacts(run_id, name)


def _split(table: Mapping[str, Sequence[Any]]) -> str:
    """Columns as ``{"columns": [...], "data": [[...], ...]}``; what JSON lacks (NaN, inf) null."""

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not isfinite(value) else value

    rows = zip(*table.values(), strict=True)
    content = {"columns": list(table), "data": [[plain(value) for value in row] for row in rows]}
    return json.dumps(content, ensure_ascii=False)


@contextmanager
def plain_errors(store: Store, lost: str) -> Iterator[None]:
    """Errors of MLflow and its libraries as ours, without secrets."""
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except AiirError:
        raise
    except (MlflowException, requests.RequestException, OSError) as error:
        message = (store.without_secrets(str(error)).strip() or repr(error)).splitlines()[0]
        if _connection_lost(error):
            raise UnreachableError(
                f"the MLflow server {store.shown} could not be reached: {message} {lost}".rstrip()
            ) from None
        raise InputError(f"MLflow at {store.shown} refused: {message} {lost}".rstrip()) from None


def _connection_lost(error: BaseException) -> bool:
    """Whether the server went away: MLflow wraps what `requests` says into its own exception."""
    import requests

    wrapped = "Max retries exceeded" in str(error) or "failed with exception" in str(error)
    return wrapped or isinstance(error, requests.RequestException | ConnectionError | TimeoutError)


_LOGGERS = ("mlflow", "alembic")
# No addresses of runs on stdout. MLflow would ask a server that went away for four minutes; a
# restart takes seconds, and what is not sent is kept. What the user has set stays.
_SETTINGS = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_quiet_lock = threading.Lock()
_quiet_depth = 0
_levels: dict[str, int] = {}
_set: list[str] = []


@contextmanager
def quiet() -> Iterator[None]:
    """MLflow's and alembic's loggers at ERROR, its settings as above; and back.

    Several threads may be inside at once.
    """
    global _quiet_depth
    import mlflow  # noqa: F401  (it sets the level of its logger when first imported)

    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            _set[:] = [name for name in _SETTINGS if name not in os.environ]
            os.environ.update({name: _SETTINGS[name] for name in _set})
            for name in _LOGGERS:
                _levels[name] = logging.getLogger(name).level
                logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                for name in _set:
                    os.environ.pop(name, None)
                for name in _LOGGERS:
                    logging.getLogger(name).setLevel(_levels[name])
