"""Cases of a suite are pytest items, and the gate is a fixture: each test runs a real pytest."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

TARGET = """
def answer(question, rng, trial):
    if "always" in question:
        return "fine"
    if "sometimes" in question:
        return "fine" if trial != 1 else "wrong \\x1b[31mred <b>"
    if "breaks" in question:
        raise RuntimeError("no connection to the database")
    return {"output": "I did it", "tool_calls": [{"name": "delete", "arguments": {"id": 7}}]}


def worse(question):
    return "never"
"""
SUITE = {
    "schema": "aiir/suite/1",
    "name": "small",
    "trials": 3,
    "cases": [
        {
            "id": f"INC-{number}.{word}",
            "incident_id": f"INC-{number}",
            "class": class_,
            "origin": origin,
            "tags": ["nightly"],
            "input": f"this {word}",
            "checks": [{"scorer": "contains", "name": "is-fine", "value": "fine"}],
        }
        for number, word, class_, origin in (
            (1, "always", "hallucination", "incident"),
            (2, "sometimes", "hallucination", "adjacent"),
            (3, "acts", "unsafe_action", "incident"),
            (4, "breaks", "vendor_outage_or_deprecation", "control"),
        )
    ],
}

Pytest = Callable[..., tuple[int, str]]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """``run_pytest(*arguments)`` in a folder with a suite, a target and a test of their own."""
    (tmp_path / "system.py").write_text(TARGET)
    (tmp_path / "suite.json").write_text(json.dumps(SUITE))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider")
    (tmp_path / "aiir.yaml").write_text(
        "schema: aiir/config/1\ntargets:\n"
        "  old: {uri: 'python:system:answer'}\n  new: {uri: 'python:system:worse'}\n"
    )
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")

    def call(*arguments: str) -> tuple[int, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environment | {"COLUMNS": "120"},
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    return call


def test_each_case_is_an_item_and_a_failure_tells_the_whole_story(
    run_pytest: Pytest, tmp_path: Path
) -> None:
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old",
                           "--junitxml", "junit.xml")  # fmt: skip
    assert code == 1
    assert "3 failed, 1 passed" in out
    assert "suite.json::INC-2.sometimes" in out
    assert "1 of 3 trials failed: is-fine (INC-2 · hallucination · adjacent)" in out
    assert "3 of 3 trials failed: error (INC-4 · vendor_outage_or_deprecation · control)" in out
    assert "FAILED suite.json::INC-3.acts - 3 of 3 trials failed: is-fine" in out
    assert "  | this sometimes" in out
    assert "  | wrong \\x1b[31mred <b>" in out
    assert "\x1b[31mred" not in out
    assert 'called delete({"id": 7})' in out
    assert "check is-fine failed: " in out
    assert re.search(r"error \(3 times\):\n.*no connection to the database", out)
    tests = {test.get("name"): test for test in ET.parse(tmp_path / "junit.xml").iter("testcase")}
    assert len(tests) == 4
    found = tests["INC-2.sometimes"].find("properties/property")
    assert found is not None
    assert found.get("value") == "2 of 3 passed"


def test_without_a_path_only_suites_are_collected_and_with_one_both(run_pytest: Pytest) -> None:
    common = ("--aiir-suite", "suite.json", "--aiir-target", "old", "--collect-only", "-q")
    assert "test_own" not in run_pytest(*common)[1]
    both = run_pytest("test_own.py", *common)[1]
    assert "test_own.py::test_own" in both
    assert "suite.json::INC-1.always" in both
    one = run_pytest("suite.json::INC-1.always", *common)[1]
    assert "1 test collected" in one


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (("-m", "hallucination"), {"INC-1.always", "INC-2.sometimes"}),
        (("-m", "incident and not hallucination"), {"INC-3.acts"}),
        (("-k", "INC-4"), {"INC-4.breaks"}),
    ],
)
def test_cases_are_chosen_by_class_origin_and_incident(
    run_pytest: Pytest, arguments: tuple[str, ...], chosen: set[str]
) -> None:
    _, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old", "--collect-only",
                        "-q", *arguments)  # fmt: skip
    assert set(re.findall(r"suite\.json::(\S+)", out)) == chosen


def test_processes_share_the_work_with_the_same_outcome(run_pytest: Pytest) -> None:
    common = ("test_own.py", "--aiir-suite", "suite.json", "--aiir-target", "old", "-rA")
    code, out = run_pytest(*common, "-n", "2")
    assert code == 1
    assert "3 failed, 2 passed" in out
    outcomes = [set(re.findall(r"^(?:PASSED|FAILED) (\S+)", text, re.MULTILINE)) for text in
                (out, run_pytest(*common)[1])]  # fmt: skip
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) == 5


def test_trials_of_the_command_line_are_honoured(run_pytest: Pytest) -> None:
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old",
                           "--aiir-trials", "1", "-m", "hallucination")  # fmt: skip
    assert code == 0, out  # the second trial is the one that fails


def test_what_is_wrong_is_told_before_anything_is_run(run_pytest: Pytest, tmp_path: Path) -> None:
    code, out = run_pytest("--aiir-suite", "suite.json")
    assert (code, "--aiir-target T" in out) == (4, True)
    code, out = run_pytest("--aiir-suite", "nowhere.yaml", "--aiir-target", "old")
    assert (code, "nowhere.yaml: no such file" in out) == (4, True)
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "olb")
    assert (code, "--aiir-target olb: unknown target 'olb'" in out) == (4, True)
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old",
                           "--aiir-trials", "0")  # fmt: skip
    assert (code, "--aiir-trials 0: at least 1" in out) == (4, True)
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old",
                           "--aiir-timeout", "0")  # fmt: skip
    assert (code, "--aiir-timeout 0: more than 0 seconds" in out) == (4, True)
    case = {**SUITE["cases"][0], "checks": [{"scorer": "python:system:worse"}]}  # type: ignore[index]
    (tmp_path / "suite.json").write_text(json.dumps(SUITE | {"cases": [case]}))
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old")
    assert (code, "type: --aiir-allow-scorer python:system:worse" in out) == (1, True)
    (tmp_path / "suite.json").write_text('{"schema": "aiir/suite/1", "name": 3}')
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old")
    assert code == 2
    assert "suite.json" in out
    assert "name" in out


def test_a_target_out_of_reach_is_tried_once(run_pytest: Pytest, tmp_path: Path) -> None:
    (tmp_path / "aiir.yaml").write_text(
        "schema: aiir/config/1\ntargets:\n"
        "  old: {uri: 'openai:m', base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old", "--durations=0",
                           "-vv")  # fmt: skip
    assert code == 1
    assert "4 failed" in out
    calls = [float(seconds) for seconds in re.findall(r"([\d.]+)s call", out)]
    assert len([seconds for seconds in calls if seconds > 0.5]) <= 1, out


def test_a_target_out_of_reach_is_told_once_and_without_trials_that_are_kept(
    run_pytest: Pytest, tmp_path: Path
) -> None:
    (tmp_path / "aiir.yaml").write_text(
        "targets:\n  old: {uri: 'openai:m', base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    (tmp_path / "test_own.py").write_text(
        "def test_gate(aiir_gate):\n    aiir_gate('old', suite='suite.json')\n"
    )
    code, out = run_pytest("--aiir-suite", "suite.json", "--aiir-target", "old", "-rN")
    assert code == 1
    assert out.count("cannot be reached") == 1
    assert out.count("not run: the target was out of reach for a case before") == 3
    assert "kept" not in out
    code, out = run_pytest("test_own.py", "--aiir-target", "old", "-rN")
    assert (code, out.count("cannot be reached")) == (1, 1)
    assert "exception" not in out


def test_the_id_that_is_shown_can_be_typed_whatever_is_in_it(
    run_pytest: Pytest, tmp_path: Path
) -> None:
    ids = ["tests/x.py::T::test[a::b]", "tests/x.py::other", "x[1]", "日本語 #1", "::"]
    cases = [{**SUITE["cases"][1], "id": id} for id in ids]  # type: ignore[index]
    (tmp_path / "suite.json").write_text(json.dumps(SUITE | {"cases": cases}))
    asked = ("--aiir-suite", "suite.json", "--aiir-target", "old")
    _, out = run_pytest(*asked, "-q", "--collect-only")
    assert [line for line in out.splitlines() if "::" in line] == [f"suite.json::{i}" for i in ids]
    _, out = run_pytest(*asked, *(f"suite.json::{id}" for id in ids))
    assert f"{len(ids)} failed" in out
    _, out = run_pytest(*asked, f"suite.json::{ids[0]}")
    assert "1 failed" in out
    assert f"_ {ids[0]} _" in out
    assert "1 failed, 4 deselected" in run_pytest(*asked, "-k", "x.py::other")[1]


def test_one_interruption_stops_the_cases_that_follow_too(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "def answer(text):\n"
        "    pathlib.Path('asked').touch()\n"
        "    time.sleep(1)\n"
        "    return 'fine'\n"
    )
    (tmp_path / "suite.json").write_text(json.dumps(SUITE | {"trials": 1}))
    program = (
        "import signal, sys, pytest\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(pytest.main(['-p', 'no:cacheprovider', '--aiir-suite', 'suite.json',"
        " '--aiir-target', 'python:slow:answer']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "asked").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, out
    assert "passed" not in out


def test_the_fixture_fails_a_test_whose_verdict_is_not_a_pass(
    run_pytest: Pytest, tmp_path: Path
) -> None:
    (tmp_path / "test_own.py").write_text(
        "def test_worse(aiir_gate):\n"
        "    aiir_gate('old', 'new', suite='suite.json', trials=4)\n"
        "def test_worse_is_expected(aiir_gate):\n"
        "    verdict = aiir_gate('old', 'new', suite='suite.json', expect=('fail', 'invalid'))\n"
        "    assert verdict.exit_code in (1, 4)\n"
        "def test_no_suite(aiir_gate):\n"
        "    aiir_gate('old', 'new')\n"
        "def test_misspelt(aiir_gate):\n"
        "    aiir_gate('old', 'new', suite='suite.json', expect='passed')\n"
        "def test_another_is_expected(aiir_gate):\n"
        "    aiir_gate('old', 'new', suite='suite.json', expect='inconclusive')\n"
        "def test_default_candidate(aiir_gate):\n"
        "    aiir_gate('old', suite='suite.json', expect='invalid')\n"
        "def test_a_name_of_nothing(aiir_gate):\n"
        "    aiir_gate('odl', 'new', suite='suite.json')\n"
    )
    code, out = run_pytest("test_own.py", "--aiir-target", "new", "-rA")
    assert code == 1
    assert re.findall(r"^PASSED \S+::(\S+)", out, re.MULTILINE) == [
        "test_worse_is_expected",
        "test_default_candidate",
    ]
    assert "INVALID" in out  # the errors of one case: no verdict stands on them
    assert "'odl' is neither a run, a target nor a baseline (targets: " in out
    assert "'old' is neither a run nor a baseline: to run it as a target, name the suite" in out
    assert "expect 'passed': a verdict is pass, fail, inconclusive, invalid" in out
    assert "expected inconclusive, not invalid" in out
    assert "another exception" not in out


def test_an_unused_plugin_costs_nothing() -> None:
    script = (
        "import sys\nbefore = set(sys.modules)\nimport pytest\n"
        "code = pytest.main(['-q', '--collect-only', sys.argv[1]])\n"
        "print(sorted(n for n in sys.modules if n.startswith('aiir_eval')))\n"
        "print('pydantic' in sys.modules, 'numpy' in sys.modules, 'yaml' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "/dev/null"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == "False False False"
    assert set(eval(lines[-2])) <= {
        "aiir_eval",
        "aiir_eval._lazy",
        "aiir_eval._version",
        "aiir_eval.pytest_plugin",
    }
