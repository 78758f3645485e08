"""A server that does not answer loses nothing: the record waits, and is written once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from reading import check_everything

from aiir_eval.cli import invoke
from aiir_eval.errors import UnreachableError
from aiir_eval.gate.result import Verdict
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.mlflow_log import TrackedRun, track_verdict, verdict_record
from aiir_eval.tracking.outbox import pending, push, send
from aiir_eval.tracking.writing import Experiment

opt_out()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_verdict_that_could_not_be_sent_is_sent_later(
    verdict: Verdict, nobody: str, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    with pytest.raises(UnreachableError, match=r"kept in .*; type: aiir track push --outbox"):
        track_verdict(
            verdict,
            uri=f"http://{nobody}",
            report_html="<!doctype html><title>report</title>",
            outbox=box,
        )
    ((path, record),) = pending(box)
    uri = f"sqlite:///{tmp_path}/later.db"
    (sent,), refused = push(uri, outbox=box)
    assert refused == []
    assert not path.exists()
    tracked = TrackedRun(*sent.run_ids, uri=sent.uri, url=sent.url)  # type: ignore[misc]
    check_everything(uri, tracked, verdict, tmp_path / "read")
    from mlflow import MlflowClient

    assert MlflowClient(uri).get_run(sent.run_ids[0]).info.start_time == record.at  # type: ignore[union-attr]


def test_a_password_is_not_kept(verdict: Verdict, nobody: str, tmp_path: Path) -> None:
    box = tmp_path / "box"
    with pytest.raises(UnreachableError):
        track_verdict(verdict, uri=f"http://me:hunter2@{nobody}", outbox=box)
    ((path, _),) = pending(box)
    assert "hunter2" not in path.read_text()
    sent, (refused,) = push(outbox=box)
    assert sent == []
    assert "--mlflow" in str(refused)
    assert path.exists()


def test_a_record_sent_twice_or_after_a_broken_try_stands_once(
    verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/once.db"
    record = verdict_record(verdict, "aiir")
    whole = Experiment.write
    calls = []

    def breaks(self: Experiment, *args: object, **options: object) -> str:
        calls.append(args)
        if len(calls) == 2:  # the run is made, then the connection goes
            self.client.create_run(self.id, tags={"aiir.record": str(options["record"])})
            raise ConnectionError("gone")
        return whole(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Experiment, "write", breaks)
    with pytest.raises(UnreachableError):
        send(record, uri)
    monkeypatch.setattr(Experiment, "write", whole)
    first, second = send(record, uri), send(record, uri)
    assert first == second
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("aiir")
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id])) == 3


def test_the_command_lists_and_pushes(
    verdict: Verdict, nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreachableError, match=r"type: aiir track push$"):
        track_verdict(verdict, uri=f"http://{nobody}")
    assert invoke(["track", "push"]) == 5
    assert invoke(["track", "list"]) == 0
    assert "gate desk@v1 -> desk@v2" in capsys.readouterr().out
    (Path(".aiir/outbox") / "torn.json").write_text('{"schema": ')
    assert invoke(["track", "push", "--mlflow", "sqlite:///later.db"]) == 2
    said = capsys.readouterr()
    assert "torn.json" in said.err
    assert "1 written, 1 not" in said.err
    (Path(".aiir/outbox") / "torn.json").unlink()
    assert invoke(["track", "list"]) == 0
    assert "nothing waits" in capsys.readouterr().err


def test_a_server_that_goes_away_is_given_up_within_seconds(
    monkeypatch: pytest.MonkeyPatch, verdict: Verdict
) -> None:
    """MLflow would try each request for four minutes; a user's own setting stays."""
    import os

    from aiir_eval.tracking.writing import quiet

    tries, wait = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"
    monkeypatch.delenv(tries, raising=False)
    monkeypatch.setenv(wait, "2")
    with quiet():
        assert (os.environ[tries], os.environ[wait]) == ("3", "2")
    assert tries not in os.environ


def test_a_server_that_is_gone_is_not_asked_for_the_other_traces(verdict: Verdict) -> None:
    from aiir_eval.tracking.trace_writing import THREADS, _send, placed
    from aiir_eval.tracking.traces import RunTraces

    class Gone:
        asked = 0

        def start_trace(self, info: object) -> None:
            self.asked += 1
            raise ConnectionError("refused")

    one, gone = RunTraces(verdict.comparison.new)[0], Gone()
    batch = [placed(one, f"{number:032x}", "1", "run", 0) for number in range(500)]
    with pytest.raises(ConnectionError):
        _send(gone, "1", batch)
    assert 1 <= gone.asked <= THREADS
