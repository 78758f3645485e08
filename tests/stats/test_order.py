"""Do row order and the names of clusters leave every number as it is?"""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.stats import (
    cluster_bootstrap_ratio,
    cluster_bootstrap_value,
    paired_difference,
    pass_rate,
    sign_flip,
    variance_components,
)
from aiir_eval.stats.clustering import cluster_totals


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Any]:
    """Two columns, clusters, a permutation and other names for the clusters."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 120))
    clusters = rng.integers(0, max(2, n // 3), size=n)
    graded = draw(st.booleans())
    before, after = rng.random((2, n)) if graded else rng.binomial(5, 0.8, (2, n)) / 5
    names = np.array([f"c{i}" for i in rng.permutation(n)])
    return before, after, clusters, rng.permutation(n), names


@given(tables(), st.booleans())
def test_paired_difference_is_bit_identical(table: Any, binary: bool) -> None:
    before, after, clusters, order, names = table
    options = {"binary": binary, "single_trial": False, "n_resamples": 99}
    first = paired_difference(before, after, clusters=clusters, **options)
    second = paired_difference(
        before[order], after[order], clusters=names[clusters][order], **options
    )
    assert first == second
    assert first.confidence_interval() == second.confidence_interval()


@given(tables())
def test_rates_and_flips_are_bit_identical(table: Any) -> None:
    before, after, clusters, order, names = table
    renamed = names[clusters][order].tolist()
    assert pass_rate(before, clusters=clusters) == pass_rate(before[order], clusters=renamed)
    assert sign_flip(after - before, clusters=clusters, n_resamples=99) == sign_flip(
        (after - before)[order], clusters=renamed, n_resamples=99
    )


@given(tables(), st.sampled_from([None, 0.5, 0.95]))
def test_bootstrap_bounds_are_bit_identical(table: Any, quantile: float | None) -> None:
    before, after, clusters, order, names = table
    renamed = names[clusters][order]
    options: dict[str, Any] = {
        "statistic": "mean" if quantile is None else "quantile",
        "quantile": quantile,
        "n_resamples": 50,
    }
    assert cluster_bootstrap_ratio(
        before, after, clusters=clusters, **options
    ) == cluster_bootstrap_ratio(before[order], after[order], clusters=renamed, **options)
    assert cluster_bootstrap_value(before, clusters=clusters, **options) == cluster_bootstrap_value(
        before[order], clusters=renamed, **options
    )


@given(tables())
def test_variance_components_do_not_depend_on_order(table: Any) -> None:
    before, after, clusters, order, names = table
    trials = np.stack([before, after], axis=1)
    first = variance_components(trials, clusters=clusters)
    second = variance_components(trials[order][:, ::-1], clusters=names[clusters][order])
    np.testing.assert_allclose(
        [first.clusters, first.cases, first.trials],
        [second.clusters, second.cases, second.trials],
        rtol=1e-9,
        atol=1e-12,
    )


def test_labels_of_any_kind_are_clusters() -> None:
    before, after = np.ones(8), np.repeat([0.0, 1.0], 4)
    expected = paired_difference(before, after, clusters=[0, 0, 1, 1, 2, 2, 3, 3])
    for labels in (
        list("aabbccdd"),
        [(1, "x"), (1, "x"), (1, "y"), (1, "y"), 5, 5, "5", "5"],
        np.repeat([1.5, 2.5, 3.5, 4.5], 2),
    ):
        assert paired_difference(before, after, clusters=labels) == expected


@given(st.integers(0, 2**32 - 1), st.integers(-280, 280), st.booleans())
def test_sums_of_clusters_are_as_exact_as_can_be_in_any_order(
    seed: int, exponent: int, wide: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 400))
    values = rng.normal(size=n) * 10.0**exponent
    if wide:  # values that lie far apart
        values *= 10.0 ** rng.uniform(-12, 0, n)
    codes = rng.integers(0, 5, n)
    codes[:5] = np.arange(min(5, n))
    codes[n - 1] = 0  # at least one cluster has two
    order = rng.permutation(n)
    totals, sizes = cluster_totals(values, codes)
    assert np.array_equal(cluster_totals(values[order], codes[order]), (totals, sizes))
    exact = {
        (float((codes == code).sum()), fsum(values[codes == code])) for code in np.unique(codes)
    }
    for (size, total), (n_there, sum_there) in zip(
        zip(sizes, totals, strict=True), sorted(exact), strict=True
    ):
        assert size == n_there
        assert abs(total - sum_there) <= 4e-16 * np.abs(values).max() * size
