"""Are chances over k trials estimated without bias, and flaky or changed cases found honestly?"""

from __future__ import annotations

import itertools
from math import comb, sqrt
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from aiir_eval.stats import changed_cases, flaky_cases, pass_at_k, pass_hat_k, pass_rate


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.97])
@pytest.mark.parametrize("trials", [1, 4, 9])
def test_estimates_are_unbiased(rate: float, trials: int) -> None:
    for k in range(1, trials + 1):
        mean_at = mean_hat = 0.0
        for passes in range(trials + 1):
            chance = comb(trials, passes) * rate**passes * (1 - rate) ** (trials - passes)
            mean_at += chance * pass_at_k([passes], trials, k).estimate
            mean_hat += chance * pass_hat_k([passes], trials, k).estimate
        assert mean_at == pytest.approx(1 - (1 - rate) ** k, abs=1e-12)
        assert mean_hat == pytest.approx(rate**k, abs=1e-12)


def test_estimates_are_the_share_of_all_draws_of_k_trials() -> None:
    outcomes = [[1, 1, 0, 1, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1]]
    passes = [sum(row) for row in outcomes]
    for k in (1, 2, 3, 5):
        draws = [list(itertools.combinations(row, k)) for row in outcomes]
        some = np.mean([np.mean([any(draw) for draw in case]) for case in draws])
        every = np.mean([np.mean([all(draw) for draw in case]) for case in draws])
        assert pass_at_k(passes, 5, k).estimate == pytest.approx(some, abs=1e-12)
        assert pass_hat_k(passes, 5, k).estimate == pytest.approx(every, abs=1e-12)


def test_one_trial_is_the_pass_rate_and_more_trials_part() -> None:
    passes, trials = np.array([3, 5, 0, 2, 4, 5]), 5
    clusters = ["a", "a", "b", "c", "d", "e"]
    plain = pass_rate(passes / trials, clusters=clusters)
    assert pass_at_k(passes, trials, 1, clusters=clusters) == plain
    hat = [pass_hat_k(passes, trials, k).estimate for k in range(1, 6)]
    at = [pass_at_k(passes, trials, k).estimate for k in range(1, 6)]
    assert hat == sorted(hat, reverse=True)
    assert at == sorted(at)
    assert hat[0] == pytest.approx(at[0], abs=1e-12)
    dual = pass_hat_k(trials - passes, trials, 3).estimate  # none of three fails
    assert pass_at_k(passes, trials, 3).estimate == pytest.approx(1 - dual, abs=1e-12)


def test_cases_may_have_different_numbers_of_trials() -> None:
    mixed = pass_hat_k([2, 6], [4, 8], 2).estimate
    assert mixed == pytest.approx((1 / 6 + 15 / 28) / 2, abs=1e-12)


def test_the_interval_is_by_case_and_by_cluster() -> None:
    passes = np.array([4, 0, 3, 1] * 10)
    by_case = pass_hat_k(passes, 4, 2)
    thrice = np.repeat(passes, 3)
    by_cluster = pass_hat_k(thrice, 4, 2, clusters=np.repeat(np.arange(40), 3))
    assert by_cluster.confidence_interval() == pytest.approx(by_case.confidence_interval())
    assert pass_hat_k(thrice, 4, 2).standard_error < 0.7 * by_case.standard_error


def test_a_case_is_flaky_only_when_shown_and_the_tolerance_is_for_the_harness() -> None:
    passes = [50, 49, 40, 25, 3, 1, 0]
    strict = flaky_cases(passes, 50, tolerance=0.0)
    assert strict.flaky.tolist() == strict.mixed.tolist()
    lenient = flaky_cases(passes, 50, tolerance=0.01)
    assert lenient.flaky.tolist() == [False, False, True, True, True, False, False]
    assert lenient.rarer_rate.tolist() == [0.0, 0.02, 0.2, 0.5, 0.06, 0.02, 0.0]
    expected = [stats.binomtest(n, 50, 0.01, alternative="greater").pvalue for n in (0, 1, 10)]
    assert lenient.pvalue[:3] == pytest.approx(expected, abs=1e-12)
    assert lenient.pvalue_adjusted == pytest.approx(stats.false_discovery_control(lenient.pvalue))
    assert lenient.rarer_bound[0] == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-12)
    assert lenient.rarer_bound[3] == 0.5


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_bound_of_the_rarer_ending_covers_a_coin_too(level: float) -> None:
    for n in (5, 8, 19, 37):
        passes = np.arange(n + 1)
        bound = flaky_cases(passes, n, confidence_level=level).rarer_bound
        for rate in np.linspace(0.02, 0.5, 49):
            missed = stats.binom.pmf(passes, n, rate)[bound < rate - 1e-12].sum()
            assert missed <= 1 - level + 1e-9
    assert flaky_cases([5], 5).rarer_bound[0] == 0.5  # a coin does that once in sixteen


def test_cases_with_too_few_trials_are_not_tested_and_cost_nothing() -> None:
    many = flaky_cases([6, 1, 0, 1, 1], [12, 1, 1, 1, 1])
    assert np.isnan(many.pvalue[1:]).all()
    assert many.pvalue_adjusted[0] == many.pvalue[0]
    assert many.flaky.tolist() == [True, False, False, False, False]
    assert flaky_cases([1, 0], 1).disagreement is None


def test_disagreement_is_the_chance_that_two_trials_differ() -> None:
    outcomes = [[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]]
    pairs = [[a != b for a, b in itertools.combinations(row, 2)] for row in outcomes]
    result = flaky_cases([3, 0, 2], 4)
    assert result.disagreement is not None
    assert result.disagreement.estimate == pytest.approx(np.mean([np.mean(p) for p in pairs]))
    grouped = flaky_cases([3, 0, 2, 1], [4, 4, 4, 1], clusters=["a", "a", "b", "c"])
    assert grouped.disagreement is not None
    assert (grouped.disagreement.n_cases, grouped.disagreement.n_clusters) == (3, 2)


def test_changes_are_tested_by_fisher_and_corrected_over_what_could_change() -> None:
    before, after = np.array([10, 10, 9, 10, 0, 6]), np.array([10, 1, 8, 0, 0, 3])
    result = changed_cases(before, 10, after, 10)
    expected = [
        stats.fisher_exact([[b, 10 - b], [a, 10 - a]]).pvalue
        for b, a in zip(before, after, strict=True)
    ]
    assert result.pvalue == pytest.approx(expected, abs=1e-9)
    assert result.changed.tolist() == [False, True, False, True, False, False]
    steady = np.full(500, 10)
    among = changed_cases(np.append(before, steady), 10, np.append(after, steady), 10)
    assert among.pvalue_adjusted[:6] == pytest.approx(result.pvalue_adjusted, nan_ok=True)
    assert np.isnan(among.pvalue_adjusted[6:]).all()


def test_fisher_agrees_with_scipy_on_all_small_tables() -> None:
    tables = [
        (a, n, b, m) for n in (1, 3, 7) for m in (2, 5) for a in range(n + 1) for b in range(m + 1)
    ]
    columns = np.array(tables).T
    result = changed_cases(columns[0], columns[1], columns[2], columns[3])
    for (a, n, b, m), pvalue in zip(tables, result.pvalue.tolist(), strict=True):
        assert pvalue == pytest.approx(
            stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue, abs=1e-9
        )


def test_the_order_of_cases_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.integers(0, 21, 60), rng.integers(0, 21, 60)
    order = rng.permutation(60)
    straight, shuffled = (
        changed_cases(before, 20, after, 20),
        changed_cases(before[order], 20, after[order], 20),
    )
    ours, theirs = straight.pvalue_adjusted[order], shuffled.pvalue_adjusted
    assert np.array_equal(ours, theirs, equal_nan=True)
    assert pass_hat_k(before, 20, 3) == pass_hat_k(before[order], 20, 3)
    assert flaky_cases(before, 20).flaky[order].tolist() == (
        flaky_cases(before[order], 20).flaky.tolist()
    )


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="case 1 has 2 trials, and k = 3"):
        pass_at_k([1, 1], [4, 2], 3)
    with pytest.raises(ValueError, match="k: 0"):
        pass_hat_k([1, 1], 4, 0)
    with pytest.raises(ValueError, match="case 0: 5 passes of 4 trials"):
        pass_hat_k([5, 1], 4, 1)
    with pytest.raises(ValueError, match=r"0\.5 passes"):
        flaky_cases([0.5], 2)
    with pytest.raises(ValueError, match="passes: 2 cases, and trials: 3"):
        flaky_cases([1, 1], [2, 2, 2])
    with pytest.raises(ValueError, match="tolerance"):
        flaky_cases([1], 2, tolerance=0.5)
    with pytest.raises(ValueError, match="the baseline has 1 cases, the candidate 2"):
        changed_cases([1], 2, [1, 1], 2)


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("size", [1, 5])
def test_intervals_of_chances_over_k_trials_cover(n: int, size: int) -> None:
    rng = np.random.default_rng([n, size])
    runs, trials = 1500, 6
    groups = np.repeat(np.arange(n), size)
    covered = np.zeros(4)
    for _ in range(runs):
        rates = rng.beta(1.5, 1.0, n)[groups]
        passes = rng.binomial(trials, rates)
        for column, k in enumerate((1, 3)):
            # E p^k of a Beta(1.5, 1), and E (1 - p)^k of it
            every = np.prod([(1.5 + i) / (2.5 + i) for i in range(k)])
            none = np.prod([(1.0 + i) / (2.5 + i) for i in range(k)])
            low, high = pass_hat_k(passes, trials, k, clusters=groups).confidence_interval()
            covered[column] += low <= every <= high
            low, high = pass_at_k(passes, trials, k, clusters=groups).confidence_interval()
            covered[2 + column] += low <= 1 - none <= high
    assert covered.min() / runs >= 0.94 - 3.5 * sqrt(0.06 * 0.94 / runs)


@pytest.mark.slow
def test_false_discoveries_keep_their_rate() -> None:
    rng = np.random.default_rng(5)
    flaky_share, changed_share, power = [], [], []
    for _ in range(400):
        truly = np.arange(200) < 20
        passes = rng.binomial(20, np.where(truly, 0.8, 0.99))
        found = flaky_cases(passes, 20, tolerance=0.01).flaky
        flaky_share.append((found & ~truly).sum() / max(found.sum(), 1))
        rates = rng.choice([0.0, 0.5, 0.9, 1.0], 200)
        before = rng.binomial(20, rates)
        after = rng.binomial(20, np.where(truly, 1 - rates, rates))
        truly = truly & (rates != 0.5)
        changed = changed_cases(before, 20, after, 20).changed
        changed_share.append((changed & ~truly).sum() / max(changed.sum(), 1))
        power.append((changed & truly).sum() / truly.sum())
    assert np.mean(flaky_share) <= 0.05 + 3.5 * np.std(flaky_share) / 20
    assert np.mean(changed_share) <= 0.05
    assert np.mean(power) > 0.9


@pytest.mark.real_data
def test_tau_bench_chances_are_the_published_ones(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "tau_bench" / "gpt4o_airline.parquet")
    tasks, success = table["task_id"].to_numpy(), table["success"].to_numpy()
    passes = np.bincount(tasks, weights=success)
    assert np.bincount(tasks).tolist() == [4] * 50
    rates = [pass_hat_k(passes, 4, k) for k in (1, 2, 3, 4)]
    assert [round(rate.estimate, 3) for rate in rates] == [0.42, 0.273, 0.22, 0.2]
    assert rates[0].standard_error == pytest.approx(0.0522, abs=5e-5)
    for rate in rates:
        low, high = rate.confidence_interval()
        assert low < rate.estimate < high
    assert pass_at_k(passes, 4, 4).estimate == (passes > 0).mean()
    flaky = flaky_cases(passes, 4)
    assert flaky.mixed.sum() == ((passes > 0) & (passes < 4)).sum() > 10
    assert flaky.flaky.sum() < flaky.mixed.sum()
