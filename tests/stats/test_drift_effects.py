"""By how much did a column change? (published numbers, other implementations, simulated truth)"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from aiir_eval.stats import contingency_chi2
from aiir_eval.stats.drift_effects import _expected_gap as expected_gap
from aiir_eval.stats.drift_effects import (
    detectable_total_variation,
    ks_distance_interval,
    newcombe_interval,
    standardised_mean_difference,
    total_variation,
)

# Newcombe (1998), Table II, method 10: the differences of (a), (c) and (f), first minus second.
NEWCOMBE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
]


@pytest.mark.parametrize(("first", "second", "published"), NEWCOMBE)
def test_newcombes_interval_has_the_published_ends(
    first: tuple[int, int], second: tuple[int, int], published: tuple[float, float]
) -> None:
    effect = newcombe_interval(*second, *first)
    assert (effect.low, effect.high) == pytest.approx(published, abs=6e-5)


def test_newcombes_interval_is_that_of_statsmodels() -> None:
    effect = newcombe_interval(17, 230, 41, 180, confidence_level=0.9)
    expected = confint_proportions_2indep(41, 180, 17, 230, method="newcomb", alpha=0.1)
    assert (effect.low, effect.high) == pytest.approx(expected, abs=1e-9)


def test_no_interval_of_a_rate_has_zero_width() -> None:
    effect = newcombe_interval(40, 40, 50, 50)
    assert effect.low < 0 < effect.high
    assert effect.standard_error > 0


def test_the_standardised_difference_has_bonetts_interval() -> None:
    # Bonett (2008): d^2 (s1^4/df1 + s2^4/df2) / (8 s^4) + (s1^2/n1 + s2^2/n2) / s^2
    effect = standardised_mean_difference(2.0, 9.0, 16.0, 40, 60)
    unit = np.sqrt(12.5)
    d = 2 / unit
    variance = d**2 * (81 / 39 + 256 / 59) / (8 * 12.5**2) + (9 / 40 + 16 / 60) / 12.5
    assert effect.estimate == pytest.approx(d)
    assert effect.high - effect.low == pytest.approx(2 * 1.959963985 * np.sqrt(variance), rel=1e-6)


def test_the_expected_gap_is_what_relabelling_gives() -> None:
    rng = np.random.default_rng(1)
    pooled = np.array([1, 2, 5, 20, 72, 300])
    n = 150
    m = pooled.sum() - n
    drawn = rng.multivariate_hypergeometric(pooled, n, size=100_000)
    simulated = np.abs(drawn / n - (pooled - drawn) / m).mean(axis=0)
    assert expected_gap(pooled.astype(float), n, m) == pytest.approx(simulated, rel=0.03)


CHANGES = {
    "two levels": (1000, [0.5, 0.5], [0.3, 0.7]),
    "one new level of 100": (2000, [*[0.01] * 100, 0], [*[0.009] * 100, 0.1]),
    "nothing in common": (300, [*[0.002] * 500, *[0] * 500], [*[0] * 500, *[0.002] * 500]),
    "1,000 unchanged levels": (2000, [0.001] * 1000, [0.001] * 1000),
}


@pytest.mark.parametrize("name", CHANGES)
def test_total_variation_is_near_the_truth_where_the_plain_distance_is_not(name: str) -> None:
    n, p, q = CHANGES[name]
    truth = np.abs(np.subtract(p, q)).sum() / 2
    rng = np.random.default_rng(5)
    estimates, covered = [], []
    for _ in range(100):
        effect = total_variation(rng.multinomial(n, p), rng.multinomial(n, q))
        estimates.append(effect.estimate)
        covered.append(effect.low <= truth + 1e-9 and truth - 1e-9 <= effect.high)
    assert np.mean(estimates) == pytest.approx(truth, abs=0.04)
    assert np.mean(covered) >= 0.9


def test_a_thousand_unchanged_levels_are_no_effect() -> None:
    rng = np.random.default_rng(7)
    share = np.full(1000, 0.001)
    raw, corrected = [], []
    for _ in range(50):
        x, y = rng.multinomial(200, share), rng.multinomial(200, share)
        raw.append(np.abs(x / 200 - y / 200).sum() / 2)
        corrected.append(total_variation(x, y).estimate)
    assert np.mean(raw) == pytest.approx(0.82, abs=0.03)
    assert np.mean(corrected) < 0.1


def test_total_variation_does_not_depend_on_the_order_or_names_of_levels() -> None:
    x, y = np.array([5, 0, 30, 12, 8]), np.array([2, 9, 14, 12, 1])
    order = [3, 0, 4, 2, 1]
    assert total_variation(x, y).estimate == pytest.approx(
        total_variation(x[order], y[order]).estimate
    )
    assert total_variation(x, y).estimate == pytest.approx(total_variation(y, x).estimate)


def test_ks_interval_covers_an_unchanged_and_a_changed_column() -> None:
    rng = np.random.default_rng(2)
    for shift in (0.0, 0.5):
        truth = 2 * stats.norm.cdf(shift / 2) - 1
        covered = 0
        for _ in range(200):
            x, y = rng.normal(size=200), rng.normal(shift, 1, size=300)
            distance = stats.ks_2samp(x, y, method="asymp").statistic
            effect = ks_distance_interval(distance, 200, 300)
            covered += effect.low <= truth <= effect.high
        assert covered / 200 >= 0.92


def test_the_detectable_total_variation_is_detected_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    levels, n = 6, 500
    size = detectable_total_variation(levels - 1, n, n)
    p = np.full(levels, 1 / levels)
    q = p * (1 + 2 * size * np.array([1, -1, 1, -1, 1, -1]))
    assert np.abs(p - q).sum() / 2 == pytest.approx(size)
    found = [
        contingency_chi2(rng.multinomial(n, p), rng.multinomial(n, q)).pvalue <= 0.05
        for _ in range(600)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)
