"""Reading a tracked verdict back through MLflow's own client, and comparing every number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from aiir_eval.gate.result import Verdict
from aiir_eval.tracking.mlflow_log import TrackedRun


def check_everything(uri: str, tracked: TrackedRun, verdict: Verdict, tmp_path: Path) -> None:
    """What stands in MLflow is what the verdict says."""
    client = MlflowClient(tracking_uri=uri)
    _check_gate(client, tracked, verdict)
    _check_sides(client, tracked, verdict)
    _check_files(client, tracked, verdict, tmp_path)


def _check_gate(client: MlflowClient, tracked: TrackedRun, verdict: Verdict) -> None:
    comparison = verdict.comparison
    run = client.get_run(tracked.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "gate desk@v1 -> desk@v2"
    said = verdict.to_dict()
    compared = said["comparison"]
    low, high = compared["difference"]["confidence_interval"]
    expected: dict[str, float] = {
        "exit_code": said["exit_code"],
        "n_cases": compared["n_cases"],
        "n_clusters": compared["n_clusters"],
        "difference": compared["difference"]["estimate"],
        "difference_low": low,
        "difference_high": high,
        "standard_error": compared["difference"]["standard_error"],
        "pvalue": compared["difference"]["pvalue"],
        "pvalue_exact": compared["difference"]["pvalue_exact"],
        "margin": compared["non_inferiority"]["margin"],
        "non_inferiority_pvalue": compared["non_inferiority"]["pvalue"],
        "non_inferiority_lower_bound": compared["non_inferiority"]["lower_bound"],
        "minimum_detectable_effect": compared["minimum_detectable_effect"],
        "broke": compared["flips"]["broke"],
        "fixed": compared["flips"]["fixed"],
    }
    for side in ("baseline", "candidate"):
        expected[f"{side}_pass_rate"] = compared[side]["pass_rate"]
        expected[f"{side}_pass_rate_low"] = compared[side]["confidence_interval"][0]
        expected[f"{side}_pass_rate_high"] = compared[side]["confidence_interval"][1]
    metrics = run.data.metrics
    assert {name: metrics[name] for name in expected} == expected
    for check in compared["checks"]:
        place = f"check/{check['check']}/difference"
        assert metrics[place] == check["difference"]["estimate"]
        ends = [metrics[f"{place}_low"], metrics[f"{place}_high"]]
        assert ends == check["difference"]["confidence_interval"]
    claim = next(claim for claim in verdict.claims if claim.name == "no regression")
    assert metrics["claim/no regression/estimate"] == claim.estimate
    assert metrics["claim/no regression/low"] == claim.low
    assert metrics["claim/no regression/threshold"] == -0.05
    assert metrics["claim/no b failure b at all/estimate"] == 7
    assert metrics["claim/incidents fixed INC-2/high"] == 1.0

    tags = run.data.tags
    assert tags["aiir.verdict"] == "fail"
    assert tags["aiir.conclusion"] == "inconclusive"
    assert tags["aiir.incident_ids"] == "INC-1,INC-2,INC-3,INC-4"
    assert tags["aiir.suite_digest"] == comparison.new.manifest.suite_digest
    assert tags["aiir.fingerprint.baseline"] == comparison.old.manifest.fingerprint
    assert tags["aiir.fingerprint.candidate"] == comparison.new.manifest.fingerprint
    assert tags["aiir.tool_version"] == comparison.new.manifest.tool_version
    assert "few_clusters" in tags["aiir.findings"]
    assert run.data.params["suite"] == "support desk"
    assert json.loads(run.data.params["policy"])["claims"][1]["name"] == "no regression"
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "support desk"
    assert given.dataset.digest == comparison.new.manifest.suite_digest[:36]
    assert json.loads(given.dataset.profile)["num_rows"] == 32


def _check_sides(client: MlflowClient, tracked: TrackedRun, verdict: Verdict) -> None:
    comparison = verdict.comparison
    for run_id, side, run in (
        (tracked.baseline_run_id, comparison.baseline, comparison.old),
        (tracked.candidate_run_id, comparison.candidate, comparison.new),
    ):
        found = client.get_run(run_id)
        assert found.data.tags["mlflow.parentRunId"] == tracked.run_id
        assert found.data.tags["aiir.fingerprint"] == run.manifest.fingerprint
        assert side is not None
        frame = run.to_pandas()
        expected = {
            "pass_rate": side.pass_rate,
            "pass_rate_low": side.low,
            "pass_rate_high": side.high,
            "n_cases": 32,
            "n_clusters": 4,
            "n_trials": 32,
            "n_errors": 0,
            "latency_median_s": frame["latency_s"].median(),
            "latency_p95_s": frame["latency_s"].quantile(0.95),
            "cost_usd": frame["cost_usd"].sum(),
        }
        assert found.data.metrics.keys() == expected.keys()
        for name, value in expected.items():
            assert abs(found.data.metrics[name] - value) < 1e-12, name
        assert found.data.params["target"] == run.name
        assert found.data.params["trials"] == "1"
    experiment = client.get_run(tracked.run_id).info.experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{tracked.run_id}'")
    assert {child.info.run_id for child in children} == {
        tracked.baseline_run_id,
        tracked.candidate_run_id,
    }


def _check_files(
    client: MlflowClient, tracked: TrackedRun, verdict: Verdict, tmp_path: Path
) -> None:
    def read(run_id: str, name: str) -> Any:
        text = Path(client.download_artifacts(run_id, name, str(tmp_path))).read_text()
        return json.loads(text) if name.endswith(".json") else text

    assert read(tracked.run_id, "verdict.json") == json.loads(json.dumps(verdict.to_dict()))
    assert read(tracked.run_id, "policy.json")["claims"][3]["max_failures"] == 0
    assert read(tracked.run_id, "report.html") == "<!doctype html><title>report</title>"
    flips = read(tracked.run_id, "tables/flips.json")
    rows = [dict(zip(flips["columns"], row, strict=True)) for row in flips["data"]]
    ids = {way: [row["case_id"] for row in rows if row["direction"] == way] for way in
           ("broke", "fixed")}  # fmt: skip
    assert ids["broke"] == list(verdict.comparison.flip_ids.broke)
    assert ids["fixed"] == list(verdict.comparison.flip_ids.fixed)
    assert rows[0]["candidate_output"].startswith("<script>alert(1)</script>")
    claims = read(tracked.run_id, "tables/claims.json")
    assert [row[0] for row in claims["data"]] == [claim.name for claim in verdict.claims]
    slices = read(tracked.run_id, "tables/slices.json")
    assert len(slices["data"]) == len(verdict.comparison.slices)
    run = read(tracked.candidate_run_id, "run.json")
    assert run["fingerprint"] == verdict.comparison.new.manifest.fingerprint
