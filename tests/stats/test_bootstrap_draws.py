"""Drawing clusters of a kind together: the same law as drawing each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from aiir_eval.stats.bootstrap_draws import Draws

SUMS = np.repeat([[1.0, 0.0], [2.0, 1.0]], 50, axis=0)
SINGLE = np.arange(100) % 10 == 0


def test_clusters_with_the_same_sums_are_of_a_kind_unless_singled_out() -> None:
    draws = Draws(SUMS, SINGLE)
    assert draws.singles.tolist() == list(range(0, 100, 10))
    assert [members.size for members in draws.kinds] == [45, 45]
    assert draws.shares.sum() == pytest.approx(1)


def test_too_many_kinds_are_no_help() -> None:
    draws = Draws(np.arange(100.0)[:, None], SINGLE)
    assert draws.singles.size == 100
    assert draws.kinds == []


def test_a_resample_told_in_full_is_the_one_that_was_summed() -> None:
    block = Draws(SUMS, SINGLE).block(20, np.random.default_rng(1))
    full = np.array([block.every(row) for row in range(20)])
    assert (full.sum(axis=1) == 100).all()
    np.testing.assert_array_equal(full[:, SINGLE], block.often)
    np.testing.assert_array_equal(full @ SUMS, block.summed())
    assert block.every(3) is block.every(3)  # both sides are told of the same resample


def test_every_cluster_is_drawn_as_often_as_by_itself() -> None:
    n = 20_000
    block = Draws(SUMS, SINGLE).block(n, np.random.default_rng(2))
    full = np.array([block.every(row) for row in range(n)])
    covariance = np.cov(full.T)
    expected = np.eye(100) - 0.01  # of a multinomial of 100 draws from 100
    assert np.abs(full.mean(axis=0) - 1).max() < 4.5 / np.sqrt(n)
    assert np.abs(covariance - expected).max() < 5.5 * np.sqrt(2 / n)
    assert (full[:, 0] == 0).mean() == pytest.approx(0.99**100, abs=0.015)
    assert (full[:, 1] >= 3).mean() == pytest.approx(0.0794, abs=0.01)
