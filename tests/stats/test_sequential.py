"""Do sequential tests keep their error rates at every look, and decide as soon as they may?"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from math import comb, inf
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from aiir_eval.stats import FailureRateSequence, SequentialTest, failure_rate_bound
from aiir_eval.stats.betting import Betting, log_threshold
from aiir_eval.stats.sequential import CLEAN, FAILING, _log_evidence_above

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "statistics" / "sequential.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sequential_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    monkeypatch.undo()
    return module


def wealth(null: float, margin: float, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Final wealth of every row of `values` (runs, clusters) against "the mean is <= null"."""
    game = Betting(null, margin, runs=len(values))
    for x, w in zip(values.T, weights.T, strict=True):
        game.play(x[None], w[None])
    return np.exp(game.log_evidence())


@pytest.mark.parametrize("margin", [0.02, 0.1])
@pytest.mark.parametrize("discordance", [0.1, 0.6])
def test_bets_on_a_true_null_are_a_fair_game(margin: float, discordance: float) -> None:
    chances = np.array([(discordance + margin) / 2, 1 - discordance, (discordance - margin) / 2])
    codes = np.array(list(itertools.product(range(3), repeat=7)))
    paths = np.array([-1.0, 0.0, 1.0])[codes]
    chance = chances[codes].prod(axis=1)
    fair = wealth(-margin, margin, paths, np.ones_like(paths))
    assert fair.min() > 0
    assert float((chance * fair).sum()) == pytest.approx(1.0, abs=1e-12)
    gain = wealth(0.0, margin, paths, np.ones_like(paths))  # the mean is below the null
    assert float((chance * gain).sum()) < 1.0


def test_bets_on_weighted_clusters_are_fair_for_the_weighted_mean() -> None:
    # half the clusters have a fifth of the cases and lose more: E[w x] = -0.1 E[w]
    kinds = [  # weight, difference, chance
        (1.0, 1.0, 0.1),
        (1.0, -1.0, 0.1),
        (1.0, 0.0, 0.3),
        (0.2, -1.0, 0.4),
        (0.2, 1.0, 0.1),
    ]
    mean = sum(w * x * p for w, x, p in kinds) / sum(w * p for w, _, p in kinds)
    codes = np.array(list(itertools.product(range(5), repeat=5)))
    table = np.array(kinds)
    weights, paths, chance = (table[:, column][codes] for column in range(3))
    fair = wealth(mean, 0.05, paths, weights)
    assert float((chance.prod(axis=1) * fair).sum()) == pytest.approx(1.0, abs=1e-12)
    unweighted = wealth(mean, 0.05, paths, np.ones_like(paths))
    assert float((chance.prod(axis=1) * unweighted).sum()) < 0.99  # another mean is tested


def test_a_block_of_unlike_strata_is_at_most_fair_at_its_end() -> None:
    # two strata with means +0.3 and -0.5 in turn: the mean is -0.1 exactly
    strata = [np.array([0.0, 0.7, 0.3]), np.array([0.5, 0.5, 0.0])]
    codes = np.array(list(itertools.product(range(3), repeat=6)))
    paths = np.array([-1.0, 0.0, 1.0])[codes]
    chance = np.prod([strata[at % 2][codes[:, at]] for at in range(6)], axis=0)

    def average(size: int) -> float:
        game = Betting(-0.1, 0.1, runs=len(paths))
        for block in np.split(paths.T, 6 // size):
            game.play(block, np.ones_like(block))
        return float((chance * np.exp(game.log_evidence())).sum())

    assert average(2) < 1.0
    middle = Betting(-0.1, 0.1, runs=len(paths))
    middle.play(paths.T[:1], np.ones_like(paths.T[:1]))
    assert float((chance * np.exp(middle.log_evidence())).sum()) > 1.0  # hence no look inside


def test_the_order_inside_a_block_does_not_matter_and_bets_are_frozen_there() -> None:
    values = [0.2, -1.0, 0.0, 1.0]
    evidence = set()
    for order in itertools.permutations(values):
        test = SequentialTest(0.05)
        test.update_block([0.0, 0.5])
        test.update_block(list(order))
        evidence.add(round(test.e_non_inferiority, 12))
    assert len(evidence) == 1
    one_by_one = SequentialTest(0.05)
    one_by_one.update_block([0.0, 0.5])
    one_by_one.update_many(values)
    assert round(one_by_one.e_non_inferiority, 12) not in evidence


def test_many_runs_side_by_side_are_the_same_test(benchmark: ModuleType) -> None:
    decisions, cases = benchmark.sequential(0.0, 0.1, 0.05, 300, 20, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    tests = [SequentialTest(0.05, cap=300) for _ in range(20)]
    while open_ := [test for test in tests if test.decision is None]:
        for test, x in zip(open_, benchmark.flips(0.0, 0.1, len(open_), rng), strict=True):
            test.update(float(x))
    names = {1: "pass", -1: "fail", 0: "inconclusive"}
    assert [test.decision for test in tests] == [names[int(code)] for code in decisions]
    assert [test.decided_after for test in tests] == cases.tolist()


def test_a_decision_stands_and_later_clusters_are_not_needed() -> None:
    test = SequentialTest(0.05)
    assert test.update_many([1.0] * 200) == "pass"
    assert test.n_clusters == test.decided_after
    assert test.n_clusters < 30
    for _ in range(200):
        test.update(-1.0)
    assert test.decision == "pass"
    assert test.e_loss > 20
    assert test.estimate < 0


def test_the_cap_is_inconclusive_whatever_a_fixed_test_would_say() -> None:
    test = SequentialTest(0.05, cap=40)
    assert test.update_many([0.0] * 100) == "inconclusive"
    assert test.decided_after == 40


def test_only_a_loss_beyond_the_margin_fails_if_asked() -> None:
    steady = [-1.0] + [0.0] * 24  # a loss of 4 points, margin 10
    strict, lenient = SequentialTest(0.1), SequentialTest(0.1, fail_beyond=0.1)
    for test in (strict, lenient):
        for value in steady * 40:
            test.update(value)
    assert strict.e_loss > 20
    assert lenient.e_loss < 1


def test_a_higher_confidence_level_takes_longer() -> None:
    after = []
    for level in (0.9, 0.95, 0.99):
        test = SequentialTest(0.05, confidence_level=level)
        test.update_many([0.0, 1.0, 0.0, 0.0, 0.0] * 100)
        after.append(test.decided_after)
    assert after[0] < after[1] < after[2]


def test_the_confidence_sequence_narrows_and_agrees_with_the_decision() -> None:
    rng = np.random.default_rng(5)
    for truth in (0.05, 0.0, -0.1):
        test = SequentialTest(0.05, cap=600)
        test.update_many(rng.choice([-1, 0, 1], 600, p=[0.1 - truth / 2, 0.8, 0.1 + truth / 2]))
        bounds = test.confidence_sequence(0.9)
        assert bounds.n.tolist() == list(range(1, test.n_clusters + 1))
        assert (np.diff(bounds.low) >= 0).all()
        assert (np.diff(bounds.high) <= 0).all()
        assert (bounds.low[-1] >= -0.05) == (test.decision == "pass")
        assert (bounds.high[-1] <= 0) == (test.decision == "fail")
        if test.decision != "inconclusive":  # and not a look earlier
            assert bounds.low[-2] < -0.05
            assert bounds.high[-2] > 0
        narrow, wide = test.confidence_interval(0.9), test.confidence_interval(0.99)
        assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert SequentialTest(0.05).confidence_interval() == (-1.0, 1.0)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="margin"):
        SequentialTest(0.0)
    with pytest.raises(ValueError, match="fail_beyond"):
        SequentialTest(0.02, fail_beyond=0.05)
    with pytest.raises(ValueError, match="cap"):
        SequentialTest(0.02, cap=0)
    with pytest.raises(ValueError, match="confidence_level"):
        SequentialTest(0.02, confidence_level=1.0)
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        SequentialTest(0.02).update(1.5)
    with pytest.raises(ValueError, match="not a finite number"):
        SequentialTest(0.02).update(float("nan"))
    with pytest.raises(ValueError, match="weights"):
        SequentialTest(0.02).update(0.5, weight=2.0)
    with pytest.raises(ValueError, match="2 for 1"):
        SequentialTest(0.02).update_block([0.5], [1.0, 1.0])
    with pytest.raises(ValueError, match="bound"):
        FailureRateSequence(1.0)
    with pytest.raises(ValueError, match="failed"):
        FailureRateSequence(0.05).update(2)


@pytest.mark.parametrize("bound", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("n", [1, 20, 150])
def test_evidence_on_a_failure_rate_is_fair_at_the_bound(bound: float, n: int) -> None:
    hits = np.arange(n + 1)
    for rate, prior in ((bound, FAILING), (1 - bound, CLEAN[::-1])):
        evidence = np.exp(_log_evidence_above(hits, n, rate, prior))
        chance = np.array([comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in hits.tolist()])
        assert float((chance * evidence).sum()) == pytest.approx(1.0, abs=1e-9)
        lower = rate * 0.9
        chance = np.array([comb(n, k) * lower**k * (1 - lower) ** (n - k) for k in hits.tolist()])
        assert float((chance * evidence).sum()) < 1.0


def test_evidence_on_a_failure_rate_falls_with_the_rate_where_it_excludes() -> None:
    rates = np.linspace(1e-4, 1 - 1e-4, 4000)
    for prior in (FAILING, CLEAN[::-1]):
        for n in (1, 5, 60, 500):
            for hits in {1, n // 2, n - 1, n} - {0}:
                excluded = _log_evidence_above(hits, n, rates, prior) >= log_threshold(0.05)
                assert not (np.diff(excluded.astype(int)) > 0).any()


def test_sixty_clean_trials_show_five_percent_where_a_fixed_test_needs_59() -> None:
    test = FailureRateSequence(0.05)
    assert test.update_many([0] * 59) is None
    assert test.update(0) == "pass"
    assert failure_rate_bound(0, 59) < 0.05 < failure_rate_bound(0, 58)
    once = FailureRateSequence(0.05)
    once.update_many([0, 1] + [0] * 300)
    assert (once.decision, once.decided_after) == ("pass", 172)


@pytest.mark.parametrize(("failures", "trials"), [(2, 3), (3, 8), (4, 13), (5, 20)])
def test_few_failures_early_show_a_rate_above_the_bound(failures: int, trials: int) -> None:
    late = FailureRateSequence(0.05)
    late.update_many([0] * (trials - failures) + [1] * failures)
    assert late.e_above >= 20
    later = FailureRateSequence(0.05)
    later.update_many([0] * (trials + 1 - failures) + [1] * failures)
    assert later.e_above < 20


def test_the_failure_rate_sequence_agrees_with_its_decision() -> None:
    rng = np.random.default_rng(8)
    for rate in (0.0, 0.02, 0.2):
        test = FailureRateSequence(0.05, cap=400)
        test.update_many(rng.random(400) < rate)
        bounds = test.confidence_sequence(0.9)
        assert (bounds.high[-1] <= 0.05 + 1e-9) == (test.decision == "pass")
        assert (bounds.low[-1] >= 0.05 - 1e-9) == (test.decision == "fail")
        assert bounds.low[-1] < bounds.high[-1]
        assert (np.diff(bounds.low) >= 0).all()
        assert (np.diff(bounds.high) <= 0).all()
    assert FailureRateSequence(0.05).confidence_interval() == (0.0, 1.0)


def test_evidence_beyond_all_floats_is_infinite_and_no_error() -> None:
    test = FailureRateSequence(0.001)
    for _ in range(500):
        test.update(1)
    assert test.e_above == inf
    assert test.e_below == 0.0
    assert test.confidence_interval().low > 0.95


@pytest.mark.slow
def test_the_sequential_test_keeps_its_errors_and_saves_half(benchmark: ModuleType) -> None:
    runs = 1500
    table = {row.truth: row for row in benchmark.outcomes(0.1, 0.02, runs, seed=7)}
    highest = 0.05 + 3.5 * (0.05 * 0.95 / runs) ** 0.5
    assert max(row.passed for truth, row in table.items() if truth <= -0.02) <= highest
    assert max(row.failed for truth, row in table.items() if truth >= 0) <= highest
    assert np.mean([table[truth].share for truth in (0.02, 0.0, -0.04, -0.1)]) <= 0.45
    assert table[0.0].cases <= 1.5 * table[0.0].wald
    assert table[0.0].passed > 0.75


@pytest.mark.slow
def test_confidence_sequences_cover_at_every_look_at_once() -> None:
    rng = np.random.default_rng(11)
    runs, missed = 150, 0
    for _ in range(runs):
        test = SequentialTest(0.1)
        for x in rng.choice([-1.0, 0.0, 0.5, 1.0], 150, p=[0.15, 0.6, 0.1, 0.15]):
            test.update(x)
        bounds = test.confidence_sequence(0.8)
        missed += bool((bounds.low > 0.05).any() or (bounds.high < 0.05).any())
    assert missed / runs <= 0.2 + 3 * (0.2 * 0.8 / runs) ** 0.5
    assert missed > 0  # the intervals are not idle


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_failure_rate_sequences_cover_at_every_look_at_once(rate: float) -> None:
    rng = np.random.default_rng(12)
    runs, missed = 200, 0
    for failed in rng.random((runs, 80)) < rate:
        test = FailureRateSequence(0.05)
        for one in failed.tolist():
            test.update(one)
        bounds = test.confidence_sequence(0.9)
        missed += bool((bounds.low > rate).any() or (bounds.high < rate).any())
    assert missed / runs <= 0.1 + 3 * (0.1 * 0.9 / runs) ** 0.5
