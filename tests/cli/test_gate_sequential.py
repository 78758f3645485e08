"""`aiir gate --sequential`, and what else the gate and compare take on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aiir_eval.cli import invoke
from aiir_eval.runs.model import load_run

DESK = Path(__file__).parents[2] / "suites" / "support_desk.yaml"

TARGETS = """
def good(question):
    return "ok"

def worse(question):
    return "no" if int(question.split()[-1]) % 4 == 0 else "ok"

ASKED = []

def slow(question):
    import os, signal
    ASKED.append(question)
    if len(ASKED) == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return "ok"

def gone(question):
    from aiir_eval.errors import UnreachableError
    raise UnreachableError("no route to the model")

def broken(question):
    raise RuntimeError("boom")
"""

CONFIG = """
targets:
  app@good: {uri: "python:sequential_targets:good", version: "1"}
  app@better: {uri: "python:sequential_targets:good", version: "2"}
  app@worse: {uri: "python:sequential_targets:worse", version: "3"}
  app@slow: {uri: "python:sequential_targets:slow"}
  app@gone: {uri: "python:sequential_targets:gone"}
  app@broken: {uri: "python:sequential_targets:broken"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "sequential_targets", raising=False)
    (tmp_path / "sequential_targets.py").write_text(TARGETS)
    (tmp_path / "aiir.yaml").write_text(CONFIG)
    cases = [
        {
            "id": f"c{i:03}",
            "input": f"question {i}",
            "checks": [{"scorer": "contains", "value": "ok"}],
        }
        for i in range(300)
    ]
    (tmp_path / "suite.yaml").write_text(
        json.dumps({"schema": "aiir/suite/1", "name": "s", "cases": cases})
    )
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = invoke(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def sequentially(
    capsys: pytest.CaptureFixture[str], old: str, new: str, *more: str
) -> tuple[int, str, str]:
    return call(
        capsys, "gate", "--baseline", old, "--candidate", new, "--suite", "suite.yaml",
        "--sequential", "--concurrency", "1", *more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("new", "code", "word"), [("app@better", 0, "PASS"), ("app@worse", 1, "FAIL")]
)
def test_the_verdict_says_how_many_calls_it_saved(
    folder: Path, capsys: pytest.CaptureFixture[str], new: str, code: int, word: str
) -> None:
    got, out, _ = sequentially(capsys, "app@good", new)
    assert got == code
    assert out.startswith(word)
    said = " ".join(out.split())
    assert "of 600 calls:" in said
    assert "% saved." in said


def test_json_on_stdout_is_only_json_and_holds_the_calls(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, out, _ = sequentially(capsys, "app@good", "app@better", "--format", "json")
    document = json.loads(out)
    assert (got, document["verdict"], document["exit_code"]) == (0, "pass", 0)
    told = document["evidence"]["sequential"]
    assert told["calls"] + round(told["saved"] * 600) == 600
    assert document["comparison"]["comparability"] == {"ok": True, "problems": []}


def test_one_side_may_be_a_recorded_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "run", "suite.yaml", "--target", "app@good", "-o", "old")
    got, out, _ = sequentially(capsys, "old", "app@worse", "--format", "json")
    assert got == 1
    told = json.loads(out)["evidence"]["sequential"]
    assert told["calls_of_all_trials"] == 300
    assert told["calls"] < 150


def test_two_recorded_runs_and_other_mistakes_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good", "better"):
        call(capsys, "run", "suite.yaml", "--target", f"app@{name}", "-o", name)
    got, _, err = sequentially(capsys, "good", "better")
    assert got == 2
    assert "no call can be saved" in err
    got, _, err = call(
        capsys, "gate", "--baseline", "good", "--candidate", "better", "--sequential"
    )
    assert got == 2
    assert "no call can be saved" in err
    _, _, err = call(capsys, "gate", "--baseline", "good", "--candidate", "better", "--keep", "x")
    assert "--keep is not used" in err
    got, _, err = call(
        capsys, "gate", "--baseline", "good", "--candidate", "app@worse", "--sequential"
    )
    assert got == 2
    assert "--suite" in err
    got, _, err = sequentially(capsys, "good", "nobody")
    assert got == 2
    assert "neither a run folder, a target nor a baseline" in err


def test_the_fixed_gate_keeps_whole_runs_that_can_be_gated_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["--baseline", "app@good", "--candidate", "app@better", "--suite", "suite.yaml"]
    first, _, _ = call(capsys, "gate", *sides, "--keep", "whole")
    again, _, _ = call(
        capsys, "gate", "--baseline", "whole/baseline", "--candidate", "whole/candidate"
    )
    assert first == again
    assert first in (0, 1, 3)


def test_kept_runs_are_invalid_in_a_later_gate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, _, err = sequentially(capsys, "app@good", "app@better", "--keep", "kept")
    assert got == 0
    assert "kept the runs in kept" in err
    assert load_run("kept/candidate").manifest.status == "stopped"
    got, out, _ = call(
        capsys, "gate", "--baseline", "kept/baseline", "--candidate", "kept/candidate"
    )
    assert got == 4
    assert "'stopped'" in out
    got, _, err = sequentially(capsys, "kept/baseline", "app@worse")
    assert got == 4
    got, _, err = call(
        capsys, "run", "suite.yaml", "--target", "app@good", "-o", "kept/baseline", "--resume"
    )
    assert got == 2
    assert "sequential gate" in err


def test_exit_codes_are_those_of_the_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sequentially(capsys, "app@good", "app@gone")[0] == 5
    assert sequentially(capsys, "app@good", "app@good")[0] == 4
    assert sequentially(capsys, "app@good", "app@broken")[0] == 4
    assert sequentially(capsys, "app@good", "app@good", "--aa")[0] == 0


def test_ctrl_c_is_130(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from aiir_eval.cli import main; main()", "gate", "--baseline",
         "app@good", "--candidate", "app@slow", "--suite", "suite.yaml", "--sequential", "--keep",
         "kept"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert "undecided" in done.stderr
    assert "Traceback" not in done.stderr
    assert load_run("kept/candidate").manifest.status == "stopped"


def test_a_metric_is_said_to_need_every_trial(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy.yaml").write_text(
        "schema: aiir/policy/1\nclaims:\n"
        "  - {name: no loss, non_inferior: {margin: 0.05}}\n"
        "  - {name: fast, metric: latency_s, value_below: 30}\n"
    )
    got, out, err = sequentially(capsys, "app@good", "app@better", "--policy", "policy.yaml")
    assert got == 0
    assert "fast: a metric has no sequential test" in err
    assert "600 of 600 calls: 0% saved" in " ".join(out.split())


def test_every_report_can_be_made_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got, _, _ = sequentially(
        capsys, "app@good", "app@worse", "-o", "v.json", "--junit", "v.xml", "--markdown", "v.md",
        "--html", "v.html",
    )  # fmt: skip
    assert got == 1
    for name in ("v.xml", "v.md", "v.html"):
        assert "% saved" in " ".join((folder / name).read_text().split())
    assert call(capsys, "report", "v.json", "-o", "again.html")[0] == 0
    assert "% saved" in " ".join((folder / "again.html").read_text().split())


@pytest.mark.usefixtures("a_desk_of_its_own")
def test_the_support_desk_gets_the_verdicts_of_the_whole_gate_for_fewer_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "init", ".")[0] == 0
    for old, new, verdict, saved in (("v1", "v2", "pass", 0.15), ("v2", "v3", "fail", 0.3)):
        arguments = (
            "gate", "--baseline", f"support@{old}", "--candidate", f"support@{new}", "--suite",
            str(DESK), "--policy", "policy.yaml", "--format", "json",
        )  # fmt: skip
        whole = json.loads(call(capsys, *arguments)[1])
        early = json.loads(call(capsys, *arguments, "--sequential")[1])
        assert whole["verdict"] == early["verdict"] == verdict
        assert early["evidence"]["sequential"]["saved"] > saved
        assert {c["name"] for c in whole["claims"]} == {c["name"] for c in early["claims"]}


def test_a_python_scorer_allowed_by_name_is_proven_by_the_bad_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aiir_eval.compare.comparing import compare
    from aiir_eval.gate.gating import gate
    from aiir_eval.gate.policy import Policy
    from aiir_eval.incidents.loading import load_register, shipped_corpus
    from aiir_eval.runs.running import run
    from aiir_eval.suites.building import build_suite
    from aiir_eval.targets.making import make_target

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_judge.py").write_text(
        "def good(question):\n    return 'fine'\n\n"
        "def better(question):\n    return 'fine '\n\n"
        "def is_fine(answer):\n    return answer.output.startswith('fine')\n"
    )
    incident = load_register(shipped_corpus()).incidents["AIR-CANADA-2022"]
    suite = build_suite([incident], name="s", trials=60, adjacent=0)
    scorer = "python:own_judge:is_fine"
    cases = [
        case.model_copy(update={"checks": [{"scorer": scorer, "name": "fine"}]})
        for case in suite.cases
        if case.origin == "incident"
    ]
    suite = suite.model_copy(update={"cases": cases})
    old, new = (
        run(suite, make_target(f"python:own_judge:{name}"), allow_python=[scorer])
        for name in ("good", "better")
    )
    claim = {"name": "fixed", "failure_rate_below": 0.05}
    policy = Policy.model_validate({"claims": [claim]})
    incidents = {incident.id: incident}
    comparison = compare(old, new)
    assert gate(comparison, policy, incidents=incidents).verdict == "inconclusive"
    shown = gate(comparison, policy, incidents=incidents, allow_python=[scorer])
    assert shown.verdict == "pass"


def test_slices_may_be_adjusted_by_max_t(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, broken in (("old", 0), ("new", 12)):
        rows = [f"{i:03},{int(not (i < broken))},{'ab'[i % 2]}" for i in range(100)]
        (tmp_path / f"{name}.csv").write_text("id,ok,kind\n" + "\n".join(rows) + "\n")
    arguments = (
        "compare", str(tmp_path / "old.csv"), str(tmp_path / "new.csv"), "--id", "id", "--passed",
        "ok", "--by-column", "kind", "--format", "json",
    )  # fmt: skip
    bh, joint = (
        json.loads(call(capsys, *arguments, *more)[1]) for more in ((), ("--adjust", "max-t"))
    )
    adjusted = [[item["pvalue_adjusted"] for item in found["slices"]] for found in (bh, joint)]
    assert adjusted[0] != adjusted[1]
    assert bh["difference"] == joint["difference"]
    assert call(capsys, *arguments, "--adjust", "none")[0] == 2
