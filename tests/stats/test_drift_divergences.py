"""How far apart are two sides beyond chance? (against scipy, enumeration and simulation)"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from aiir_eval.stats.drift_divergences import divergences, quantile_counts
from aiir_eval.stats.drift_effects import EffectEstimate, total_variation

NAMES = ("psi", "jensen_shannon", "hellinger", "total_variation")


def truth(p: np.ndarray, q: np.ndarray) -> dict[str, float]:
    return {
        "psi": float(((p - q) * np.log(p / q)).sum()),
        "jensen_shannon": float(jensenshannon(p, q, 2)),
        "hellinger": float(np.sqrt(max(1 - np.sqrt(p * q).sum(), 0))),
        "total_variation": float(np.abs(p - q).sum() / 2),
    }


def test_a_large_sample_gives_the_plain_divergences() -> None:
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.25, 0.25, 0.25, 0.25])
    found = divergences(p * 1e8, q * 1e8)
    for name, value in truth(p, q).items():
        assert getattr(found, name).estimate == pytest.approx(value, rel=1e-4), name


def test_what_is_subtracted_is_the_mean_over_all_relabellings() -> None:
    labels = np.repeat([0, 1, 2], [3, 4, 2])
    n, m = 4, 5
    expected = 0.0
    every = list(combinations(range(9), n))
    for picked in every:
        x = np.bincount(labels[list(picked)], minlength=3)
        y = np.bincount(labels, minlength=3) - x
        p, q = (x + 0.5) / (n + 1.5), (y + 0.5) / (m + 1.5)
        expected += float(((p - q) * np.log(p / q)).sum()) / len(every)
    x, y = np.array([3, 0, 1]), np.array([0, 4, 1])
    p, q = (x + 0.5) / (n + 1.5), (y + 0.5) / (m + 1.5)
    plain = float(((p - q) * np.log(p / q)).sum())
    assert divergences(x, y).psi.estimate == pytest.approx(plain - expected, rel=1e-10)


@pytest.mark.parametrize("shape", ["uniform", "zipf"])
def test_a_thousand_unchanged_levels_are_no_change_at_two_hundred_rows(shape: str) -> None:
    rng = np.random.default_rng(1)
    share = np.ones(1000) if shape == "uniform" else 1 / np.arange(1.0, 1001)
    share /= share.sum()
    found, plain, lows = [], [], []
    for _ in range(40):
        x, y = rng.multinomial(200, share), rng.multinomial(200, share)
        result = divergences(x, y)
        found.append([getattr(result, name).estimate for name in NAMES])
        plain.append(jensenshannon(x, y, 2))
        lows.append([getattr(result, name).low for name in NAMES])
    assert np.mean(plain) > 0.5
    assert np.mean(np.array(lows) > 0, axis=0).max() <= 0.1
    assert np.mean(found, axis=0).max() < 0.07


@pytest.mark.parametrize(("levels", "rows"), [(2, 500), (10, 2000), (50, 1000)])
def test_intervals_hold_the_truth_changed_or_not(levels: int, rows: int) -> None:
    rng = np.random.default_rng(levels)
    p = rng.dirichlet(np.full(levels, 5.0))
    q = p * np.exp(0.3 * rng.normal(size=levels))
    q /= q.sum()
    for other in (p, q):
        held = dict.fromkeys(NAMES, 0)
        for _ in range(150):
            found = divergences(rng.multinomial(rows, p), rng.multinomial(rows, other))
            for name, value in truth(p, other).items():
                effect: EffectEstimate = getattr(found, name)
                held[name] += effect.low - 1e-9 <= value <= effect.high + 1e-9
        assert min(held.values()) / 150 > 0.87, held


def test_nothing_in_common_is_a_distance_of_one() -> None:
    found = divergences([50, 0], [0, 80])
    assert found.jensen_shannon.estimate == found.hellinger.estimate == 1.0
    assert found.psi.estimate > 5


def test_sides_can_be_exchanged_and_empty_levels_do_not_matter() -> None:
    x, y = [5, 0, 9, 12, 0], [7, 3, 2, 20, 0]
    there, back, short = divergences(x, y), divergences(y, x), divergences(x[:4], y[:4])
    for name in NAMES:
        for other in (back, short):
            assert getattr(there, name).estimate == pytest.approx(getattr(other, name).estimate)


def test_clusters_widen_the_interval_and_lower_the_estimate() -> None:
    x, y = [300, 200, 500], [240, 220, 540]
    plain, clustered = divergences(x, y), divergences(x, y, design_effect=4)
    for name in ("psi", "jensen_shannon", "hellinger"):
        assert getattr(clustered, name).estimate <= getattr(plain, name).estimate
        assert getattr(clustered, name).high > getattr(plain, name).high


def test_total_variation_is_the_one_of_the_report() -> None:
    assert divergences([10, 20], [20, 10]).total_variation == total_variation([10, 20], [20, 10])


def test_an_empty_side_has_no_divergence() -> None:
    assert np.isnan(divergences([0, 0], [1, 2]).psi.estimate)


def test_commoner_levels_join_their_exact_expectation_without_a_step() -> None:
    below = divergences([200, 800], [200, 800]).psi
    above = divergences([201, 800], [200, 800]).psi
    assert above.standard_error == pytest.approx(below.standard_error, rel=0.02)


def test_numbers_fall_into_bins_of_pooled_quantiles() -> None:
    rng = np.random.default_rng(2)
    x, y = np.sort(rng.normal(size=3000)), np.sort(rng.normal(0.5, 1, size=2000))
    left, right = quantile_counts(x, y)
    assert left.sum() == 3000
    assert right.sum() == 2000
    assert np.ptp(left + right) <= 1
    tied = quantile_counts(np.zeros(50), np.sort(np.r_[np.zeros(30), np.arange(20.0)]))
    assert tied[0].sum() == 50
    assert tied[1].sum() == 50
