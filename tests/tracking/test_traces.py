"""`--traces`: every trial is an MLflow trace with its checks, and reads back as it was."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from results import HOSTILE, made_verdict

from aiir_eval.cli import invoke
from aiir_eval.compare.comparing import compare
from aiir_eval.errors import UnreachableError
from aiir_eval.gate.result import Verdict
from aiir_eval.runs.model import Run, RunManifest
from aiir_eval.runs.rows import CheckRow, outcome, trial_row, trial_table
from aiir_eval.suites.model import Case
from aiir_eval.telemetry import opt_out
from aiir_eval.tool_calls import ToolCall
from aiir_eval.tracking import trace_rows, trace_writing
from aiir_eval.tracking.mlflow_log import track_verdict, verdict_record
from aiir_eval.tracking.outbox import pending, push, send
from aiir_eval.tracking.tables import read_tracked
from aiir_eval.tracking.traces import RunTraces

opt_out()
ODD = "\x00\x1b[31m \U0001f600 " + HOSTILE.encode("utf-8", "replace").decode()
CASES = [
    Case.model_validate({**each, "checks": [{"scorer": "contains", "value": "30"}]})
    for each in (
        {"id": "ask", "class": "hallucination", "incident_id": "INC-1", "input": "How long?",
         "expected": "30 days", "tags": ["refund"], "origin": "incident"},
        {"id": "talk", "origin": "control", "expected": {"days": 30}, "context": [
            {"id": "p", "text": "30 days."}], "input": [
            {"role": "system", "content": "Be kind."}, {"role": "user", "content": "And now?"}]},
        {"id": "odd", "origin": "control", "input": ODD, "cluster": "c"},
        {"id": "torn", "origin": "control", "input": "Break."},
    )
]  # fmt: skip


def made(name: str, **columns: Any) -> Run:
    """A run with what the columns of a trial may hold."""
    right = CheckRow("says-30", "contains", "1", 1.0, True, "found \x00")
    near = CheckRow("near", "similar", "2", 0.75, True, "")
    graded = CheckRow("tone", "judge", "3", 0.4, None, "so so")
    wrong = CheckRow("says-30", "contains", "1", 0.0, False, "not there")
    said: dict[str, list[dict[str, Any]]] = {
        "ask": [
            {"output": "30 days", "checks": [right, near], "latency_s": 1.25, "input_tokens": 12,
             "output_tokens": 3, "cost_usd": 0.002, "model_reported": "m-1",
             "started_at": datetime(2026, 5, 1, 12, tzinfo=UTC),
             "tool_calls": [ToolCall("look_up", {"order": 7}), ToolCall("refund", {})]},
            {"output": "60 days", "checks": [wrong, near], "latency_s": 0.5,
             "started_at": datetime(2026, 5, 1, 12, 1, tzinfo=UTC)},
        ],
        "talk": [{"output": "", "checks": [graded], "latency_s": 0.25}],
        "odd": [{"output": ODD, "checks": [right], "latency_s": 0.25}],
        "torn": [{"error": "HTTP 500 \x00 from the model", "latency_s": 2.0}],
    }  # fmt: skip
    rows = []
    for case in CASES:
        for number, row in enumerate(said[case.id], 1):
            passed, score = outcome(row.get("checks", ()))
            rows.append(trial_row(case, number, passed=passed, score=score, **{**row, **columns}))
    manifest = RunManifest(
        suite_name="desk", suite_digest="d" * 64, target_name=name, target={"uri": f"x:{name}"},
        fingerprint=name * 8, trials={id_: len(each) for id_, each in said.items()}, seed=1,
        tool_version="0", start="2026-05-01T12:00:00Z", status="complete",
    )  # fmt: skip
    return Run(manifest, trial_table(rows), loaded_cases=CASES)


@pytest.fixture(scope="module")
def traced() -> Verdict:
    return made_verdict(compare(made("old"), made("new"), margin=0.05))


def kept(uri: str, run_id: str) -> list[dict[str, Any]]:
    """The traces of a run through MLflow's own client, without the ids that differ each time."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_traces(
        locations=[experiment], filter_string=f"metadata.`mlflow.sourceRun` = '{run_id}'"
    )
    traces = []
    for trace in sorted(
        found, key=lambda each: (each.info.tags["case_id"], each.info.tags["trial"])
    ):
        plain = json.loads(trace.to_json())
        ids = {
            trace.info.trace_id: "ID",
            run_id: "RUN",
            plain["data"]["spans"][0]["trace_id"]: "ID",
        }
        ids |= {each.assessment_id: "A" for each in trace.info.assessments}
        text = json.dumps(plain, sort_keys=True)
        for id_, name in ids.items():
            text = text.replace(id_, name)
        read = json.loads(text)
        judged = read["info"].get("assessments", [])
        read["info"]["assessments"] = sorted(judged, key=lambda each: each["assessment_name"])
        traces.append(read)
    return traces


def test_the_tables_of_this_mlflow_are_known(sqlite_uri: str, verdict: Verdict) -> None:
    """Where this fails MLflow changed its tables: look at them, or traces are written slowly."""
    from mlflow.tracing.client import TracingClient

    track_verdict(verdict, uri=sqlite_uri)
    assert trace_rows.knows(TracingClient(sqlite_uri).store)


def test_rows_are_what_the_api_of_mlflow_writes(
    traced: Verdict, sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = verdict_record(traced, "aiir", traces=True)
    monkeypatch.setattr(trace_writing, "BATCH", 3)
    monkeypatch.setattr(trace_rows, "AT_ONCE", 2)
    in_bulk = send(record, sqlite_uri)
    monkeypatch.setattr(trace_rows, "knows", lambda store: False)
    one_by_one = send(record.model_copy(update={"id": "another"}), sqlite_uri)
    ours, theirs = (kept(sqlite_uri, sent.run_ids[2]) for sent in (in_bulk, one_by_one))
    assert len(ours) == 5
    for mine, its in zip(ours, theirs, strict=True):
        assert mine == its


def test_traces_of_a_run_are_a_sequence_that_is_made_where_it_is_read() -> None:
    made_anew = RunTraces(made("new"))
    every = list(made_anew)
    assert len(made_anew) == len(every) == 5
    assert [made_anew[place] for place in range(-5, 5)] == every * 2
    assert made_anew[1:4] == every[1:4]
    assert made_anew[::-2] == every[::-2]
    assert made_anew[4:9] + made_anew[7:] == every[4:]
    with pytest.raises(IndexError):
        made_anew[5]


def test_a_trial_is_a_trace_with_its_checks(traced: Verdict, sqlite_uri: str) -> None:
    tracked = track_verdict(traced, uri=sqlite_uri, experiment="one", traces=True)
    run = f"metadata.`mlflow.sourceRun` = '{tracked.candidate_run_id}'"
    rows = read_tracked(f"mlflow-traces:one?{run}", sqlite_uri).to_pylist()
    by_id = {(row["tag.case_id"], row["tag.trial"]): row for row in rows}
    assert len(rows) == len(by_id) == 5
    first = by_id["ask", "1"]
    told = {
        "input": "How long?", "output": "30 days", "state": "OK", "errored": False, "model": "m-1",
        "latency_s": 1.25, "input_tokens": 12, "output_tokens": 3, "cost_usd": 0.002,
        "tools": "look_up,refund", "n_tool_calls": 2, "started_at":
        datetime(2026, 5, 1, 12, tzinfo=UTC), "feedback.says-30": True, "feedback.near": True,
        "feedback._passed": True,
        "feedback.near.score": 0.75, "expectation.expected_response": "30 days",
        "tag.class": "hallucination", "tag.origin": "incident", "tag.incident_id": "INC-1",
        "tag.cluster": "INC-1", "tag.passed": "true", "tag.tags": "refund",
    }  # fmt: skip
    assert {name: first[name] for name in told} == told
    assert by_id["ask", "2"]["feedback.says-30"] is False
    assert by_id["talk", "1"]["input"] == "And now?"
    assert by_id["talk", "1"]["feedback.tone"] == 0.4
    assert by_id["talk", "1"]["expectation.expected_response"] == '{"days": 30}'
    assert by_id["odd", "1"]["output"] == by_id["odd", "1"]["input"] == ODD
    torn = by_id["torn", "1"]
    assert (torn["state"], torn["errored"], torn["output"]) == ("ERROR", True, None)
    assert torn["error"] == "HTTP 500 \x00 from the model"
    other = f"metadata.`mlflow.sourceRun` = '{tracked.baseline_run_id}'"
    assert read_tracked(f"mlflow-traces:one?{other}", sqlite_uri).num_rows == 5
    failed = read_tracked(f"mlflow-traces:one?{run} AND tags.passed = 'false'", sqlite_uri)
    assert failed["tag.case_id"].to_pylist() == ["ask"]


def test_an_assessment_says_which_scorer_and_why(traced: Verdict, sqlite_uri: str) -> None:
    tracked = track_verdict(traced, uri=sqlite_uri, traces=True)
    traces = kept(sqlite_uri, tracked.candidate_run_id)
    (wrong,) = [each for each in traces if each["info"]["tags"].get("passed") == "false"]
    said = next(
        each for each in wrong["info"]["assessments"] if each["assessment_name"] == "says-30"
    )
    assert said["feedback"]["value"] is False
    assert said["rationale"] == "not there"
    assert said["source"] == {"source_type": "CODE", "source_id": "contains 1"}
    assert said["metadata"]["score"] == "0.0"
    assert said["metadata"]["mlflow.assessment.sourceRunId"] == "RUN"


def test_what_was_asked_in_a_run_without_cases_is_left_out(sqlite_uri: str) -> None:
    sides = [replace(made(name), loaded_cases=[]) for name in ("a", "b")]
    tracked = track_verdict(
        made_verdict(compare(*sides, margin=0.05)), uri=sqlite_uri, experiment="bare", traces=True
    )
    assert len(kept(sqlite_uri, tracked.candidate_run_id)) == 5
    assert "input" not in read_tracked("mlflow-traces:bare", sqlite_uri).column_names


def test_traces_wait_in_the_outbox_too(traced: Verdict, tmp_path: Path, sqlite_uri: str) -> None:
    box = tmp_path / "box"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError, match="kept in"):
            track_verdict(traced, uri=uri, traces=True, outbox=box)
    assert len(list(pending(box))) == 1
    (sent,), refused = push(sqlite_uri, outbox=box)
    assert refused == []
    at_once = track_verdict(traced, uri=sqlite_uri, traces=True)
    later, now = kept(sqlite_uri, sent.run_ids[2]), kept(sqlite_uri, at_once.candidate_run_id)
    assert [each["info"]["tags"] for each in later] == [each["info"]["tags"] for each in now]
    assert later[0] == now[0]
    assert later[1] == now[1]


def test_a_try_that_broke_leaves_no_trace_twice(
    traced: Verdict, sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = verdict_record(traced, "broken", traces=True)
    whole = trace_rows.insert

    def breaks(store: Any, batch: Any, artifacts: str) -> None:
        whole(store, batch, artifacts)
        raise ConnectionError("gone")

    monkeypatch.setattr(trace_rows, "insert", breaks)
    with pytest.raises(UnreachableError):
        send(record, sqlite_uri)
    assert read_tracked("mlflow-traces:broken", sqlite_uri).num_rows == 5
    monkeypatch.setattr(trace_rows, "insert", whole)
    sent = send(record, sqlite_uri)
    assert read_tracked("mlflow-traces:broken", sqlite_uri).num_rows == 10
    assert [len(kept(sqlite_uri, id_)) for id_ in sent.run_ids] == [0, 5, 5]


def test_traces_without_mlflow_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["gate", "--baseline", "a", "--candidate", "b", "--traces"]) == 2
    assert "--mlflow" in capsys.readouterr().err
