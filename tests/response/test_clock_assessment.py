"""Which clocks may have started: never less than the record allows, and counsel decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aiir_eval.incidents.clocks import shipped_clocks
from aiir_eval.incidents.model import Incident
from aiir_eval.response.clock_view import clocks_markdown, render_clocks
from aiir_eval.response.clocks import Assessment, ClockState, assess_clocks

RECORD: dict[str, Any] = {
    "id": "INC-1",
    "title": "A customer's address was read out to another",
    "class": "pii_or_secret_exposure",
    "detected_at": "2026-09-01T08:00:00Z",
    "system": "support desk",
    "model": "m-1",
    "prompt_version": "7",
    "data_source": "orders",
    "user_population": "customers",
    "triggering_input": "Where is my parcel?",
    "observed_output": "At the address of someone else",
    "downstream_impact": "one address shown",
    "containment_decision": "route paused",
    "remediation_owner": "J. Doe",
    "psf_domains": ["PSF-3"],
}
NOW = datetime(2026, 9, 3, 8, tzinfo=UTC)


def assess(now: datetime = NOW, zone: str = "UTC", starts: Any = None, **fields: Any) -> Assessment:
    incident = Incident.model_validate({**RECORD, **fields})
    return assess_clocks(incident, shipped_clocks(), now=now, timezone=zone, starts=starts)


def state(assessment: Assessment, id_: str) -> ClockState:
    return next(each for each in assessment.clocks if each.clock.id == id_)


def test_an_unknown_flag_may_have_started_a_clock() -> None:
    gdpr = state(assess(), "gdpr-33-1")
    assert gdpr.state == "may_have_started"
    assert gdpr.because == "personal_data: unknown"
    assert gdpr.due is not None
    assert gdpr.due.at == datetime(2026, 9, 4, 8, tzinfo=UTC)
    assert not gdpr.overdue


def test_a_clock_that_ran_out_without_a_report_is_overdue() -> None:
    late = assess(now=datetime(2026, 9, 4, 8, 1, tzinfo=UTC))
    assert state(late, "gdpr-33-1").overdue
    assert "gdpr-33-1" in {each.clock.id for each in late.overdue}
    told = [{"clock": "gdpr-33-1", "reported_at": "2026-09-02T10:00:00Z"}]
    reported = state(assess(now=late.now, notifications=told), "gdpr-33-1")
    assert (reported.state, reported.overdue) == ("reported", False)


def test_a_flag_that_says_no_is_shown_and_left_to_counsel() -> None:
    flags = {"personal_data": {"value": "no", "reason": "test data"}}
    gdpr = state(assess(flags=flags), "gdpr-33-1")
    assert (gdpr.state, gdpr.because) == ("flagged_no", "personal_data: no")
    started = [{"clock": "gdpr-33-1", "started_at": "2026-09-01T08:00:00Z"}]
    assert (
        state(assess(flags=flags, notifications=started), "gdpr-33-1").state == "may_have_started"
    )


def test_a_chained_clock_waits_for_the_report_it_runs_from() -> None:
    assert state(assess(), "nis2-final").state == "waiting"
    told = [{"clock": "nis2-notification", "reported_at": "2026-09-02T10:00:00Z"}]
    final = state(assess(notifications=told), "nis2-final")
    assert final.state == "may_have_started"
    assert final.due is not None
    assert final.due.at == datetime(2026, 10, 2, 10, tzinfo=UTC)


def test_a_start_that_is_stated_or_recorded_counts_before_the_time_of_detection() -> None:
    stated = {"awareness": datetime(2026, 9, 1, 20, tzinfo=UTC)}
    found = state(assess(starts=stated), "gdpr-33-1").due
    assert found is not None
    assert found.at == datetime(2026, 9, 4, 20, tzinfo=UTC)
    recorded = [{"clock": "gdpr-33-1", "started_at": "2026-09-01T21:00:00Z"}]
    found = state(assess(starts=stated, notifications=recorded), "gdpr-33-1").due
    assert found is not None
    assert found.at == datetime(2026, 9, 4, 21, tzinfo=UTC)
    settled = [{**recorded[0], "due_at": "2026-09-05T12:00:00Z"}]
    found = state(assess(notifications=settled), "gdpr-33-1").due
    assert found is not None
    assert found.at == datetime(2026, 9, 5, 12, tzinfo=UTC)


def test_a_day_of_detection_counts_from_its_first_instant_and_says_so() -> None:
    assessment = assess(detected_at="2026-09-01")
    found = state(assessment, "gdpr-33-1").due
    assert found is not None
    assert found.at == datetime(2026, 9, 4, 0, tzinfo=UTC)
    assert any("first instant of 2026-09-01" in note for note in assessment.notes)


def test_without_a_time_of_detection_a_clock_may_be_running_unseen() -> None:
    assessment = assess(detected_at=None)
    gdpr = state(assessment, "gdpr-33-1")
    assert (gdpr.state, gdpr.due, gdpr.missing) == ("may_have_started", None, ("awareness",))
    assert any("no detected_at" in note for note in assessment.notes)
    assert state(assessment, "sec-8-k-1-05").state == "waiting"


def test_a_rule_that_was_not_in_force_is_shown_with_its_date() -> None:
    before = assess(detected_at="2026-08-01T08:00:00Z", now=datetime(2026, 8, 2, tzinfo=UTC))
    cra = state(before, "cra-early-warning")
    assert cra.state == "not_in_force"
    assert "2026-09-11" in cra.because


def test_rows_that_are_not_settled_are_off_and_others_are_there() -> None:
    shown = {each.clock.id for each in assess().clocks}
    assert not shown & {"ny-raise", "ny-raise-imminent"}
    assert len({each.clock.regime for each in assess().clocks}) >= 15


def test_a_row_past_its_day_of_checking_says_so() -> None:
    assert not state(assess(), "gdpr-33-1").check_again
    later = state(assess(now=datetime(2028, 1, 1, tzinfo=UTC)), "gdpr-33-1")
    assert later.check_again


def test_the_duty_to_preserve_before_changing_is_in_sight() -> None:
    preserve = state(assess(), "ai-act-73-6")
    assert preserve.clock.kind == "constraint"
    assert preserve.state == "may_have_started"
    for text in (render_clocks(assess(), width=200), clocks_markdown(assess())):
        assert "Preserve the old version before changing the system" in text
        assert "pin and preserve the old model, prompt and configuration first" in " ".join(
            text.split()
        )


@pytest.mark.parametrize("answer", ["yes", "no", "unknown"])
def test_it_never_says_that_nothing_is_to_be_reported(answer: str) -> None:
    flags = {
        name: {"value": answer}
        for name in (
            "personal_data",
            "regulated_decision",
            "financial_loss",
            "security_exposure",
            "customer_harm",
        )
    }
    assessment = assess(flags=flags, zone="Europe/Berlin")
    texts = (
        render_clocks(assessment, width=120),
        clocks_markdown(assessment),
        str(assessment.to_mapping()),
    )
    for text in texts:
        said = " ".join(text.lower().split())
        assert "ask counsel" in said
        assert "may have started" in said
        for wrong in ("not reportable", "no notification", "not required", "no duty", "need not"):
            assert wrong not in said


def test_times_are_told_in_utc_and_in_the_zone_of_the_reader() -> None:
    assessment = assess(zone="Asia/Tokyo")
    gdpr = next(c for c in assessment.to_mapping()["clocks"] if c["id"] == "gdpr-33-1")
    assert gdpr["due_at"] == "2026-09-04T08:00:00Z"
    assert gdpr["due_local"] == "2026-09-04T17:00:00+09:00"
    text = render_clocks(assessment, width=140)
    assert "2026-09-04 08:00Z" in text
    assert "2026-09-04 17:00 JST" in text


def test_what_falls_due_first_stands_first() -> None:
    times = [
        each.due.at
        for each in assess().clocks
        if each.state == "may_have_started" and each.due is not None
    ]
    assert times == sorted(times)
    assert len(times) > 10
