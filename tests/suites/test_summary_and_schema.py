"""What a suite holds, and what an editor knows of it."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from aiir_eval.documents import read_document
from aiir_eval.incidents.model import Incident
from aiir_eval.scorers import SCORERS
from aiir_eval.suites import build_suite, save_suite, suite_schema, summarize
from aiir_eval.suites.model import Case, Suite


def test_a_summary_counts_cases_trials_and_checks(two_cases: Incident) -> None:
    suite = build_suite([two_cases], name="s", adjacent=9)
    summary = summarize(suite)
    assert summary.n_cases == 12
    assert summary.by_origin == {"incident": 1, "adjacent": 10, "control": 1}
    assert summary.n_trials == 60 + 10 * 5 + 5
    assert summary.n_clusters == 1
    assert summary.by_class == {"hallucination": 12}
    assert summary.by_incident == {"INC-1": 12}
    assert summary.checks["no-90-days", "not_regex"] == 10
    assert sum(summary.by_operator.values()) == 10
    assert len(summary.to_review) == 2  # typos, forwarded
    assert json.loads(json.dumps(summary.to_dict()))["checks"][0]["cases"] == 10


def test_one_expected_answer_everywhere_is_told() -> None:
    def suite(*expected: str | None) -> Suite:
        cases = [
            Case(id=str(i), input="?", expected=value, checks=[{"scorer": "equals", "value": "a"}])
            for i, value in enumerate(expected)
        ]
        return Suite(name="s", cases=cases)

    assert summarize(suite("yes", "yes")).constant_expected == "yes"
    assert summarize(suite("yes", "no")).constant_expected is None
    assert summarize(suite("yes")).constant_expected is None
    assert summarize(suite(None, None)).constant_expected is None


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(suite_schema())
    return Draft202012Validator(suite_schema())


def test_a_saved_suite_fits_the_schema(two_cases: Incident, validator, tmp_path) -> None:  # type: ignore[no-untyped-def]
    save_suite(build_suite([two_cases], name="s"), tmp_path / "suite.yaml")
    assert list(validator.iter_errors(read_document(tmp_path / "suite.yaml").data)) == []


@pytest.mark.parametrize(
    ("check", "fits"),
    [
        ({"scorer": "contains", "value": "a", "name": "n"}, True),
        ({"scorer": "contains", "valeu": "a"}, False),
        ({"scorer": "regex"}, False),
        ({"scorer": "regex", "pattern": 3}, False),
        ({"scorer": "json_schema", "schema": {"type": "object"}}, True),
        ({"scorer": "tool_called", "tool": "t", "at_least": -1}, False),
        ({"scorer": "python:mod:fn", "anything": 1}, True),
        ({"value": "a"}, False),
    ],
)
def test_an_editor_knows_the_parameters_of_each_scorer(
    validator: Draft202012Validator, check: dict[str, object], fits: bool
) -> None:
    suite = {"schema": "aiir/suite/1", "name": "s", "cases": [{"id": "a", "input": "?"}]}
    suite["cases"][0]["checks"] = [check]  # type: ignore[index]
    assert validator.is_valid(suite) is fits


def test_every_scorer_stands_in_the_schema_with_its_description() -> None:
    text = json.dumps(suite_schema())
    for name in SCORERS:
        assert f'"const": "{name}"' in text
