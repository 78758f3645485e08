"""Numbers read the same in every report."""

from dataclasses import replace

import pytest
from test_terminal import DRIFT

from aiir_eval.gate.result import ClaimResult
from aiir_eval.reports import wording

CLAIM = ClaimResult("c", "fail", -0.329, -0.3735, -0.2845, 0.01, 0.02, None, "why", "non_inferior")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.84, "84.0%"), (0.0, "0.0%"), (1.0, "100.0%"), (0.0004, "0.04%"), (0.9996, "99.96%")],
)
def test_a_rate_is_a_percentage_that_never_rounds_to_certainty(value: float, shown: str) -> None:
    assert wording.rate(value) == shown


def test_a_difference_has_a_sign_unless_it_is_nothing() -> None:
    assert wording.points(-0.329) == "-32.9 points"
    assert wording.points(0.05) == "+5.0 points"
    assert wording.points(0.0) == "0.0 points"
    assert wording.points(-0.0) == "0.0 points"
    assert wording.points(0.0004, unit=False) == "+0.04"
    assert wording.points(-0.1234, graded=True) == "-0.123"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.11e-41, "2.1e-41"), (0.03125, "0.031"), (0.75, "0.75"), (1.0, "1"), (0.0, "<1e-300")],
)
def test_a_p_value_keeps_two_digits(value: float, shown: str) -> None:
    assert wording.pvalue(value) == shown


def test_a_p_value_below_what_can_be_told_is_not_said_to_equal_it() -> None:
    assert wording.stated_pvalue(0.0312) == "p = 0.031"
    assert wording.stated_pvalue(0.0) == "p < 1e-300"


def test_what_is_missing_is_a_dash_not_a_crash() -> None:
    for shown in (wording.rate, wording.points, wording.pvalue, wording.number):
        assert shown(None) == shown(float("nan")) == "-"


def test_a_claim_is_told_in_the_unit_of_its_rule() -> None:
    assert wording.claim_estimate(CLAIM) == "-32.9 points"
    assert wording.claim_span(CLAIM) == "[-37.4, -28.4]"
    assert wording.claim_line(replace(CLAIM, threshold=-0.02)) == "above -2.0 points"
    rate = replace(CLAIM, rule="failure_rate_below", estimate=0.0, low=0.0, high=0.0487)
    assert wording.claim_span(rate) == "[0.0, 4.9]"
    assert wording.claim_line(replace(rate, threshold=0.05)) == "below 5.0%"
    count = replace(CLAIM, rule="max_failures", estimate=3, low=None, high=None, threshold=0)
    assert (wording.claim_estimate(count), wording.claim_span(count)) == ("3", "")
    assert wording.claim_line(count) == "at most 0"
    ratio = replace(CLAIM, rule="metric", estimate=1.02, low=None, high=1.11, threshold=1.2)
    assert (wording.claim_span(ratio), wording.claim_line(ratio)) == ("<= 1.11", "below 1.2")


def test_violated_claims_come_first() -> None:
    names = ["pass", "inconclusive", "fail", "invalid"]
    claims = [replace(CLAIM, verdict=name) for name in names]  # type: ignore[arg-type]
    ranked = [claim.verdict for claim in wording.worst_first(claims)]
    assert ranked == ["fail", "invalid", "inconclusive", "pass"]


def test_the_verdict_is_not_said_twice() -> None:
    assert wording.told("fail", "Fail: 1 of 2 claims is violated.") == "1 of 2 claims is violated."
    assert wording.told("regressed", "Worse: fewer cases pass.") == "Worse: fewer cases pass."


def test_the_headline_of_drift_is_about_the_columns_that_decide() -> None:
    assert wording.drift_sentence(DRIFT).startswith(
        f"{sum(c.drifted for c in DRIFT.columns)} of {len(DRIFT.columns)} columns changed between"
    )
    first, *rest = (replace(column, primary=False) for column in DRIFT.columns)
    decided = replace(DRIFT, columns=[replace(first, primary=True, drifted=False), *rest])
    told = wording.drift_sentence(decided)
    assert told.startswith("0 of 1 primary column changed between")
    assert told.endswith("which does not decide.")
    alone = replace(DRIFT, columns=[replace(first, primary=True, drifted=True)])
    assert wording.drift_sentence(alone).startswith("1 of 1 primary column changed between")
    assert wording.drift_sentence(alone).endswith("current rows.")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.27, "1.27 s"), (0.1, "0.1 s"), (0.0003856, "0.386 ms"), (0.0, "0 s"), (None, "-")],
)
def test_a_short_time_is_in_milliseconds(value: float | None, shown: str) -> None:
    assert wording.seconds(value) == shown
