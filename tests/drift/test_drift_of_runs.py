"""Two runs are compared as the tables of their outputs, in Python as on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from results import desk_suite, good, made_run

import aiir_eval as aiir
from aiir_eval.cli import invoke
from aiir_eval.runs.attributes import output_attributes
from aiir_eval.runs.model import Run


@pytest.fixture(scope="module")
def runs() -> tuple[Run, Run]:
    suite = desk_suite(n_incidents=8)
    old = made_run(suite, good, name="desk@v1")
    new = made_run(suite, lambda case, trial: "It is 90 days. " * 5, name="desk@v2")
    return old, new


def test_drift_of_two_runs_is_that_of_their_outputs_clustered_by_case(
    runs: tuple[Run, Run],
) -> None:
    report = aiir.drift(*runs)
    tables = [output_attributes(run) for run in runs]
    assert report.to_dict() == aiir.drift(*tables, cluster="cluster").to_dict()
    assert any(note.startswith("rows belong together by cluster") for note in report.notes)
    assert "output" in {each.column for each in report.columns if each.drifted}


def test_one_run_beside_a_table_has_no_cluster_of_its_own(runs: tuple[Run, Run]) -> None:
    report = aiir.drift(runs[0], output_attributes(runs[1]).drop(["cluster"]))
    assert not any("belong together" in note for note in report.notes)


def test_another_cluster_is_taken_where_it_is_named(runs: tuple[Run, Run]) -> None:
    report = aiir.drift(*runs, cluster="class")
    assert any(note.startswith("rows belong together by class") for note in report.notes)


def test_the_command_line_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, passed in (("old", 1), ("new", 0)):
        rows = "".join(f"{n},{passed if n % 3 else 1},{n // 4}\n" for n in range(60))
        Path(f"{name}.csv").write_text("id,ok,group\n" + rows)
        options = ["--id", "id", "--passed", "ok", "--cluster", "group", "-o", name]
        assert invoke(["import", "table", f"{name}.csv", *options]) == 0
    capsys.readouterr()
    assert invoke(["drift", "old", "new", "--format", "json"]) == 0
    report = aiir.drift(aiir.load_run("old"), aiir.load_run("new"))
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(report.to_dict()))
