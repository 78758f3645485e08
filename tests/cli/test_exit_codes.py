"""Exit codes, and what stands on stdout beside them: 2, 5, 4, 1, 3, 0, in this order of weight."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import AIIR, Aiir, changed, console, program, saying, suite

Recorded = Callable[..., str]
Policy = Callable[..., str]

NO_LOSS = {"non_inferior": {"margin": 0.05}}
NO_FAILURE = {"max_failures": 0}
CLOSED = ("--base-url", "http://127.0.0.1:9/v1")  # the discard port: nobody listens


def gate(aiir: Aiir, baseline: str, candidate: str, *options: object) -> tuple[int, Any]:
    """The exit code and the JSON, which say the same."""
    said = aiir(
        "gate", "--baseline", baseline, "--candidate", candidate, "--format", "json", *options
    )
    assert said.json["exit_code"] == said.code
    return said.code, said.json


def reasons(verdict: Any) -> str:
    return " ".join(claim["reason"] for claim in verdict["claims"])


# ---- one thing at a time


def test_a_gate_passes_fails_or_stays_open_by_its_exit_code(
    aiir: Aiir, recorded: Recorded, policy: Policy
) -> None:
    good, same = recorded("good", [1] * 200), recorded("same", [1] * 200)
    worse, few = recorded("worse", [0] * 60 + [1] * 140), recorded("few", [1] * 10)
    few_too = recorded("few_too", [1] * 10)
    no_loss = policy(NO_LOSS)
    assert gate(aiir, good, same, "--policy", no_loss)[0] == 0
    assert gate(aiir, good, worse, "--policy", no_loss)[0] == 1
    assert gate(aiir, few, few_too, "--policy", no_loss)[0] == 3
    assert gate(aiir, good, good, "--policy", no_loss)[0] == 4


def test_different_case_sets_are_invalid_to_the_gate_and_a_conclusion_to_compare(
    aiir: Aiir, recorded: Recorded
) -> None:
    old, new = recorded("old", [1] * 40), recorded("new", [1] * 41)
    code, verdict = gate(aiir, old, new)
    assert code == 4 and "case sets differ" in reasons(verdict)
    said = aiir("compare", old, new, "--format", "json")
    assert said.code == 0
    assert said.json["conclusion"] == "invalid"
    assert said.json["comparability"]["ok"] is False
    for finding in said.json["findings"]:
        assert list(finding) == ["code", "severity", "message", "evidence"]
        assert finding["severity"] in {"info", "warning", "error"}
    assert "case_set_differs" in {finding["code"] for finding in said.json["findings"]}


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_run_that_did_not_finish_never_passes(
    aiir: Aiir, recorded: Recorded, policy: Policy, status: str, side: int
) -> None:
    runs = [recorded("old", [1] * 60), recorded("new", [1] * 60)]
    assert gate(aiir, *runs, "--policy", policy(NO_FAILURE))[0] == 0
    runs[side] = changed(runs[side], "unfinished", status=status)
    code, verdict = gate(aiir, *runs, "--policy", "policy.yaml")
    assert code == 4 and "incomplete" in reasons(verdict)


def test_the_same_target_twice_is_invalid_unless_it_is_on_purpose(
    aiir: Aiir, here: Path, policy: Policy
) -> None:
    ok, cases = saying("ok"), suite()
    for name in ("old", "new"):
        assert aiir("run", cases, "--target", ok, "-o", name).code == 0
    code, verdict = gate(aiir, "old", "new", "--policy", policy(NO_FAILURE))
    assert code == 4 and "same target" in reasons(verdict)
    assert gate(aiir, "old", "new", "--policy", "policy.yaml", "--aa")[0] == 0
    assert gate(aiir, ok, ok, "--suite", cases, "--policy", "policy.yaml")[0] == 4


def test_a_target_that_always_errors_is_a_complete_run_and_an_invalid_candidate(
    aiir: Aiir, here: Path, policy: Policy
) -> None:
    broken = program("def answer(question):\n    raise RuntimeError('out of order')\n") + ":answer"
    cases = suite()
    ran = aiir("run", cases, "--target", broken, "-o", "broken", "--format", "json")
    assert ran.code == 0 and ran.json["status"] == "complete"
    assert aiir("run", cases, "--target", saying("ok"), "-o", "good").code == 0
    for sides in (("good", "broken"), ("broken", "good")):
        code, verdict = gate(aiir, *sides, "--policy", policy(NO_FAILURE, max_error_rate=0.9))
        assert code == 4 and "out of order" in reasons(verdict)


def test_errors_above_the_allowed_rate_are_invalid_and_below_it_they_are_failures(
    aiir: Aiir, here: Path, policy: Policy
) -> None:
    flaky = program(
        "def answer(question):\n"
        "    if question.endswith('7'):\n        raise RuntimeError('out of order')\n"
        "    return 'ok'\n"
    )
    cases = suite(n=40)
    assert aiir("run", cases, "--target", f"{flaky}:answer", "-o", "flaky").code == 0
    assert aiir("run", cases, "--target", saying("ok"), "-o", "good").code == 0
    code, verdict = gate(aiir, "good", "flaky", "--policy", policy(NO_FAILURE))
    assert code == 4 and "4 of 40 trials of the candidate errored" in reasons(verdict)
    code, verdict = gate(aiir, "good", "flaky", "--policy", policy(NO_FAILURE, max_error_rate=0.2))
    assert code == 1 and verdict["claims"][0]["estimate"] == 4


def test_an_endpoint_that_does_not_answer_is_code_5_and_the_run_can_be_resumed(
    aiir: Aiir, here: Path
) -> None:
    said = aiir("run", suite(), "--target", "openai:m", *CLOSED, "-o", "run", "--format", "json")
    assert said.code == 5 and said.out == ""
    assert "cannot be reached at http://127.0.0.1:9/v1" in said.err
    assert "0 of 20 trials are done and kept in run" in said.err
    resume = (
        f"aiir run suite.yaml --target openai:m {' '.join(CLOSED)} -o run --format json --resume"
    )
    assert resume in said.err
    assert json.loads(Path("run/run.json").read_text())["status"] == "failed"
    assert aiir(*resume.split()[1:]).code == 5
    assert gate(aiir, "run", "run")[0] == 4


def test_what_can_be_computed_is_code_0_whatever_it_says(aiir: Aiir, recorded: Recorded) -> None:
    old, new = recorded("old", [1] * 80), recorded("new", [0] * 80)
    said = aiir("compare", old, new, "--format", "json")
    assert (said.code, said.json["conclusion"]) == (0, "regressed")
    said = aiir("drift", old, new, "--format", "json")
    assert (said.code, said.json["conclusion"]) == (0, "drift")


# ---- several at once


def test_bad_input_beats_an_unreachable_target_on_either_side(
    aiir: Aiir, recorded: Recorded, policy: Policy
) -> None:
    good, cases = recorded("good", [1] * 20), suite("cases.yaml")
    policy({"max_failures": -1})
    unreachable = ("--suite", cases, *CLOSED)
    for sides in (("openai:m", "nowhere"), ("nowhere", "openai:m")):
        said = aiir("gate", "--baseline", sides[0], "--candidate", sides[1], *unreachable)
        assert said.code == 2 and "nowhere" in said.err
    for bad in (
        ("--policy", "policy.yaml"),
        ("--incidents", "nodir"),
        ("--junit", "good"),
        ("--html", "good.csv/report.html"),
        ("-o", "."),
        ("--tools", "good.csv"),
        ("--prompt", "none.txt"),
        ("--param", "n=2"),
    ):
        said = aiir(
            "gate", "--baseline", "openai:m", "--candidate", good, *unreachable, *bad,
            "--format", "json",
        )  # fmt: skip
        assert said.code == 2, (bad, said.err)
        assert said.out == ""


def test_an_unreachable_target_beats_an_invalid_or_failing_other_side(
    aiir: Aiir, recorded: Recorded
) -> None:
    unfinished = changed(recorded("old", [0] * 20), "unfinished", status="failed")
    for sides in ((unfinished, "openai:m"), ("openai:m", unfinished)):
        said = aiir(
            "gate", "--baseline", sides[0], "--candidate", sides[1],
            "--suite", suite("cases.yaml"), *CLOSED, "--format", "json",
        )  # fmt: skip
        assert (said.code, said.out) == (5, "")


def test_invalid_beats_fail_beats_inconclusive_beats_pass(
    aiir: Aiir, recorded: Recorded, policy: Policy
) -> None:
    old, new = recorded("old", [1] * 30), recorded("new", [1] * 29 + [0])
    claims = {
        0: {"max_failures": 5},
        3: NO_LOSS,
        1: NO_FAILURE,
        4: {"max_failures": 0, "select": {"incident_id": "none"}},
    }
    order = [4, 1, 3, 0]
    for n, heaviest in enumerate(order):
        chosen = [claims[code] for code in reversed(order[n:])]
        code, verdict = gate(aiir, old, new, "--policy", policy(*chosen))
        assert code == heaviest, verdict["claims"]


def test_a_store_that_cannot_be_reached_does_not_swallow_the_verdict(
    aiir: Aiir, recorded: Recorded, policy: Policy
) -> None:
    old, new = recorded("old", [1] * 30), recorded("new", [0] * 30)
    said = aiir(
        "gate", "--baseline", old, "--candidate", new, "--policy", policy(NO_FAILURE),
        "--mlflow", "http://somebody:hunter2222@127.0.0.1:9", "-o", "v.json", "--junit", "j.xml",
        "--format", "json",
    )  # fmt: skip
    assert said.code == 5
    assert said.json["verdict"] == "fail"
    assert Path("v.json").exists() and Path("j.xml").exists()
    assert "the verdict stands" in said.err and "hunter2222" not in said.err


# ---- JSON


DIFFERENCE = {
    "estimate", "standard_error", "confidence_interval", "confidence_level", "pvalue",
    "pvalue_exact", "method",
}  # fmt: skip
COMPARISON = [
    "conclusion", "n_cases", "n_clusters", "n_trials", "baseline", "candidate", "difference",
    "flips", "checks", "non_inferiority", "minimum_detectable_effect", "slices", "findings",
    "comparability",
]  # fmt: skip


def check_comparison(result: Any) -> None:
    """The keys of the contract, exactly."""
    assert list(result) == COMPARISON
    assert set(result["n_trials"]) == {"baseline", "candidate"}
    for side in ("baseline", "candidate"):
        assert set(result[side]) == {"pass_rate", "confidence_interval"}
    assert set(result["difference"]) == DIFFERENCE
    assert set(result["flips"]) == {"broke", "fixed"}
    for check in result["checks"]:
        assert set(check) == {"check", "difference", "flips", "conclusion"}
        assert set(check["difference"]) == DIFFERENCE
    assert set(result["non_inferiority"]) == {"margin", "pvalue", "lower_bound", "holds"}
    assert result["slices"]
    for part in result["slices"]:
        assert set(part) == {
            "by", "value", "n_cases", "difference", "confidence_interval", "pvalue",
            "pvalue_adjusted", "conclusion",
        }  # fmt: skip
    for finding in result["findings"]:
        assert set(finding) == {"code", "severity", "message", "evidence"}
    assert set(result["comparability"]) == {"ok", "problems"}


@pytest.fixture
def sliced(aiir: Aiir, here: Path) -> tuple[str, str]:
    """Two runs with a column to slice by."""
    for name, failing in (("old", 3), ("new", 30)):
        rows = [f"c{i},{int(i >= failing)},{'ab'[i % 2]},{i / 7}" for i in range(120)]
        Path(f"{name}.csv").write_text("\n".join(["id,ok,lang,seconds", *rows]) + "\n")
        assert not aiir(
            "import", "table", f"{name}.csv", "--id", "id", "--passed", "ok",
            "--by-column", "lang", "--latency", "seconds", "-o", name,
        ).code  # fmt: skip
    return "old", "new"


def test_the_json_of_compare_and_gate_has_exactly_the_keys_of_the_contract(
    aiir: Aiir, sliced: tuple[str, str], policy: Policy
) -> None:
    said = aiir("compare", *sliced, "--margin", "0.02", "--by", "lang", "--format", "json")
    check_comparison(said.json)
    metric = {"metric": "latency_s", "quantile": 0.5, "ratio_below": 1.2}
    code, verdict = gate(aiir, *sliced, "--policy", policy(NO_LOSS, NO_FAILURE, metric))
    assert code == 1
    assert list(verdict) == ["verdict", "exit_code", "claims", "comparison", "evidence"]
    for claim in verdict["claims"]:
        assert list(claim) == [
            "name", "verdict", "estimate", "confidence_interval", "pvalue", "pvalue_adjusted",
            "needed", "reason",
        ]  # fmt: skip
        assert len(claim["confidence_interval"]) == 2
    check_comparison(verdict["comparison"])


def test_an_open_claim_says_what_it_needs(aiir: Aiir, recorded: Recorded, policy: Policy) -> None:
    code, verdict = gate(
        aiir, recorded("old", [1] * 9), recorded("new", [1] * 9), "--policy", policy(NO_LOSS)
    )
    assert code == 3
    needed = verdict["claims"][0]["needed"]
    assert set(needed) == {"cases", "trials"} and needed["cases"] > 9


def test_the_json_of_drift_has_exactly_the_keys_of_the_contract(
    aiir: Aiir, sliced: tuple[str, str]
) -> None:
    result = aiir("drift", "old.csv", "new.csv", "--format", "json").json
    assert list(result) == ["conclusion", "n_reference", "n_current", "columns"]
    assert {column["column"] for column in result["columns"]} >= {"ok", "lang", "seconds"}
    for column in result["columns"]:
        assert list(column) == [
            "column", "kind", "test", "statistic", "statistics", "pvalue", "pvalue_adjusted",
            "effect", "minimum_detectable_effect", "drifted",
        ]  # fmt: skip
        assert list(column["effect"]) == ["name", "estimate", "confidence_interval"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("suite", "show", "cases.yaml"),
        ("suite", "lint", "cases.yaml"),
        ("incident", "list"),
        ("incident", "show", "DPD-2024"),
        ("incident", "validate"),
        ("run", "cases.yaml", "--target", "recorded:old", "-o", "again"),
        ("compare", "old", "new"),
        ("gate", "--baseline", "old", "--candidate", "new"),
        ("drift", "old", "new"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_json_on_stdout_is_only_json_and_text_is_text(
    aiir: Aiir, here: Path, arguments: tuple[str, ...]
) -> None:
    suite("cases.yaml")
    for name in ("old", "new"):
        assert aiir("run", "cases.yaml", "--target", saying(f"ok {name}"), "-o", name).code == 0
    said = aiir(*arguments, "--format", "json")
    assert isinstance(said.json, dict | list)
    if "again" in arguments:
        arguments = (*arguments[:-1], "once more")
    for format_ in ("text", "markdown"):
        again = aiir(*arguments, "--format", format_, *["--resume"] * ("run" in arguments))
        assert again.code == said.code and again.out.strip()
        with pytest.raises(ValueError):
            again.json  # noqa: B018


def test_help_and_usage_errors_name_the_option(aiir: Aiir, here: Path) -> None:
    assert aiir("--help").code == 0
    assert aiir("gate", "--help").code == 0
    for arguments, named in (
        (("gate", "--baseline", "x"), "--candidate"),
        (("gate", "--format", "xml"), "xml"),
        (("drift", "a"), "CURRENT"),
        (("suite", "nope"), "nope"),
        (("compare", "a", "b", "--margn", "1"), "--margn"),
    ):
        said = aiir(*arguments)
        assert (said.code, said.out) == (2, "") and named in said.err


# ---- who reads, and where


def closed_pipe(*arguments: object, **options: Any) -> tuple[int, bytes]:
    """``aiir ... | head`` where head leaves before the first line: exit code, and stderr."""
    process = console(*arguments, **options)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    return process.wait(60), said


@pytest.mark.parametrize(("candidate", "code"), [("same", 0), ("worse", 1)])
def test_a_reader_who_leaves_changes_no_exit_code_and_hides_no_file(
    recorded: Recorded, policy: Policy, candidate: str, code: int
) -> None:
    recorded("good", [1] * 100), recorded("same", [1] * 100), recorded("worse", [0] * 100)
    policy(NO_FAILURE)
    arguments = ("--baseline", "good", "--candidate", candidate, "--policy", "policy.yaml")
    found, said = closed_pipe("gate", *arguments, "--format", "json", "-o", "v.json")
    assert (found, said) == (code, b"saved v.json\n")
    assert json.loads(Path("v.json").read_text())["exit_code"] == code


def test_help_into_a_closed_pipe_and_a_closed_stdout_say_nothing(recorded: Recorded) -> None:
    assert closed_pipe("--help") == (0, b"")
    old, new = recorded("old", [1] * 9), recorded("new", [1] * 9)
    closed = subprocess.run(
        f"{AIIR} compare {old} {new} >&-",
        shell=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (closed.returncode, closed.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_result_that_finds_no_room_is_an_error_and_a_note_that_finds_none_is_not(
    recorded: Recorded,
) -> None:
    compare = ("compare", recorded("old", [1] * 9), recorded("new", [1] * 9), "--format", "json")
    with open("/dev/full", "wb") as full:
        process = console(*compare, stdout=full)
        assert process.communicate(timeout=60)[1] == b"error: No space left on device\n"
        assert process.returncode == 2
        process = console(*compare, "-o", "c.json", stderr=full)
        assert json.loads(process.communicate(timeout=60)[0])["n_cases"] == 9
        assert process.returncode == 0


def test_an_output_that_cannot_hold_every_character_gets_escapes(recorded: Recorded) -> None:
    table = [f"é{i},{i % 2}" for i in range(30)]
    for name in ("old", "new"):
        Path(f"{name}.csv").write_text("\n".join(["id,ok", *table, f"{name},1"]), encoding="utf-8")
    compare = ("compare", "old.csv", "new.csv", "--id", "id", "--passed", "ok")
    process = console(*compare, "--format", "json", env={"PYTHONIOENCODING": "latin-1"})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out.decode("ascii"))["conclusion"] == "invalid"
    process = console(*compare, env={"PYTHONIOENCODING": "latin-1"})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"") and b"INVALID" in out


def on_a_terminal(*arguments: object, **environment: str) -> bytes:
    """What ``aiir`` writes to a terminal."""
    leader, follower = pty.openpty()
    process = console(*arguments, stdout=follower, env={"TERM": "xterm-256color", **environment})
    os.close(follower)
    written = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            written += os.read(leader, 65536)
        except OSError:  # the other end was closed
            break
    os.close(leader)
    process.communicate(timeout=60)
    return written


def test_colour_is_for_terminals_and_for_nobody_who_set_no_color(recorded: Recorded) -> None:
    compare = ("compare", recorded("old", [1] * 60), recorded("new", [0] * 60))
    assert b"\x1b[" in on_a_terminal(*compare, NO_COLOR="")
    plain = on_a_terminal(*compare, NO_COLOR="1")
    assert b"REGRESSED" in plain and b"\x1b" not in plain
