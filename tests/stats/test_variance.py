"""Are variance components recovered, and is the advice right?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from aiir_eval.stats import paired_difference, variance_components


def nested(
    rng: np.random.Generator, clusters: float, cases: float, trials: float, n_trials: int
) -> tuple[np.ndarray, np.ndarray]:
    """200 clusters of 3 cases with normal effects of these variances."""
    labels = np.repeat(np.arange(200), 3)
    level = rng.normal(0, math.sqrt(clusters), 200)[labels]
    level = level + rng.normal(0, math.sqrt(cases), 600)
    return level[:, None] + rng.normal(0, math.sqrt(trials), (600, n_trials)), labels


def test_components_are_unbiased() -> None:
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(40):
        values, labels = nested(rng, 0.3, 0.2, 0.5, 4)
        found = variance_components(values, clusters=labels)
        parts.append((found.clusters, found.cases, found.trials))
    assert np.mean(parts, axis=0) == pytest.approx([0.3, 0.2, 0.5], abs=0.03)


def test_standard_error_agrees_with_the_paired_difference() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.binomial(1, 0.7, (2, 400, 5)).astype(float)
    parts = variance_components(before, after)
    paired = paired_difference(before.mean(1), after.mean(1), single_trial=False)
    assert parts.standard_error() == pytest.approx(paired.standard_error, rel=0.1)
    assert parts.trials == pytest.approx(2 * 0.7 * 0.3, rel=0.1)
    assert parts.standard_error(n_cases=1600) == pytest.approx(parts.standard_error() / 2)


def test_advice_follows_the_larger_source() -> None:
    rng = np.random.default_rng(2)
    noisy, _ = nested(rng, 0, 0.01, 1.0, 5)
    steady, labels = nested(rng, 0.2, 0.5, 0.1, 5)
    assert variance_components(noisy).advice == "more_trials"
    assert variance_components(steady, clusters=labels).advice == "more_cases"
    gained = variance_components(noisy)
    assert gained.standard_error(n_trials=50) < 0.6 * gained.standard_error()


def test_single_trials_leave_trial_noise_unknown() -> None:
    parts = variance_components([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    assert math.isnan(parts.trials)
    assert parts.advice == "more_cases"
    assert parts.standard_error() == pytest.approx(0.25)


def test_ragged_trials_are_counted_as_they_are() -> None:
    gap = math.nan
    parts = variance_components([[1, 0, 1], [1, gap, gap], [0, 1, gap]])
    assert parts.n_trials == pytest.approx(3 / (1 / 3 + 1 + 1 / 2))
    assert parts.trials == pytest.approx((2 / 3 + 1 / 2) / 3)
    with pytest.raises(ValueError, match="case 1 has no trial"):
        variance_components([[1, 0], [gap, gap]])
