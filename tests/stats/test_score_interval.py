"""Is the score interval Tango's?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from aiir_eval.stats import tango_interval, tango_pvalue

TABLES = [(7, 1, 21), (16, 6, 161), (40, 20, 160), (12, 2, 50), (1, 0, 44), (3, 0, 30), (9, 9, 60)]


def score_by_search(broke: int, fixed: int, n: int, difference: float) -> float:
    """The score statistic with the restricted likelihood maximised numerically."""

    def minus_log_likelihood(lost: float) -> float:
        cells = (lost, lost + difference, 1 - 2 * lost - difference)
        counts = (broke, fixed, n - broke - fixed)
        return -sum(k * math.log(max(q, 1e-300)) for k, q in zip(counts, cells, strict=True) if k)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    lost = optimize.minimize_scalar(
        minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-13}
    ).x
    return (fixed - broke - n * difference) / math.sqrt(n * (2 * lost + difference - difference**2))


@pytest.mark.parametrize(("broke", "fixed", "n"), TABLES)
def test_ends_are_where_a_numerically_maximised_score_reaches_the_quantile(
    broke: int, fixed: int, n: int
) -> None:
    low, high = tango_interval(broke, fixed, n)
    z = stats.norm.ppf(0.975)
    assert score_by_search(broke, fixed, n, low) == pytest.approx(z, abs=2e-5)
    assert score_by_search(broke, fixed, n, high) == pytest.approx(-z, abs=2e-5)


def test_published_example_of_airway_responsiveness() -> None:
    # Fagerland, Lydersen and Laake (2014), Stat. Med. 33, 2850-2875, table of intervals
    low, high = tango_interval(7, 1, 21)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


def test_off_diagonal_zeros_have_the_closed_form() -> None:
    z2 = stats.norm.ppf(0.975) ** 2
    low, high = tango_interval(0, 0, 37)
    assert high == pytest.approx(z2 / (37 + z2), abs=1e-12)
    assert low == -high


@pytest.mark.parametrize(("broke", "fixed", "n"), TABLES)
def test_no_difference_is_mcnemars_test(broke: int, fixed: int, n: int) -> None:
    table = [[n - broke - fixed, broke], [fixed, 0]]
    expected = statsmodels_mcnemar(table, exact=False, correction=False).pvalue
    assert tango_pvalue(broke, fixed, n, 0.0) == pytest.approx(expected, rel=1e-9)


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 100),
    st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_interval_inverts_the_test(broke: int, fixed: int, other: int, level: float) -> None:
    n = broke + fixed + other
    low, high = tango_interval(broke, fixed, n, confidence_level=level)
    assert -1 <= low < (fixed - broke) / n < high <= 1 or broke + fixed == 0
    for end in (low, high):
        assert tango_pvalue(broke, fixed, n, end) == pytest.approx(1 - level, abs=1e-9)
    mirrored = tango_interval(fixed, broke, n, confidence_level=level)
    assert mirrored == pytest.approx((-high, -low), abs=1e-12)


def test_a_higher_level_widens_the_interval() -> None:
    widths = [
        (lambda i: i.high - i.low)(tango_interval(5, 1, 40, confidence_level=level))
        for level in (0.5, 0.9, 0.95, 0.999)
    ]
    assert widths == sorted(widths)


@pytest.mark.parametrize("bad", [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="counts"):
        tango_interval(*bad)
