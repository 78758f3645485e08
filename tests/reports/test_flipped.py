"""A flipped case is shown by an answer that passed and one that failed."""

from dataclasses import replace

from results import answers, bad, desk_suite, good, made_run

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.flipped import flipped_cases
from aiir_eval.compare.result import Comparison
from aiir_eval.reports.slices import checks_worth_seeing, slices_worth_seeing


def test_cases_that_broke_come_first_with_both_answers(comparison: Comparison) -> None:
    cases = flipped_cases(comparison)
    assert [case.broke for case in cases] == [True] * 7 + [False] * 8
    first = cases[0]
    assert first.case_id == "INC-2.near-1"
    assert first.old.text == "You can ask for a refund within 30 days."
    assert first.new.text.startswith("<script>")
    assert (first.old.n_passed, first.new.n_passed) == (1, 0)
    assert first.input == "How long do I have to ask for a refund (INC-2, near-1)?"
    assert first.reason.startswith("says-30-days: does not contain")
    assert [(a and a.name, b and b.passed) for a, b in first.changed_checks] == [
        ("says-30-days", False)
    ]


def test_the_limit_holds_for_each_direction(comparison: Comparison) -> None:
    cases = flipped_cases(comparison, limit=2)
    assert [case.direction for case in cases] == ["broke", "broke", "fixed", "fixed"]


def test_of_several_trials_the_telling_one_is_shown() -> None:
    suite = desk_suite(2, 2)
    flaky = {"INC-1.trigger": lambda case, trial: (bad if trial == 3 else good)(case, trial)}
    old = made_run(suite, good, name="old", trials=4)
    new = made_run(suite, answers(flaky), name="new", trials=4)
    (case,) = flipped_cases(compare(old, new))
    assert (case.old.n_passed, case.new.n_passed, case.new.n_trials) == (4, 3, 4)
    assert "90 days" in case.new.text
    assert "30 days" in case.old.text


def test_where_one_check_was_compared_that_check_counts() -> None:
    suite = desk_suite(2, 2)
    both = {"INC-1.trigger": "Within 30 days, or is it 90 days."}
    old = made_run(suite, good, name="old")
    new = made_run(suite, answers(both), name="new")
    assert flipped_cases(compare(old, new, check="says-30-days")) == []
    (case,) = flipped_cases(compare(old, new, check="no-90-days"))
    assert (case.old.n_passed, case.new.n_passed) == (1, 0)


def test_the_reason_is_that_of_the_check_that_was_compared() -> None:
    suite = desk_suite(2, 2)
    both = {"INC-1.trigger": "Ask for it within 90 days."}
    old, new = made_run(suite, good, name="old"), made_run(suite, answers(both), name="new")
    (case,) = flipped_cases(compare(old, new))
    assert "says-30-days" in case.reason
    (case,) = flipped_cases(compare(old, new, check="no-90-days"))
    assert case.reason.startswith("no-90-days: ")
    assert "says-30-days" not in case.reason


def test_no_flip_is_no_case() -> None:
    suite = desk_suite(2, 2)
    comparison = compare(made_run(suite, good, name="a"), made_run(suite, good, name="b"))
    assert flipped_cases(comparison) == []


def test_of_many_checks_those_that_moved_are_worth_seeing(comparison: Comparison) -> None:
    suite = desk_suite(2, 2)
    both = {"INC-1.trigger": "Within 30 days, or is it 90 days."}
    moved = compare(made_run(suite, good, name="a"), made_run(suite, answers(both), name="b"))
    assert [check.check for check in checks_worth_seeing(moved)] == ["no-90-days"]
    assert [check.check for check in checks_worth_seeing(comparison)] == [
        "no-90-days",
        "says-30-days",
    ]
    one = compare(moved.old, moved.new, check="no-90-days")
    assert checks_worth_seeing(one) == []


def test_slices_of_the_same_cases_under_two_keys_are_shown_once(comparison: Comparison) -> None:
    first, second = comparison.slices[:2]
    twice = replace(comparison, slices=[first, replace(first, by="cluster"), second])
    assert slices_worth_seeing(twice, 100) == [first, second]
    assert len(slices_worth_seeing(comparison, 3)) == 3
