"""Are adjusted p-values those of scipy and statsmodels?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from aiir_eval.stats import benjamini_hochberg, holm, max_t, sign_flip

PVALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(PVALUES)
def test_benjamini_hochberg_agrees_with_scipy(pvalues: list[float]) -> None:
    expected = stats.false_discovery_control(pvalues)
    np.testing.assert_allclose(benjamini_hochberg(pvalues), expected, rtol=1e-9, atol=0)


@given(PVALUES)
def test_holm_agrees_with_statsmodels(pvalues: list[float]) -> None:
    expected = multipletests(pvalues, method="holm")[1]
    np.testing.assert_allclose(holm(pvalues), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
def test_tests_not_made_stay_missing_and_are_not_counted(adjust: object) -> None:
    gaps = [np.nan, 0.01, np.nan, 0.04, 0.03]
    adjusted = adjust(gaps)  # type: ignore[operator]
    assert np.isnan(adjusted[[0, 2]]).all()
    np.testing.assert_allclose(adjusted[[1, 3, 4]], adjust([0.01, 0.04, 0.03]))  # type: ignore[operator]
    assert adjust([]).size == 0  # type: ignore[operator]
    assert np.isnan(adjust([np.nan])).all()  # type: ignore[operator]


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
@pytest.mark.parametrize("bad", [[1.5], [-0.1], [[0.5]]])
def test_what_is_no_pvalue_is_refused(adjust: object, bad: list[float]) -> None:
    with pytest.raises(ValueError, match="pvalues"):
        adjust(bad)  # type: ignore[operator]


def slices(seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 cases in 30 clusters, six slices that overlap; the shift is in the first slice."""
    rng = np.random.default_rng(seed)
    differences, clusters = rng.normal(0, 0.2, 60).clip(-1, 1), np.arange(60) // 2
    members = rng.random((6, 60)) < 0.6
    return differences + shift * members[0], members, clusters


def test_max_t_of_one_slice_is_the_sign_flip_test() -> None:
    differences, _, clusters = slices(0, 0.05)
    alone = max_t(differences, np.ones((1, 60)), clusters=clusters, n_resamples=20_000)
    flips = sign_flip(differences, clusters=clusters)
    assert flips.pvalue_exact is not None
    assert alone[0] == pytest.approx(flips.pvalue_exact, abs=0.012)


def test_max_t_lies_between_the_plain_pvalues_and_holms() -> None:
    differences, members, clusters = slices(1, 0.15)
    adjusted = max_t(differences, members, clusters=clusters, n_resamples=20_000)
    plain = [
        sign_flip(np.where(row, differences, 0.0), clusters=clusters).pvalue for row in members
    ]
    assert (adjusted >= np.array(plain) - 0.01).all()
    assert (adjusted <= holm(plain) + 0.01).all()
    assert adjusted.sum() < holm(plain).sum() - 0.1  # overlapping slices: the gain is real


def test_max_t_does_not_depend_on_order_or_names() -> None:
    differences, members, clusters = slices(2, 0.1)
    order = np.random.default_rng(0).permutation(60)
    first = max_t(differences, members, clusters=clusters, n_resamples=500)
    names = np.array([f"c{99 - code}" for code in clusters])
    again = max_t(differences[order], members[:, order], clusters=names[order], n_resamples=500)
    np.testing.assert_array_equal(first, again)


def test_max_t_leaves_out_slices_without_cases() -> None:
    members = np.array([[True] * 4, [False] * 4])
    adjusted = max_t([0.0, 0.0, 0.0, 0.0], members, n_resamples=99)
    assert adjusted[0] == 1.0
    assert np.isnan(adjusted[1])
    assert max_t([0.0], np.zeros((0, 1))).size == 0
    with pytest.raises(ValueError, match="members"):
        max_t([0.0, 1.0], [True, False])


@pytest.mark.slow
def test_max_t_keeps_the_familywise_level() -> None:
    runs = 600
    any_false = [
        (max_t(*slices(seed)[:2], clusters=slices(seed)[2], n_resamples=199) <= 0.05).any()
        for seed in range(runs)
    ]
    assert np.mean(any_false) <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / runs)
