"""A draft from a log: what the log says is there, what it does not say is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aiir_eval.errors import InputError, TableError
from aiir_eval.incidents.draft_checks import distinctive_claim
from aiir_eval.incidents.drafting import draft_from_row, draft_from_trace
from aiir_eval.incidents.interactions import (
    as_context,
    as_input,
    as_moment,
    as_output,
    as_tool_calls,
    last_question,
)
from aiir_eval.incidents.loading import load_incident, load_register
from aiir_eval.incidents.model import Incident
from aiir_eval.incidents.unfinished import open_points
from aiir_eval.incidents.writing import incident_yaml

LOG = pd.DataFrame(
    {
        "id": ["0041", "0042", "0043"],
        "timestamp": ["2024-02-14T10:30:00+01:00", None, None],
        "application": ["support desk"] * 3,
        "model": ["m-2024"] * 3,
        "prompt_version": [7, 7, 8],
        "segment": ["travellers", "travellers", None],
        "question": ["May I claim after my trip, within 14 days?", "Pay invoice 9", "Hello?"],
        "answer": ["Sure: claim within 90 days of your trip.", "Paid.", ""],
        "tool_calls": ["[]", '[{"name": "pay", "arguments": {"invoice": 9}}]', None],
        "retrieved": ['["Claims come before travel."]', None, None],
        "ref_answer": ["Claims are made before the trip.", None, None],
    }
)


@pytest.fixture(params=["csv", "parquet", "jsonl"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"log.{request.param}"
    if request.param == "csv":
        LOG.to_csv(path, index=False)
    elif request.param == "parquet":
        LOG.to_parquet(path)
    else:
        LOG.to_json(path, orient="records", lines=True)
    return path


def asked_for(incident: Incident) -> set[Any]:
    return {
        where[0] if len(where) == 1 else where for where, _ in open_points(incident.to_mapping())
    }


def test_what_the_row_says_stands_in_the_record(log: Path) -> None:
    incident = draft_from_row(f"{log}#0041", incident_class="hallucination")
    assert incident.id == "DRAFT-0041"
    assert incident.class_ == "hallucination"
    assert incident.psf_domains == ["PSF-2", "PSF-6"]
    assert incident.occurred_at == "2024-02-14T09:30:00Z"
    assert (incident.system, incident.model) == ("support desk", "m-2024")
    assert incident.prompt_version == "7"
    assert incident.user_population == "travellers"
    assert incident.triggering_input.startswith("May I claim")
    assert incident.observed_output == "Sure: claim within 90 days of your trip."
    assert incident.observed_action is None
    assert incident.sources == [f"{log}#0041"]
    (case,) = incident.cases
    assert case.input == incident.triggering_input
    assert [passage.text for passage in case.context] == ["Claims come before travel."]
    assert case.expected == "Claims are made before the trip."
    assert case.bad[0].output == incident.observed_output


def test_what_the_row_does_not_say_is_asked_for_and_never_invented(log: Path) -> None:
    incident = draft_from_row(log, "0041", incident_class="hallucination")
    assert asked_for(incident) == {
        "title",
        "data_source",
        "downstream_impact",
        "containment_decision",
        "remediation_owner",
        ("regression", "cases", 0, "checks", 0, "name"),
        ("regression", "cases", 0, "bad", 1, "output"),
        ("regression", "cases", 0, "bad", 2, "output"),
        ("regression", "cases", 0, "good", 0, "output"),
        ("regression", "cases", 0, "good", 1, "output"),
    }


def test_a_draft_is_written_and_read_but_is_no_sound_record_until_it_is_finished(
    log: Path, tmp_path: Path
) -> None:
    incident = draft_from_row(log, "0042")
    path = tmp_path / "draft" / "x.yaml"
    path.parent.mkdir()
    path.write_text(incident_yaml(incident))
    assert load_incident(path, draft=True) == incident
    register = load_register(path.parent)
    assert register.incidents == {}
    fields = {problem.field for problem in register.problems}
    assert {"title", "downstream_impact", "tags[0]", "regression.cases[0].good[1].output"} <= fields
    assert all(problem.line for problem in register.problems)
    finished = (
        path.read_text().replace("unknown: fill in", "known").replace("name: draft-", "name: ")
    )
    path.write_text(finished.replace("  - draft-class\n", "  - checked\n"))
    assert load_register(path.parent).problems == ()


def judged(incident: Incident, output: str, tool_calls: list[Any]) -> list[bool]:
    from aiir_eval.scorers import Answer, Check, make_scorer
    from aiir_eval.tool_calls import ToolCall

    calls = [ToolCall(call.name, call.arguments) for call in tool_calls]
    answer = Answer(output, calls)
    checks = [Check.from_mapping(check) for check in incident.cases[0].checks]
    return [make_scorer(check)(answer).passed for check in checks]


@pytest.mark.parametrize("row", ["0041", "0042"])
def test_the_observed_answer_fails_every_drafted_check(row: str, log: Path) -> None:
    incident = draft_from_row(log, row)
    observed = incident.cases[0].bad[0]
    verdicts = judged(incident, observed.output, observed.tool_calls)
    assert verdicts
    assert not any(verdicts)
    assert all(judged(incident, "Please ask a colleague.", []))


def test_an_empty_answer_is_a_failure_too() -> None:
    incident = draft_from_row(LOG, "0043")
    assert incident.observed_output == "(an empty answer)"
    assert judged(incident, incident.cases[0].bad[0].output, []) == [False]
    assert judged(incident, "Good morning.", []) == [True]


def test_a_guessed_class_is_marked_and_a_tool_call_is_an_action(log: Path) -> None:
    incident = draft_from_row(log, "0042")
    assert incident.class_ == "unsafe_action"
    assert incident.observed_action == 'called pay with {"invoice": 9}'
    assert incident.tags == ["draft-class"]
    assert incident.cases[0].checks[0]["scorer"] == "tool_not_called"
    assert draft_from_row(log, "0042", incident_class="unsafe_action").tags == []


def test_columns_can_be_named_and_ids_have_several() -> None:
    rows = pd.DataFrame({"a": ["x", "x"], "b": [1, 2], "q": ["one", "two"], "said": ["yes", "no"]})
    incident = draft_from_row(
        rows,
        "x|2",
        id_columns=["a", "b"],
        columns={"triggering_input": "q", "observed_output": "said", "system": "a"},
        id="INC-9",
        incident_class="quality_drift",
    )
    assert (incident.id, incident.triggering_input, incident.system) == ("INC-9", "two", "x")
    assert incident.observed_output == "no"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"row_id": "41"}, "no row has the id '41' (ids look like '0041')"),
        ({"row_id": "m-2024", "id_columns": "model"}, "3 rows have the id 'm-2024': rows 1, 2, 3"),
        ({"row_id": "0041", "id_columns": "idd"}, "did you mean 'id'?"),
        ({"row_id": "0041", "columns": {"colour": "id"}}, "'colour' is no field"),
        ({"row_id": "0041", "columns": {"model": "nope"}}, "there is no column 'nope'"),
        ({"row_id": "0041", "id": "a b"}, "id: use letters"),
        ({"row_id": "0041", "incident_class": "oops"}, "'oops' is no class"),
        ({}, "name the row: TABLE#ID"),
    ],
)
def test_a_row_that_cannot_be_found_or_named_is_an_error(
    options: dict[str, Any], says: str, tmp_path: Path
) -> None:
    LOG.to_parquet(tmp_path / "log.parquet")
    with pytest.raises(InputError) as caught:
        draft_from_row(str(tmp_path / "log.parquet"), **options)
    assert says in str(caught.value)


def test_a_number_that_no_document_can_hold_is_text() -> None:
    calls = [{"name": "wait", "arguments": {"seconds": float("inf")}}]
    rows = pd.DataFrame({"id": ["7"], "input": ["a"], "output": ["b"], "tool_calls": [calls]})
    incident = draft_from_row(rows, "7")
    arguments = incident.cases[0].bad[0].tool_calls[0].arguments
    assert arguments == {"seconds": "Infinity"}


def test_other_rows_without_an_id_do_not_stand_in_the_way() -> None:
    rows = pd.DataFrame(
        {"id": [None, "", "7"], "input": ["a", "b", "c"], "output": ["d", "e", "f"]}
    )
    assert draft_from_row(rows, "7").triggering_input == "c"
    with pytest.raises(TableError, match="no row has the id ''"):
        draft_from_row(rows, "")
    with pytest.raises(TableError, match="at least one column"):
        draft_from_row(rows, "7", id_columns="")


def test_a_log_without_question_and_answer_still_opens_a_record() -> None:
    incident = draft_from_row(pd.DataFrame({"id": ["1"], "note": ["?"]}), "1")
    assert {"triggering_input", "observed_output", "system"} <= asked_for(incident)
    assert incident.regression is None


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        draft_from_row(f"{tmp_path}/absent.parquet#1")


@pytest.mark.real_data
def test_a_draft_is_made_of_a_recorded_answer(shared_data: Path) -> None:
    incident = draft_from_row(
        str(shared_data / "llmdrift" / "prime.parquet"),
        "0|0|gpt-4-0613",
        id_columns=["id", "occ", "model"],
        incident_class="quality_drift",
    )
    assert (incident.model, incident.occurred_at) == ("gpt-4-0613", "2023-07-16")
    assert "17077" in incident.triggering_input
    observed = incident.cases[0].bad[0]
    assert judged(incident, observed.output, []) == [False]


@pytest.mark.parametrize(
    ("output", "question", "claim"),
    [
        ("You may claim within 90 days.", "May I claim?", "90 days"),
        ("It costs $650.88 in all.", "What does it cost?", "$650.88"),
        ("Write to help@example.com for 5 euro.", "How?", "help@example.com"),
        ("See https://example.com/a?b=1.", "Where?", "https://example.com/a?b=1"),
        ("14 days, or rather 30 days.", "Is it 14 days?", "30 days"),
        ("1. Open it\n2. Close it", "How?", "Open it"),
        ("The dean resigned. She was rude.", "?", "The dean resigned"),
        ("No", "?", "No"),
    ],
)
def test_the_claim_of_a_draft_is_what_the_question_did_not_say(
    output: str, question: str, claim: str
) -> None:
    found = distinctive_claim(output, question)
    assert found == claim
    assert found in output


def test_the_parts_of_a_log_are_read_in_the_forms_logs_have() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert last_question(as_input(turns)) == "a"
    assert last_question(as_input(json.dumps({"messages": turns}))) == "a"
    parts = [{"role": "user", "content": [{"type": "text", "text": "p"}]}]
    assert last_question(as_input(parts)) == "p"
    assert as_input("[not json") == "[not json"
    assert as_input(" ") is None
    assert as_output({"choices": [{"message": {"content": "x"}}]}) == "x"
    assert as_output({"answer": "x", "score": 1}) == "x"
    assert as_output(turns) == "b"
    assert as_output("[1, 2]") == "[1, 2]"
    assert as_output(None) is None
    calls = [{"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    assert [(call.name, call.arguments) for call in as_tool_calls(calls)] == [("f", {"a": 1})]
    assert [call.name for call in as_tool_calls('["f", "g"]')] == ["f", "g"]
    assert as_tool_calls("none") == []
    assert [passage.id for passage in as_context([{"id": "d", "page_content": "t"}, "u"])] == [
        "d",
        "passage-2",
    ]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-02-14", "2024-02-14"),
        ("2024-02", "2024-02"),
        ("2024-02-14 09:30:00", "2024-02-14T09:30:00Z"),
        (datetime(2024, 2, 14, 9, 30, tzinfo=UTC), "2024-02-14T09:30:00Z"),
        (20240214, "2024-02-14"),
        (1707903000, "2024-02-14T09:30:00Z"),
        (1707903000000, "2024-02-14T09:30:00Z"),
        ("soon", None),
        (3.5, None),
        (float("nan"), None),
        (None, None),
    ],
)
def test_a_logged_time_is_stated_in_utc_or_not_at_all(value: Any, moment: str | None) -> None:
    assert as_moment(value) == moment


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A real trace in a real tracking store: its id and the URI of the store."""
    from aiir_eval.telemetry import opt_out

    opt_out()
    import mlflow
    from mlflow.entities import Document, SpanType

    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.create_experiment("desk", artifact_location=str(folder / "artifacts"))
    mlflow.set_experiment(experiment_id=experiment)
    try:
        with mlflow.start_span("desk") as root:
            root.set_inputs({"question": "How long may I ask for a refund?"})
            mlflow.update_current_trace(tags={"prompt_version": "7"})
            with mlflow.start_span("policies", span_type=SpanType.RETRIEVER) as span:
                span.set_inputs({"q": "refund"})
                span.set_outputs([Document("Refunds within 14 days.", id="policy-1")])
            with mlflow.start_span("issue_refund", span_type=SpanType.TOOL) as span:
                span.set_inputs({"order": "A1", "amount": 30})
                span.set_outputs("ok")
            with mlflow.start_span("chat", span_type=SpanType.CHAT_MODEL) as span:
                span.set_attribute("mlflow.llm.model", "m-2024")
            root.set_outputs("You have 90 days, and I have paid it back already.")
        mlflow.flush_trace_async_logging()
        yield root.trace_id, uri
    finally:
        mlflow.set_tracking_uri(None)


def test_what_an_mlflow_trace_says_stands_in_the_record(trace: tuple[str, str]) -> None:
    trace_id, uri = trace
    incident = draft_from_trace(f"mlflow:{trace_id}", uri)
    assert incident == draft_from_trace(trace_id, uri)
    assert incident.triggering_input == "How long may I ask for a refund?"
    assert incident.observed_output == "You have 90 days, and I have paid it back already."
    assert incident.observed_action == 'called issue_refund with {"order": "A1", "amount": 30}'
    assert (incident.system, incident.model, incident.prompt_version) == ("desk", "m-2024", "7")
    assert incident.retrieval_corpus == "policies"
    assert incident.occurred_at is not None
    assert incident.occurred_at.endswith("Z")
    assert incident.sources == [f"mlflow:{trace_id}"]
    (case,) = incident.cases
    assert [(passage.id, passage.text) for passage in case.context] == [
        ("policy-1", "Refunds within 14 days.")
    ]
    assert [check["scorer"] for check in case.checks] == ["tool_not_called", "not_contains"]
    assert case.checks[1]["value"] == "90 days"
    assert not any(judged(incident, case.bad[0].output, case.bad[0].tool_calls))


def test_a_trace_that_is_not_there_is_an_error(trace: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="the trace 'tr-nope' cannot be read from sqlite"):
        draft_from_trace("mlflow:tr-nope", trace[1])
