"""Writing a verdict into MLflow: one run for the gate, and one below it for each side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .entries import gate_entries, side_entries
from .figures import gate_figures
from .linking import model_uris
from .outbox import OUTBOX, Planned, Record, deliver
from .stores import Openable
from .traces import RunTraces

if TYPE_CHECKING:
    from ..gate.result import Verdict
    from ..runs.model import Run


@dataclass(frozen=True, slots=True)
class TrackedRun(Openable):
    """Where a verdict stands in MLflow: `uri` without secrets, `url` None for a file store."""

    run_id: str
    baseline_run_id: str
    candidate_run_id: str
    uri: str
    url: str | None


def track_verdict(
    verdict: Verdict,
    *,
    uri: str | None = None,
    experiment: str = "aiir",
    report_html: str | None = None,
    traces: bool = False,
    outbox: str | Path | None = OUTBOX,
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
    traces : bool
        Whether each trial becomes an MLflow trace under its nested run, with what was asked and
        said, its tool calls, and each check as an assessment.
    outbox : path, optional
        Where the record is kept when no server answers, for ``aiir track push``; None: nowhere.

    Raises
    ------
    UnreachableError
        The server does not answer. Nothing is lost: the record is in the outbox.
    InputError
        The store cannot be used: a file that cannot be written, an experiment that was deleted.
    """
    record = verdict_record(verdict, experiment, report_html, traces=traces)
    sent = deliver(record, uri, outbox=outbox)
    gate, baseline, candidate = sent.run_ids
    return TrackedRun(gate, baseline, candidate, sent.uri, sent.url)


def verdict_record(
    verdict: Verdict, experiment: str, report_html: str | None = None, *, traces: bool = False
) -> Record:
    """The three runs of a verdict as plain data."""
    comparison = verdict.comparison
    files = {
        "verdict.json": verdict.to_dict(),
        "policy.json": verdict.policy.model_dump(mode="json", by_alias=True),
        "report.html": report_html,
    }
    gate = Planned(
        entries=gate_entries(verdict),
        files=files,
        figures=gate_figures(verdict),
        datasets=[dataset_of(comparison.new)],
    )
    sides = [
        Planned(
            entries=side_entries(verdict, side),
            files={"run.json": run.manifest.model_dump(mode="json", by_alias=True)},
            datasets=[dataset_of(run)],
            parent=0,
            models=model_uris(run.manifest.target),
            traces=RunTraces(run) if traces else [],
        )
        for side, run in (("baseline", comparison.old), ("candidate", comparison.new))
    ]
    return Record(what="verdict", experiment=experiment, runs=[gate, *sides])


def dataset_of(run: Run) -> dict[str, str]:
    """The cases as an MLflow dataset: its name, digest, columns and number of rows.

    It is written as MLflow describes a table of texts; MLflow's own description would look at
    every value first.
    """
    manifest = run.manifest
    columns = ["case_id", "incident_id", "class", "origin", "cluster", "expected"]
    if run.cases:
        columns.append("input")
    import pyarrow.compute as pc

    n_cases = pc.count_distinct(run.trials["case_id"]).as_py()
    source = {
        "tags": {
            "suite": manifest.suite_name,
            "suite_version": manifest.suite_version,
            "suite_digest": manifest.suite_digest,
        }
    }
    schema = [{"type": "string", "name": name, "required": True} for name in columns]
    profile = {"num_rows": n_cases, "num_elements": n_cases * len(columns)}
    return {
        "name": manifest.suite_name[:500],
        "digest": manifest.suite_digest[:36],
        "source_type": "code",
        "source": json.dumps(source),
        "schema": json.dumps({"mlflow_colspec": schema}),
        "profile": json.dumps(profile),
    }
