"""Does the paired difference say what the data can bear, and no more?"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from aiir_eval.stats import mcnemar, paired_difference, sign_flip, tango_interval


def flips(broke: int, fixed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    before = np.repeat([1.0, 0.0, 1.0], [broke, fixed, n - broke - fixed])
    after = np.repeat([0.0, 1.0, 1.0], [broke, fixed, n - broke - fixed])
    return before, after


@pytest.mark.parametrize(("broke", "fixed", "n"), [(476, 147, 1000), (16, 0, 100), (2, 11, 50)])
def test_single_trials_are_mcnemar_and_tango_with_the_t_quantile(
    broke: int, fixed: int, n: int
) -> None:
    result = paired_difference(*flips(broke, fixed, n))
    assert (result.broke, result.fixed, result.n_cases) == (broke, fixed, n)
    assert (result.p_loss, result.p_gain) == pytest.approx((broke / n, fixed / n))
    assert result.estimate == pytest.approx((fixed - broke) / n)
    assert (result.pvalue, result.pvalue_exact) == (
        mcnemar(broke, fixed).pvalue,
        mcnemar(broke, fixed).pvalue_exact,
    )
    assert "McNemar" in result.method
    assert result.design_effect == pytest.approx(n / (n - 1))
    # n over n / (n - 1) (t / z)^2 independent pairs, as the method says
    worth = (n - 1) / (stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975)) ** 2
    expected = tango_interval(broke * worth / n, fixed * worth / n, worth)
    assert result.confidence_interval() == pytest.approx(expected, abs=1e-9)


def test_standard_error_is_that_of_the_mean_difference() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(30), rng.random(30)
    result = paired_difference(before, after, binary=False)
    assert result.standard_error == pytest.approx(stats.sem(after - before), rel=1e-9)
    expected = stats.t.interval(0.95, 29, (after - before).mean(), result.standard_error)
    assert result.confidence_interval() == pytest.approx(expected, abs=1e-9)
    one_sided = stats.ttest_1samp(after - before, -0.1, alternative="greater")
    assert result.non_inferiority(0.1).pvalue >= one_sided.pvalue
    assert result.non_inferiority(0.1).pvalue == pytest.approx(one_sided.pvalue, abs=0.01)
    assert result.pvalue == pytest.approx(sign_flip(after - before).pvalue)


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(6, 60),
    st.floats(0.001, 0.5),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_bound_pvalue_and_verdict_of_non_inferiority_agree(
    broke: int, fixed: int, same: int, margin: float, level: float
) -> None:
    before, after = flips(broke, fixed, broke + fixed + same)
    result = paired_difference(before, after, confidence_level=level)
    test = result.non_inferiority(margin)
    assume(abs(test.pvalue - (1 - level)) > 1e-9)
    assert test.holds == (test.pvalue < 1 - level) == (test.lower_bound > -margin)
    both = result.equivalence(margin)
    assert both.pvalue >= test.pvalue
    # two one-sided tests hold exactly when the interval at 2 level - 1 lies inside
    low, high = result.confidence_interval(2 * level - 1)
    assert both.holds == (low > -margin and high < margin)


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 5), st.integers(1, 4))
def test_interval_has_width_and_contains_the_estimate(
    seed: int, binary: bool, trials: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    rate = rng.choice([0.0, 0.5, 0.95, 1.0])
    before, after = rng.binomial(trials, rate, (2, n)) / trials
    result = paired_difference(
        before, after, clusters=np.arange(n) // size, binary=binary, single_trial=trials == 1
    )
    low, high = result.confidence_interval()
    assert -1 <= low <= result.estimate <= high <= 1
    assert high - low > 1e-3
    assert 0 < result.minimum_detectable_effect() <= 1
    assert 0 <= result.pvalue <= 1
    assert result.n_effective > 0


def test_no_difference_is_no_certainty() -> None:
    same = np.ones(20)
    result = paired_difference(same, same)
    low, high = result.confidence_interval()
    t = stats.t.ppf(0.975, 19)
    assert high == pytest.approx(t**2 / (20 + t**2)) == -low
    assert not result.non_inferiority(0.05).holds
    assert result.conclusion(0.05) == result.conclusion() == "inconclusive"
    assert result.pvalue == 1.0
    assert result.non_inferiority(0.2).holds


def test_clusters_that_move_together_count_once() -> None:
    before, after = np.ones(60), np.repeat([0.0, 1.0], [10, 50])
    apart = paired_difference(before, after)
    together = paired_difference(before, after, clusters=np.arange(60) // 5)
    assert apart.conclusion(0.02) == "regressed"
    assert together.design_effect >= 5
    assert together.n_effective <= 12
    assert together.conclusion(0.02) == "inconclusive"
    assert "cluster sign-flip" in together.method


def test_few_clusters_that_differ_cannot_shrink_the_cluster_size() -> None:
    # three clusters with one loss each look independent; nobody can know from three
    before, after = np.ones(100), np.ones(100)
    after[[0, 10, 20]] = 0
    result = paired_difference(before, after, clusters=np.arange(100) // 10)
    assert result.n_nonzero_clusters == 3
    assert result.design_effect == 10


def test_steady_trials_are_worth_more_than_single_ones() -> None:
    rng = np.random.default_rng(3)
    rates = rng.random(40)
    one = paired_difference(*rng.binomial(1, rates, (2, 40)))
    ten = paired_difference(*(rng.binomial(10, rates, (2, 40)) / 10), single_trial=False)
    assert ten.standard_error < one.standard_error / 2
    assert ten.design_effect < 1
    assert ten.pvalue_exact is not None


def test_graded_scores_with_few_changes_are_bounded_by_the_score_too() -> None:
    before, after = np.full(100, 0.9), np.full(100, 0.9)
    after[:2] = 0.85
    result = paired_difference(before, after, binary=False)
    t_bound = result.estimate - stats.t.ppf(0.95, 99) * result.standard_error
    assert t_bound > -0.01
    assert result.non_inferiority(0.01).lower_bound < -0.02
    assert not result.non_inferiority(0.01).holds


@pytest.mark.parametrize(
    ("broke", "fixed", "n", "margin", "expected"),
    [
        (20, 2, 100, 0.02, "regressed"),
        (20, 2, 100, None, "regressed"),
        (2, 20, 100, 0.02, "improved"),
        (2, 20, 100, None, "improved"),
        (1, 1, 400, 0.02, "non_inferior"),
        (1, 1, 400, None, "inconclusive"),
        (12, 1, 1000, 0.05, "non_inferior"),  # worse, but within the margin
        (5, 4, 50, 0.02, "inconclusive"),
        (5, 0, 5, 0.02, "inconclusive"),  # five cases prove nothing
    ],
)
def test_conclusions_follow_the_table(
    broke: int, fixed: int, n: int, margin: float | None, expected: str
) -> None:
    assert paired_difference(*flips(broke, fixed, n)).conclusion(margin) == expected


def test_an_adjusted_pvalue_replaces_the_own() -> None:
    result = paired_difference(*flips(20, 2, 100))
    assert result.conclusion(0.02, pvalue=0.2) == "inconclusive"
    steady = paired_difference(*flips(5, 4, 50))
    assert steady.conclusion(0.02, pvalue=0.001) == "regressed"


def test_detectable_effect_is_quantiles_times_the_standard_error() -> None:
    result = paired_difference(*flips(20, 2, 100))
    factor = stats.t.ppf(0.975, 99) + stats.t.ppf(0.8, 99)
    assert result.minimum_detectable_effect() == pytest.approx(factor * result.standard_error)
    assert result.minimum_detectable_effect(0.95) > result.minimum_detectable_effect(0.5)
    same = paired_difference(np.ones(50), np.ones(50))
    assert same.standard_error == 0
    assert same.minimum_detectable_effect() > 0.05


def test_detectable_effect_is_detected_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(8)
    found = []
    pilot = paired_difference(*flips(30, 30, 300))
    loss = 0.1 + pilot.minimum_detectable_effect() / 2
    gain = 0.1 - pilot.minimum_detectable_effect() / 2
    for _ in range(800):
        broke, fixed, _ = rng.multinomial(300, [loss, gain, 1 - loss - gain])
        found.append(paired_difference(*flips(int(broke), int(fixed), 300)).pvalue <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_skew_is_told_only_where_it_matters() -> None:
    assert not paired_difference(*flips(6, 0, 60)).skewed  # -1, 0, 1: nothing else to be
    before = np.full(24, 0.5)
    after = before + np.array([-0.5] + [0.02] * 23)
    assert paired_difference(before, after, binary=False).skewed
    after = before + np.tile([0.1, -0.1], 12)
    assert not paired_difference(before, after, binary=False).skewed


@pytest.mark.parametrize("n", [50, 200])
def test_skew_is_told_wherever_it_doubles_a_tail(n: int) -> None:
    rng = np.random.default_rng(12)
    told = symmetric = 0
    for _ in range(100):  # no change: 2% gain all five trials, 10% lose one
        kind = rng.choice([1.0, -0.2, 0.0], p=[0.02, 0.1, 0.88], size=n)
        before = np.where(kind > 0, 0.0, 1.0)
        result = paired_difference(before, before + kind, single_trial=False)
        told += result.skewed
        assert result.skewness == pytest.approx(stats.skew(kind))
        same = rng.choice([-0.2, 0.2, 0.0], p=[0.15, 0.15, 0.7], size=n)
        symmetric += paired_difference(0.5 * np.ones(n), 0.5 + same, single_trial=False).skewed
    assert told > 75 and symmetric < 5
    many = np.repeat([1.0, -0.2, 0.0], [100, 500, 4400])  # the same law, but so many cases
    before = np.where(many > 0, 0.0, 1.0)
    assert not paired_difference(before, before + many, single_trial=False).skewed


def test_cases_that_would_settle_it_do() -> None:
    result = paired_difference(*flips(5, 4, 100))
    assert result.conclusion(0.05) == "inconclusive"
    needed = result.cases_needed(0.05)
    assert needed is not None
    assert needed > 100
    scale = needed / 100
    larger = paired_difference(*flips(round(5 * scale), round(4 * scale), needed))
    assert larger.conclusion(0.05) == "non_inferior"
    assert paired_difference(*flips(5, 5, 100)).cases_needed() is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ([], [], "no values"),
        ([1, 0], [1], "2 cases, candidate 1"),
        ([1, float("nan")], [1, 1], "baseline: value nan at position 1"),
        ([1, 1], [1, 2], "candidate: values must lie in"),
    ],
)
def test_unusable_input_is_refused(before: list[float], after: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(before, after)


@pytest.mark.parametrize("margin", [-0.1, 1.0, float("nan")])
def test_impossible_margins_are_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        paired_difference([1, 0], [1, 1]).non_inferiority(margin)


def test_exchanging_the_versions_mirrors_everything() -> None:
    rng = np.random.default_rng(4)
    before, after = rng.binomial(5, 0.8, (2, 30)) / 5
    clusters = np.arange(30) // 3
    there = paired_difference(before, after, clusters=clusters, single_trial=False)
    back = paired_difference(after, before, clusters=clusters, single_trial=False)
    low, high = there.confidence_interval()
    assert back.confidence_interval() == pytest.approx((-high, -low), abs=1e-12)
    assert back.pvalue == pytest.approx(there.pvalue, rel=1e-9)
    assert back.estimate == pytest.approx(-there.estimate)
    assert sqrt(there.standard_error) == pytest.approx(sqrt(back.standard_error))


def test_losses_that_trials_have_not_shown_are_not_averaged_away() -> None:
    # a little noise of five trials in every other cluster of ten, and no case lost for good
    before = np.ones(400)
    after = np.ones(400)
    after[::20] = 0.8
    clusters = np.arange(400) // 10
    noisy = paired_difference(before, after, clusters=clusters, single_trial=False)
    assert noisy.n_nonzero_clusters >= 10
    assert noisy.unseen == pytest.approx(4, abs=0.2)  # five trials average to a fifth
    plain = replace(noisy, unseen=0.0)
    assert noisy.non_inferiority(0.02).lower_bound < plain.non_inferiority(0.02).lower_bound
    assert noisy.non_inferiority(0.02).pvalue > plain.non_inferiority(0.02).pvalue
    alone = paired_difference(before, after, single_trial=False)
    single = paired_difference(before, np.floor(after), clusters=clusters)
    assert alone.unseen == single.unseen == 0


def test_what_rejects_no_loss_rejects_a_loss_too() -> None:
    before = np.zeros(400)
    after = before.copy()
    after[::20] = 0.4
    result = paired_difference(before, after, clusters=np.arange(400) // 10, single_trial=False)
    assert result.unseen > 0
    pvalues = [result.non_inferiority(margin).pvalue for margin in (0.0, 0.001, 0.01, 0.1)]
    assert pvalues == sorted(pvalues, reverse=True)
    low, _ = result.confidence_interval()
    assert result.non_inferiority(0.001).holds == (pvalues[1] < 0.05)
    assert low > 0
