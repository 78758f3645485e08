"""Traces and evaluation tables of MLflow are tables: read back as written, and compared."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from aiir_eval.cli import invoke
from aiir_eval.errors import InputError, TableError, UnreachableError
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.tables import read_tracked

opt_out()


@pytest.fixture(scope="session")  # tests of other modules may come between
def uri(sqlite_uri: str) -> str:
    """A store with two experiments of traces: the second answers at greater length, and worse."""
    import mlflow
    from mlflow.entities import AssessmentSource, AssessmentSourceType, SpanType

    folder = Path(sqlite_uri.removeprefix("sqlite:///")).parent
    mlflow.set_tracking_uri(sqlite_uri)
    judged: dict[str, bool] = {}
    judge = AssessmentSource(AssessmentSourceType.HUMAN, "ann")
    try:
        for week, length in (("last-week", 10), ("this-week", 30)):
            place = mlflow.create_experiment(week, artifact_location=f"file://{folder}/{week}")
            mlflow.set_experiment(experiment_id=place)
            for i in range(16):
                with mlflow.start_span("answer", span_type=SpanType.CHAIN) as root:
                    root.set_inputs({"question": f"How long is window {i}?"})
                    with mlflow.start_span("look_up", span_type=SpanType.TOOL) as tool:
                        tool.set_inputs({"window": i})
                    with mlflow.start_span("policy", span_type=SpanType.RETRIEVER) as found:
                        found.set_outputs([{"page_content": "30 days", "id": "p1"}])
                    root.set_outputs("days " * (length + i % 3))
                    mlflow.update_current_trace(tags={"release": week}, metadata={
                        "mlflow.trace.session": f"s{i // 2}"})  # fmt: skip
                judged[root.trace_id] = i % (8 if week == "last-week" else 2) != 0
        mlflow.flush_trace_async_logging()
        for id_, good in judged.items():
            mlflow.log_feedback(trace_id=id_, name="helpful", value=good, source=judge)
        with mlflow.start_run() as run:
            table = pd.DataFrame({"question": ["a", "b", "c"], "score": [0.5, None, 1]})
            table["chunks"] = [["x"], ["y"], []]
            mlflow.log_table(table, "eval_results.json")
            mlflow.log_text("id,ok\n1,1\n2,0\n", "tables/more.csv")
            mlflow.log_text('{"columns": ["a"], "data": [[1, 2]]}', "odd.json")
        (folder / "run").write_text(run.info.run_id)
    finally:
        mlflow.set_tracking_uri(None)
    return sqlite_uri


@pytest.fixture(scope="session")  # tests of other modules may come between
def run_id(uri: str) -> str:
    return (Path(uri.removeprefix("sqlite:///")).parent / "run").read_text()


def test_a_trace_is_a_row(uri: str) -> None:
    table = read_tracked("mlflow-traces:last-week", uri)
    assert table.num_rows == 16
    rows = sorted(table.to_pylist(), key=lambda row: row["input"])
    first = rows[0]
    assert first["input"] == "How long is window 0?"
    assert first["output"] == "days " * 10
    assert (first["n_tool_calls"], first["tools"], first["n_passages"]) == (1, "look_up", 1)
    assert (first["feedback.helpful"], first["tag.release"]) == (False, "last-week")
    assert (first["state"], first["errored"], first["session"]) == ("OK", False, "s0")
    assert first["latency_s"] >= 0
    assert first["started_at"].year >= 2024
    assert not [name for name in table.column_names if table[name].null_count == 16]


def test_rows_come_in_the_order_of_time(uri: str) -> None:
    started = read_tracked("mlflow-traces:this-week", uri)["started_at"].to_pylist()
    assert started == sorted(started)


def test_all_pages_are_read(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiir_eval.tracking.tables._PAGE", 5)
    ids = read_tracked("mlflow-traces:last-week", uri)["trace_id"].to_pylist()
    assert len(set(ids)) == 16


def test_a_filter_is_that_of_mlflow(uri: str) -> None:
    assert read_tracked("mlflow-traces:last-week?tags.release = 'last-week'", uri).num_rows == 16
    with pytest.raises(TableError, match="no such trace"):
        read_tracked("mlflow-traces:last-week?tags.release = 'other'", uri)


def test_a_logged_table_is_read_back(uri: str, run_id: str) -> None:
    table = read_tracked(f"mlflow-table:{run_id}/eval_results.json", uri)
    assert table["question"].to_pylist() == ["a", "b", "c"]
    assert table["score"].to_pylist() == [0.5, None, 1.0]
    assert table["chunks"].to_pylist() == ['["x"]', '["y"]', "[]"]
    assert read_tracked(f"mlflow-table:{run_id}/tables/more.csv", uri)["ok"].to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("mlflow-traces:nothing", TableError, "there is no experiment 'nothing' .*last-week"),
        ("mlflow-traces:last-week?nonsense", InputError, "refused"),
        ("mlflow-table:", InputError, "write mlflow-table:RUN_ID/FILE"),
        ("mlflow-table:RUN/../../x.json", InputError, "write mlflow-table:RUN_ID/FILE"),
        ("mlflow-table:RUN/none.json", InputError, "."),
        ("mlflow-table:RUN/odd.json", TableError, "no table of MLflow"),
    ],
)
def test_what_is_not_there_is_said(
    source: str, error: type[Exception], said: str, uri: str, run_id: str
) -> None:
    with pytest.raises(error, match=said):
        read_tracked(source.replace("RUN/", f"{run_id}/"), uri)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_tracked("mlflow-traces:x", f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(UnreachableError):
        read_tracked("mlflow-traces:x", "http://127.0.0.1:9")


def test_drift_between_the_traces_of_two_weeks(
    uri: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = ["mlflow-traces:last-week", "mlflow-traces:this-week"]
    primary = ["--primary", "feedback.helpful", "--columns", "feedback.helpful,n_tool_calls,output"]
    assert invoke(["drift", *sides, *primary, "--tracking-uri", uri, "--format", "json"]) == 0
    named = json.loads(capsys.readouterr().out)
    columns = {each["column"]: each for each in named["columns"]}
    assert columns["feedback.helpful"]["effect"]["estimate"] == pytest.approx(-0.375)
    assert named["conclusion"] == "drift"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert invoke(["drift", *sides, *primary, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == named


def test_traces_make_a_run(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    options = ["--id", "input", "--passed", "feedback.helpful", "--cluster", "session"]
    for week in ("last-week", "this-week"):
        assert invoke(["import", "table", f"mlflow-traces:{week}", *options, "-o", week]) == 0
    capsys.readouterr()
    assert invoke(["compare", "last-week", "this-week", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["difference"]["estimate"] == pytest.approx(-0.375)
