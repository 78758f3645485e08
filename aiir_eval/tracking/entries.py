"""What of a verdict is written into MLflow: params, metrics, tags and tables, as plain data.

Names and sizes keep MLflow's limits: a batch holds 1,000 entries with at most 100 params and 100
tags, in a megabyte; a tag has 8,000 characters. What exceeds them stays whole in the files that go
with the run: its tables, verdict.json, policy.json and run.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..compare.flipped import flipped_cases
from ..documents import digest
from ..reports.run_summary import summarize_run
from ..reports.visible import shortened
from ..reports.wording import worst_first
from ..words import cut
from .linking import LINKED_PROMPTS, MODELS, linked_prompts, model_uris
from .notes import gate_note, side_note
from .stores import redact_uris

if TYPE_CHECKING:
    from ..compare.result import Comparison, Side
    from ..gate.result import ClaimResult, Verdict
    from ..runs.model import Run

MAX_METRICS = 800  # leaves room for 100 params and 100 tags in the batch of 1,000
MAX_PARAMS = 100
MAX_PARAM = 1_500  # MLflow takes 6,000, but a batch of 100 such would exceed its megabyte
MAX_TAG = 8_000
MAX_NAME = 200
MAX_OUTPUT = 2_000  # characters of an output in a table
MAX_INPUT = 500

TRIALS = "tables/trials.json"
REST_OF_A_TRIAL = (
    "error", "class", "origin", "incident_id", "score", "latency_s", "input_tokens",
    "output_tokens", "cost_usd",
)  # fmt: skip
TABLES_TAG = "mlflow.loggedArtifacts"  # how MLflow's pages know which JSON files are tables


# The parts of a metric's name, then its value (None where there is none).
Measured = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """One MLflow run's batch, and the tables that go beside it (columns and rows)."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    tables: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)


def gate_entries(verdict: Verdict) -> Entries:
    """The parent run: the verdict, its claims and the comparison."""
    comparison = verdict.comparison
    old, new = comparison.old.manifest, comparison.new.manifest
    tables = {
        "tables/claims.json": claims_table(verdict),
        "tables/flips.json": flips_table(comparison),
        "tables/slices.json": slices_table(comparison),
        "tables/checks.json": checks_table(comparison),
    }
    tables = {name: table for name, table in tables.items() if any(table.values())}
    return Entries(
        name=f"gate {old.target_name} -> {new.target_name}",
        params=text_params(
            {
                "baseline": old.target_name,
                "candidate": new.target_name,
                "suite": new.suite_name,
                "suite_version": new.suite_version,
                "suite_digest": new.suite_digest,
                "policy": verdict.policy.model_dump(by_alias=True, exclude_defaults=True),
                "policy_digest": digest(verdict.policy.model_dump(mode="json", by_alias=True)),
                "confidence_level": comparison.confidence_level,
                "baseline_fingerprint": old.fingerprint,
                "candidate_fingerprint": new.fingerprint,
            }
        ),
        metrics=finite_metrics(_gate_metrics(verdict)),
        tags=_tags(
            {
                "aiir.kind": "gate",
                "aiir.verdict": verdict.verdict,
                "aiir.conclusion": comparison.conclusion,
                "aiir.incident_ids": ",".join(incident_ids(comparison)),
                "aiir.findings": ",".join(finding.code for finding in comparison.findings),
                "aiir.fingerprint.baseline": old.fingerprint,
                "aiir.fingerprint.candidate": new.fingerprint,
                "mlflow.note.content": gate_note(verdict),
                TABLES_TAG: json.dumps([{"path": name, "type": "table"} for name in tables]),
            },
            comparison.new,
        ),
        tables=tables,
    )


def side_entries(verdict: Verdict, side: str) -> Entries:
    """A nested run: the ``baseline`` or the ``candidate``."""
    comparison = verdict.comparison
    is_old = side == "baseline"
    run = comparison.old if is_old else comparison.new
    measured = comparison.baseline if is_old else comparison.candidate
    manifest, target = run.manifest, run.manifest.target
    decoding = dict(target.get("params") or {})
    trials = sorted(set(manifest.trials.values()))
    uri = str(target.get("uri", ""))
    prompt = target.get("prompt")
    models, prompts = model_uris(target), linked_prompts(target)
    table = trials_table(run)
    return Entries(
        name=f"{side} {manifest.target_name}",
        params=text_params(
            {
                "target": manifest.target_name,
                "target_uri": uri,
                "model": _model(run, uri),
                "target_version": target.get("version"),
                "base_url": target.get("base_url"),
                "prompt_uri": target.get("prompt_uri"),
                "registered_models": ",".join(models),
                "prompt_digest": None if prompt is None else digest(prompt),
                "tools_digest": digest(target["tools"]) if target.get("tools") else None,
                "suite": manifest.suite_name,
                "suite_version": manifest.suite_version,
                "suite_digest": manifest.suite_digest,
                "trials": f"{trials[0]}-{trials[-1]}" if len(trials) > 1 else (trials or [0])[0],
                "seed": manifest.seed,
                "outcome": manifest.outcome,
                **{f"param.{key}": value for key, value in decoding.items()},
            }
        ),
        metrics=finite_metrics(_side_metrics(run, measured)),
        tags=_tags(
            {
                "aiir.kind": side,
                "aiir.fingerprint": manifest.fingerprint,
                "aiir.status": manifest.status,
                "aiir.start": manifest.start,
                "aiir.end": manifest.end or "",
                "mlflow.note.content": side_note(run, side, measured),
                TABLES_TAG: json.dumps([{"path": TRIALS, "type": "table"}]),
                **({MODELS: ",".join(models)} if models else {}),
                **({LINKED_PROMPTS: prompts} if prompts else {}),
            },
            run,
        ),
        tables={TRIALS: table},
    )


def incident_ids(comparison: Comparison) -> list[str]:
    """The incidents whose cases were compared."""
    import pyarrow.compute as pc

    ids = pc.unique(comparison.new.trials["incident_id"]).to_pylist()
    return sorted(id_ for id_ in ids if id_)


def claims_table(verdict: Verdict) -> dict[str, list[Any]]:
    """One row a claim."""
    claims = verdict.claims
    return {
        "claim": [claim.name for claim in claims],
        "verdict": [claim.verdict for claim in claims],
        "rule": [claim.rule for claim in claims],
        "estimate": [claim.estimate for claim in claims],
        "low": [claim.low for claim in claims],
        "high": [claim.high for claim in claims],
        "bound": [claim.bound for claim in claims],
        "threshold": [claim.threshold for claim in claims],
        "pvalue": [claim.pvalue for claim in claims],
        "pvalue_adjusted": [claim.pvalue_adjusted for claim in claims],
        "n_cases": [claim.n_cases for claim in claims],
        "reason": [claim.reason for claim in claims],
    }


def flips_table(comparison: Comparison) -> dict[str, list[Any]]:
    """One row a case that broke or was fixed, with a telling answer of each side."""
    cases = flipped_cases(comparison)
    return {
        "case_id": [case.case_id for case in cases],
        "direction": [case.direction for case in cases],
        "incident_id": [case.incident_id for case in cases],
        "class": [case.class_ for case in cases],
        "origin": [case.origin for case in cases],
        "baseline_passed": [case.old.n_passed for case in cases],
        "baseline_trials": [case.old.n_trials for case in cases],
        "candidate_passed": [case.new.n_passed for case in cases],
        "candidate_trials": [case.new.n_trials for case in cases],
        "reason": [case.reason for case in cases],
        "baseline_output": [shortened(case.old.text, MAX_OUTPUT) for case in cases],
        "candidate_output": [shortened(case.new.text, MAX_OUTPUT) for case in cases],
    }


def trials_table(run: Run) -> dict[str, list[Any]]:
    """One row a trial, with what was asked and said, and the checks that failed."""
    import pyarrow.compute as pc

    trials = run.trials
    asked = {id_: shortened(_question(case.plain_input()), MAX_INPUT)
             for id_, case in run.cases.items()}  # fmt: skip
    first = ("case_id", "trial", "passed")
    table: dict[str, list[Any]] = {each: trials[each].to_pylist() for each in first}
    table["failed"] = [
        ", ".join(check["check"] for check in checks or () if check["passed"] is False)
        for checks in trials["checks"].to_pylist()
    ]
    table["input"] = [asked.get(id_) for id_ in table["case_id"]]
    table["output"] = [
        None if output is None else shortened(output, MAX_OUTPUT)
        for output in trials["output"].to_pylist()
    ]
    for each in REST_OF_A_TRIAL:
        if pc.count(trials[each]).as_py():
            table[each] = trials[each].to_pylist()
    return table


def _question(given: str | list[dict[str, Any]]) -> str:
    """A text, or the last turn of a conversation."""
    return given if isinstance(given, str) else str(given[-1]["content"])


def slices_table(comparison: Comparison) -> dict[str, list[Any]]:
    """One row a slice."""
    rows = [item.to_dict() for item in comparison.slices]
    for row in rows:
        row["low"], row["high"] = row.pop("confidence_interval")
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def checks_table(comparison: Comparison) -> dict[str, list[Any]]:
    """One row a check."""
    spans = [check.difference.confidence_interval() for check in comparison.checks]
    return {
        "check": [check.check for check in comparison.checks],
        "difference": [check.difference.estimate for check in comparison.checks],
        "low": [low for low, _ in spans],
        "high": [high for _, high in spans],
        "pvalue": [check.difference.pvalue for check in comparison.checks],
        "broke": [len(check.flips.broke) for check in comparison.checks],
        "fixed": [len(check.flips.fixed) for check in comparison.checks],
        "conclusion": [check.conclusion for check in comparison.checks],
    }


def _gate_metrics(verdict: Verdict) -> Iterator[Measured]:
    comparison = verdict.comparison
    yield "exit_code", verdict.exit_code
    yield "n_cases", comparison.n_cases
    yield "n_clusters", comparison.n_clusters
    for name, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        if side is not None:
            yield f"{name}_pass_rate", side.pass_rate
            yield f"{name}_pass_rate_low", side.low
            yield f"{name}_pass_rate_high", side.high
    difference = comparison.difference
    if difference is not None:
        low, high = difference.confidence_interval()
        yield "difference", difference.estimate
        yield "difference_low", low
        yield "difference_high", high
        yield "standard_error", difference.standard_error
        yield "pvalue", difference.pvalue
        yield "pvalue_exact", difference.pvalue_exact
    test = comparison.non_inferiority
    if test is not None:
        yield "margin", test.margin
        yield "non_inferiority_pvalue", test.pvalue
        yield "non_inferiority_lower_bound", test.lower_bound
    yield "minimum_detectable_effect", comparison.minimum_detectable_effect
    yield "broke", len(comparison.flip_ids.broke)
    yield "fixed", len(comparison.flip_ids.fixed)
    for check in comparison.checks:
        low, high = check.difference.confidence_interval()
        yield "check", check.check, "difference", check.difference.estimate
        yield "check", check.check, "difference_low", low
        yield "check", check.check, "difference_high", high
    for claim in worst_first(verdict.claims):
        yield from _claim_metrics(claim)


def _claim_metrics(claim: ClaimResult) -> Iterator[Measured]:
    yield "claim", claim.name, "estimate", claim.estimate
    yield "claim", claim.name, "low", claim.low
    yield "claim", claim.name, "high", claim.high
    yield "claim", claim.name, "bound", claim.bound
    yield "claim", claim.name, "threshold", claim.threshold
    yield "claim", claim.name, "pvalue", claim.pvalue
    yield "claim", claim.name, "pvalue_adjusted", claim.pvalue_adjusted


def _side_metrics(run: Run, measured: Side | None) -> Iterator[Measured]:
    summary = summarize_run(run, failing=0)
    yield "pass_rate", measured.pass_rate if measured else summary.rate
    yield "pass_rate_low", measured.low if measured else summary.low
    yield "pass_rate_high", measured.high if measured else summary.high
    yield "n_cases", summary.n_cases
    yield "n_clusters", summary.n_clusters
    yield "n_trials", summary.n_trials
    yield "n_errors", summary.n_errors
    yield "latency_median_s", summary.latency_median
    yield "latency_p95_s", summary.latency_p95
    yield "input_tokens", summary.input_tokens
    yield "output_tokens", summary.output_tokens
    yield "cost_usd", summary.cost_usd


def finite_metrics(pairs: Iterator[Measured]) -> dict[str, float]:
    """Finite metrics under names MLflow takes, unique, the first MAX_METRICS of them."""
    metrics: dict[str, float] = {}
    for *parts, value in pairs:
        if value is None or not isfinite(value) or len(metrics) == MAX_METRICS:
            continue
        base = key = metric_name(*parts)
        number = 2
        while key in metrics:
            key, number = f"{base}_{number}", number + 1
        metrics[key] = float(value)
    return metrics


def metric_name(*parts: str) -> str:
    """The parts with only the characters MLflow takes, joined by slashes.

    A slash inside a part goes too, and so does a part of dots alone: names may become files.
    """
    return "/".join(_clean(part) for part in parts)


def _clean(part: str) -> str:
    clean = " ".join(re.sub(r"[^\w.\- ]+", " ", part, flags=re.ASCII).split())[:MAX_NAME].strip()
    return clean if clean.strip(".") else f"_{clean}"


def text_params(values: Mapping[str, Any]) -> dict[str, str]:
    """Params as text without secrets; those that are None are left out."""
    params = {
        metric_name(name): cut(redact_uris(_text(value)), MAX_PARAM)
        for name, value in values.items()
        if value is not None and value != ""
    }
    return dict(list(params.items())[:MAX_PARAMS])


def _tags(values: Mapping[str, str], run: Run) -> dict[str, str]:
    manifest = run.manifest
    return text_tags(
        {**values, "aiir.suite_digest": manifest.suite_digest},
        command="aiir gate",
        tool_version=manifest.tool_version,
    )


def text_tags(values: Mapping[str, str], *, command: str, tool_version: str) -> dict[str, str]:
    """Tags without secrets, with those that every run of ours has."""
    common = {
        "aiir.tool_version": tool_version,
        "mlflow.source.name": command,
        "mlflow.source.type": "LOCAL",
    }
    told = {name: value for name, value in {**values, **common}.items() if value}
    return {name: cut(redact_uris(value), MAX_TAG) for name, value in told.items()}


def _model(run: Run, uri: str) -> str | None:
    """The model named in the target's URI, else the one the endpoint reported."""
    import pyarrow.compute as pc

    scheme, _, rest = uri.partition(":")
    if scheme == "openai":
        return rest
    counts = pc.value_counts(run.trials["model_reported"].drop_null()).to_pylist()
    return max(counts, key=lambda each: each["counts"])["values"] if counts else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
