"""What a policy may say, and that every mistake in it is found with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiir_eval.errors import DocumentError
from aiir_eval.gate.policy import Policy, default_policy, load_policy

GOOD = """\
schema: aiir/policy/1
confidence_level: 0.9
max_error_rate: 0.01
claims:
  - {name: incidents fixed,     select: {origin: incident}, failure_rate_below: 0.05}
  - {name: no regression,       non_inferior: {margin: 0.02}}
  - {name: by class,            non_inferior: {margin: 0.05}, by: class}
  - {name: zero, select: {class: [pii_or_secret_exposure, unsafe_action]}, max_failures: 0}
  - {name: controls, select: {origin: control, tag: [a, b]}, non_inferior: {margin: 0.05}}
  - {name: not slower,          metric: latency_s, quantile: 0.95, ratio_below: 1.2}
  - {name: cheap,               metric: cost_usd, mean: true, value_below: 0.01}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return path


def test_every_rule_of_the_schema_can_be_written(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, GOOD))
    assert [claim.rule for claim in policy.claims] == [
        "failure_rate_below", "non_inferior", "non_inferior", "max_failures", "non_inferior",
        "metric", "metric",
    ]  # fmt: skip
    assert policy.claims[0].select.keys() == {"origin": ["incident"]}
    assert policy.claims[4].select.keys() == {"origin": ["control"], "tag": ["a", "b"]}
    assert policy.confidence_level == 0.9 and policy.max_error_rate == 0.01
    assert policy.margin == 0.02


def test_what_is_written_is_read_back_the_same() -> None:
    from aiir_eval.documents import Document, validate

    policy = default_policy()
    again = validate(Policy, Document("policy", policy.to_mapping()))
    assert again == policy and again.digest() == policy.digest()


def test_another_policy_has_another_digest(tmp_path: Path) -> None:
    one = load_policy(write(tmp_path, GOOD))
    other = load_policy(write(tmp_path, GOOD.replace("0.02", "0.03")))
    assert one.digest() != other.digest()


def test_the_default_policy_is_one_pooled_claim_and_says_so() -> None:
    policy = default_policy()
    assert len(policy.claims) == 1 and policy.margin == 0.05
    assert policy.is_default
    assert "default policy" in policy.description and "5 points" in policy.description


def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = """\
schema: aiir/policy/1
confidence_level: 7
max_error_rate: -1
claims:
  - {name: two rules, non_inferior: {margin: 0.02}, max_failures: 0}
  - {name: no rule}
  - {name: margin, non_inferior: {margin: 5}}
  - {name: typo, non_inferor: {margin: 0.02}}
  - {name: class, select: {class: bugs}, max_failures: 0}
  - {name: key, select: {colour: red}, max_failures: 0}
"""
    with pytest.raises(DocumentError) as raised:
        load_policy(write(tmp_path, text))
    places = {(problem.line, problem.field) for problem in raised.value.problems}
    assert {2, 3, 5, 6, 7, 8, 9, 10} <= {line for line, _ in places}
    assert any(field == "claims[5].select.colour" for _, field in places)
    assert all(problem.file for problem in raised.value.problems)
    assert "exactly one rule" in str(raised.value)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("{name: a, metric: latency_s}", "ratio_below and value_below"),
        ("{name: a, metric: latency_s, ratio_below: 1.2, value_below: 3}", "ratio_below"),
        ("{name: a, metric: speed, ratio_below: 1.2}", "latency_s"),
        ("{name: a, metric: latency_s, mean: true, quantile: 0.5, ratio_below: 1}", "not both"),
        ("{name: a, max_failures: 0, quantile: 0.5}", "belongs to a metric"),
        ("{name: a, max_failures: 0, by: class}", "has no levels"),
        ("{name: a, failure_rate_below: 0.05, by: class}", "per incident already"),
        ("{name: a, failure_rate_below: 0}", "greater than 0"),
        ("{name: a, max_failures: -1}", "greater than or equal to 0"),
        ("{name: a, select: {origin: []}, max_failures: 0}", "empty list"),
        ("{name: a, select: {origin: elsewhere}, max_failures: 0}", "incident"),
        ('{name: "", max_failures: 0}', "at least 1 character"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(tmp_path: Path, claim: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        load_policy(write(tmp_path, f"schema: aiir/policy/1\nclaims:\n  - {claim}\n"))


def test_claims_have_names_of_their_own_and_there_is_at_least_one(tmp_path: Path) -> None:
    twice = "{name: a, max_failures: 0}"
    with pytest.raises(DocumentError, match="'a'"):
        load_policy(write(tmp_path, f"claims:\n  - {twice}\n  - {twice}\n"))
    with pytest.raises(DocumentError, match="claims"):
        load_policy(write(tmp_path, "claims: []\n"))
    with pytest.raises(DocumentError, match="schema"):
        load_policy(write(tmp_path, f"schema: aiir/policy/9\nclaims:\n  - {twice}\n"))
