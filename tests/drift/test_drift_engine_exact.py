"""Are the statistics of the kernels those of scipy, to 1e-12, whatever ties the data have?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aiir_eval.drift.columns import Column, Pair, column_of
from aiir_eval.drift.exact import facts_of
from aiir_eval.drift.facts import LevelFacts, NumericFacts
from aiir_eval.stats.drift_tests import (
    ks_distance,
    ks_pvalue,
    level_groups,
    level_test,
    welch_of_moments,
)

EXACT = 1e-12
ties = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 3.25, 1e9, -1e9, 5e-324])
numbers = st.floats(-1e12, 1e12, allow_nan=False) | ties


def samples(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=2, max_size=60)


def facts(x: Any, y: Any) -> Any:
    sides = [pa.chunked_array([pa.array(side)]) for side in (x, y)]
    column = column_of(Pair("v", *sides), in_order=True)
    assert isinstance(column, Column)
    return facts_of(column)


@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful")
@settings(max_examples=150, deadline=None)
@given(samples(numbers) | samples(ties), samples(numbers) | samples(ties))
def test_distances_of_any_numbers_are_scipys(x: list[float], y: list[float]) -> None:
    expected = stats.ks_2samp(x, y)
    distance = ks_distance(np.sort(x), np.sort(y))
    assert distance == pytest.approx(expected.statistic, abs=EXACT)
    assert ks_pvalue(distance, len(x), len(y)) == pytest.approx(expected.pvalue, abs=EXACT)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(2, 40_000),
    st.integers(2, 40_000),
    st.sampled_from([0, 1, 2, 9]),
    st.sampled_from([0.0, 0.001, 0.05, 1.0, 50.0]),
)
def test_distances_of_large_samples_with_ties_are_scipys(
    seed: int, n: int, m: int, decimals: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(np.round(rng.standard_t(3, n), decimals))
    y = np.sort(np.round(rng.standard_t(3, m) + shift, decimals))
    expected = stats.ks_2samp(x, y, method="asymp")
    assert ks_distance(x, y) == pytest.approx(expected.statistic, abs=EXACT)
    assert ks_distance(y, x) == pytest.approx(expected.statistic, abs=EXACT)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(500, 20_000), st.integers(0, 30))
def test_samples_that_are_all_but_equal_have_scipys_distance(
    seed: int, n: int, removed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.normal(size=n))
    y = np.delete(x, rng.integers(0, n, removed))
    expected = stats.ks_2samp(x, y, method="asymp").statistic
    assert ks_distance(x, y) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("n", [50, 3000, 9000, 30_000, 190_000, 250_000, 3_000_000])
@pytest.mark.parametrize("scaled", [0.1, 0.6, 0.9, 1.36])
def test_pvalues_of_distances_are_scipys(n: int, scaled: float) -> None:
    ones = round(scaled * np.sqrt(2 / n) * n)
    distance = ones / n
    x = np.arange(n) < ones
    if n <= 10_000:
        expected = stats.ks_2samp(x, np.zeros(n)).pvalue
    else:
        expected = stats.kstwo.sf(distance, n / 2)
    assert ks_pvalue(distance, n, n) == pytest.approx(expected, abs=EXACT)


def test_pvalues_far_out_are_scipys() -> None:
    """Where scipy sums 100,001 terms, and we do not."""
    for scaled in (1.48, 1.484, 1.6, 2.0, 2.6, 3.4, 3.6, 5.0):
        distance, size = scaled / np.sqrt(100_001), 100_001
        expected = stats.kstwo.sf(distance, size)
        assert ks_pvalue(distance, 2 * size, 2 * size) == pytest.approx(expected, abs=EXACT)


@settings(max_examples=120, deadline=None)
@given(samples(numbers), samples(numbers))
def test_moments_and_welch_are_scipys(x: list[float], y: list[float]) -> None:
    if len({*x, *y}) == 1 or {*x, *y} <= {0.0, 1.0}:
        return
    found = facts(np.array(x), np.array(y))
    assert isinstance(found, NumericFacts)
    sides = (found.reference, x), (found.current, y)
    for moments, values in sides:
        scale = float(np.abs(values).max()) or 1.0
        assert moments.n == len(values)
        assert moments.mean == pytest.approx(np.mean(values), abs=1e-15 * scale)
        # Where the mean of equal values is not one of them, numpy has a variance that is none.
        variance = 0.0 if len(set(values)) == 1 else np.var(values, ddof=1)
        assert moments.variance == pytest.approx(variance, rel=1e-9, abs=1e-300)
    if min(np.ptp(x), np.ptp(y)) <= 1e-6 * max(np.abs([*x, *y])):
        return  # differences that doubles cannot resolve
    welch = welch_of_moments(
        found.current.n,
        found.current.mean,
        found.current.variance,
        found.reference.n,
        found.reference.mean,
        found.reference.variance,
    )
    expected = stats.ttest_ind(y, x, equal_var=False)
    if np.isnan(expected.statistic):
        return  # squares that vanish: scipy divides nothing by nothing
    assert welch.statistic == pytest.approx(expected.statistic, rel=EXACT, abs=EXACT)
    assert welch.pvalue == pytest.approx(expected.pvalue, abs=EXACT)


counts = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=2, max_size=30)


@settings(max_examples=150, deadline=None)
@given(counts)
def test_chi_square_of_common_levels_is_scipys(pairs: list[tuple[int, int]]) -> None:
    table = np.array(pairs).T
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or min(table.sum(axis=1)) == 0:
        return
    expected = stats.chi2_contingency(table, correction=False)
    found = level_test(table[0], table[1])
    if expected.expected_freq.min() >= 5:
        assert found.method == "chi2_contingency"
        assert found.statistic == pytest.approx(expected.statistic, rel=EXACT, abs=EXACT)
        assert found.pvalue == pytest.approx(expected.pvalue, abs=EXACT)
    swapped = level_test(table[1], table[0])
    assert found.pvalue == pytest.approx(swapped.pvalue, rel=1e-9, abs=EXACT)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefg "), min_size=4, max_size=200),
    st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=200),
)
def test_levels_are_counted(x: list[str], y: list[str]) -> None:
    found = facts(x, y)
    if not isinstance(found, LevelFacts):
        assert len({*x, *y}) == 1 or "ids or free text" in found.reason
        return
    names = found.levels.to_pylist()
    assert names == sorted({*x, *y})
    assert list(found.reference) == [x.count(name) for name in names]
    assert list(found.current) == [y.count(name) for name in names]


def test_lumped_levels_share_a_column() -> None:
    x, y = np.array([90, 1, 1, 80, 50]), np.array([90, 1, 1, 80, 50])
    assert list(level_groups(x, y, lump=True, most=9)) == [0, 3, 3, 1, 2]
    assert list(level_groups(x, y, lump=False, most=9)) == [0, 1, 2, 3, 4]
    assert list(level_groups(x, y, lump=False, most=2)) == [0, 2, 2, 1, 2]
