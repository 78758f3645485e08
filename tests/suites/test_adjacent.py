"""Adjacent cases ask the same in another guise."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.suites.adjacent import OPERATORS, adjacent_cases
from aiir_eval.suites.model import Case, Message

TEXT = (
    "My parcel A-17 isn't here, although it was promised for 4 June. "
    'The page says "delivered", really. Please write to Ana.Ruiz@example.com, what happened?'
)
CHECKS = [{"scorer": "contains", "value": "x"}]


def case(text: object = TEXT, id: str = "INC-1.trigger") -> Case:
    return Case.model_validate(
        {"id": id, "incident_id": "INC-1", "origin": "incident", "input": text, "checks": CHECKS}
    )


def asked(made: Case) -> str:
    """The text of the last message."""
    return made.input if isinstance(made.input, str) else made.input[-1].content


def letters(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u200b", "").replace("\xad", "")
    return re.sub(r"\W", "", plain)


def test_the_same_seed_gives_the_same_cases() -> None:
    assert adjacent_cases(case(), n=9, seed=3) == adjacent_cases(case(), n=9, seed=3)
    assert adjacent_cases(case(), n=9, seed=3) != adjacent_cases(case(), n=9, seed=4)
    assert [c.input for c in adjacent_cases(case(id="other"), n=9)] != [
        c.input for c in adjacent_cases(case(), n=9)
    ]


def test_fewer_are_the_first_of_more() -> None:
    assert adjacent_cases(case(), n=3) == adjacent_cases(case(), n=12)[:3]


def test_all_operators_take_part_and_no_two_cases_are_the_same() -> None:
    made = adjacent_cases(case(), n=24)
    assert len(made) == 24
    assert {c.operator for c in made} == {operator.name for operator in OPERATORS}
    assert len({c.id for c in made}) == 24
    assert len({repr(c.plain_input()) for c in made} | {repr(TEXT)}) == 25
    assert {c.label for c in made} == {"certain", "review"}


@pytest.mark.parametrize("seed", range(6))
def test_what_carries_facts_stays(seed: int) -> None:
    for made in adjacent_cases(case(), n=18, seed=seed):
        text = unicodedata.normalize("NFKC", asked(made)).replace("\u2011", "-")
        for fact in ("A-17", "4", "Ana.Ruiz@example.com"):
            assert fact in text, made.id
        if made.label == "certain":
            assert letters(TEXT) in letters(text), made.id


@given(st.text(min_size=1, max_size=120), st.integers(0, 50))
def test_any_text_can_be_rewritten(text: str, seed: int) -> None:
    made = adjacent_cases(case(text), n=6, seed=seed)
    assert len(made) == 6
    for one in made:
        assert one.params and one.params["seed"] == seed
        assert (one.parent, one.origin, one.checks) == ("INC-1.trigger", "adjacent", CHECKS)
        assert Case.model_validate(one.to_mapping()) == one
        if one.label == "certain":
            assert letters(text) in letters(asked(one))


def test_only_what_the_user_asked_last_is_rewritten() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello there, my friend."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": TEXT},
    ]
    for made in adjacent_cases(case(turns), n=12):
        assert isinstance(made.input, list)
        assert made.input[0] == Message(role="system", content="Be brief.")
        assert made.input[-3:-1] == [Message(**turn) for turn in turns[1:3]]
        if made.operator == "conversation":
            assert len(made.input) == 6 and made.input[-1].content == TEXT
        else:
            assert len(made.input) == 4 and made.input[-1].content != TEXT


def test_a_conversation_without_a_user_can_only_be_embedded() -> None:
    turns = [{"role": "tool", "content": "A long result that nobody asked for."}]
    assert {c.operator for c in adjacent_cases(case(turns), n=5)} == {"conversation"}
