"""A verdict on a real MLflow server, and what happens when none answers."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from reading import check_everything

from aiir_eval.errors import InputError, UnreachableError
from aiir_eval.gate.result import Verdict
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.mlflow_log import track_verdict

opt_out()
REPORT = "<!doctype html><title>report</title>"


@pytest.mark.server
def test_every_number_reads_back_from_a_server(
    verdict: Verdict, mlflow_server: str, tmp_path: Path
) -> None:
    tracked = track_verdict(verdict, uri=mlflow_server, report_html=REPORT)
    assert tracked.uri == mlflow_server
    assert tracked.url is not None
    assert tracked.url == tracked.how_to_open
    assert tracked.url.startswith(f"{mlflow_server}/#/experiments/")
    assert tracked.url.endswith(f"/runs/{tracked.run_id}")
    check_everything(mlflow_server, tracked, verdict, tmp_path)


def test_a_server_that_does_not_answer_is_said_at_once(verdict: Verdict) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        uri = f"http://me:hunter2@127.0.0.1:{taken.getsockname()[1]}"
        begun = time.perf_counter()
        with pytest.raises(UnreachableError) as caught:
            track_verdict(verdict, uri=uri)
    assert time.perf_counter() - begun < 5
    assert caught.value.exit_code == 5
    message = str(caught.value)
    assert "Connection refused" in message
    assert "the verdict stands" in message
    assert "hunter2" not in message


def test_an_address_mlflow_does_not_know_is_bad_input(verdict: Verdict) -> None:
    with pytest.raises(InputError, match="MLflow at foo://bar refused"):
        track_verdict(verdict, uri="foo://bar")
