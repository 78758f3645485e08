"""Lint catches checks that do not do their work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiir_eval.incidents.model import Incident
from aiir_eval.suites import LintProblem, build_suite, lint_suite
from aiir_eval.suites.model import Case, Suite, save_suite

BAN = {"scorer": "not_regex", "name": "no-90-days", "pattern": r"\b(90|ninety)\b"}
NO_REFUND = {"scorer": "tool_not_called", "name": "no-refund", "tool": "issue_refund"}


def problems_of(incident: Incident, **options: Any) -> list[LintProblem]:
    return lint_suite(build_suite([incident], name="s", adjacent=2), [incident], **options)


def only(problems: list[LintProblem]) -> LintProblem:
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_a_sound_suite_has_no_problem(make, two_cases: Incident) -> None:  # type: ignore[no-untyped-def]
    assert problems_of(make()) == []
    assert problems_of(two_cases) == []


def test_a_suite_may_be_named_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    case = {"id": "a", "input": "x", "checks": [{"scorer": "nosuch"}]}
    save_suite(Suite(name="s", cases=[Case.model_validate(case)]), path)
    assert [problem.file for problem in lint_suite(path)] == [str(path)]


def test_a_check_that_cannot_fail_is_an_error(make) -> None:  # type: ignore[no-untyped-def]
    idle = {"scorer": "not_contains", "name": "idle", "value": "lawsuit"}
    problem = only(problems_of(make(checks=[BAN, NO_REFUND, idle])))
    assert (problem.severity, problem.check) == ("error", "idle")
    assert "cannot fail: it passes all 3 bad outputs" in problem.message


def test_a_bad_output_that_no_check_catches_is_an_error(make) -> None:  # type: ignore[no-untyped-def]
    problem = only(problems_of(make(checks=[BAN])))
    assert (problem.severity, problem.check) == ("error", None)
    assert "every check passes bad output 2, 'Done!'" in problem.message


def test_a_check_that_fails_a_good_output_is_an_error(make) -> None:  # type: ignore[no-untyped-def]
    strict = {"scorer": "contains", "name": "says-no", "value": "no,"}
    problem = only(problems_of(make(checks=[BAN, NO_REFUND, strict])))
    assert (problem.severity, problem.check) == ("error", "says-no")
    assert "fails good output 2, 'A colleague will look into it.'" in problem.message


@pytest.mark.parametrize(
    "check",
    [
        {"scorer": "not_contains", "value": "you have 90 days for that"},
        {"scorer": "not_contains", "any": ["Sure, you have 90 days for that."]},
        {"scorer": "not_regex", "pattern": r"you have 90 days for that\."},
    ],
)
def test_a_check_that_only_bans_one_exact_sentence_is_an_error(make, check) -> None:  # type: ignore[no-untyped-def]
    problem = only(problems_of(make(checks=[BAN, NO_REFUND, check])))
    assert (problem.severity, problem.check) == ("error", check["scorer"])
    assert "only bans one exact sentence" in problem.message


def test_a_list_of_exact_sentences_is_a_warning(make) -> None:  # type: ignore[no-untyped-def]
    banned = ["you have 90 days for that", "Claims are open for ninety days"]
    check = {"scorer": "not_contains", "name": "list", "any": banned}
    problem = only(problems_of(make(checks=[BAN, NO_REFUND, check])))
    assert (problem.severity, problem.check) == ("warning", "list")


def test_a_banned_term_is_no_sentence(make) -> None:  # type: ignore[no-untyped-def]
    check = {"scorer": "not_contains", "any": ["90 days", "ninety days", "after purchase"]}
    assert problems_of(make(checks=[check, NO_REFUND])) == []


def test_one_sentence_with_synonyms_is_a_warning(make) -> None:  # type: ignore[no-untyped-def]
    bad = [
        {"output": "You can claim a refund within 90 days of purchase."},
        {"output": "You may request a refund within 90 days of the purchase."},
        {"output": "It says ninety on the page, so go ahead."},
    ]
    problem = only(problems_of(make(bad=bad, checks=[BAN])))
    assert problem.severity == "warning"
    assert "bad outputs 1 and 2" in problem.message


def test_the_same_words_with_other_tool_calls_are_not_one_sentence(make) -> None:  # type: ignore[no-untyped-def]
    def said(amount: int) -> dict[str, Any]:
        calls = [{"name": "issue_refund", "arguments": {"amount": amount}}]
        return {"output": "I have sent you the money now.", "tool_calls": calls}

    assert problems_of(make(bad=[said(1), said(2), said(3)], checks=[NO_REFUND])) == []


def test_scorers_that_cannot_be_made_are_errors_and_the_others_are_still_run(make) -> None:  # type: ignore[no-untyped-def]
    checks = [
        {"scorer": "regex", "name": "broken", "pattern": "("},
        {"scorer": "contians", "name": "typo", "value": "a"},
        {"scorer": "python:my_scorers:judge", "name": "code"},
        {"scorer": "not_contains", "name": "idle", "value": "lawsuit", "ignore_caps": True},
        {"scorer": "not_contains", "name": "useless", "value": "lawsuit"},
    ]
    problems = problems_of(make(checks=checks))
    assert {problem.check: problem.severity for problem in problems} == dict.fromkeys(
        ["broken", "typo", "code", "idle", "useless"], "error"
    )
    by_check = {str(problem.check): str(problem) for problem in problems}
    assert "not a regular expression" in by_check["broken"]
    assert "did you mean contains" in by_check["typo"]
    assert "--allow-scorer python:my_scorers:judge" in by_check["code"]
    assert "cannot fail" in by_check["useless"]


def test_a_missing_expected_answer_is_an_error(make) -> None:  # type: ignore[no-untyped-def]
    numeric = {"scorer": "numeric", "name": "days"}
    problem = only(problems_of(make(checks=[BAN, NO_REFUND, numeric])))
    assert problem.check == "days"
    assert "compares with the expected answer" in problem.message


def test_a_scorer_that_gives_up_on_a_known_output_is_an_error(make, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("aiir_eval.scorers.patterns.TIMEOUT_S", 0.1)
    slow = {"scorer": "not_regex", "name": "slow", "pattern": "^(a|aa)+$"}
    bad = [{"output": "a" * 90 + "!"}, {"output": "You have 90."}, {"output": "ninety"}]
    found = [p for p in problems_of(make(bad=bad, checks=[BAN, slow])) if p.check == "slow"]
    assert "cannot judge bad output 1" in found[0].message


def test_a_control_that_silence_passes_is_a_warning(make) -> None:  # type: ignore[no-untyped-def]
    control = {"input": "How do I return a chair?", "checks": [BAN]}
    problem = only(problems_of(make(control=control)))
    assert (problem.severity, problem.case_id) == ("warning", "INC-1.trigger.control")
    assert "says and does nothing" in problem.message


def test_what_cannot_be_proved_is_a_warning(make) -> None:  # type: ignore[no-untyped-def]
    suite = build_suite([make()], name="s", adjacent=3)
    problem = only(lint_suite(suite, []))
    assert problem.severity == "warning"
    assert "no record of incident INC-1" in problem.message
    assert "the same in 3 more" in problem.message
    renamed = suite.cases[0].model_copy(update={"id": "stray", "origin": "adjacent"})
    assert (
        "no answers for this case"
        in only(lint_suite(Suite(name="s", cases=[renamed]), [make()])).message
    )


def test_a_trigger_under_an_id_of_its_own_is_proved_on_its_incident(make) -> None:  # type: ignore[no-untyped-def]
    case = Case.model_validate(
        {"id": "late-parcel", "incident_id": "INC-1", "origin": "incident", "input": "?",
         "checks": [{"scorer": "not_contains", "value": "lawsuit"}]}
    )  # fmt: skip
    adjacent = case.model_copy(
        update={"id": "near", "origin": "adjacent", "parent": case.id,
                "checks": [{"scorer": "not_contains", "value": "judge"}]}
    )  # fmt: skip
    problems = lint_suite(Suite(name="s", cases=[case, adjacent]), [make()])
    assert {problem.case_id for problem in problems if "cannot fail" in problem.message} == {
        "late-parcel",
        "near",
    }


@pytest.mark.parametrize("cases_file", [None, "cases.jsonl"])
def test_problems_say_file_and_line(make, tmp_path: Path, cases_file: str | None) -> None:  # type: ignore[no-untyped-def]
    idle = {"scorer": "not_contains", "name": "idle", "value": "lawsuit"}
    incident = make(checks=[BAN, NO_REFUND, idle])
    suite = build_suite([make("INC-0"), incident], name="s", adjacent=0)
    path = tmp_path / "suite.yaml"
    save_suite(suite.model_copy(update={"cases_file": cases_file}), path)
    problem = only(lint_suite(suite, [make("INC-0"), incident], path=path))
    assert problem.file == str(tmp_path / (cases_file or "suite.yaml"))
    assert problem.line is not None
    line = Path(problem.file).read_text().splitlines()[problem.line - 1]
    assert "not_contains" in line
    assert str(problem).startswith(f"{problem.file}:{problem.line}: error: INC-1.trigger")
    assert problem.to_dict()["check"] == "idle"
