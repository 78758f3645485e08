"""The promise about false alarms is kept, and what falls is found and dated."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
import pytest

from aiir_eval.stats.detectors import Detector, FalseAlarms, fallen_since, log_gains, stakes


def days(rate: float, runs: int, n_days: int, n: int, limit: float, seed: int) -> np.ndarray:
    """(runs, n_days, 24) gains of days of `n` rows with that rate."""
    ones = np.random.default_rng(seed).binomial(n, rate, size=(runs, n_days))
    bets = stakes(limit)
    return ones[..., None] * np.log1p(bets * (limit - 1)) + (n - ones)[..., None] * np.log1p(
        bets * limit
    )


def first_alarms(gains: np.ndarray, promise: FalseAlarms) -> np.ndarray:
    """The look of each run's first alarm, infinite where there was none; all runs side by side."""
    wealth = np.full((gains.shape[0], gains.shape[2]), -inf)
    first = np.full(gains.shape[0], inf)
    for look in range(1, gains.shape[1] + 1):
        wealth = np.logaddexp(wealth, promise.log_stake(look)) + gains[:, look - 1]
        evidence = np.log(np.exp(wealth - wealth.max(1, keepdims=True)).mean(1)) + wealth.max(1)
        first = np.where((evidence >= promise.log_threshold) & np.isinf(first), look, first)
    return first


def test_gains_are_an_evalue_whatever_the_distribution() -> None:
    # exactly: a mean of `limit` on two points, all samples of three values, with their chances
    for low, high in ((0.0, 1.0), (0.2, 0.9)):
        limit = 0.7
        chance = (limit - low) / (high - low)
        total = np.zeros(24)
        for ones in range(4):
            ways = [1, 3, 3, 1][ones] * chance**ones * (1 - chance) ** (3 - ones)
            total += ways * np.exp(log_gains([high] * ones + [low] * (3 - ones), limit))
        assert total == pytest.approx(np.ones(24))


def test_order_and_grouping_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(500).round(2)
    whole = log_gains(x, 0.6)
    assert log_gains(rng.permutation(x), 0.6) == pytest.approx(whole)
    assert log_gains(x[:200], 0.6) + log_gains(x[200:], 0.6) == pytest.approx(whole)
    assert log_gains(x, 0.6, np.ones(500)) == pytest.approx(whole)


def test_the_detector_is_the_sum_over_all_dates_of_change() -> None:
    gains = days(0.9, 1, 12, 50, 0.93, seed=2)[0]
    detector = Detector(FalseAlarms(looks=1e9))
    for gain in gains:
        detector.look(gain)
    direct = sum(np.exp(gains[start:].sum(axis=0)).mean() for start in range(12))
    assert exp(detector.log_evidence) == pytest.approx(direct)


def test_with_alpha_the_bets_on_all_dates_sum_to_one() -> None:
    promise = FalseAlarms(alpha=0.05)
    assert sum(exp(promise.log_stake(t)) for t in range(1, 100_000)) == pytest.approx(1, abs=1e-4)
    assert promise.log_threshold == pytest.approx(log(20))


def test_it_goes_on_from_what_was_saved() -> None:
    gains = days(0.85, 1, 9, 40, 0.9, seed=3)[0]
    one = Detector(FalseAlarms(alpha=0.01))
    for gain in gains:
        one.look(gain)
    two = Detector(FalseAlarms(alpha=0.01))
    for gain in gains:
        two = Detector(two.promise, two.log_wealth.tolist(), two.n_looks)
        two.look(gain)
    assert two.log_evidence == one.log_evidence


def test_a_fall_is_seen_soon_and_a_small_one_later() -> None:
    delays = [
        np.median(first_alarms(days(rate, 50, 120, 200, 0.945, seed=4), FalseAlarms(looks=365)))
        for rate in (0.8, 0.9, 0.92)
    ]
    assert delays == sorted(delays)
    assert delays[0] <= 2
    assert delays[1] <= 5
    assert delays[2] <= 15


@pytest.mark.slow
def test_quiet_at_the_limit_keeps_both_promises() -> None:
    runs, horizon = 1000, 365
    gains = days(0.95, runs, horizon, 100, 0.95, seed=5)
    looks = first_alarms(gains, FalseAlarms(looks=1000))
    for n in (30, 100, 365):
        assert np.mean(looks <= n) <= n / 1000 + 3 * np.sqrt(n / 1000 / runs)
    ever = first_alarms(gains, FalseAlarms(alpha=0.05))
    assert np.mean(ever <= horizon) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_since_when_is_the_first_look_of_the_fall() -> None:
    means = np.r_[np.full(20, 0.95), np.full(6, 0.85)]
    found = fallen_since(means, np.full(26, 300), level=0.95, variance=0.05)
    assert found is not None
    assert (found.first, found.low, found.high) == (20, 20, 20)
    assert found.after == pytest.approx(0.85)
    assert fallen_since([0.96, 0.97], [10, 10], level=0.95, variance=0.05) is None


def test_its_interval_covers() -> None:
    rng, covered = np.random.default_rng(6), 0
    for _ in range(300):
        at = int(rng.integers(5, 35))
        level = np.where(np.arange(40) < at, 0.95, 0.91)
        found = fallen_since(
            rng.binomial(150, level) / 150, np.full(40, 150), level=0.95, variance=0.0475
        )
        assert found is not None
        covered += found.low <= at <= found.high
    assert covered >= 0.93 * 300


@pytest.mark.parametrize("bad", [{}, {"looks": 5, "alpha": 0.1}, {"looks": 1}, {"alpha": 0}])
def test_a_promise_is_one_promise(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"looks|alpha"):
        FalseAlarms(**bad)


def test_values_beyond_the_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="must lie in"):
        log_gains([0.5, 1.2], 0.6)
    with pytest.raises(ValueError, match="weights"):
        log_gains([0.5], 0.6, [0.0])
    with pytest.raises(ValueError, match="limit"):
        stakes(0.0)
