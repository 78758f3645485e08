"""Any record that is valid is written so that it reads back equal, to the byte."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiir_eval.documents import parse_yaml
from aiir_eval.incidents.classes import CLASSES
from aiir_eval.incidents.model import STEPS, Incident
from aiir_eval.incidents.writing import incident_yaml

# Everything that may stand in a YAML file: no surrogates, of control characters these.
characters = st.one_of(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    st.sampled_from("\n\t \"'#:-|>&*!%@`{}[],?~\\\u2028\u0085\u00a0\r\x00\x1b"),
)
any_text = st.text(characters, max_size=40)
text = any_text.filter(lambda value: bool(value.strip()))
tricky = st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1.0",
        "0x1F",
        "2024-02-14",
        "- a",
        "a: b",
        "# no",
        " x",
        "x ",
        "\nx\n",
        "…",
    ]
)
some_text = st.one_of(text, tricky)
name = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
moment = st.one_of(
    st.datetimes().map(lambda value: value.isoformat(timespec="seconds") + "Z"),
    st.dates().map(str),
    st.dates().map(lambda value: str(value)[:7]),
)
json_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
check = st.fixed_dictionaries(
    {"scorer": some_text, "name": st.uuids().map(str)}, optional={"value": json_value}
)
behaviour = st.fixed_dictionaries(
    {"output": some_text},
    optional={
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {"name": some_text},
                optional={"arguments": st.dictionaries(text, json_value, max_size=2)},
            ),
            max_size=2,
        )
    },
)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": any_text}),
    min_size=1,
    max_size=2,
)


def numbered(values: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Outputs made different in their words, as a record asks."""
    return [{**value, "output": f"{kind}{n} {value['output']}"} for n, value in enumerate(values)]


regression_case = st.fixed_dictionaries(
    {
        "name": name,
        "input": some_text | messages,
        "checks": st.lists(check, min_size=1, max_size=2),
        "bad": st.lists(behaviour, min_size=3, max_size=4).map(lambda v: numbered(v, "bad")),
        "good": st.lists(behaviour, min_size=2, max_size=3).map(lambda v: numbered(v, "good")),
    },
    optional={
        "context": st.lists(st.fixed_dictionaries({"id": some_text, "text": any_text}), max_size=2),
        "expected": json_value,
        "control": st.fixed_dictionaries(
            {"input": some_text, "checks": st.lists(check, min_size=1, max_size=1)}
        ),
    },
)
regression = st.one_of(
    st.lists(regression_case, min_size=1, max_size=2, unique_by=lambda case: case["name"]).map(
        lambda cases: {"cases": cases}
    ),
    some_text.map(lambda reason: {"not_testable": reason}),
)
records = st.fixed_dictionaries(
    {
        "id": name,
        "title": some_text,
        "class": st.sampled_from(CLASSES),
        "system": some_text,
        "model": some_text,
        "prompt_version": some_text,
        "data_source": some_text,
        "user_population": some_text,
        "triggering_input": some_text,
        "observed_output": some_text,
        "downstream_impact": some_text,
        "containment_decision": some_text,
        "remediation_owner": some_text,
        "psf_domains": st.lists(
            st.sampled_from(["PSF-1", "D3", "Security"]), min_size=1, unique=True
        ),
    },
    optional={
        "kind": st.sampled_from(["incident", "near_miss", "exercise"]),
        "occurred_at": moment,
        "tags": st.lists(some_text, max_size=2),
        "vendor": some_text,
        "flags": st.fixed_dictionaries(
            {"customer_harm": st.fixed_dictionaries({"value": st.sampled_from(["yes", "no"])})}
        ),
        "steps": st.dictionaries(
            st.sampled_from(STEPS), st.fixed_dictionaries({"status": st.just("done")}), max_size=2
        ),
        "sources": st.lists(some_text, max_size=2),
        "regression": regression,
    },
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(records)
def test_a_record_reads_back_equal(record: dict[str, Any]) -> None:
    incident = Incident.model_validate(record)
    written = incident_yaml(incident)
    again = Incident.model_validate(parse_yaml(written, "x").data)
    assert again == incident
    assert incident_yaml(again) == written
