"""Scorers that compare, search and match text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.errors import InputError
from aiir_eval.scorers import Answer, Check, Judgement, ScoringError, make_scorer
from aiir_eval.scorers.text import MAX_CHARACTERS, flattened, normalised

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)


def judged(scorer: str, output: str, *, expected: object = None, **parameters: object) -> Judgement:
    return make_scorer(Check(scorer, scorer, parameters))(Answer(output, expected=expected))


def passes(scorer: str, output: str, *, expected: object = None, **parameters: object) -> bool:
    return judged(scorer, output, expected=expected, **parameters).passed


def test_what_looks_the_same_is_the_same() -> None:
    assert normalised("I don’t — “ever” 9–5 re\u00adfund\u200b") == 'I don\'t — "ever" 9-5 refund'
    assert flattened("a — b – c", ignore_case=False) == "a - b - c"
    assert flattened(" ９０ days\n\n", ignore_case=True) == "90 days"


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


def test_an_output_too_long_to_judge_is_an_error_and_not_a_pass() -> None:
    with pytest.raises(ScoringError, match="at most"):
        judged("not_contains", "a" * (MAX_CHARACTERS + 1), value="secret")


@pytest.mark.parametrize(
    ("output", "parameters", "passed"),
    [
        ("Yes", {"value": "Yes"}, True),
        (" Yes\n", {"value": "Yes"}, True),
        ("yes", {"value": "Yes"}, False),
        ("yes", {"value": "Yes", "ignore_case": True}, True),
        ("Yes, of course", {"value": "Yes"}, False),
        ("42.0", {"value": 42}, True),
        ("true", {"value": 1}, False),
        ('{"b": 2, "a": [1]}', {"value": {"a": [1], "b": 2}}, True),
        ("Answer: 12.", {"value": "12", "extract": r"answer: (\d+)", "ignore_case": True}, True),
        ("no answer", {"value": "no answer", "extract": r"(\d+)"}, False),
        ("ab", {"value": "b", "extract": "(x)?a(b)"}, True),  # the first group that holds something
        ("ab", {"value": "ab", "extract": "(x)?ab"}, True),  # else the whole match
        ("7", {"value": r"so \boxed{7}", "extract_expected": r"boxed\{(\d+)\}"}, True),
    ],
)
def test_equals(output: str, parameters: dict[str, object], passed: bool) -> None:
    assert passes("equals", output, **parameters) is passed


def test_equals_compares_with_what_the_case_expects_unless_it_has_a_value() -> None:
    assert passes("equals", "Paris", expected="Paris")
    assert not passes("equals", "Paris", expected="Paris", value="Rome")


@pytest.mark.parametrize("scorer", ["equals", "numeric", "choice"])
def test_a_check_without_anything_to_compare_with_says_so(scorer: str) -> None:
    parameters = {"options": ["yes", "no"]} if scorer == "choice" else {}
    with pytest.raises(ScoringError, match="the case has none"):
        judged(scorer, "yes", **parameters)


@given(WORDS, WORDS, WORDS)
def test_contains_and_not_contains_never_agree(needle: str, before: str, after: str) -> None:
    for text in (f"{before} {needle} {after}", f"{before} {after}"):
        assert passes("contains", text, value=needle) != passes("not_contains", text, value=needle)
    assert passes("contains", f"{before} {needle.upper()} {after}", value=needle.upper())


def test_contains_any_and_all() -> None:
    assert passes("contains", "within 30\n days", any=["60 days", "30 days"])
    assert passes("contains", "a b", all=["a", "b"])
    assert "'b'" in judged("contains", "a", all=["a", "b"]).reason
    assert not passes("not_contains", "A refund", any=["voucher", "refund"])
    assert passes("contains", "refund", value="Refund")
    assert not passes("contains", "refund", value="Refund", ignore_case=False)


def test_a_ban_is_not_dodged_by_typography_or_white_space() -> None:
    for output in ("I don’t know", "I don't  know", "I d\u200bon't\nknow", "ＩＤＯＮ＇Ｔ know"):
        assert not passes("not_contains", output.replace("ＩＤ", "I d"), value="don't know")


@pytest.mark.parametrize(
    ("pattern", "output", "match", "passed"),
    [
        (r"\b9\d days\b", "within 90 days", "search", True),
        (r"yes|no", "Yes", "fullmatch", True),
        (r"yes|no", "Yes!", "fullmatch", False),
        ("it’s a–b", "it's a-b", "search", True),
        ("a–b", "a–b, a - b", "search", True),
        ("[.–—]", "no-one", "search", False),  # a dash parts clauses, a hyphen does not
        ("[.–—]", "no – one", "search", True),
    ],
)
def test_regex(pattern: str, output: str, match: str, passed: bool) -> None:
    assert passes("regex", output, pattern=pattern, match=match) is passed
    if match == "search":
        assert passes("not_regex", output, pattern=pattern) is not passed


def test_a_pattern_that_backtracks_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiir_eval.scorers.patterns.TIMEOUT_S", 0.1)
    scorer = make_scorer(Check("not_regex", "slow", {"pattern": r"^(a|aa)+$"}))
    start = time.monotonic()
    with pytest.raises(ScoringError, match="took more than"):
        scorer(Answer("a" * 200 + "!"))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" * 14 + "a" + "){2,9999}" * 14,
        "(((a{999}){999}){999}){999}",
        "(?:" * 40 + "a" + ")+" * 40,
    ],
)
def test_a_pattern_whose_repeats_would_eat_the_memory_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="copies"):
        make_scorer(Check("regex", "bomb", {"pattern": pattern}))


@pytest.mark.parametrize(
    ("output", "expected", "passed"),
    [
        ("[Yes] it is a prime", "yes", True),
        ("Yes, it is", "yes", True),
        ("The answer is no.", "no", True),
        ("[No], yes would be wrong", "no", False),  # the options are tried in their order
        ("yesterday, nobody", "yes", False),
        ("I cannot tell", "no", False),
        ("(yes)", "yes", False),
    ],
)
def test_choice_follows_the_published_rule(output: str, expected: str, passed: bool) -> None:
    assert passes("choice", output, expected=expected, options=["yes", "no"]) is passed


def test_choice_takes_options_of_several_words() -> None:
    options = ["not covered", "covered"]
    assert passes("choice", "It is Not  covered.", value="not covered", options=options)
    assert not passes("choice", "It is covered.", value="not covered", options=options)


def test_choice_refuses_an_expected_value_that_is_no_option() -> None:
    with pytest.raises(ScoringError, match="none of the options"):
        judged("choice", "yes", expected="maybe", options=["yes", "no"])


@given(st.text(max_size=300), WORDS)
def test_no_text_scorer_breaks_on_any_output(output: str, value: str) -> None:
    for scorer, parameters in (
        ("equals", {"value": value}),
        ("contains", {"value": value}),
        ("not_contains", {"any": [value]}),
        ("regex", {"pattern": r"(\w+)\s+\1"}),
        ("numeric", {"value": 3}),
        ("choice", {"options": ["yes", "no"], "value": "yes"}),
        ("canary", {"value": "ORCHID-7731"}),
        ("json_schema", {"schema": {"type": "object"}}),
    ):
        judgement = judged(scorer, output, **parameters)
        assert judgement.score in (0.0, 1.0)
        assert judgement.passed == (judgement.score == 1.0)
        assert judgement.reason
