"""Can facts that are known within bounds decide, and do they say so where they cannot?"""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from aiir_eval.drift.declared import minimum_effects
from aiir_eval.drift.facts import Bound, Moments, NumericFacts, RateFacts, TestedFacts
from aiir_eval.drift.judging import Judged, Terms, adjusted, judge, undecided
from aiir_eval.drift.result import Effect

ALPHA = 0.05


def terms(n_family: int = 1) -> Terms:
    return Terms(0.95, ALPHA / n_family, minimum_effects(None, []))


def numbers(name: str, low: float, high: float, *, n: int = 5000, gap: float = 0.0) -> NumericFacts:
    side = Moments(n, 0.0, 1.0, -3.0, 3.0)
    return NumericFacts(name, side, replace(side, mean=gap), Bound(low, high))


def judged(*facts: NumericFacts | RateFacts) -> list[Judged]:
    return [judge(item, terms(len(facts))) for item in facts]


def test_the_pvalue_is_the_largest_that_the_bounds_allow() -> None:
    (wide,), (low,), (high,) = (
        judged(numbers("x", *ends)) for ends in ((0.01, 0.04), (0.01, 0.01), (0.04, 0.04))
    )
    assert wide.result.pvalue == low.result.pvalue
    assert wide.pvalue_at_least == high.result.pvalue < low.result.pvalue
    assert isnan(low.pvalue_at_least)
    assert wide.result.statistics["ks"] == 0.01
    assert wide.result.statistics["ks_at_most"] == 0.04
    assert "ks_at_most" not in low.result.statistics


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (0.001, 0.01, []),  # cannot be significant
        (0.001, 0.06, ["x"]),  # may be either
        (0.05, 0.06, []),  # certainly is
        (0.05, 0.05, []),
    ],
)
def test_a_column_is_undecided_only_where_its_bounds_leave_it_open(
    low: float, high: float, named: list[str]
) -> None:
    assert undecided(judged(numbers("x", low, high)), ALPHA) == named


def test_whether_the_effect_counts_can_be_what_is_open() -> None:
    """Certainly significant with 10^6 rows, but .02 is where a distance begins to count."""
    (item,) = judged(numbers("x", 0.015, 0.025, n=10**6))
    assert not item.exceeds
    assert item.may_exceed
    assert undecided([item], ALPHA) == ["x"]
    assert undecided(judged(numbers("x", 0.01, 0.018, n=10**6)), ALPHA) == []


def test_an_exact_column_that_hangs_on_open_ones_asks_for_those() -> None:
    """By Benjamini-Hochberg, what others show lowers the bar for a column of its own."""
    exact = RateFacts("rate", (2500, 2615), (5000, 5000))
    others = [numbers(f"x{i}", 0.004, 0.2) for i in range(3)]
    names = undecided(judged(exact, *others), ALPHA)
    assert set(names) == {"x0", "x1", "x2"}


def test_what_is_decided_is_what_exact_facts_say() -> None:
    """A column that is not named drifts as its exact facts would, wherever they lie."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        truths = rng.choice([0.005, 0.02, 0.03, 0.05], 4)
        widths = rng.choice([0.0, 0.004, 0.02], (4, 2))
        bounded = judged(
            *(
                numbers(f"x{i}", max(t - w[0], 0.0), t + w[1])
                for i, (t, w) in enumerate(zip(truths, widths, strict=True))
            )
        )
        exact = judged(*(numbers(f"x{i}", t, t) for i, t in enumerate(truths)))
        if undecided(bounded, ALPHA):
            continue
        said = [item.result.drifted for item in adjusted(bounded, ALPHA)]
        assert said == [item.result.drifted for item in adjusted(exact, ALPHA)]


def test_a_test_made_elsewhere_is_judged_by_its_own_minimum() -> None:
    made = TestedFacts(
        "text",
        "text",
        (100, 100),
        "classifier",
        0.6,
        0.001,
        Effect("auc", 0.6, 0.5, 0.7),
        0.55,
        0.58,
        0.7,
    )
    (shown,) = adjusted([judge(made, terms())], ALPHA)
    assert shown.result.drifted
    assert shown.result.kind == "text"
    (small,) = adjusted([judge(replace(made, smallest=0.65), terms())], ALPHA)
    assert not small.result.drifted
    assert judge(replace(made, minimum_detectable_effect=0.8), terms()).blind
