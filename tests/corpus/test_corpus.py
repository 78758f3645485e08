"""The shipped incidents: sound records, and checks that judge answers they have never seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aiir_eval.documents import read_document
from aiir_eval.incidents.classes import CLASSES
from aiir_eval.incidents.loading import load_register
from aiir_eval.incidents.model import Incident
from aiir_eval.incidents.regression import RegressionCase
from aiir_eval.scorers import Answer, Check, make_scorer
from aiir_eval.suites.building import build_suite
from aiir_eval.suites.lint import lint_suite
from aiir_eval.suites.model import load_suite
from aiir_eval.tool_calls import ToolCall

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "incidents_corpus"
REGISTER = load_register(CORPUS)
INCIDENTS = sorted(REGISTER.incidents.values(), key=lambda incident: incident.id)
CASES = {f"{i.id}.{case.name}": case for i in INCIDENTS for case in i.cases}
FURTHER = read_document(Path(__file__).with_name("further_outputs.yaml")).data

each_incident = pytest.mark.parametrize("incident", INCIDENTS, ids=lambda i: i.id)
each_case = pytest.mark.parametrize("name", sorted(CASES))


def failed_checks(case: RegressionCase, output: str, calls: list[dict[str, Any]]) -> set[str]:
    answer = Answer(
        output=output,
        tool_calls=[ToolCall(call["name"], call.get("arguments", {})) for call in calls],
    )
    checks = [Check.from_mapping(mapping) for mapping in case.checks]
    return {check.name for check in checks if not make_scorer(check)(answer).passed}


def further(name: str, kind: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for item in FURTHER[name][kind]:
        answer = item if isinstance(item, dict) else {"output": item}
        yield answer["output"], answer.get("tool_calls", [])


def test_every_record_is_sound() -> None:
    assert REGISTER.problems == ()
    assert len(INCIDENTS) == len(list(CORPUS.rglob("*.yaml"))) >= 12


@pytest.mark.parametrize("path", sorted(CORPUS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_any_reader_of_yaml_reads_a_record(path: Path) -> None:
    """`{content: Shall I?}` is read by libyaml and refused by PyYAML's own parser."""
    assert yaml.load(path.read_text("utf-8"), Loader=yaml.SafeLoader)["id"] == path.stem


def test_each_class_has_two_incidents_in_its_folder() -> None:
    assert all(n >= 2 for n in Counter(i.class_ for i in INCIDENTS).values())
    assert {incident.class_ for incident in INCIDENTS} == set(CLASSES)
    for incident in INCIDENTS:
        assert REGISTER.paths[incident.id] == CORPUS / incident.class_ / f"{incident.id}.yaml"


def test_the_tags_of_the_playbook_occur() -> None:
    assert {tag for i in INCIDENTS for tag in i.tags} == {"unsafe_output", "automated_decision"}


@each_incident
def test_a_record_says_where_it_is_from(incident: Incident) -> None:
    assert incident.sources
    assert incident.confidence == "high"
    assert incident.reconstructed
    assert incident.root_cause
    assert incident.failed_control is not None
    assert all(flag["reason"] for flag in incident.flags.model_dump().values())


@each_incident
def test_the_trigger_comes_first_and_has_a_benign_twin(incident: Incident) -> None:
    assert incident.cases[0].name == "trigger"
    assert all(case.control is not None for case in incident.cases)


def test_lint_finds_nothing() -> None:
    suite = build_suite(REGISTER.incidents, name="corpus", adjacent=2)
    assert lint_suite(suite, REGISTER.incidents) == []


@each_case
def test_every_check_catches_a_bad_output_and_no_good_one(name: str) -> None:
    case = CASES[name]
    caught = [
        failed_checks(case, b.output, [call.model_dump() for call in b.tool_calls])
        for b in case.bad
    ]
    assert all(caught)
    assert set().union(*caught) == {check["name"] for check in case.checks}
    for good in case.good:
        calls = [call.model_dump() for call in good.tool_calls]
        assert failed_checks(case, good.output, calls) == set()


@each_case
def test_bad_outputs_are_not_one_sentence_with_synonyms(name: str) -> None:
    said = [frozenset(b.output.lower().split()) for b in CASES[name].bad if b.output]
    for n, one in enumerate(said):
        for other in said[n + 1 :]:
            assert len(one & other) / len(one | other) < 0.4


def test_there_are_further_outputs_for_every_case() -> None:
    assert set(FURTHER) == set(CASES)
    assert all(len(FURTHER[name]["bad"]) >= 3 and len(FURTHER[name]["good"]) >= 2 for name in CASES)
    shipped = {b.output for case in CASES.values() for b in (*case.bad, *case.good) if b.output}
    assert not shipped & {
        text for name in CASES for kind in ("bad", "good") for text, _ in further(name, kind)
    }


@pytest.mark.parametrize(("kind", "least"), [("bad", 0.95), ("good", 0.95)])
def test_checks_judge_outputs_that_others_worded(kind: str, least: float) -> None:
    wrong = [
        (name, text)
        for name in CASES
        for text, calls in further(name, kind)
        if bool(failed_checks(CASES[name], text, calls)) != (kind == "bad")
    ]
    total = sum(len(FURTHER[name][kind]) for name in CASES)
    assert total >= 150
    assert 1 - len(wrong) / total >= least, wrong


def test_no_check_passes_by_saying_nothing_or_anything() -> None:
    """Silence and small talk are no answer where something was asked."""
    for name in ("CODEX-SHUTDOWN-2023.trigger", "OPENAI-OUTAGE-2024.trigger"):
        assert failed_checks(CASES[name], "", [])
        assert failed_checks(CASES[name], "How are you today?", [])


@each_case
def test_checks_are_quick_on_a_long_output(name: str) -> None:
    """A pattern that takes too long raises, and the trial would be an error."""
    for text in ("word and other thing that we can send " * 600, "a, b. " * 4000):
        failed_checks(CASES[name], text, [])


def test_the_shipped_suite_is_the_one_that_the_corpus_gives() -> None:
    shipped = load_suite(ROOT / "suites" / "support_desk.yaml")
    assert shipped.digest() == build_suite(REGISTER.incidents, name=shipped.name).digest(), (
        "type: aiir suite build --incidents incidents_corpus --name support_desk "
        "-o suites/support_desk.yaml"
    )
