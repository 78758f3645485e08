"""What a comparison notices by itself, and what it does not make up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_runs import case, suite_run, table_run

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison, Finding

N = 80


def found(comparison: Comparison, code: str) -> list[Finding]:
    return [finding for finding in comparison.findings if finding.code == code]


def codes(comparison: Comparison) -> set[str]:
    return {finding.code for finding in comparison.findings}


def two(
    old: Sequence[Any], new: Sequence[Any], *, margin: float | None = None, **columns: Any
) -> Comparison:
    """Both sides with the same columns, or with a pair of columns."""
    runs = []
    for side, (name, ok) in enumerate((("old", old), ("new", new))):
        own = {
            key: value[side] if isinstance(value, tuple) else value
            for key, value in columns.items()
        }
        runs.append(table_run(name, ok, **own))
    return compare(*runs, margin=margin)


def answers(text: str, n: int = N) -> list[str]:
    return [f"{text} {i}" for i in range(n)]


def test_a_a_comparisons_have_something_to_report_as_rarely_as_the_level_says() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(60):
        columns = {
            side: (
                [side + "word " * int(k) for k in rng.integers(5, 50, N)],
                rng.lognormal(size=N),
                (rng.random(N) < 0.7).tolist(),
            )
            for side in ("old", "new")
        }
        comparison = two(
            columns["old"][2],
            columns["new"][2],
            output=(columns["old"][0], columns["new"][0]),
            latency=(columns["old"][1], columns["new"][1]),
            cost=(columns["old"][1] / 100, columns["new"][1] / 100),
            expected=["a", "b"] * (N // 2),
        )
        alarms += not codes(comparison) <= {"underpowered"}
    assert alarms <= 8  # 60 at 5%: 3 expected, 8 or more in one of a hundred


def test_opposite_moves_by_expected_answer_are_a_shift_of_bias() -> None:
    expected = ["yes"] * 40 + ["no"] * 40
    old = [1] * 38 + [0] * 2 + [1] * 10 + [0] * 30
    new = [1] * 10 + [0] * 30 + [1] * 38 + [0] * 2
    comparison = two(old, new, expected=expected)
    (finding,) = found(comparison, "answer_bias_shift")
    assert "'yes' changed by -70.0 points" in finding.message
    assert "'no' by +70.0 points" in finding.message
    assert "answers 'no' more often" in finding.message
    assert not found(comparison, "slice_reversal")


def test_moves_in_the_same_direction_are_no_shift_of_bias() -> None:
    expected = ["yes"] * 40 + ["no"] * 40
    old = [1] * 80
    new = ([0] * 20 + [1] * 20) * 2
    assert not found(two(old, new, expected=expected), "answer_bias_shift")


def test_opposite_moves_of_another_key_are_a_reversal() -> None:
    language = ["en"] * 40 + ["fr"] * 40
    old = [1] * 40 + [0] * 40
    new = [0] * 20 + [1] * 20 + [1] * 20 + [0] * 20
    comparison = two(old, new, by={"language": language})
    (finding,) = found(comparison, "slice_reversal")
    assert finding.evidence["by"] == "language"
    assert not found(comparison, "answer_bias_shift")


def test_a_slice_against_the_whole_is_a_reversal() -> None:
    language = ["en"] * 70 + ["fr"] * 10
    old = [0] * 70 + [1] * 10
    new = [1] * 50 + [0] * 20 + [0] * 8 + [1] * 2
    comparison = two(old, new, by={"language": language})
    assert comparison.conclusion == "improved"
    assert found(comparison, "slice_reversal")


def test_one_expected_answer_everywhere_is_flagged() -> None:
    comparison = two([1] * N, [0] * N, expected=["yes"] * N)
    (finding,) = found(comparison, "constant_expected_answer")
    assert finding.evidence == {"expected": "yes", "n_cases": N}
    two_answers = two([1] * N, [0] * N, expected=["yes"] * (N - 1) + ["no"])
    assert not found(two_answers, "constant_expected_answer")
    assert not found(two([1] * N, [0] * N), "constant_expected_answer")


def strict_and_lenient(old: tuple[int, int], new: tuple[int, int]) -> Comparison:
    """(passes both, passes the lenient check alone) out of N cases, on either side."""

    def verdicts(strict: int, lenient_only: int) -> dict[str, list[int]]:
        lenient = strict + lenient_only
        return {
            "strict": [1] * strict + [0] * (N - strict),
            "lenient": [1] * lenient + [0] * (N - lenient),
        }

    return compare(table_run("old", verdicts(*old)), table_run("new", verdicts(*new)))


def test_a_strict_check_that_falls_where_a_lenient_one_does_not_is_a_break_of_format() -> None:
    (finding,) = found(strict_and_lenient((50, 0), (10, 45)), "format_break")
    assert finding.evidence["check"] == "strict"
    assert finding.evidence["lenient_check"] == "lenient"
    assert finding.evidence["fails_in_form_only"] == {
        "baseline": 0.0, "candidate": pytest.approx(45 / N),
    }  # fmt: skip


def test_two_checks_that_fall_together_are_no_break_of_format() -> None:
    assert not found(strict_and_lenient((60, 0), (20, 2)), "format_break")


def test_checks_that_are_not_nested_say_nothing_of_format() -> None:
    old = {"polite": [1] * 60 + [0] * 20, "right": [0] * 40 + [1] * 40}
    new = {"polite": [1] * 20 + [0] * 60, "right": [0] * 10 + [1] * 70}
    comparison = compare(table_run("old", old), table_run("new", new))
    assert not found(comparison, "format_break")


def judges(n: int, gain: int, loss: int) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Two checks that fail different halves; the candidate gains by one and loses by the other."""
    old = {"kind": [0] * (n // 2) + [1] * (n // 2), "true": [1] * (n // 2) + [0] * (n // 2)}
    new = {name: list(values) for name, values in old.items()}
    new["kind"][:gain] = [1] * gain
    new["true"][:loss] = [0] * loss
    return old, new


def test_judges_that_contradict_each_other_are_reported() -> None:
    comparison = two(*judges(N, 20, 14))
    (finding,) = found(comparison, "judge_disagreement")
    assert finding.severity == "warning"
    assert "'kind' says that the candidate is better by 25.0 points" in finding.message
    assert "'true' that it is worse by 17.5" in finding.message
    assert finding.evidence["improved"]["check"] == "kind"
    assert finding.evidence["regressed"]["difference"] == pytest.approx(-14 / N)
    assert finding.evidence["same_judgement"] == {"baseline": 0.0, "candidate": 6 / N}
    worse = finding.evidence["regressed"]["pvalue"]
    assert finding.evidence["pvalue"] == max(worse, finding.evidence["improved"]["pvalue"])
    assert finding.evidence["pvalue_adjusted"] >= finding.evidence["pvalue"]


def test_judges_that_agree_or_leave_it_open_contradict_nobody() -> None:
    assert not found(two(*judges(N, 20, 3)), "judge_disagreement")  # a loss of 3 is chance
    assert not found(two(*judges(N, 0, 14)), "judge_disagreement")
    new = judges(N, 20, 14)[1]
    assert not found(two(new, new), "judge_disagreement")
    rng = np.random.default_rng(2)
    for _ in range(10):
        sides = [{key: (rng.random(N) < 0.5).tolist() for key in "abc"} for _ in range(2)]
        assert not found(two(*sides), "judge_disagreement")


def test_a_strict_and_a_lenient_check_are_not_two_judges() -> None:
    old = {"lenient": [1] * 50 + [0] * 30, "strict": [1] * 50 + [0] * 30}
    new = {"lenient": [1] * 70 + [0] * 10, "strict": [1] * 20 + [0] * 60}
    comparison = two(old, new)
    assert not found(comparison, "judge_disagreement")
    assert found(comparison, "format_break")


def test_judges_of_other_cases_cannot_contradict_each_other() -> None:
    cases = [case(f"c{i:03}") for i in range(2 * N)]

    def run(name: str, better: bool) -> Any:
        def say(this: Any, trial: int) -> Any:
            first = int(this.id[1:]) < N
            return f"{name} {this.id}", {"a": better} if first else {"b": not better}

        return suite_run(name, cases, say)

    comparison = compare(run("old", False), run("new", True))
    assert {item.check: item.conclusion for item in comparison.checks} == {
        "a": "improved",
        "b": "regressed",
    }
    assert not found(comparison, "judge_disagreement")


def test_fences_that_come_with_failures_are_a_break_of_format() -> None:
    plain, fenced = answers("return 1"), [f"```python\n{text}\n```" for text in answers("return 1")]
    mixed = fenced[:50] + plain[50:]
    old, new = [1] * 60 + [0] * 20, [0] * 45 + [1] * 15 + [0] * 20
    comparison = two(old, new, output=(plain, mixed))
    (finding,) = found(comparison, "format_break")
    assert finding.evidence["mark"] == "code_fence"
    assert finding.evidence["share_of_broken"] == 1.0


def test_fences_that_break_nothing_are_not_blamed() -> None:
    plain, fenced = answers("return 1"), [f"```python\n{text}\n```" for text in answers("return 1")]
    mixed = plain[:40] + fenced[40:]  # the cases that broke have none
    old, new = [1] * N, [0] * 30 + [1] * 50
    assert not found(two(old, new, output=(plain, mixed)), "format_break")
    assert not found(two([1] * N, [1] * N, output=(plain, fenced)), "format_break")


def test_answers_that_are_json_no_longer_are_a_break_of_format() -> None:
    json_text = [f'{{"answer": {i}}}' for i in range(N)]
    prose = [f"The answer is {i}." for i in range(N)]
    comparison = two([1] * N, [0] * 60 + [1] * 20, output=(json_text, prose[:60] + json_text[60:]))
    assert {item.evidence["mark"] for item in found(comparison, "format_break")} == {"json"}
    bracketed = two([1] * N, [0] * 60 + [1] * 20, output=(["[Yes]"] * N, answers("No")))
    assert not found(bracketed, "format_break")


def test_empty_answers_are_a_break_of_format() -> None:
    comparison = two(
        [1] * N, [0] * 30 + [1] * 50, output=(answers("x"), [""] * 30 + answers("x", 50))
    )
    (finding,) = found(comparison, "format_break")
    assert finding.evidence["mark"] == "empty_output"


REFUSALS = (
    "I'm sorry, but I can't assist with that request.",
    "I cannot help you with that.",
    "As an AI language model, I am not able to take a side.",
    "Sorry, but I won’t be able to do that.",
    "I am unable to provide legal advice.",
    "I can't provide that information.",
    "I must decline: that goes against my guidelines.",
)
ANSWERS = (
    "Sorry for the confusion. 17 is a prime number.",
    "You cannot return the item after 30 days.",
    "I'm sorry to hear that! Here is how to reset your password.",
    "As an AI company, OpenAI publishes research.",
    "The refund cannot be provided in cash.",
    "I can help with that.",
)


def test_refusals_are_known_from_answers_that_apologise() -> None:
    import pyarrow as pa

    from aiir_eval.answers import refuses

    assert refuses(pa.array(REFUSALS)).to_pylist() == [True] * len(REFUSALS)
    assert refuses(pa.array(ANSWERS)).to_pylist() == [False] * len(ANSWERS)


def test_more_refusals_are_a_finding_and_so_are_fewer() -> None:
    refusing = [REFUSALS[i % len(REFUSALS)] if i < 30 else f"Answer {i}" for i in range(N)]
    plain = [ANSWERS[i % len(ANSWERS)] + str(i) for i in range(N)]
    (more,) = found(two([1] * N, [1] * N, output=(plain, refusing)), "refusal_shift")
    (fewer,) = found(two([1] * N, [1] * N, output=(refusing, plain)), "refusal_shift")
    assert "more often: 0.0% of answers before, 37.5% now" in more.message
    assert "less often: 37.5% of answers before, 0.0% now" in fewer.message


def test_length_latency_and_cost_are_compared_by_ratio() -> None:
    rng = np.random.default_rng(0)
    base = rng.lognormal(1, 1, N)
    comparison = two(
        [1] * N, [1] * N,
        output=(["x" * (50 + i) for i in range(N)], ["x" * (100 + 2 * i) for i in range(N)]),
        latency=(base, base * rng.lognormal(np.log(3), 0.3, N)),
        cost=(base / 100, base / 200),
    )  # fmt: skip
    (length,), (latency,), (cost,) = (
        found(comparison, f"{what}_shift") for what in ("length", "latency", "cost")
    )
    assert length.evidence["ratio"] == pytest.approx(2, abs=0.05)
    assert latency.evidence["ratio"] == pytest.approx(3, rel=0.1)
    assert (
        latency.evidence["confidence_interval"][0] < 3 < latency.evidence["confidence_interval"][1]
    )
    assert cost.evidence["ratio"] == pytest.approx(0.5)
    assert "99% longer" in length.message
    assert "50% cheaper" in cost.message


def test_a_small_change_beyond_chance_is_not_worth_a_finding() -> None:
    base = np.linspace(1, 3, N)
    comparison = two([1] * N, [1] * N, latency=(base, base * 1.1), cost=(base, base * 1.05))
    assert not codes(comparison) & {"latency_shift", "cost_shift"}


def test_the_tests_of_findings_carry_adjusted_pvalues() -> None:
    base = np.random.default_rng(0).lognormal(size=N)
    noise = np.random.default_rng(1).lognormal(0, 0.4, N)
    comparison = two(
        [1] * N, [1] * N, latency=(base, base * 1.3 * noise), output=(answers("a"), answers("b"))
    )
    (finding,) = found(comparison, "latency_shift")
    assert finding.evidence["pvalue"] < finding.evidence["pvalue_adjusted"] <= 0.05


def test_errors_are_reported_and_make_a_favourable_conclusion_hard() -> None:
    cases = [case(f"c{i:03}") for i in range(200)]

    def good(this, trial):  # type: ignore[no-untyped-def]
        return f"yes {this.id}", {"ok": True}

    def failing(this, trial):  # type: ignore[no-untyped-def]
        return "Timeout" if this.id < "c020" else (f"yes {this.id}!", {"ok": True})

    comparison = compare(
        suite_run("old", cases, good), suite_run("new", cases, failing), margin=0.05
    )
    (finding,) = found(comparison, "error_rate_shift")
    assert finding.severity == "error"
    assert finding.evidence["candidate"] == {"errors": 20, "rate": 0.1}
    assert finding.evidence["cases_left_out"] == 20
    assert comparison.comparable and comparison.n_cases == 180
    assert comparison.non_inferiority is not None and comparison.non_inferiority.holds
    assert comparison.conclusion == "inconclusive"  # not if every error were a fail
    assert comparison.needed is None and "but for the errors" in comparison.sentence
    assert not found(comparison, "underpowered")


def test_a_few_errors_leave_the_conclusion_where_it_holds_at_worst() -> None:
    cases = [case(f"c{i:03}") for i in range(400)]
    old = suite_run("old", cases, lambda this, t: (f"a {this.id}", {"ok": True}))
    new = suite_run(
        "new", cases, lambda this, t: "Timeout" if this.id == "c007" else ("b", {"ok": True})
    )
    comparison = compare(old, new, margin=0.05)
    assert comparison.conclusion == "non_inferior"
    (finding,) = found(comparison, "error_rate_shift")
    assert finding.severity == "warning"


def test_a_headline_that_disagrees_with_the_rows_is_reported() -> None:
    rows = [1] * 60 + [0] * 20
    old, new = table_run("old", rows, expect_pass_rate=0.85), table_run("new", rows)
    (finding,) = found(compare(old, new), "aggregate_mismatch")
    assert finding.evidence == {"side": "baseline", "stated": 0.85, "rows": 0.75}
    agrees = table_run("old", rows, expect_pass_rate=0.75)
    assert not found(compare(agrees, new), "aggregate_mismatch")


def test_a_headline_may_be_rounded() -> None:
    rows = [1] * 2 + [0]
    for stated, wrong in ((0.67, 0), (0.667, 0), (0.6667, 0), (0.66, 1), (0.7, 1)):
        runs = table_run("old", rows * 20, expect_pass_rate=stated), table_run("new", rows * 20)
        assert len(found(compare(*runs), "aggregate_mismatch")) == wrong, stated


def test_cases_that_pass_and_fail_are_flaky() -> None:
    cases = [case(f"c{i:02}") for i in range(20)]
    old = suite_run("old", cases, lambda this, t: ("a", {"ok": True}), trials=4)
    new = suite_run(
        "new", cases, lambda this, t: (f"b{t}", {"ok": t > 0 or this.id > "c02"}), trials=4
    )
    (finding,) = found(compare(old, new), "flaky_cases")
    assert finding.evidence == {
        "cases": 3, "baseline": 0, "candidate": 3, "examples": ["c00", "c01", "c02"],
    }  # fmt: skip
    assert not found(compare(old, replace(old), aa=True), "flaky_cases")


def test_few_clusters_are_said() -> None:
    cluster = [f"g{i // 10}" for i in range(40)]
    few = two([1] * 40, [0] * 20 + [1] * 20, cluster=cluster)
    (finding,) = found(few, "few_clusters")
    assert finding.evidence["n_clusters"] == 4
    assert few.conclusion == "inconclusive"
    skewed = two([1] * 40, [0] * 3 + [1] * 37, cluster=[f"g{i // 3}" for i in range(40)])
    assert found(skewed, "few_clusters")
    assert not found(two([1] * N, [0] * 20 + [1] * 60), "few_clusters")
    # forty clusters, two of which lose all their cases and eight of which lose one
    cluster = [f"g{i // 4}" for i in range(160)]
    old, new = [1] * 160, [0] * 8 + [0, 1, 1, 1] * 8 + [1] * 120
    (finding,) = found(two(old, new, cluster=cluster), "few_clusters")
    assert finding.evidence["n_clusters"] == 40 and finding.evidence["skewed"]
    assert "few of the 40 clusters" in finding.message
    balanced = two(old, [0] * 8 + [1] * 152, cluster=cluster)  # skewed, but nothing was found
    assert balanced.difference.pvalue > 0.05 and balanced.difference.skewed
    assert not found(balanced, "few_clusters")


def test_findings_come_with_a_sentence_and_plain_numbers() -> None:
    import json

    comparison = two(
        [1] * N, [0] * 60 + [1] * 20,
        output=(answers("plain"), [REFUSALS[0] * 3] * N),
        latency=(np.linspace(1, 2, N), np.linspace(3, 6, N)),
        expected=["yes"] * N,
    )  # fmt: skip
    assert codes(comparison) >= {"refusal_shift", "latency_shift", "constant_expected_answer"}
    for finding in comparison.findings:
        assert finding.message.endswith(".") and finding.message[0].isupper() | (
            finding.message[0] in "'\"0123456789"
        )
        json.dumps(finding.to_dict(), allow_nan=False)
