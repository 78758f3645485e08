"""What is taken out of evidence, and what stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.errors import InputError
from aiir_eval.response.redacting import luhn, redactor


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sk-proj-aB3dE6gH9jK2mN5pQ8", "api key"),
        ("AKIAIOSFODNN7EXAMPLE", "aws key"),
        ("ghp_" + "a1B2c3D4e5" * 3 + "abcdef", "github token"),
        ("xoxb-1234567890-abcdefgh", "slack token"),
        ("AIza" + "a" * 35, "google key"),
        ("hf_" + "aB" * 17, "hugging face token"),
        ("sk_live_" + "a1" * 10, "stripe key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk", "web token"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----", "private key"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB and then the log was cut", "private key"),
    ],
)
def test_keys_always_go(text: str, what: str) -> None:
    rules = redactor()
    assert rules.text(f"before {text}") == f"before [redacted: {what}]"
    assert dict(rules.counts) == {what: 1}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer [redacted: bearer token]"),
        ("postgresql://ann:hunter22@db/x", "postgresql://[redacted: password in a URL]@db/x"),
        ("password = hunter22", "password = [redacted: stated secret]"),
        ('{"api_key": "abcdef123"}', '{"api_key": "[redacted: stated secret]"}'),
    ],
)
def test_what_names_a_secret_stays_and_the_secret_goes(text: str, left: str) -> None:
    assert redactor().text(text) == left
    assert redactor().text(left) == left  # a second time changes nothing


@pytest.mark.parametrize(
    ("name", "goes", "stays"),
    [
        ("emails", ["a.b+c@shop.example", "x@y.co.uk"], ["a@b", "@name", "a at b.org"]),
        (
            "phones",
            ["+49 30 1234567", "(030) 1234567", "555-867-5309", "+15558675309", "555.867.5309"],
            ["2026-03-01", "2026-03-01 09:30", "0.123456", "v1.2.3", "918273", "12-34"],
        ),
        (
            "cards",
            ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
            ["4111 1111 1111 1112", "1234567890123", "20417"],
        ),
        ("ibans", ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"],
         ["DE88 3704 0044 0532 0130 00"]),
        ("ips", ["10.0.0.1", "192.168.255.254"], ["1.2.3.4.5", "256.1.1.1", "10.0.0"]),
    ],
)  # fmt: skip
def test_personal_data_goes_when_asked_and_nothing_else(
    name: str, goes: list[str], stays: list[str]
) -> None:
    for text in goes:
        assert redactor([name]).text(f"it is {text}, she said") == (
            f"it is [redacted: {name}], she said"
        )
        assert redactor().text(text) == text  # nobody asked
    for text in stays:
        assert redactor([name]).text(f"it is {text}, she said") == f"it is {text}, she said"


def test_a_card_is_not_taken_for_a_telephone_number() -> None:
    text = redactor(["phones", "cards"]).text("4111 1111 1111 1111")
    assert text == "[redacted: cards]"


def test_patterns_of_ones_own_are_told_by_number_and_keep_json_whole() -> None:
    rules = redactor([r'ORD-\d+"?', "emails", r"(?i)ann"])
    line = rules.value({"order": "ORD-12", "who": "Ann", "mail": "ann@b.example", "n": 7})
    assert json.loads(json.dumps(line)) == {
        "order": "[redacted: pattern 1]",
        "who": "[redacted: pattern 2]",
        "mail": "[redacted: emails]",
        "n": 7,
    }


def test_a_pattern_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiir_eval.response.redacting.TIMEOUT_S", 0.05)
    with pytest.raises(InputError, match="nested repeats"):
        redactor([r"(a|aa)+$"]).text("a" * 60 + "b")


@pytest.mark.parametrize("pattern", ["(", "email", "phone"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InputError):
        redactor([pattern])


@given(st.integers(min_value=0, max_value=10**15))
def test_one_digit_in_ten_makes_a_number_pass_the_card_check(number: int) -> None:
    passing = [digit for digit in range(10) if luhn(f"{number}{digit}")]
    assert len(passing) == 1


@given(st.text())
def test_redacting_twice_is_redacting_once(text: str) -> None:
    rules = redactor(["emails", "phones", "cards", "ips"])
    once = rules.text(text)
    assert rules.text(once) == once
