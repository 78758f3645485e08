"""A verdict in an SQLite store: every number reads back, and the caller's MLflow is not touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from reading import check_everything
from results import answers, desk_suite, good, made_run, made_verdict

from aiir_eval.compare.comparing import compare
from aiir_eval.errors import InputError
from aiir_eval.gate.result import Verdict
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.mlflow_log import track_verdict

opt_out()
REPORT = "<!doctype html><title>report</title>"


def test_every_number_reads_back(verdict: Verdict, sqlite_uri: str, tmp_path: Path) -> None:
    tracked = track_verdict(verdict, uri=sqlite_uri, report_html=REPORT)
    assert tracked.uri == sqlite_uri
    assert tracked.url is None
    assert tracked.how_to_open == f"mlflow ui --backend-store-uri {sqlite_uri}"
    check_everything(sqlite_uri, tracked, verdict, tmp_path)


def test_the_caller_keeps_their_active_run_tracking_uri_and_log_levels(
    verdict: Verdict, sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mine.db")
    mine = f"sqlite:///{tmp_path}/mine.db"
    mlflow.set_tracking_uri(mine)
    level = logging.getLogger("mlflow").level
    try:
        with mlflow.start_run() as active:
            track_verdict(verdict, uri=sqlite_uri)
            assert mlflow.active_run() is active
            assert mlflow.get_tracking_uri() == mine
            mlflow.log_metric("mine", 1.0)
        found = mlflow.MlflowClient(mine).get_run(active.info.run_id)
        assert found.data.metrics == {"mine": 1.0}
        assert "aiir.verdict" not in found.data.tags
        assert logging.getLogger("mlflow").level == level
    finally:
        mlflow.set_tracking_uri(None)


def test_threads_write_side_by_side(verdict: Verdict, sqlite_uri: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        tracked = list(
            pool.map(lambda _: track_verdict(verdict, uri=sqlite_uri, report_html=REPORT), range(4))
        )
    assert len({run.run_id for run in tracked}) == 4
    for run in tracked:
        check_everything(sqlite_uri, run, verdict, tmp_path / run.run_id)


def test_without_an_address_the_store_is_a_file_here(
    verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    tracked = track_verdict(verdict)
    assert tracked.uri == "sqlite:///aiir-mlflow.db"
    assert {entry.name for entry in tmp_path.iterdir()} == {
        "aiir-mlflow.db",
        "aiir-mlflow-artifacts",
    }


def test_nothing_is_printed(verdict: Verdict, sqlite_uri: str, tmp_path: Path) -> None:
    """A fresh store, whose tables MLflow announces line by line, in a process of its own."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from results import made_verdict\n"
        "from aiir_eval.tracking.mlflow_log import track_verdict\n"
        "track_verdict(made_verdict(), uri=sys.argv[1])"
    )
    tests = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "fresh.db"), tests],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "fresh-artifacts").is_dir()


def test_an_invalid_verdict_is_tracked_too(sqlite_uri: str) -> None:
    from mlflow import MlflowClient

    old = made_run(desk_suite(2, 1), good, name="old")
    new = made_run(desk_suite(3, 1), good, name="new")
    tracked = track_verdict(made_verdict(compare(old, new)), uri=sqlite_uri)
    run = MlflowClient(sqlite_uri).get_run(tracked.run_id)
    assert run.data.tags["aiir.verdict"] == "invalid"
    assert run.data.metrics["exit_code"] == 4


def test_the_target_stands_in_the_params_without_its_secrets(sqlite_uri: str) -> None:
    from mlflow import MlflowClient

    suite = desk_suite(2, 1)
    run = made_run(suite, good, name="m")
    target = {
        "uri": "openai:gpt-test",
        "prompt": "Be kind.",
        "params": {"temperature": 0.2, "max_tokens": 50},
        "base_url": "https://me:hunter2@llm.example/v1?api_key=abc123",
        "tools": [{"name": "refund"}],
        "version": "deadbeef",
    }
    run = replace(run, manifest=run.manifest.model_copy(update={"target": target}))
    other = made_run(suite, answers({}, good), name="n")
    tracked = track_verdict(made_verdict(compare(run, other)), uri=sqlite_uri)
    params = MlflowClient(sqlite_uri).get_run(tracked.baseline_run_id).data.params
    assert params["model"] == "gpt-test"
    assert params["target_uri"] == "openai:gpt-test"
    assert params["param.temperature"] == "0.2"
    assert params["target_version"] == "deadbeef"
    assert len(params["prompt_digest"]) == len(params["tools_digest"]) == 64
    assert "hunter2" not in json.dumps(params)
    assert "abc123" not in json.dumps(params)
    assert params["base_url"] == "https://[redacted]@llm.example/v1?api_key=[redacted]"


def test_a_deleted_experiment_is_said_so(verdict: Verdict, sqlite_uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(sqlite_uri)
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(InputError, match="the experiment 'gone' was deleted"):
        track_verdict(verdict, uri=sqlite_uri, experiment="gone")


def test_a_failure_in_the_middle_ends_the_run_as_failed(
    verdict: Verdict, sqlite_uri: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(sqlite_uri)
    blocked = tmp_path / "not-a-folder"
    blocked.write_text("a file stands where the artifacts go")
    made = client.create_experiment("blocked", artifact_location=blocked.as_uri())
    with pytest.raises(InputError, match="the verdict stands"):
        track_verdict(verdict, uri=sqlite_uri, experiment="blocked")
    (run,) = client.search_runs([made])
    assert run.info.status == "FAILED"


def test_a_folder_that_may_not_be_written_is_said_so(verdict: Verdict, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    folder = tmp_path if os.geteuid() else Path("/proc")  # root may write everywhere else
    with pytest.raises(InputError, match="cannot be written"):
        track_verdict(verdict, uri=f"sqlite:///{folder}/x.db")


def test_a_file_that_is_no_database_is_said_so(verdict: Verdict, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database, but a long enough text to be read as one")
    with pytest.raises(InputError, match="cannot be written: file is not a database"):
        track_verdict(verdict, uri=f"sqlite:///{tmp_path}/x.db")
