"""The HTML pages of a run and an incident."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from ...documents import digest
from ...errors import InputError
from ...words import count
from .. import incident_view
from ..run_summary import RunSummary, summarize_run
from ..wording import name, number, rate, rate_span, seconds
from .fitting import text_limit
from .page import MAX_OUTPUT, Figure, page
from .repeating import run_command

if TYPE_CHECKING:
    from ...incidents.model import Incident
    from ...runs.model import Run

MAX_FAILING = 500
LINE = 300  # the most of a reason on a case's line


def run_page(run: Run) -> str:
    """The page of a run."""
    summary, manifest = summarize_run(run, failing=MAX_FAILING), run.manifest
    missing = summary.n_asked - summary.n_trials
    problems = list(manifest.problems)
    if not run.complete or missing > 0:
        problems.append(f"The run is {manifest.status}; {count(max(missing, 0), 'trial')} missing.")
    inputs = {case.case_id: _input(run, case.case_id) for case in summary.failing}
    limit = text_limit(
        (text, most)
        for case in summary.failing
        for text, most in (
            (inputs[case.case_id], MAX_OUTPUT),
            (case.output, MAX_OUTPUT),
            *((call, MAX_OUTPUT) for call in case.tool_calls),
            (case.reason, MAX_OUTPUT),
            (case.reason, LINE),
        )
    )
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
        inputs=inputs,
        text_limit=limit,
        line_limit=min(limit, LINE),
        commands=_again(run),
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


def _again(run: Run) -> list[str]:
    """The command that makes the run again, and what can be done with its folder."""
    made = run_command(run)
    return [made] if made else []


def _input(run: Run, case_id: str) -> str:
    case = run.cases.get(case_id)
    return "" if case is None else incident_view.input_text(case.input)


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
        figures=_incident_figures(incident),
        commands=[
            f"aiir incident show {shlex.quote(incident.id)}",
            f"aiir suite build --incident {shlex.quote(incident.id)} -o suite.yaml",
            "aiir suite lint suite.yaml",
            "aiir run suite.yaml --target TARGET -o runs/candidate",
        ][: 4 if incident.cases else 1],
        record_digest=_record_digest(incident),
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


def _record_digest(incident: Incident) -> str | None:
    """SHA-256 of the record's canonical JSON; None where a text in it has none."""
    try:
        content = incident.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return f"sha256 {digest(content)}"
    except (InputError, ValueError):  # half a surrogate pair, say
        return None


def _incident_figures(incident: Incident) -> list[Figure]:
    flags = [name for name in type(incident.flags).model_fields
             if getattr(incident.flags, name).value == "yes"]  # fmt: skip
    figures = [
        Figure("Status", incident.status.capitalize(), incident.kind.replace("_", " ")),
        Figure("Class", name(incident.class_).capitalize(), incident.system),
        Figure(
            "Occurred" if incident.occurred_at else "Detected",
            (incident.occurred_at or incident.detected_at or "-")[:10],
            f"detected {incident.detected_at[:10]}"
            if incident.occurred_at and incident.detected_at
            else "",
        ),
    ]
    if flags:
        told = ", ".join(map(name, flags)).capitalize()
        figures.append(Figure("Involves", f"{len(flags)} of 5", told))
    done = sum(step.status == "done" for step in incident.steps.values())
    if incident.steps:
        figures.append(Figure("Playbook", f"{done} of 16", "steps done"))
    bad, good = (
        sum(len(getattr(case, kind)) for case in incident.cases) for kind in ("bad", "good")
    )
    told = f"{bad} bad and {good} good outputs" if incident.cases else "none yet"
    return [*figures, Figure("Regression cases", f"{len(incident.cases)}", told)]
