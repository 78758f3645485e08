"""The HTML pages of a run and an incident."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .. import incident_view
from ..run_summary import RunSummary, summarize_run
from ..wording import count, number, rate, rate_span, seconds
from .page import Figure, page

if TYPE_CHECKING:
    from ...incidents.model import Incident
    from ...runs.model import Run

MAX_FAILING = 500


def run_page(run: Run) -> str:
    """The page of a run."""
    summary, manifest = summarize_run(run, failing=MAX_FAILING), run.manifest
    missing = summary.n_asked - summary.n_trials
    problems = list(manifest.problems)
    if not run.complete or missing > 0:
        problems.append(f"The run is {manifest.status}; {count(max(missing, 0), 'trial')} missing.")
    cases, shown = count(summary.n_cases, "case"), rate(summary.rate, graded=summary.graded)
    return page(
        "run.html.j2",
        kind="Run",
        word=None,
        sentence=f"{run.name} scores {shown} on {cases}."
        if summary.graded
        else f"{run.name} passes {shown} of {cases}.",
        run=run,
        summary=summary,
        problems=problems,
        when=(manifest.end or manifest.start)[:16].replace("T", " "),
        figures=_run_figures(summary),
        digests=[
            ("Suite", f"{manifest.suite_name} {manifest.suite_version}"),
            ("Cases", f"sha256 {manifest.suite_digest}"),
            ("Target", f"{manifest.target_name}, fingerprint {manifest.fingerprint}"),
            ("Described as", json.dumps(manifest.target, ensure_ascii=False, indent=1)[:4000]),
            ("Seed", str(manifest.seed)),
            ("Scorers", ", ".join(f"{k} {v}" for k, v in manifest.scorer_versions.items())),
            ("Data", "\n".join(f"{name} sha256 {sha}" for name, sha in manifest.files.items())),
            ("Time", f"{manifest.start} to {manifest.end or '-'}"),
            ("Folder", None if run.path is None else str(run.path)),
            ("Tool", f"aiir_eval {manifest.tool_version}"),
        ],
    )


def _run_figures(summary: RunSummary) -> list[Figure]:
    what = "Mean score" if summary.graded else "Pass rate"
    span = rate_span(summary.low, summary.high, graded=summary.graded)
    trials = f"{count(summary.n_clusters, 'cluster')}, {count(summary.n_trials, 'trial')}"
    figures = [
        Figure(what, rate(summary.rate, graded=summary.graded), span),
        Figure("Cases", f"{summary.n_cases:,}", trials),
    ]
    if summary.n_errors:
        figures.append(Figure("Errors", f"{summary.n_errors:,}", "counted as failed"))
    if summary.latency_median is not None:
        slow = f"95th percentile {seconds(summary.latency_p95)}"
        figures.append(Figure("Latency, median", seconds(summary.latency_median), slow))
    if summary.cost_usd is not None or summary.output_tokens is not None:
        cost = "-" if summary.cost_usd is None else f"{summary.cost_usd:,.4f} USD"
        tokens = f"{number(summary.input_tokens)} in, {number(summary.output_tokens)} out tokens"
        note = "" if summary.output_tokens is None else tokens
        figures.append(Figure("Cost", cost, note))
    return figures


def incident_page(incident: Incident) -> str:
    """The page of an incident."""
    return page(
        "incident.html.j2",
        kind="Incident",
        word=None,
        sentence=incident.title,
        incident=incident,
        state=incident_view.state(incident),
        sections=incident_view.sections(incident),
        cases=[
            {
                "name": case.name,
                "input": incident_view.input_text(case.input),
                "checks": incident_view.check_texts(case),
                "bad": [incident_view.behaviour_text(each) for each in case.bad],
                "good": [incident_view.behaviour_text(each) for each in case.good],
            }
            for case in incident.cases
        ],
    )
