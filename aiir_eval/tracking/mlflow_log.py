"""Writing a verdict into MLflow: one run for the gate, and one below it for each side.

Neither the caller's active run nor the tracking URI of their process is touched: everything goes
through a client of its own. Each MLflow run is written in one batch.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..documents import write_json, write_text
from ..errors import AiirError, InputError, UnreachableError
from ..telemetry import opt_out
from .entries import Entries, gate_entries, side_entries
from .stores import NOTHING_LOST, Store, check_reachable, resolve_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from ..gate.result import Verdict
    from ..runs.model import Run


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """Where a verdict stands in MLflow: `uri` without secrets, `url` None for a file store."""

    run_id: str
    baseline_run_id: str
    candidate_run_id: str
    uri: str
    url: str | None

    @property
    def how_to_open(self) -> str:
        """The address, or the command that shows a file store."""
        return self.url or f"mlflow ui --backend-store-uri {self.uri}"


def track_verdict(
    verdict: Verdict,
    *,
    uri: str | None = None,
    experiment: str = "aiir",
    report_html: str | None = None,
) -> TrackedRun:
    """Write a verdict, its comparison and both runs into MLflow.

    Parameters
    ----------
    verdict : Verdict
    uri : str, optional
        Any MLflow tracking URI, or the path of an SQLite file. Default: ``MLFLOW_TRACKING_URI``
        where it is set, else ``sqlite:///aiir-mlflow.db`` in the current folder.
    experiment : str
        Made where it does not exist.
    report_html : str, optional
        The page (text, not a path) to keep as ``report.html``.

    Raises
    ------
    UnreachableError
        The server does not answer. The verdict itself is not changed by that.
    InputError
        The store cannot be used: a file that cannot be written, an experiment that was deleted.
    """
    opt_out()
    store = resolve_store(uri)
    check_reachable(store)
    with _quiet(), _plain_errors(store):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=store.uri)
        experiment_id = _experiment_id(client, experiment, store)
        gate = _write(
            client,
            experiment_id,
            gate_entries(verdict),
            verdict.comparison.new,
            files={
                "verdict.json": verdict.to_dict(),
                "policy.json": verdict.policy.model_dump(mode="json", by_alias=True),
                "report.html": report_html,
            },
        )
        baseline, candidate = (
            _write(
                client,
                experiment_id,
                side_entries(verdict, side),
                run,
                files={"run.json": run.manifest.model_dump(mode="json", by_alias=True)},
                parent=gate,
            )
            for side, run in (
                ("baseline", verdict.comparison.old),
                ("candidate", verdict.comparison.new),
            )
        )
    url = None
    if store.is_server:
        url = f"{store.shown.rstrip('/')}/#/experiments/{experiment_id}/runs/{gate}"
    return TrackedRun(gate, baseline, candidate, store.shown, url)


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


def _write(
    client: MlflowClient,
    experiment_id: str,
    entries: Entries,
    run: Run,
    *,
    files: Mapping[str, Any],
    parent: str | None = None,
) -> str:
    """One MLflow run: created, written in one batch, with its files, and ended."""
    from mlflow.entities import Metric, Param, RunTag

    lineage = {} if parent is None else {"mlflow.parentRunId": parent}
    created = client.create_run(experiment_id, run_name=entries.name, tags=lineage)
    run_id, now = str(created.info.run_id), created.info.start_time
    try:
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in entries.metrics.items()],
            params=[Param(name, value) for name, value in entries.params.items()],
            tags=[RunTag(name, value) for name, value in entries.tags.items()],
            synchronous=True,
        )
        client.log_inputs(run_id, [_dataset(run)])
        _write_files(client, run_id, entries, files)
    except BaseException as error:
        if not _connection_lost(error):
            client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)
    return run_id


def _dataset(run: Run) -> Any:
    """The cases as an MLflow dataset: its name, digest, columns and number of rows."""
    import mlflow.data
    import pandas as pd
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.entities import Dataset, DatasetInput, InputTag

    manifest = run.manifest
    columns = ["case_id", "incident_id", "class", "origin", "cluster", "expected"]
    cases = run.trials.select(columns).to_pandas().drop_duplicates("case_id")
    inputs = {id_: case.plain_input() for id_, case in run.cases.items()}
    if inputs:
        cases["input"] = [_as_text(inputs.get(id_)) for id_ in cases["case_id"]]
    frame = pd.DataFrame(cases).astype("string").fillna("")
    # A source that is named, so that MLflow does not go and ask what notebook or git it runs in.
    source = CodeDatasetSource(
        {
            "suite": manifest.suite_name,
            "suite_version": manifest.suite_version,
            "suite_digest": manifest.suite_digest,
        }
    )
    made = mlflow.data.from_pandas(
        frame, source=source, name=manifest.suite_name[:500], digest=manifest.suite_digest[:36]
    )
    return DatasetInput(Dataset(**made.to_dict()), [InputTag("mlflow.data.context", "evaluation")])


def _write_files(
    client: MlflowClient, run_id: str, entries: Entries, files: Mapping[str, Any]
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
            write_json(folder / file, _split(table))
        client.log_artifacts(run_id, name)


def _split(table: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Columns as ``{"columns": [...], "data": [[...], ...]}``; what JSON lacks (NaN, inf) null."""

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not isfinite(value) else value

    rows = zip(*table.values(), strict=True)
    return {"columns": list(table), "data": [[plain(value) for value in row] for row in rows]}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@contextmanager
def _plain_errors(store: Store) -> Iterator[None]:
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
                f"the MLflow server {store.shown} could not be reached: {message} {NOTHING_LOST}"
            ) from None
        raise InputError(f"MLflow at {store.shown} refused: {message} {NOTHING_LOST}") from None


def _connection_lost(error: BaseException) -> bool:
    """Whether the server went away: MLflow wraps what `requests` says into its own exception."""
    import requests

    wrapped = "Max retries exceeded" in str(error) or "failed with exception" in str(error)
    return wrapped or isinstance(error, requests.RequestException | ConnectionError | TimeoutError)


_LOGGERS = ("mlflow", "alembic")
_quiet_lock = threading.Lock()
_quiet_depth = 0
_levels: dict[str, int] = {}


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow's and alembic's loggers at ERROR, and back; several threads may be inside at once."""
    global _quiet_depth
    import mlflow  # noqa: F401  (it sets the level of its logger when first imported)

    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            for name in _LOGGERS:
                _levels[name] = logging.getLogger(name).level
                logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                for name in _LOGGERS:
                    logging.getLogger(name).setLevel(_levels[name])
