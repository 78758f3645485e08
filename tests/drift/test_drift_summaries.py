"""Do states of parts merge to the state of the whole, and what can be said from them?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isinf, isnan

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from aiir_eval.drift.summaries.clusters import UnitSums, level_units, number_units
from aiir_eval.drift.summaries.comparing import compare_states
from aiir_eval.drift.summaries.histogram import Histogram, largest_gap, quantile_edges
from aiir_eval.drift.summaries.levels import Caps, LevelCounts, aligned, digests, level_counts
from aiir_eval.drift.summaries.moments import Moments, moments_of
from aiir_eval.drift.summaries.reading import state_of
from aiir_eval.drift.summaries.refining import exact_gap
from aiir_eval.drift.summaries.states import (
    ColumnState,
    LevelState,
    NumericState,
    empty_like,
    numeric_state,
)
from aiir_eval.errors import InputError

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

ODD = [0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, 1e-200, 2.0**53 + 1, 0.1]
floats = st.one_of(st.sampled_from(ODD), st.floats(-100, 100), st.integers(-3, 3).map(float))
LAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "ties": lambda rng, n: rng.normal(size=n).round(1),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "constant": lambda rng, n: np.full(n, 4.5),
    "few values": lambda rng, n: rng.choice([1.5, 2.0, 7.0], n),
    "half at zero": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, rng.lognormal(size=n)),
    "far from zero": lambda rng, n: 1e9 + rng.normal(size=n),
}


def numbers(values: Sequence[float] | Floats, edges: Floats) -> NumericState:
    return numeric_state(np.asarray(values, np.float64), edges, type_name="double")


def merged(parts: Sequence[ColumnState], order: Sequence[int]) -> ColumnState:
    """Parts merged in some order, as some tree: each step joins two neighbours."""
    left = [parts[i] for i in order]
    while len(left) > 1:
        at = len(left) // 3
        left[at : at + 2] = [left[at] + left[at + 1]]  # type: ignore[operator]
    return left[0]


def same_numbers(one: NumericState, two: NumericState) -> None:
    for name in ("n", "n_null", "n_odd", "n_nan", "n_zero", "n_one", "low", "high"):
        assert getattr(one, name) == getattr(two, name), name
    assert np.array_equal(one.histogram.below, two.histogram.below)
    assert np.array_equal(one.histogram.upto, two.histogram.upto)
    for mine, yours, scale in (
        (one.mean, two.mean, one.sd + abs(one.mean)),
        (one.sd, two.sd, one.sd),
    ):
        assert (
            (isnan(mine) and isnan(yours))
            or mine == yours
            or (abs(mine - yours) <= 1e-12 * scale or isinf(scale))
        )


@settings(max_examples=60, deadline=None)
@given(st.lists(floats, max_size=60), st.lists(st.integers(0, 60), max_size=5), st.randoms())
def test_any_split_of_numbers_in_any_order_merges_to_one_state(
    values: list[float], cuts: list[int], random: object
) -> None:
    edges = quantile_edges(np.array([v for v in values[:20] if np.isfinite(v)]), count=7)
    whole = numbers(values, edges)
    ends = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    parts = [numbers(values[a:b], edges) for a, b in itertools.pairwise(ends)]
    order = list(range(len(parts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found = merged(parts, order)
    assert isinstance(found, NumericState)
    same_numbers(found, whole)
    same_numbers(found + empty_like(found), whole)  # type: ignore[operator]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(floats.filter(np.isfinite), max_size=9), min_size=3, max_size=3))
def test_moments_are_added_without_any_rounding(parts: list[list[float]]) -> None:
    a, b, c = (moments_of(np.array(part)) for part in parts)
    assert (a + b) + c == a + (b + c) == (c + a) + b
    assert a + b == b + a
    assert a + Moments() == a


@pytest.mark.parametrize("law", LAWS)
def test_moments_are_those_of_exact_arithmetic(law: str) -> None:
    values = LAWS[law](np.random.default_rng(0), 2000)
    exact = [Fraction(float(v)) for v in values]
    mean = sum(exact) / len(exact)
    variance = sum((v - mean) ** 2 for v in exact) / (len(exact) - 1)
    found = sum((moments_of(part) for part in np.array_split(values, 17)), Moments())
    assert abs(found.mean - float(mean)) <= 1e-14 * (float(variance) ** 0.5 + abs(float(mean)))
    assert found.variance == pytest.approx(float(variance), rel=1e-13)


def test_moments_of_numbers_whose_squares_overflow_or_vanish() -> None:
    large, small = moments_of(np.array([1e200, 3e200])), moments_of(np.array([1e-200, 3e-200]))
    assert large.mean == pytest.approx(2e200)
    assert small.mean == pytest.approx(2e-200)
    assert isinf(large.variance)
    assert large.sd == pytest.approx(2**0.5 * 1e200)
    assert small.sd == pytest.approx(2**0.5 * 1e-200)
    exact = small.squares - small.total**2 / 2
    assert float(exact * 10**400) == pytest.approx(2.0)


@pytest.mark.parametrize("shift", [0.0, 0.3, 100.0])
@pytest.mark.parametrize("law", LAWS)
def test_the_ks_distance_lies_within_its_bound_and_is_found_exactly(law: str, shift: float) -> None:
    rng = np.random.default_rng(len(law))
    for n, m, count in ((700, 500, 40), (50, 900, 5), (300, 2, 300)):
        x, y = LAWS[law](rng, n), LAWS[law](rng, m) + shift
        expected = stats.ks_2samp(x, y).statistic
        edges = quantile_edges(x[: n // 2], count=count)
        old, new = numbers(x, edges).histogram, numbers(y, edges).histogram
        gap = largest_gap(old, new)
        assert gap.low - 1e-12 <= expected <= gap.high + 1e-12
        mass = np.diff(np.append(0, np.maximum(old.upto, 0)), append=n).max() / n
        assert gap.high - gap.low <= mass + 1 / n  # no wider than an open cell of the reference
        other = numbers(y, quantile_edges(y, count=9)).histogram
        loose = largest_gap(old, other)
        assert loose.low - 1e-12 <= expected <= loose.high + 1e-12
        for at_once in (3, 10_000):
            exact = exact_gap(
                old,
                new,
                lambda x=x: np.array_split(x, 3),
                lambda y=y: np.array_split(y, 2),
                at_once=at_once,
            )
            assert exact.low == exact.high == pytest.approx(expected, abs=1e-12)


def test_a_column_of_few_values_is_known_exactly() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.poisson(3, 5000).astype(float), rng.poisson(3.1, 4000).astype(float)
    edges = quantile_edges(x, count=100)
    gap = largest_gap(numbers(x, edges).histogram, numbers(y, edges).histogram)
    assert gap.low == gap.high == pytest.approx(stats.ks_2samp(x, y).statistic, abs=1e-12)


def test_histograms_on_other_edges_are_not_added() -> None:
    one, two = numbers([1.0, 2.0], np.array([1.0])), numbers([1.0], np.array([2.0]))
    with pytest.raises(InputError, match="different edges"):
        one + two


texts = st.one_of(st.integers(0, 30).map(str), st.sampled_from(["", "ä", "0 ", "x" * 50]))
SMALL = Caps(named=8, named_bytes=90, keyed=14, bucket_bits=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, max_size=60), st.lists(st.integers(0, 60), max_size=5), st.randoms())
def test_any_split_of_levels_in_any_order_merges_to_one_state(
    values: list[str], cuts: list[int], random: object
) -> None:
    def state(part: list[str]) -> LevelState:
        found = state_of(pa.array(part, pa.string()), None, SMALL)
        assert isinstance(found, LevelState)
        return found

    ends = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    parts = [state(values[a:b]) for a, b in itertools.pairwise(ends)]
    order = list(range(len(parts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found, whole = merged(parts, order), state(values)
    assert isinstance(found, LevelState)
    one, two = found.levels, whole.levels
    assert (one.form, one.n, one.n_counted) == (two.form, two.n, two.n_counted)
    assert one.named == two.named
    for mine, yours in zip(one.by_key(), two.by_key(), strict=True):
        assert np.array_equal(mine, yours)
    assert one.n_levels() == two.n_levels()


def test_each_form_of_level_counts_holds_every_row() -> None:
    names = [f"level {i}" for i in range(200)]
    counts = np.arange(1, 201)
    expected = dict(zip(digests(names), counts, strict=True))
    for caps, form in (
        (Caps(), "named"),
        (Caps(named=10), "keyed"),
        (Caps(named_bytes=500), "keyed"),
        (Caps(named=10, keyed=100, bucket_bits=4), "bucketed"),
    ):
        found = level_counts(names, counts, caps=caps)
        assert (found.form, found.n) == (form, counts.sum())
        keys, own = found.by_key()
        assert own.sum() == counts.sum()
        if form != "bucketed":
            assert dict(zip(keys, own, strict=True)) == expected
    assert keys.size == 16


def test_the_number_of_levels_is_estimated_where_they_share_buckets() -> None:
    names = [str(i) for i in range(50_000)]
    caps = Caps(named=10, keyed=1000, bucket_bits=8)
    found = level_counts(names, np.ones(50_000, int), caps=caps)
    assert found.form == "bucketed"
    assert found.n_levels() == pytest.approx(50_000, rel=0.06)


def test_total_variation_of_buckets_is_at_most_that_of_their_levels() -> None:
    rng = np.random.default_rng(2)

    def sides(caps: Caps) -> tuple[LevelCounts, LevelCounts]:
        names = [f"l{i}" for i in range(400)]
        draws = np.random.default_rng(3).multinomial(5000, rng.dirichlet(np.ones(400)), 2)
        return tuple(level_counts(names, side, caps=caps) for side in draws)  # type: ignore[return-value]

    def distance(pair: tuple[LevelCounts, LevelCounts]) -> float:
        both = aligned(*pair)
        return float(np.abs(both.reference / 5000 - both.current / 5000).sum()) / 2

    rng = np.random.default_rng(2)
    fine = distance(sides(Caps()))
    rng = np.random.default_rng(2)
    coarse = distance(sides(Caps(named=5, keyed=10, bucket_bits=5)))
    assert 0 < coarse <= fine


def test_named_and_unnamed_levels_are_compared() -> None:
    few = level_counts(["a", "b"], [3, 5], caps=Caps(named=2))
    many = level_counts(["a", "b", "c"], [1, 2, 4], caps=Caps(named=2))
    both = aligned(few, many)
    assert both.texts is None
    order = np.argsort(digests(["a", "b", "c"]))
    assert both.reference.tolist() == np.array([3, 5, 0])[order].tolist()
    assert both.current.tolist() == np.array([1, 2, 4])[order].tolist()


def test_row_numbers_are_told_from_other_whole_numbers() -> None:
    def state(values: NDArray[np.int64]) -> NumericState:
        edges = quantile_edges(np.arange(5000.0), count=50)
        return numeric_state(values.astype(float), edges, type_name="int64", whole=True)

    rng = np.random.default_rng(4)
    assert state(rng.permutation(5000)).numbers_rows
    assert state(rng.permutation(5000) + 17).numbers_rows
    doubled = np.append(np.arange(4999), 17)
    assert not state(doubled).numbers_rows
    assert not state(rng.integers(0, 5000, 5000)).numbers_rows


def cluster_rows(rng: np.random.Generator, n: int, users: int) -> tuple[Floats, NDArray[np.intp]]:
    values = rng.normal(size=n)
    values[rng.random(n) < 0.1] = np.nan
    return values, rng.integers(0, users, n)


@pytest.mark.parametrize("users", [30, 3000])
def test_sums_by_cluster_merge_in_any_order(users: int) -> None:
    rng = np.random.default_rng(5)
    values, user = cluster_rows(rng, 20_000, users)
    names = digests(str(i) for i in range(users))
    levels, level_keys = rng.integers(0, 300, values.size), digests(f"l{i}" for i in range(300))
    edges = quantile_edges(values[:500])

    def state(rows: NDArray[np.intp], *, of_levels: bool) -> UnitSums:
        present, codes = np.unique(user[rows], return_inverse=True)
        missing = np.isnan(values[rows])
        keys = names[present]
        if of_levels:
            own = np.unique(levels[rows][~missing], return_inverse=True)
            return level_units(codes, keys, own[1], level_keys[own[0]], missing)
        return number_units(codes, keys, values[rows][~missing], edges, missing)

    for of_levels in (False, True):
        whole = state(np.arange(values.size), of_levels=of_levels)
        parts = [
            state(rows, of_levels=of_levels)
            for rows in np.array_split(rng.permutation(values.size), 7)
        ]
        found = parts[3] + parts[0]
        found = (parts[6] + parts[5]) + (found + parts[1]) + (parts[2] + parts[4])
        assert np.array_equal(found.keys, whole.keys)
        assert found.bits == whole.bits == (64 if users == 30 else 10)
        assert np.array_equal(found.counts, whole.counts)
        np.testing.assert_allclose(found.sums, whole.sums, rtol=1e-12, atol=1e-10)
        assert whole.sums[:, 0].sum() == values.size
        assert whole.sums[:, 1].sum() == np.isnan(values).sum()


def test_facts_of_states_are_those_of_the_values() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.lognormal(size=4000), rng.lognormal(0.1, size=3000)
    edges = quantile_edges(x, count=200)
    found, gaps = compare_states(
        "x", numbers(np.append(x, [np.nan, np.inf]), edges), numbers(y, edges)
    )
    assert found.reference.n == 4000  # type: ignore[union-attr]
    assert found.reference.mean == pytest.approx(x.mean(), rel=1e-13)  # type: ignore[union-attr]
    assert found.current.variance == pytest.approx(y.var(ddof=1), rel=1e-13)  # type: ignore[union-attr]
    assert found.missing.odd == (2, 0)  # type: ignore[union-attr]
    assert (gaps.name, gaps.ones, gaps.n) == ("x is missing", (1, 0), (4002, 3000))  # type: ignore[union-attr]


def test_a_state_of_nothing_is_told_from_one_of_zero() -> None:
    empty = numbers([], np.array([0.0]))
    assert (empty.n, empty.low, empty.high) == (0, np.inf, -np.inf)
    assert isnan(empty.mean)
    assert (
        largest_gap(
            Histogram(0, np.empty(0), np.empty(0, int), np.empty(0, int)),
            numbers([1.0], np.empty(0)).histogram,
        ).high
        <= 1
    )
