"""Are adjusted p-values those of scipy and statsmodels?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from aiir_eval.stats import benjamini_hochberg, holm

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
