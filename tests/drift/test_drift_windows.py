"""Rows fall into windows of UTC, and a timestamp that cannot be read is named."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.windows import instants_of, parse_every, parse_moment, windows_of
from aiir_eval.errors import InputError, TableError


def instants(*values: object, kind: pa.DataType | None = None) -> np.ndarray:
    return instants_of(pa.chunked_array([pa.array(list(values), kind)]), "at", "log.csv")


def moments(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="M8[us]")


@pytest.mark.parametrize(
    ("text", "shown", "season"),
    [
        ("1h", "1h", 24),
        ("6 hours", "6h", 4),
        ("30min", "30min", 48),
        ("1d", "1d", 7),
        ("day", "1d", 7),
        ("7d", "7d", None),
        ("1w", "1w", None),
        ("2D", "2d", None),
        ("1mo", "1mo", 12),
        ("3mo", "3mo", None),
    ],
)
def test_a_length_is_a_number_and_a_unit(text: str, shown: str, season: int | None) -> None:
    every = parse_every(text)
    assert str(every) == shown
    assert every.season == season


@pytest.mark.parametrize("text", ["", "0d", "1", "d1", "1.5h", "-1d", "1 fortnight", "1d 2h"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no length of time"):
        parse_every(text)


def test_rows_need_no_order_and_empty_windows_stay() -> None:
    at = moments("2026-03-05T01", "2026-03-01T23:59:59", "2026-03-02T00:00:00", "2026-03-05T02")
    windows = windows_of(at, parse_every("1d"))
    assert windows.of_row.tolist() == [4, 0, 1, 4]
    assert windows.size == 5
    assert windows.start(0) == datetime(2026, 3, 1, tzinfo=UTC)
    assert windows.start(5) == datetime(2026, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "start", "end"),
    [
        ("1h", "2026-03-04T13", "2026-03-04T14"),
        ("6h", "2026-03-04T12", "2026-03-04T18"),
        ("1d", "2026-03-04", "2026-03-05"),
        ("7d", "2026-03-04", "2026-03-11"),
        ("1w", "2026-03-02", "2026-03-09"),  # the Monday
        ("1mo", "2026-03-01", "2026-04-01"),
        ("2mo", "2026-03-01", "2026-05-01"),
    ],
)
def test_windows_begin_where_a_calendar_begins_them(every: str, start: str, end: str) -> None:
    windows = windows_of(moments("2026-03-04T13:14:15"), parse_every(every))
    assert windows.bounds.tolist() == moments(start, end).tolist()


def test_months_have_their_own_lengths() -> None:
    windows = windows_of(
        moments("2024-01-31T12", "2024-02-29T23:59:59", "2024-03-01"), parse_every("1mo")
    )
    assert windows.of_row.tolist() == [0, 1, 2]
    assert np.diff(windows.bounds).astype("m8[D]").astype(int).tolist() == [31, 29, 31]


def test_times_before_1970_have_windows_too() -> None:
    windows = windows_of(moments("1969-12-31T23", "1970-01-01T01"), parse_every("1d"))
    assert windows.of_row.tolist() == [0, 1]


def test_too_many_windows_are_refused_before_they_are_made() -> None:
    with pytest.raises(InputError, match="at most 5,000"):
        windows_of(moments("1026-01-01", "2026-01-01"), parse_every("1h"))


def test_every_way_to_write_a_moment_is_the_same_moment() -> None:
    expected = moments("2026-03-01T06:00:00")
    zoned = datetime.fromisoformat("2026-03-01T07:00:00+01:00")
    for found in (
        instants("2026-03-01T06:00:00Z"),
        instants("2026-03-01 06:00:00"),
        instants("2026-03-01T07:00:00+01:00"),
        instants("2026-03-01T01:00:00-05:00"),
        instants(zoned, kind=pa.timestamp("ns", "Europe/Berlin")),
        instants(datetime(2026, 3, 1, 6), kind=pa.timestamp("s")),
        instants(1772344800),
        instants(1772344800.0),
        instants(1772344800000),
        instants(1772344800000000),
        instants(1772344800000000000),
    ):
        assert found.tolist() == expected.tolist()
    assert instants(date(2026, 3, 1)).tolist() == moments("2026-03-01").tolist()
    mixed = instants("2026-03-01T06:00:00Z", "2026-03-01 06:00", "2026-03-01")
    assert mixed.tolist() == moments("2026-03-01T06", "2026-03-01T06", "2026-03-01").tolist()
    coded = pa.chunked_array([pa.array(["2026-03-01T06:00:00Z"] * 3).dictionary_encode()])
    assert instants_of(coded, "at", "log").tolist() == [expected[0].item()] * 3


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["2026-03-01", "yesterday"], r"row 2: no moment can be read from 'yesterday'"),
        (["2026-02-30"], r"row 1: .*'2026-02-30'"),
        (["2026-03-01", None], r"row 2: .*null"),
        ([float("nan"), 1.0], r"row 1: .*nan"),
        ([1e300], "row 1"),
    ],
)
def test_what_is_no_moment_is_named_with_its_row(values: list[object], said: str) -> None:
    with pytest.raises(TableError, match=said) as caught:
        instants(*values)
    assert caught.value.problems[0].file == "log.csv"
    assert caught.value.problems[0].field == "at"


def test_many_bad_rows_are_counted() -> None:
    with pytest.raises(TableError, match="95 more rows"):
        instants(*(["never"] * 100))


def test_a_column_of_truths_holds_no_time() -> None:
    with pytest.raises(TableError, match="bool are no moments"):
        instants(True, False)


def test_since_is_a_date_or_a_moment() -> None:
    assert parse_moment("2026-03-01") == np.datetime64("2026-03-01", "us")
    assert parse_moment(date(2026, 3, 1)) == np.datetime64("2026-03-01", "us")
    assert parse_moment("2026-03-01T02:00+02:00") == np.datetime64("2026-03-01", "us")
    with pytest.raises(InputError, match="neither a date nor a moment"):
        parse_moment("next week")
