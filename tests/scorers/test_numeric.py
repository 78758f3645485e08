"""Numbers read from prose, and the check on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.errors import InputError
from aiir_eval.scorers import Answer, Check, ScoringError, make_scorer
from aiir_eval.scorers.numbers import numbers_in


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234,567.89 and 12,345", [1234567.89, 12345]),
        ("1'234 and 1_234 and 1\u202f234", [1234, 1234, 1234]),
        ("1.234.567,89", [1234567.89]),
        ("-$5, $-6, −7 and +8", [-5, -6, -7, 8]),
        ("€5.00 or 5%", [5, 5]),
        ("pages 10-20, on 2024-02-14", [10, 20, 2024, 2, 14]),
        ("6.02e23, 6.02 x 10^23 and 6.02 × 10²³", [6.02e23] * 3),
        ("gpt4 needs 3 m² for COVID-19", [3, 19]),
        ("1, 2 and 3.", [1, 2, 3]),
        (".5 and 0.5.", [0.5, 0.5]),
        ("none at all", []),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, numbers: list[float]) -> None:
    assert numbers_in(text) == numbers


@given(st.integers(-(10**12), 10**12))
def test_a_number_is_read_back_however_it_is_grouped(number: int) -> None:
    for text in (f"{number}", f"{number:,}", f"{number:_}", f"{number:,}.00"):
        assert numbers_in(f"The total is {text} as agreed.") == [number]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_back_exactly(number: float) -> None:
    assert numbers_in(f"x = {number!r} ") == [number]


def passes(output: str, *, expected: object = None, **parameters: object) -> bool:
    return make_scorer(Check("numeric", "n", parameters))(Answer(output, expected=expected)).passed


def test_the_last_number_counts_unless_told_otherwise() -> None:
    assert passes("Of 12 apples, 5 remain", value=5)
    assert not passes("Of 12 apples, 5 remain", value=12)
    assert passes("Of 12 apples, 5 remain", value=12, pick="first")
    assert passes("Of 12 apples, 5 remain", value=12, pick="any")
    assert passes("Total: $12 (of 90)", value=12, extract=r"total: (\S+)")
    assert not passes("nothing", value=0)


def test_the_larger_tolerance_counts() -> None:
    assert not passes("100.5", value=100)
    assert passes("100.5", value=100, tolerance=0.5)
    assert passes("100.5", value=100, relative=0.01)
    assert not passes("100.5", value=100, tolerance=0.4, relative=0.004)


def test_expected_may_be_text_that_is_one_number() -> None:
    assert passes("1234.5", expected="$1,234.50")
    with pytest.raises(ScoringError, match="not a number"):
        passes("1234.5", expected="about 5 or 6")
    with pytest.raises(ScoringError, match="not a number"):
        passes("1", expected=True)


@pytest.mark.parametrize(
    "parameters",
    [{"value": "many"}, {"tolerance": -1}, {"relative": float("inf")}, {"pick": "middle"}],
)
def test_wrong_parameters_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(InputError):
        make_scorer(Check("numeric", "n", parameters))
