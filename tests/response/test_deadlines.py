"""When a clock runs out: every shipped row against a date worked out by hand; hard cases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from aiir_eval.incidents.clocks import Clock, shipped_clocks
from aiir_eval.response.deadlines import business_days_after, due, months_after

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def due_at(id_: str, **starts: str) -> str | None:
    """The due time of a shipped clock, in UTC to the minute."""
    clock = shipped_clocks().of(id_)
    assert clock is not None, id_
    named = {name.replace("__", "-"): at(text) for name, text in starts.items()}
    found = due(clock, named, BERLIN)
    return None if found is None else found.at.strftime("%Y-%m-%dT%H:%MZ")


# A clock, what started it, and when it is due. 2026-10-12 (Columbus Day) is a federal holiday of
# the US. European clocks go back on 2026-10-25, American on 2026-11-01.
ROWS: list[tuple[str, dict[str, str], str | None]] = [
    ("gdpr-33-1", {"awareness": "2026-10-23T15:00Z"}, "2026-10-26T15:00Z"),
    ("gdpr-33-2", {"awareness": "2026-10-23T15:00Z"}, None),
    ("gdpr-34-1", {"awareness": "2026-10-23T15:00Z"}, None),
    ("uk-gdpr-33", {"awareness": "2026-12-24T18:00Z"}, "2026-12-27T18:00Z"),
    ("ai-act-73-2", {"awareness": "2026-09-01T10:00Z"}, "2026-09-16T10:00Z"),
    ("ai-act-73-3", {"awareness": "2026-10-24T10:00Z"}, "2026-10-26T11:00Z"),
    ("ai-act-73-4", {"awareness": "2026-09-01T10:00Z"}, "2026-09-11T10:00Z"),
    ("ai-act-55-1-c", {"awareness": "2026-09-01T10:00Z"}, None),
    ("gpai-code-critical-infrastructure", {"awareness": "2026-09-01T10:00Z"}, "2026-09-03T10:00Z"),
    ("gpai-code-cybersecurity", {"awareness": "2026-09-01T10:00Z"}, "2026-09-06T10:00Z"),
    ("gpai-code-death", {"awareness": "2026-09-01T10:00Z"}, "2026-09-11T10:00Z"),
    ("gpai-code-other", {"awareness": "2026-09-01T10:00Z"}, "2026-09-16T10:00Z"),
    ("nis2-early-warning", {"awareness": "2026-10-24T23:30Z"}, "2026-10-25T23:30Z"),
    ("nis2-notification", {"awareness": "2026-10-24T23:30Z"}, "2026-10-27T23:30Z"),
    ("nis2-notification-trust", {"awareness": "2026-10-24T23:30Z"}, "2026-10-25T23:30Z"),
    ("nis2-final", {"nis2__notification": "2026-01-31T09:00Z"}, "2026-02-28T09:00Z"),
    ("dora-initial", {"awareness": "2026-09-01T10:00Z"}, "2026-09-02T10:00Z"),
    ("dora-intermediate", {"dora__initial": "2026-09-01T10:00Z"}, "2026-09-04T10:00Z"),
    ("dora-final", {"dora__intermediate": "2026-08-31T10:00Z"}, "2026-09-30T10:00Z"),
    ("cra-early-warning", {"awareness": "2026-09-12T10:00Z"}, "2026-09-13T10:00Z"),
    ("cra-notification", {"awareness": "2026-09-12T10:00Z"}, "2026-09-15T10:00Z"),
    ("cra-final-vulnerability", {"fix_available": "2026-10-20T10:00Z"}, "2026-11-03T11:00Z"),
    ("cra-final-incident", {"cra__notification": "2026-12-31T10:00Z"}, "2027-01-31T10:00Z"),
    # Thursday: Friday, Tuesday (Monday is a holiday), Wednesday, Thursday.
    ("sec-8-k-1-05", {"determination": "2026-10-08T20:00Z"}, "2026-10-15T20:00Z"),
    ("hipaa-individuals", {"discovery": "2026-09-15T12:00Z"}, "2026-11-14T13:00Z"),
    ("hipaa-hhs-500", {"discovery": "2026-09-15T12:00Z"}, "2026-11-14T13:00Z"),
    ("hipaa-hhs-annual", {"discovery": "2026-03-02T17:00Z"}, "2027-03-01T17:00Z"),
    ("hipaa-business-associate", {"discovery": "2026-09-15T12:00Z"}, "2026-11-14T13:00Z"),
    ("ftc-health-breach", {"discovery": "2026-01-01T12:00Z"}, "2026-03-02T12:00Z"),
    ("ftc-safeguards", {"discovery": "2026-01-01T12:00Z"}, "2026-01-31T12:00Z"),
    ("nydfs-500-17-a", {"determination": "2026-10-31T12:00Z"}, "2026-11-03T12:00Z"),
    ("nydfs-500-17-c-payment", {"extortion_payment": "2026-10-31T12:00Z"}, "2026-11-01T12:00Z"),
    ("nydfs-500-17-c-reasons", {"extortion_payment": "2026-10-31T12:00Z"}, "2026-11-30T13:00Z"),
    ("us-bank-36h", {"determination": "2026-10-31T12:00Z"}, "2026-11-02T00:00Z"),
    ("us-bank-provider", {"determination": "2026-10-31T12:00Z"}, None),
    ("california-residents", {"discovery": "2026-02-20T20:00Z"}, "2026-03-22T19:00Z"),
    ("california-attorney-general", {"california__residents": "2026-02-20T20:00Z"},
     "2026-03-07T20:00Z"),
    ("california-sb-53", {"discovery": "2026-02-20T20:00Z"}, "2026-03-07T20:00Z"),
    ("california-sb-53-imminent", {"discovery": "2026-03-07T20:00Z"}, "2026-03-08T20:00Z"),
    ("ny-raise", {"determination": "2027-02-01T12:00Z"}, "2027-02-04T12:00Z"),
    ("ny-raise-imminent", {"determination": "2027-02-01T12:00Z"}, "2027-02-02T12:00Z"),
    ("ny-gbl-899-aa", {"discovery": "2026-01-01T12:00Z"}, "2026-01-31T12:00Z"),
    ("colorado-breach", {"discovery": "2026-01-01T12:00Z"}, "2026-01-31T12:00Z"),
    ("florida-breach", {"discovery": "2026-01-01T12:00Z"}, "2026-01-31T12:00Z"),
    ("texas-residents", {"discovery": "2026-01-01T12:00Z"}, "2026-03-02T12:00Z"),
    ("texas-attorney-general", {"discovery": "2026-01-01T12:00Z"}, "2026-01-31T12:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "starts", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_a_shipped_clock_falls_due_when_its_rule_says(
    id_: str, starts: dict[str, str], expected: str | None
) -> None:
    assert due_at(id_, **starts) == expected


def test_every_shipped_deadline_has_its_row_here() -> None:
    deadlines = {clock.id for clock in shipped_clocks().clocks if clock.kind == "deadline"}
    assert {row[0] for row in ROWS} == deadlines


@pytest.mark.parametrize(
    ("awareness", "classification", "expected"),
    [
        ("2026-09-01T10:00Z", "2026-09-01T12:00Z", "2026-09-01T16:00Z"),  # 4 hours are earlier
        ("2026-09-01T10:00Z", "2026-09-02T08:00Z", "2026-09-02T10:00Z"),  # 24 hours are earlier
        ("2026-09-01T10:00Z", "2026-09-02T10:00Z", "2026-09-02T10:00Z"),  # at the last moment
        ("2026-09-01T10:00Z", "2026-09-05T10:00Z", "2026-09-05T14:00Z"),  # later than 24 hours
    ],
)
def test_dora_is_the_earlier_of_two_starts_unless_classified_late(
    awareness: str, classification: str, expected: str
) -> None:
    assert due_at("dora-initial", awareness=awareness, classification=classification) == expected


def test_the_outer_bound_of_the_ai_act_counts_from_awareness() -> None:
    both = {"awareness": "2026-09-01T10:00Z", "causal_link": "2026-09-10T10:00Z"}
    assert due_at("ai-act-73-2", **both) == "2026-09-16T10:00Z"
    assert due_at("ai-act-73-2", causal_link="2026-09-10T10:00Z") == "2026-09-25T10:00Z"


def test_hours_do_not_stretch_with_daylight_saving_and_days_do() -> None:
    start = {"awareness": "2026-10-24T10:00Z"}  # Saturday noon in Brussels, clocks go back at night
    hours, days = due_at("gdpr-33-1", **start), due_at("ai-act-73-3", **start)
    assert hours == "2026-10-27T10:00Z"
    assert days == "2026-10-26T11:00Z"  # Monday noon there


def test_local_time_is_that_of_the_reader_whatever_the_place_of_the_law() -> None:
    clock = shipped_clocks().of("sec-8-k-1-05")
    assert clock is not None
    found = due(clock, {"determination": at("2026-10-28T23:00-04:00")}, ZoneInfo("Asia/Tokyo"))
    assert found is not None
    # Wednesday night in New York; four business days on it is Tuesday there, after summer time.
    assert found.at.isoformat() == "2026-11-04T04:00:00+00:00"
    assert found.local.isoformat() == "2026-11-04T13:00:00+09:00"


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 7, 2), 1, date(2026, 7, 6)),  # 4 July is a Saturday, kept on Friday the 3rd
        (date(2026, 11, 25), 4, date(2026, 12, 2)),  # over Thanksgiving
        (date(2026, 12, 24), 4, date(2026, 12, 31)),  # over Christmas
        (date(2026, 12, 26), 4, date(2026, 12, 31)),  # a Saturday: Monday is the first day
        (date(2026, 12, 31), 1, date(2027, 1, 4)),
        (date(2026, 9, 5), 0, date(2026, 9, 5)),
    ],
)
def test_business_days_leave_out_weekends_and_federal_holidays(
    start: date, days: int, end: date
) -> None:
    assert business_days_after(start, days, "US") == end


def test_a_state_has_holidays_of_its_own() -> None:
    day = date(2026, 6, 3)  # Corpus Christi is the 4th, in Bavaria and not in Berlin
    assert business_days_after(day, 1, "DE-BY") == date(2026, 6, 5)
    assert business_days_after(day, 1, "DE-BE") == date(2026, 6, 4)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-03-30", 11, "2027-02-28"),
        ("2026-05-31", 12, "2027-05-31"),
        ("2026-01-28", 1, "2026-02-28"),
    ],
)
def test_a_month_that_lacks_the_day_ends_on_its_last(start: str, months: int, end: str) -> None:
    assert months_after(datetime.fromisoformat(start), months).date().isoformat() == end


def clock_of(**fields: object) -> Clock:
    row = {
        "id": "own",
        "regime": "Contract",
        "title": "Notice",
        "citation": "MSA, clause 12",
        "who": "us",
        "to": "the customer",
        "trigger": {"condition": "an outage"},
        "limits": [{"event": "awareness", "amount": 1, "unit": "calendar_days"}],
        "verify_by": "2027-01-01",
        "checked": "primary",
        **fields,
    }
    return Clock.model_validate(row)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-28T01:30+00:00", "2026-03-29T01:30"),  # 02:30 does not exist that night
        ("2026-10-24T00:30+00:00", "2026-10-25T00:30"),  # 02:30 is twice: the first of the two
    ],
)
def test_a_wall_clock_time_that_is_missing_or_twice_is_one_instant(
    start: str, expected: str
) -> None:
    found = due(clock_of(), {"awareness": at(start)}, BERLIN)
    assert found is not None
    assert found.at.strftime("%Y-%m-%dT%H:%M") == expected


def test_days_are_counted_in_the_place_of_the_clock() -> None:
    start = {"awareness": at("2026-03-07T20:00Z")}  # American clocks go forward in this night
    american = due(clock_of(timezone="America/New_York"), start, BERLIN)
    assert american is not None
    assert american.at == at("2026-03-08T19:00Z")
    here = due(clock_of(), start, BERLIN)
    assert here is not None
    assert here.at == at("2026-03-08T20:00Z")


def test_without_a_start_nothing_is_due() -> None:
    assert due(clock_of(), {"determination": at("2026-01-01T00:00Z")}, BERLIN) is None
