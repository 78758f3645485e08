"""The record of an incident: what it must hold, and what it must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from aiir_eval.errors import DocumentError
from aiir_eval.incidents.classes import CLASSES
from aiir_eval.incidents.index import entry_of
from aiir_eval.incidents.loading import load_incident
from aiir_eval.incidents.model import STEPS, Incident, incident_schema
from aiir_eval.incidents.psf import psf_taxonomy
from aiir_eval.incidents.writing import incident_yaml

MINIMUM: dict[str, Any] = {
    "schema": "aiir/incident/1",
    "id": "INC-1",
    "title": "A refund was promised",
    "class": "hallucination",
    "system": "support desk",
    "model": "gpt-4o-mini",
    "prompt_version": "7",
    "data_source": "policy pages",
    "user_population": "customers",
    "triggering_input": "May I claim later?",
    "observed_output": "Yes, within 90 days.",
    "downstream_impact": "one wrong promise",
    "containment_decision": "route paused",
    "remediation_owner": "J. Doe",
    "psf_domains": ["PSF-2"],
}
REGRESSION: dict[str, Any] = {
    "cases": [
        {
            "name": "trigger",
            "input": "May I claim later?",
            "context": [{"id": "p1", "text": "Claims come before travel."}],
            "tools": [{"name": "refund", "result": {"ok": True}}],
            "expected": {"allowed": False},
            "checks": [{"scorer": "not_contains", "name": "no-90", "value": "90 days"}],
            "control": {
                "input": "May I claim now?",
                "checks": [{"scorer": "regex", "pattern": "x"}],
            },
            "bad": [
                {"output": "Within 90 days."},
                {"output": "Ninety days."},
                {"output": "", "tool_calls": [{"name": "refund", "arguments": {"n": 1}}]},
            ],
            "good": [{"output": "No, before travel only."}, {"output": "Sorry, not afterwards."}],
        }
    ]
}
FULL: dict[str, Any] = {
    **MINIMUM,
    "kind": "near_miss",
    "status": "remediated",
    "tags": ["unsafe_output"],
    "occurred_at": "2024-02-14T09:30:00Z",
    "detected_at": "2024-02-14T10:00:00.5Z",
    "observed_action": "called refund",
    "deployment_version": "2024.02",
    "retrieval_corpus": "policies-3",
    "tool_permissions": ["refund"],
    "vendor": "a vendor",
    "psf_edition": "1.1",
    "incident_owner": "A",
    "communications_owner": "B",
    "flags": {
        "personal_data": {"value": "no", "reason": "none seen"},
        "customer_harm": {"value": "yes"},
    },
    "pause": [{"kind": "route", "ref": "/chat", "at": "2024-02-14T10:05:00Z", "by": "A"}],
    "evidence": [{"kind": "trace", "path": "evidence/t.json", "sha256": "0" * 64}],
    "blast_radius": {
        "users": 12,
        "downstream_systems": ["crm"],
        "interval": "2024-02-01/2024-02-14",
        "method": "log search",
    },
    "notifications": [{"clock": "gdpr-33", "started_at": "2024-02-14T10:00Z", "status": "open"}],
    "restoration": {
        "decisions": ["rollback", "customer_correction"],
        "by": "A",
        "at": "2024-02-15",
    },
    "failed_control": {"kind": "validation", "patch": "https://example.com/pr/1"},
    "communications": [{"at": "2024-02-15", "to": "customers", "summary": "apology"}],
    "root_cause": "no grounding check",
    "steps": {"contain.1": {"status": "done", "by": "A"}, "learn.4": {"status": "waived"}},
    "sources": ["https://example.com"],
    "confidence": "high",
    "reconstructed": True,
    "regression": REGRESSION,
}


def load(tmp_path: Path, record: dict[str, Any]) -> Incident:
    path = tmp_path / "INC-1.yaml"
    path.write_text(yaml.safe_dump(record, sort_keys=False))
    return load_incident(path)


def problems(tmp_path: Path, record: dict[str, Any]) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, record)
    return [str(problem).removeprefix(str(tmp_path)) for problem in caught.value.problems]


def test_the_minimum_record_of_the_playbook_is_a_record(tmp_path: Path) -> None:
    incident = load(tmp_path, MINIMUM)
    assert (incident.kind, incident.status, incident.reconstructed) == ("incident", "open", False)
    assert incident.flags.personal_data.value == "unknown"
    assert incident.cases == []
    assert incident.psf_edition == "1.1"


def test_a_record_says_what_it_is_in_one_line(tmp_path: Path) -> None:
    found = load(tmp_path, MINIMUM)
    told = repr(found)
    assert "\n" not in told and len(told) < len(found.title) + 120
    for part in (found.id, found.title, found.class_, "open"):
        assert part in told


def test_every_field_of_the_contract_is_read_and_written_back(tmp_path: Path) -> None:
    incident = load(tmp_path, FULL)
    (tmp_path / "again.yaml").write_text(incident_yaml(incident))
    again = load_incident(tmp_path / "again.yaml")
    assert again == incident
    assert incident_yaml(again) == incident_yaml(incident)
    assert set(Incident.model_fields) | {"schema", "class"} - {"schema_", "class_"} >= set(FULL)
    assert list(again.to_mapping())[:4] == ["schema", "id", "title", "class"]
    assert entry_of(incident).cases == 1


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "title",
        "class",
        "system",
        "model",
        "prompt_version",
        "data_source",
        "user_population",
        "triggering_input",
        "downstream_impact",
        "containment_decision",
        "remediation_owner",
        "psf_domains",
    ],
)
def test_a_required_field_may_be_neither_absent_nor_blank(field: str, tmp_path: Path) -> None:
    left_out = {name: value for name, value in MINIMUM.items() if name != field}
    assert problems(tmp_path, left_out) == [
        f"/INC-1.yaml:1: {field}: this field is required",
    ]
    blank: Any = [] if field == "psf_domains" else "  "
    assert f": {field}: " in problems(tmp_path, {**MINIMUM, field: blank})[0]


def test_an_output_or_an_action_was_observed(tmp_path: Path) -> None:
    neither = {name: value for name, value in MINIMUM.items() if name != "observed_output"}
    (only,) = problems(tmp_path, neither)
    assert "observed_action: give observed_output, observed_action, or both" in only
    assert load(tmp_path, {**neither, "observed_action": "sent a payment"}).observed_output is None


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        ({"class": "oops"}, 4, "class: Input should be 'hallucination'"),
        ({"kind": "accident"}, 17, "kind: Input should be 'incident', 'near_miss' or 'exercise'"),
        ({"status": "done"}, 17, "status: Input should be 'open'"),
        ({"confidence": "sure"}, 17, "confidence: Input should be 'high'"),
        ({"severity": 1}, 17, "severity: unknown field"),
        ({"schema": "aiir/incident/2"}, 1, "schema: Input should be 'aiir/incident/1'"),
        ({"id": "../x"}, 2, "id: use letters"),
        ({"title": 7}, 3, "title: this is text, and 7 is read as something else"),
        ({"occurred_at": "14.2.2024"}, 17, "occurred_at: not a time"),
        ({"occurred_at": "2024-02-30"}, 17, "occurred_at: day is out of range"),
        ({"occurred_at": "2024-13"}, 17, "occurred_at: month must be in 1..12"),
        ({"occurred_at": "2024-02-14T09:30:00"}, 17, "occurred_at: not a time; write UTC"),
        ({"occurred_at": "2024-02-14T09:30:00+02:00"}, 17, "occurred_at: not a time; write UTC"),
        ({"occurred_at": "2024-02-14T25:00:00Z"}, 17, "occurred_at: hour must be in 0..23"),
        ({"flags": {"personal_data": {"value": "maybe"}}}, 19, "flags.personal_data.value"),
        ({"flags": {"personnel": {"value": "yes"}}}, 18, "flags.personnel: unknown field"),
        ({"pause": [{"kind": "route"}]}, 18, "pause[0].ref: this field is required"),
        ({"steps": {"contain.5": {"status": "done"}}}, 18, "contain.5"),
        ({"steps": {"contain.1": {"status": "skipped"}}}, 19, "steps.contain.1.status"),
        ({"restoration": {"decisions": ["pray"]}}, 19, "restoration.decisions[0]"),
        ({"failed_control": {"kind": "luck"}}, 18, "failed_control.kind"),
        ({"blast_radius": {"users": -1}}, 18, "blast_radius.users"),
        ({"evidence": [{"kind": "log", "path": "x", "sha256": "0"}]}, 20, "evidence[0].sha256"),
        ({"notifications": [{"clock": "c", "due_at": "2024-02-14"}]}, 19, "not an exact time"),
        ({"regression": {}}, 17, "give cases, or not_testable with the reason"),
        ({"regression": {**REGRESSION, "not_testable": "why"}}, 17, "give cases, or not_testable"),
        ({"regression": {"not_testable": " "}}, 18, "regression.not_testable: this may not be"),
    ],
)
def test_what_breaks_the_schema_names_file_line_and_field(
    change: dict[str, Any], line: int, says: str, tmp_path: Path
) -> None:
    (only,) = problems(tmp_path, {**MINIMUM, **change})
    assert only.startswith(f"/INC-1.yaml:{line}: ")
    assert says in only


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "C:\\x", "..\\x", "https://x"]
)
def test_evidence_stays_in_the_folder_of_its_record(path: str, tmp_path: Path) -> None:
    record = {**MINIMUM, "evidence": [{"kind": "log", "path": path, "sha256": "0" * 64}]}
    assert "evidence[0].path: give a path below the folder" in problems(tmp_path, record)[0]


@pytest.mark.parametrize(
    ("occurred", "detected", "sound"),
    [
        ("2024-02-14T09:30:00Z", "2024-02-14T09:29:59Z", False),
        ("2024-02-14T09:30:00Z", "2024-02-14T09:30:00Z", True),
        ("2024-02-14T09:30:00Z", "2024-02-14", True),  # some time on that day: it may be later
        ("2024-02-14", "2024-02-13", False),
        ("2024-02-14", "2024-02", True),
        ("2024-02", "2024-02-01", True),
        ("2024-02", "2024-01-31T23:59:59Z", False),
        ("2023-12", "2024-01", True),
        ("2024-01", "2023-12", False),
    ],
)
def test_nothing_is_detected_before_it_occurred(
    occurred: str, detected: str, sound: bool, tmp_path: Path
) -> None:
    record = {**MINIMUM, "occurred_at": occurred, "detected_at": detected}
    if sound:
        assert load(tmp_path, record).occurred_at == occurred
    else:
        assert "detected_at: detected before it occurred" in problems(tmp_path, record)[0]


def case(**change: Any) -> dict[str, Any]:
    return {**MINIMUM, "regression": {"cases": [{**REGRESSION["cases"][0], **change}]}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bad": [{"output": "a"}, {"output": "b"}]}, "bad: List should have at least 3 items"),
        ({"good": [{"output": "a"}]}, "good: List should have at least 2 items"),
        ({"checks": []}, "checks: List should have at least 1 item"),
        ({"checks": [{"value": "x"}]}, "checks: each check names its scorer"),
        ({"checks": [{"scorer": "regex"}, {"scorer": "regex"}]}, "two checks are named 'regex'"),
        (
            {"bad": [{"output": "A b."}, {"output": "a  B"}, {"output": "c"}]},
            "1 and 2 say the same",
        ),
        ({"good": [{"output": "ninety days"}, {"output": "x"}]}, "good output 1 is among the bad"),
        ({"bad": [{}, {"output": "b"}, {"output": "c"}]}, "give an output, tool_calls, or both"),
        ({"input": []}, "input: List should have at least 1 item"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role: Input should be"),
        ({"name": "a b"}, "name: use letters"),
        ({"control": {"input": "x"}}, "control.checks: this field is required"),
        ({"weight": 2}, "weight: unknown field"),
    ],
)
def test_a_regression_case_that_proves_nothing_is_refused(
    change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    found = problems(tmp_path, case(**change))
    assert any(says in problem and "regression.cases[0]" in problem for problem in found), found


def test_bad_outputs_may_differ_by_what_was_done_alone(tmp_path: Path) -> None:
    calls = [{"tool_calls": [{"name": "pay", "arguments": {"n": n}}]} for n in range(3)]
    (only,) = load(tmp_path, case(bad=calls)).cases
    assert [behaviour.output for behaviour in only.bad] == ["", "", ""]
    empty = load(tmp_path, case(bad=[{"output": ""}, {"output": "?"}, {"output": "!"}]))
    assert Incident.model_validate(empty.to_mapping()) == empty


def test_all_problems_of_a_record_come_at_once_each_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "INC-1.yaml"
    path.write_text(
        "schema: aiir/incident/1\n"
        "id: INC 1\n"
        "title: t\n"
        "class: nope\n"
        "colour: red\n"
        "occurred_at: yesterday\n"
        "system: s\n"
        "model: {}\n"
        "psf_domains: [PSF-2, PSF-9]\n"
        "regression:\n"
        "  cases:\n"
        "    - name: x\n"
        "      input: i\n"
        "      checks:\n"
        "        - {value: 1}\n"
        "      bad: [{output: a, mood: bad}]\n"
        "      good: []\n"
    )
    with pytest.raises(DocumentError) as caught:
        load_incident(path)
    found = {(problem.line, problem.field) for problem in caught.value.problems}
    assert found >= {
        (2, "id"),
        (4, "class"),
        (5, "colour"),
        (6, "occurred_at"),
        (8, "model"),
        (9, "psf_domains"),
        (1, "prompt_version"),
        (1, "downstream_impact"),
        (14, "regression.cases[0].checks"),
        (16, "regression.cases[0].bad[0].mood"),
        (17, "regression.cases[0].good"),
    }
    assert all(problem.file == str(path) for problem in caught.value.problems)


def test_each_class_has_domains_and_the_playbook_sixteen_steps() -> None:
    assert len(CLASSES) == 6
    assert len(STEPS) == len(set(STEPS)) == 16
    for incident_class in CLASSES:
        domains = psf_taxonomy().domains_of(incident_class)
        record = {**MINIMUM, "class": incident_class, "psf_domains": domains}
        assert Incident.model_validate(record).psf_domains == domains


def test_the_json_schema_accepts_what_the_model_accepts() -> None:
    schema = incident_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(MINIMUM)
    validator.validate(FULL)
    assert not validator.is_valid({**MINIMUM, "colour": "red"})
    assert not validator.is_valid({**MINIMUM, "class": "nope"})
    assert not validator.is_valid({name: MINIMUM[name] for name in ("schema", "id")})
