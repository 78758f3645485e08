"""Which checks are known to fail on a bad output."""

from __future__ import annotations

from aiir_eval.incidents.model import Incident
from aiir_eval.suites import build_suite, proven_checks


def test_only_checks_that_fail_on_a_bad_output_are_proven(make) -> None:  # type: ignore[no-untyped-def]
    checks = [
        {"scorer": "not_contains", "name": "bans", "value": "ninety"},
        {"scorer": "not_contains", "name": "idle", "value": "lawsuit"},
        {"scorer": "regex", "name": "broken", "pattern": "("},
        {"scorer": "numeric", "name": "nothing-expected"},
        {"scorer": "python:os:getcwd", "name": "code"},
    ]
    incident = make(checks=checks)
    suite = build_suite([incident], name="s", adjacent=2)
    proven = proven_checks(suite.cases, [incident])
    assert set(proven) == {case.id for case in suite.cases}
    for case in suite.cases:
        assert proven[case.id] == (frozenset() if case.origin == "control" else {"bans"}), case.id


def test_every_case_is_proved_on_answers_of_its_own(two_cases: Incident) -> None:
    suite = build_suite([two_cases], name="s", adjacent=0)
    proven = proven_checks(suite.cases, {"INC-1": two_cases})
    assert proven["INC-1.trigger"] == {"no-90-days", "no-refund"}
    assert proven["INC-1.by-phone"] == {"does-not-agree"}


def test_without_a_record_nothing_is_proven(two_cases: Incident) -> None:
    suite = build_suite([two_cases], name="s")
    assert set(proven_checks(suite.cases, []).values()) == {frozenset()}
