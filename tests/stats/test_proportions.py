"""Do rates and their bounds agree with statsmodels, scipy and the matrix form of CR2?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from aiir_eval.stats import clopper_pearson, failure_rate_bound, pass_rate, wilson_interval
from aiir_eval.stats.clustering import cluster_codes, clustered_mean


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_agree_with_statsmodels(successes: int, more: int, level: float) -> None:
    n = successes + more - 1 or 1
    successes = min(successes, n)
    exact = clopper_pearson(successes, n, confidence_level=level)
    assert exact == pytest.approx(
        proportion_confint(successes, n, 1 - level, method="beta"), abs=1e-9, nan_ok=True
    )
    score = wilson_interval(successes, n, confidence_level=level)
    assert score == pytest.approx(
        proportion_confint(successes, n, 1 - level, method="wilson"), abs=1e-9
    )


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_one_sided_bounds_agree_with_scipy(alternative: str) -> None:
    for successes in (0, 3, 20):
        ours = clopper_pearson(successes, 20, alternative=alternative)
        theirs = stats.binomtest(successes, 20, alternative=alternative).proportion_ci()
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_fifty_nine_clean_trials_show_less_than_five_percent() -> None:
    assert failure_rate_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-12)
    assert failure_rate_bound(0, 59) < 0.05 < failure_rate_bound(0, 58)
    assert failure_rate_bound(1, 59) > 0.05
    assert failure_rate_bound(7, 7) == 1.0


def cr2_by_matrices(values: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """CR2 variance and Satterthwaite df of a mean, straight from Bell and McCaffrey."""
    n = values.size
    one = np.ones((n, 1))
    hat = np.eye(n) - one @ one.T / n
    residuals = hat @ values
    variance, columns = 0.0, []
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        block = hat[np.ix_(rows, rows)]
        eigenvalues, vectors = np.linalg.eigh(block)
        root = vectors @ np.diag(eigenvalues**-0.5) @ vectors.T
        variance += float((one[rows].T @ root @ residuals[rows])[0]) ** 2 / n**2
        columns.append((hat[:, rows] @ root @ one[rows])[:, 0] / n)
    gram = np.array(columns) @ np.array(columns).T
    return variance, np.trace(gram) ** 2 / np.trace(gram @ gram)


@pytest.mark.parametrize("seed", range(5))
def test_closed_forms_of_cr2_match_the_matrices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = cluster_codes(rng.integers(0, 8, size=30), 30)
    values = rng.normal(size=30)
    mean = clustered_mean(values, codes)
    variance, df = cr2_by_matrices(values, codes)
    assert mean.variance == pytest.approx(variance, rel=1e-9)
    assert mean.df == pytest.approx(df, rel=1e-9)
    assert mean.estimate == pytest.approx(values.mean(), abs=1e-12)


def test_equal_clusters_have_one_df_less_than_clusters() -> None:
    mean = clustered_mean(np.random.default_rng(0).normal(size=40), np.arange(40) // 4)
    assert mean.df == pytest.approx(9, abs=1e-9)
    assert mean.cluster_size == 4


def test_clusters_widen_the_interval_of_a_rate() -> None:
    passed = np.repeat([1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0], 5)
    alone = pass_rate(passed)
    together = pass_rate(passed, clusters=np.repeat(np.arange(12), 5))
    assert together.design_effect > 4
    assert together.confidence_interval().low < alone.confidence_interval().low


@pytest.mark.parametrize("value", [0.0, 1.0, 0.4])
@pytest.mark.parametrize("binary", [True, False])
def test_unanimous_cases_never_give_a_zero_width(value: float, binary: bool) -> None:
    rate = pass_rate(np.full(20, value), binary=binary)
    low, high = rate.confidence_interval()
    assert rate.standard_error == 0
    assert 0 <= low <= value <= high <= 1
    assert high - low > 0.1


def test_one_cluster_says_almost_nothing() -> None:
    low, high = pass_rate([1, 1, 1, 0], clusters=["a"] * 4).confidence_interval()
    assert high - low > 0.95


def test_graded_scores_have_the_t_interval() -> None:
    scores = np.random.default_rng(2).beta(5, 2, size=25)
    interval = pass_rate(scores, binary=False).confidence_interval()
    expected = stats.t.interval(0.95, 24, scores.mean(), stats.sem(scores))
    assert interval == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "message"), [([], "no values"), ([1.2], "lie in"), ([float("nan")], "finite")]
)
def test_unusable_case_means_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pass_rate(values)


def test_missing_or_miscounted_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        pass_rate([1, 0], clusters=["a", None])
    with pytest.raises(ValueError, match="3 labels for 2"):
        pass_rate([1, 0], clusters=["a", "b", "c"])


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_what_is_no_level_is_refused(level: float) -> None:
    for interval in (wilson_interval, clopper_pearson):
        with pytest.raises(ValueError, match="confidence_level"):
            interval(5, 10, confidence_level=level)
