"""Changes of level are found and dated, and noise of any kind is not one of them."""

from __future__ import annotations

import numpy as np
import pytest

from aiir_eval.stats.change_points import change_points

RUNS = 200


def rates(levels: np.ndarray, rng: np.random.Generator, n: int = 300) -> np.ndarray:
    return rng.binomial(n, levels) / n


def stepped(size: int, at: int, before: float, after: float) -> np.ndarray:
    return np.where(np.arange(size) < at, before, after)


def ramped(size: int, first: int, length: int, before: float, after: float) -> np.ndarray:
    way = np.clip((np.arange(size) - first + 1) / length, 0, 1)
    return before + (after - before) * way


def autoregressive(size: int, correlation: float, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=size)
    for k in range(1, size):
        noise[k] = correlation * noise[k - 1] + np.sqrt(1 - correlation**2) * noise[k]
    return noise


def rejections(draw, *, period: int | None = None, runs: int = RUNS) -> float:
    rejected = 0
    for run in range(runs):
        y = draw(np.random.default_rng([11, run]))
        found = change_points(
            y, np.full(len(y), 300), period=period, n_resamples=99, rng=np.random.default_rng(run)
        )
        rejected += found.pvalue <= 0.05
    return rejected / runs


def test_a_step_is_found_where_it_is() -> None:
    y = rates(stepped(60, 37, 0.95, 0.88), np.random.default_rng(1))
    found = change_points(y, np.full(60, 300), variance=0.05)
    (change,) = found.changes
    assert change.first == 37
    assert change.low <= 37 <= change.high
    assert change.last is None
    assert change.before == pytest.approx((y[:37].mean(),), abs=1e-9)
    assert change.after == pytest.approx((y[37:].mean(),), abs=1e-9)
    assert found.pvalue <= 0.005


def test_several_steps_are_found_each() -> None:
    rng = np.random.default_rng(2)
    level = np.concatenate([np.full(30, 0.95), np.full(25, 0.85), np.full(35, 0.92)])
    found = change_points(rates(level, rng), np.full(90, 400), variance=0.07)
    assert [change.first for change in found.changes] == pytest.approx([30, 55], abs=1)
    assert found.changes[0].after[0] < found.changes[0].before[0]
    assert found.changes[1].after[0] > found.changes[1].before[0]


def test_a_spell_that_passes_is_found_though_the_ends_are_alike() -> None:
    level = np.full(60, 0.95)
    level[25:40] = 0.88
    found = change_points(rates(level, np.random.default_rng(3)), np.full(60, 300))
    assert [change.first for change in found.changes] == pytest.approx([25, 40], abs=1)


def test_a_ramp_is_one_gradual_change_dated_by_its_onset() -> None:
    y = rates(ramped(90, 50, 25, 0.008, 0.16), np.random.default_rng(4))
    (change,) = change_points(y, np.full(90, 300), variance=0.05).changes
    assert change.low <= 50 <= change.high
    assert abs(change.first - 50) <= 3
    assert change.last is not None
    assert abs(change.last - 74) <= 4
    assert change.before[0] == pytest.approx(0.008, abs=0.006)
    assert change.after[0] == pytest.approx(0.16, abs=0.015)


def test_a_week_is_no_change_and_a_step_within_weeks_is_found() -> None:
    week = np.where(np.arange(84) % 7 >= 5, -0.08, 0.0)
    rng = np.random.default_rng(5)
    quiet = change_points(rates(0.95 + week, rng), np.full(84, 300), period=7)
    assert quiet.season
    assert quiet.changes == ()
    level = stepped(84, 45, 0.95, 0.90) + week
    (change,) = change_points(rates(level, rng), np.full(84, 300), period=7).changes
    assert change.low <= 45 <= change.high


def test_the_season_goes_by_the_calendar_where_windows_are_missing() -> None:
    rng = np.random.default_rng(6)
    days = np.sort(rng.permutation(90)[:70])
    y = rates(0.95 - 0.1 * (days % 7 >= 5), rng)
    found = change_points(y, np.full(70, 300), period=7, positions=days)
    assert found.season
    assert found.changes == ()


def test_windows_of_few_rows_weigh_less() -> None:
    rng = np.random.default_rng(7)
    counts = np.where(np.arange(60) < 52, 2000, 4)
    y = rng.binomial(counts, 0.9) / counts
    y[52:] = 0.5
    equal = change_points(y, counts)
    weighed = change_points(y, counts, variance=0.09)
    assert equal.changes
    assert [change.first for change in weighed.changes if change.first < 50] == []


def test_levels_change_together_and_the_one_that_moved_most_dates_it() -> None:
    rng = np.random.default_rng(8)
    shares = np.tile([0.5, 0.3, 0.2], (60, 1))
    shares[40:] = [0.5, 0.2, 0.3]
    y = np.array([rng.multinomial(500, row) / 500 for row in shares])
    (change,) = change_points(y, np.full(60, 500), variance=y.mean(0) * (1 - y.mean(0))).changes
    assert abs(change.first - 40) <= 1
    assert change.after == pytest.approx((0.5, 0.2, 0.3), abs=0.02)


def test_rounding_is_no_change() -> None:
    assert change_points(np.full(40, 0.1) + 1e-17, np.full(40, 10)).pvalue == 1
    step = stepped(60, 30, 0.0, 1.0)
    step[::2] += 1e-16
    assert [change.first for change in change_points(step, np.full(60, 10)).changes] == [30]


def test_the_order_of_chance_is_the_only_chance() -> None:
    y = rates(stepped(40, 20, 0.9, 0.86), np.random.default_rng(9))
    one, two = (change_points(y, np.full(40, 300), rng=3) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("values", "counts", "said"),
    [
        (np.zeros(5), np.ones(5), "at least 8"),
        (np.full(9, np.nan), np.ones(9), "finite"),
        (np.zeros(9), np.zeros(9), "positive"),
        (np.zeros(9), np.ones(8), "do not fit"),
    ],
)
def test_bad_input_is_named(values: np.ndarray, counts: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        change_points(values, counts)


@pytest.mark.slow
@pytest.mark.parametrize("size", [12, 60])
def test_exchangeable_windows_alarm_at_the_level(size: int) -> None:
    rate = rejections(lambda rng: rng.standard_t(3, size=size))
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.slow
def test_a_week_alarms_no_more_than_the_level() -> None:
    week = np.where(np.arange(60) % 7 >= 5, -0.08, 0.0)
    rate = rejections(lambda rng: rates(0.95 + week, rng), period=7)
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.slow
def test_neighbours_that_are_alike_alarm_hardly_more() -> None:
    rate = rejections(lambda rng: autoregressive(90, 0.3, rng))
    assert rate <= 0.14  # permuting single windows alarms in a quarter of such series


@pytest.mark.slow
@pytest.mark.parametrize("jump", [1.5, 3.0])
def test_the_interval_of_a_date_covers(jump: float) -> None:
    rng, covered, found = np.random.default_rng(12), 0, 0
    for run in range(RUNS):
        at = int(rng.integers(15, 45))
        y = rng.normal(size=60) + jump * (np.arange(60) >= at)
        changes = change_points(y, np.ones(60), n_resamples=99, rng=run).changes
        if changes:
            nearest = min(changes, key=lambda change: abs(change.first - at))
            covered += nearest.low <= at <= nearest.high
            found += 1
    assert found >= 0.7 * RUNS
    assert covered / found >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / found)
