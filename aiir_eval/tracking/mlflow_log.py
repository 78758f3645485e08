"""Writing a verdict into MLflow: one run for the gate, and one below it for each side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .entries import gate_entries, side_entries
from .writing import open_experiment

if TYPE_CHECKING:
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
    with open_experiment(uri, experiment, what="verdict") as place:
        gate = place.write(
            gate_entries(verdict),
            {
                "verdict.json": verdict.to_dict(),
                "policy.json": verdict.policy.model_dump(mode="json", by_alias=True),
                "report.html": report_html,
            },
            inputs=[_dataset(verdict.comparison.new)],
        )
        baseline, candidate = (
            place.write(
                side_entries(verdict, side),
                {"run.json": run.manifest.model_dump(mode="json", by_alias=True)},
                inputs=[_dataset(run)],
                parent=gate,
            )
            for side, run in (
                ("baseline", verdict.comparison.old),
                ("candidate", verdict.comparison.new),
            )
        )
    return TrackedRun(gate, baseline, candidate, place.store.shown, place.url(gate))


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


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
