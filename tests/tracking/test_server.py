"""A verdict on a real MLflow server, and what happens when none answers."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import postgres
import pytest
from browsing import Browse
from reading import check_everything

import aiir_eval as aiir
from aiir_eval.errors import InputError, UnreachableError
from aiir_eval.gate.result import Verdict
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.mlflow_log import track_verdict
from aiir_eval.tracking.tables import read_tracked

opt_out()
REPORT = "<!doctype html><title>report</title>"


@pytest.mark.server
def test_every_number_reads_back_from_a_server(
    verdict: Verdict, mlflow_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracked = track_verdict(verdict, uri=mlflow_server, report_html=REPORT)
    assert capsys.readouterr() == ("", "")
    assert tracked.uri == mlflow_server
    assert tracked.url is not None
    assert tracked.url == tracked.how_to_open
    assert tracked.url.startswith(f"{mlflow_server}/#/experiments/")
    assert tracked.url.endswith(f"/runs/{tracked.run_id}")
    check_everything(mlflow_server, tracked, verdict, tmp_path)


@pytest.mark.server
def test_the_server_keeps_it_in_postgresql(
    verdict: Verdict, mlflow_server: str, server_store: str
) -> None:
    """What is written over HTTP stands in the database, traces and hostile text among it."""
    if why := postgres.missing():
        pytest.skip(why)
    import sqlalchemy

    tracked = track_verdict(verdict, uri=mlflow_server, experiment="kept", traces=True)
    gates = aiir.history("support desk", uri=mlflow_server, experiment="kept")
    assert [gate.run_id for gate in gates.gates] == [tracked.run_id]
    assert gates.gates[0].candidate_pass_rate == verdict.comparison.candidate.pass_rate  # type: ignore[union-attr]
    for run_id, run in (
        (tracked.baseline_run_id, verdict.comparison.old),
        (tracked.candidate_run_id, verdict.comparison.new),
    ):
        own = f"mlflow-traces:kept?metadata.`mlflow.sourceRun` = '{run_id}'"
        rows = read_tracked(own, mlflow_server).to_pylist()
        said = {row["tag.case_id"]: (row["output"], row["feedback.no-90-days"]) for row in rows}
        assert said == {
            row["case_id"]: (row["output"], row["checks"][0]["passed"])
            for row in run.trials.to_pylist()
        }
    with sqlalchemy.create_engine(server_store).connect() as connection:
        version = connection.execute(sqlalchemy.text("SELECT version()")).scalar_one()
        stored = connection.execute(sqlalchemy.text("SELECT count(*) FROM trace_info")).scalar_one()
    assert version.startswith("PostgreSQL")
    assert stored == 64


@pytest.mark.server
def test_a_database_is_a_store_without_a_server(
    verdict: Verdict, mlflow_server: str, server_store: str
) -> None:
    """The tables the server made are written in bulk, and the server reads them."""
    if why := postgres.missing():
        pytest.skip(why)
    tracked = track_verdict(verdict, uri=server_store, experiment="direct", traces=True)
    assert tracked.url is None
    own = f"mlflow-traces:direct?metadata.`mlflow.sourceRun` = '{tracked.candidate_run_id}'"
    assert read_tracked(own, mlflow_server).num_rows == 32


@pytest.mark.server
def test_the_pages_of_mlflow_show_it(verdict: Verdict, mlflow_server: str, browse: Browse) -> None:
    """In a real browser: the verdict and its claims, a figure, the trials, the checks of traces."""
    tracked = track_verdict(verdict, uri=mlflow_server, experiment="seen", traces=True)
    assert tracked.url is not None
    side = tracked.url.replace(tracked.run_id, tracked.candidate_run_id)
    script = """
        const seen = {};
        const look = async (name, url, words) => {
          await page.goto(url);
          await page.getByText(words).first().waitFor({timeout: 30000});
          seen[name] = await page.innerText("body");
        };
        await page.getByText("claims").first().waitFor();
        seen.gate = await page.innerText("body");
        await page.goto(GATE + "/artifacts/figures/claims.png");
        const widest = () => Math.max(0, ...[...document.images].map((one) => one.naturalWidth));
        await page.waitForFunction(`(${widest})() > 300`);
        seen.figure = await page.evaluate(widest);
        await look("side", SIDE, "pass_rate_low");
        await look("trials", SIDE + "/artifacts/tables/trials.json", "INC-1.control");
        await look("traces", SIDE + "/traces", "no-90-days");
        return seen;
    """
    script = f"const GATE = {json.dumps(tracked.url)}, SIDE = {json.dumps(side)};" + script
    seen = browse(tracked.url, script, width=1600)
    told = " ".join(seen["gate"].split())
    assert verdict.sentence.split(":")[0] in told
    assert "Fail: no <b>failure</b> | at all" in told  # as it is named, and not as HTML
    assert "candidate desk@v2" in told
    assert "support desk" in seen["side"]
    assert seen["figure"] > 300
    assert "You can ask for a refund within 30 days." in seen["trials"]
    assert "How long do I have to ask for a refund" in seen["traces"]
    assert "says-30-days" in seen["traces"]


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
