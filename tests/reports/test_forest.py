"""Marks of a forest plot stand where the numbers say."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiir_eval.reports.html.forest import INSET, WIDTH, Interval, make_scale

FINITE = st.floats(-1, 1)


def test_the_scale_is_linear_and_has_round_ticks() -> None:
    scale = make_scale([Interval(-0.329, -0.3735, -0.2845)], lambda value: f"{100 * value:g}")
    assert scale is not None
    assert [tick.label for tick in scale.ticks] == ["-40", "-30", "-20", "-10", "0"] or [
        tick.label for tick in scale.ticks
    ] == ["-40", "-20", "0"]
    middle = scale.x((scale.low + scale.high) / 2)
    assert middle == pytest.approx(WIDTH / 2)
    assert scale.zero == scale.x(0) == WIDTH - INSET


def test_an_open_end_runs_to_the_edge_without_a_stop() -> None:
    scale = make_scale([Interval(0.1, -0.05, None, -0.02)], str)
    assert scale is not None
    place = scale.place(Interval(0.1, -0.05, None, -0.02))
    assert place.open_high
    assert not place.open_low
    assert place.high == WIDTH - INSET
    assert place.limit is not None
    assert place.low is not None
    assert place.low < place.limit


def test_one_endless_interval_does_not_flatten_the_others() -> None:
    rows = [Interval(0.01, -0.02, 0.04), Interval(0.0, -0.03, 0.02), Interval(0.02, -1e6, 1e6)]
    scale = make_scale(rows, str)
    assert scale is not None
    assert scale.high - scale.low < 1
    wide = scale.place(rows[2])
    assert wide.open_low
    assert wide.open_high


def test_infinite_and_missing_numbers_have_no_scale() -> None:
    assert make_scale([Interval(None, None, None)], str) is None
    assert make_scale([], str) is None
    scale = make_scale([Interval(1.0, 0.0, math.inf)], str)
    assert scale is not None
    assert scale.place(Interval(1.0, 0.0, math.inf)).open_high


@settings(deadline=None)
@given(st.lists(st.tuples(FINITE, FINITE, FINITE), min_size=1, max_size=8))
def test_marks_stay_within_the_plot_and_in_order(rows: list[tuple[float, float, float]]) -> None:
    intervals = [Interval(sorted(row)[1], min(row), max(row)) for row in rows]
    scale = make_scale(intervals, str)
    assert scale is not None
    for interval in intervals:
        place = scale.place(interval)
        assert place.low is not None
        assert place.point is not None
        assert place.high is not None
        assert INSET - 0.01 <= place.low <= place.point <= place.high <= WIDTH - INSET + 0.01
