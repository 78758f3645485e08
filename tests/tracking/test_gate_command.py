"""`aiir gate --mlflow`: what a user finds in the store afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiir_eval.cli import invoke


def test_the_gate_logs_the_report_beside_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    for name, passed in (("old", 1), ("new", 0)):
        rows = "".join(f"{n},{passed}\n" for n in range(20))
        Path(f"{name}.csv").write_text("id,ok\n" + rows, encoding="utf-8")
        options = ["--id", "id", "--passed", "ok", "-o", f"runs/{name}"]
        assert invoke(["import", "table", f"{name}.csv", *options]) == 0
    uri = f"sqlite:///{tmp_path}/ml.db"
    sides = ["--baseline", "runs/old", "--candidate", "runs/new"]
    assert invoke(["gate", *sides, "--mlflow", uri]) == 1
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("aiir")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    gate = next(run for run in runs if run.data.tags["aiir.kind"] == "gate")
    names = {artifact.path for artifact in client.list_artifacts(gate.info.run_id)}
    assert {"report.html", "verdict.json", "policy.json", "tables"} <= names
