"""Do sign flips and McNemar agree with enumeration, scipy and each other?"""

from __future__ import annotations

import itertools
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aiir_eval.stats import mcnemar, sign_flip


def by_hand(totals: np.ndarray, alternative: str) -> tuple[float, float]:
    """(exact p, mid-p) over all sign vectors."""
    flips = np.array(list(itertools.product([-1.0, 1.0], repeat=totals.size)))
    sums, seen = flips @ totals, totals.sum()
    if alternative == "two-sided":
        sums, seen = np.abs(sums), abs(seen)
    elif alternative == "less":
        sums, seen = -sums, -seen
    at_least = float((sums >= seen - 1e-9).mean())
    above = float((sums > seen + 1e-9).mean())
    return at_least, (at_least + above) / 2


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["fractions", "reals"])
def test_enumeration_matches_all_sign_vectors(alternative: str, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 9, size=24)
    values = rng.integers(-5, 6, size=24) / 5 if kind == "fractions" else rng.normal(size=24)
    totals = np.bincount(clusters, weights=values, minlength=9)
    result = sign_flip(values, clusters=clusters, alternative=alternative)
    exact, mid = by_hand(totals, alternative)
    assert result.enumerated
    assert result.pvalue_exact == pytest.approx(exact, abs=1e-12)
    assert result.pvalue == pytest.approx(mid, abs=1e-12)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_single_trials_without_clusters_are_mcnemar(broke: int, fixed: int, same: int) -> None:
    if broke + fixed + same == 0:
        return
    flips = sign_flip([-1.0] * broke + [1.0] * fixed + [0.0] * same)
    test = mcnemar(broke, fixed)
    assert flips.pvalue == pytest.approx(test.pvalue, rel=1e-9)
    assert flips.pvalue_exact == pytest.approx(test.pvalue_exact, rel=1e-9)


@pytest.mark.parametrize(
    ("broke", "fixed", "published"),
    [(476, 147, 2.11e-41), (16, 0, 3.05e-5), (0, 6, 0.03125), (23, 2, 1.9e-5), (2, 11, 0.0225)],
)
def test_mcnemar_recovers_the_stated_pvalues(broke: int, fixed: int, published: float) -> None:
    result = mcnemar(broke, fixed)
    assert result.pvalue_exact == pytest.approx(published, rel=0.03)
    binomial = stats.binomtest(min(broke, fixed), broke + fixed).pvalue
    assert result.pvalue_exact == pytest.approx(binomial, rel=1e-9)
    point = stats.binom.pmf(min(broke, fixed), broke + fixed, 0.5)
    assert result.pvalue == pytest.approx(binomial - point, rel=1e-9)


def test_mcnemar_without_a_change_is_one() -> None:
    assert mcnemar(0, 0).pvalue == mcnemar(0, 0).pvalue_exact == 1.0
    assert mcnemar(4, 4).pvalue_exact == 1.0
    assert mcnemar(4, 4).pvalue == pytest.approx(1 - stats.binom.pmf(4, 8, 0.5) / 2)


@pytest.mark.parametrize("counts", [(-1, 3), (1.5, 2), (float("nan"), 1), (1, float("inf"))])
def test_what_is_no_count_is_refused(counts: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        mcnemar(*counts)


@pytest.mark.parametrize("scale", [1e-300, 1e-14, 5e-8, 1e-4, 1.0, 1e12])
def test_the_unit_of_the_differences_does_not_matter(scale: float) -> None:
    values = np.array([3.0, -1, 2, 2, 1, -1, 3, 1, 0])
    result, plain = sign_flip(scale * values), sign_flip(values)
    assert result.enumerated
    assert result.pvalue == pytest.approx(plain.pvalue, rel=1e-9)


def test_no_difference_at_all_is_no_evidence() -> None:
    result = sign_flip(np.zeros(12))
    assert (result.pvalue, result.n_nonzero_clusters, result.enumerated) == (1.0, 0, True)


@pytest.mark.parametrize("noise", [1e-11, 4e-8])
def test_a_sum_that_is_zero_but_for_rounding_is_one_tie_and_not_two(noise: float) -> None:
    exact = sign_flip([0.25, 0.5, -0.75, 0.5, -0.5])
    rounded = sign_flip([0.25, 0.5, -0.75, 0.5, -0.5 + noise])
    assert rounded.pvalue == pytest.approx(exact.pvalue, abs=1e-12)
    assert rounded.pvalue_exact == 1.0


def test_tiny_pvalues_of_many_clusters_keep_their_digits() -> None:
    # 2,000 clusters of one step each way: a binomial tail far beyond double precision's 1e-16
    broke, fixed = 1500, 500
    values = np.repeat([-0.2, 0.2], [broke, fixed])
    expected = 2 * stats.binom.logcdf(fixed, broke + fixed, 0.5)
    result = sign_flip(values)
    assert result.enumerated
    assert result.pvalue_exact is not None
    assert 2 * np.log(result.pvalue_exact / 2) == pytest.approx(expected, rel=1e-10)


def test_random_flips_agree_with_scipy_on_the_same_statistic() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.16, 1, size=120)
    ours = sign_flip(values, rng=1, n_resamples=40_000)
    theirs = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=20_000, vectorized=True, rng=2
    )
    assert not ours.enumerated
    assert ours.pvalue == pytest.approx(theirs.pvalue, abs=0.01)
    for side in ("less", "greater"):
        one = sign_flip(values, rng=1, n_resamples=40_000, alternative=side)
        other = stats.ttest_1samp(values, 0, alternative=side)
        assert one.pvalue == pytest.approx(other.pvalue, abs=0.02)


def test_random_flips_never_give_zero() -> None:
    values = np.random.default_rng(0).normal(3.0, 1, size=80)
    assert sign_flip(values, n_resamples=999).pvalue == 1 / 1000


def test_the_default_is_reproducible_and_a_seed_changes_it() -> None:
    values = np.random.default_rng(0).normal(0.1, 1, size=200)
    assert sign_flip(values) == sign_flip(values)
    assert sign_flip(values, rng=1) == sign_flip(values, rng=np.random.default_rng(1))
    assert sign_flip(values, rng=1).pvalue != sign_flip(values, rng=2).pvalue


def test_memory_does_not_grow_with_the_resamples() -> None:
    values = np.random.default_rng(0).normal(size=64)
    sign_flip(values, n_resamples=10)
    peaks = []
    for n_resamples in (100_000, 1_000_000):
        tracemalloc.start()
        sign_flip(values, n_resamples=n_resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.slow
def test_flips_are_much_faster_than_scipys() -> None:
    rng = np.random.default_rng(3)
    values, clusters = rng.normal(size=10_000), np.arange(10_000) // 2
    sign_flip(values, clusters=clusters, n_resamples=99)
    start = time.perf_counter()
    sign_flip(values, clusters=clusters, n_resamples=9999)
    ours = time.perf_counter() - start
    totals = np.bincount(clusters, weights=values)
    start = time.perf_counter()
    stats.permutation_test(
        (totals,), np.sum, permutation_type="samples", n_resamples=999, vectorized=True, rng=1
    )
    theirs = 10 * (time.perf_counter() - start)
    assert theirs > 20 * ours


def test_clusters_whose_differences_cancel_are_zero_despite_rounding() -> None:
    values = np.array([0.2, 0.4, -0.6, 0.1, 0.2, -0.3])
    result = sign_flip(values, clusters=[1, 1, 1, 2, 2, 2])
    assert (result.pvalue, result.n_nonzero_clusters) == (1.0, 0)


@pytest.mark.parametrize("bad", [[], [float("nan")], [[1.0]]])
def test_unusable_differences_are_refused(bad: list[object]) -> None:
    with pytest.raises(ValueError, match="differences"):
        sign_flip(bad)
