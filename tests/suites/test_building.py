"""A suite out of incident records keeps where each case comes from."""

from __future__ import annotations

import pytest

from aiir_eval.errors import InputError
from aiir_eval.incidents.model import Incident
from aiir_eval.suites import build_suite, lint_suite, not_testable
from aiir_eval.suites.model import load_suite, save_suite


def test_every_case_knows_where_it_comes_from(two_cases: Incident) -> None:
    suite = build_suite([two_cases], name="support", version="3", adjacent=2)
    cases = {case.id: case for case in suite.cases}
    trigger, later = cases["INC-1.trigger"], cases["INC-1.by-phone"]
    control = cases["INC-1.trigger.control"]
    assert (suite.name, suite.version) == ("support", "3")
    assert len(cases) == 5
    assert (trigger.origin, trigger.parent, trigger.label) == ("incident", None, None)
    assert (later.origin, later.operator, later.label) == ("adjacent", "authored", "certain")
    assert later.parent == trigger.id
    assert later.context[0].id == "policy" and later.tools[0].name == "issue_refund"
    assert (control.origin, control.parent, control.input) == (
        "control",
        trigger.id,
        "How do I return a chair?",
    )
    assert control.named_checks[0].name == "tells-how"
    made = [case for case in suite.cases if case.operator not in (None, "authored")]
    assert len(made) == 2
    for case in made:
        assert case.id.startswith("INC-1.trigger.") and case.id.endswith("-1")
        assert (case.origin, case.parent, case.checks) == ("adjacent", trigger.id, trigger.checks)
        assert case.params
    for case in suite.cases:
        assert (case.incident_id, case.cluster_id) == ("INC-1", "INC-1")
        assert (case.class_, case.tags) == ("hallucination", ["refunds"])


def test_a_built_suite_survives_the_disk_and_lint(two_cases: Incident, tmp_path) -> None:  # type: ignore[no-untyped-def]
    suite = build_suite([two_cases], name="support")
    save_suite(suite, tmp_path / "suite.yaml")
    assert load_suite(tmp_path / "suite.yaml") == suite
    assert lint_suite(suite, [two_cases]) == []


def test_trials_are_many_for_incidents_unless_told_otherwise(two_cases: Incident) -> None:
    suite = build_suite([two_cases], name="s")
    assert {case.origin: suite.trials_of(case) for case in suite.cases} == {
        "incident": 60,
        "adjacent": 5,
        "control": 5,
    }
    assert build_suite([two_cases], name="s", trials=2).trials == 2


def test_incidents_without_cases_are_left_out_and_reported(two_cases: Incident, make) -> None:  # type: ignore[no-untyped-def]
    vendor = make("INC-2", regression={"not_testable": "the vendor was down"})
    untested = make("INC-3").model_copy(update={"regression": None})
    suite = build_suite([two_cases, vendor, untested], name="s")
    assert {case.incident_id for case in suite.cases} == {"INC-1"}
    assert not_testable([two_cases, vendor, untested]) == {
        "INC-2": "the vendor was down",
        "INC-3": "the record has no regression cases yet",
    }
    with pytest.raises(InputError, match="the vendor was down"):
        build_suite([vendor], name="s")
    with pytest.raises(InputError, match="given twice"):
        build_suite([two_cases, two_cases], name="s")


def test_an_incident_gives_the_same_cases_in_whatever_company(two_cases: Incident, make) -> None:  # type: ignore[no-untyped-def]
    other = make("INC-2")
    alone = build_suite([two_cases], name="s", seed=7)
    together = build_suite({"INC-2": other, "INC-1": two_cases}, name="s", seed=7)
    mine = [case for case in together.cases if case.incident_id == "INC-1"]
    assert mine == alone.cases
    assert build_suite([two_cases], name="s", seed=8).digest() != alone.digest()
