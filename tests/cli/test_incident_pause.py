"""Pausing and resuming from the command line, as the record and the application see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Aiir
from incident_files import register as make_register

from aiir_eval.incidents.loading import load_incident

REFUND = ("--kind", "tool_permission", "--ref", "issue_refund", "--flags", "f.json")


@pytest.fixture
def record(here: Path) -> Path:
    return make_register(here)


def test_a_pause_is_in_the_file_and_in_the_record_until_it_is_resumed(
    record: Path, aiir: Aiir
) -> None:
    said = aiir("incident", "pause", "INC-1", *REFUND, "--by", "Ana")
    assert said.code == 0, said.err
    flag = json.loads(Path("f.json").read_text())["flags"]["tool_permission.issue_refund"]
    assert flag["variants"][flag["defaultVariant"]] is False
    (paused,) = load_incident(record).pause
    assert (paused.kind, paused.ref, paused.by) == ("tool_permission", "issue_refund", "Ana")
    assert aiir("incident", "pause", "INC-1", *REFUND).code == 0  # twice is once
    assert len(load_incident(record).pause) == 1
    assert aiir("incident", "step", "INC-1", "contain.1", "--done").code == 0
    assert aiir("incident", "resume", "INC-1", *REFUND, "--by", "Bo").code == 0
    assert json.loads(Path("f.json").read_text())["flags"] == {}
    (paused,) = load_incident(record).pause
    assert paused.resumed_by == "Bo"
    assert paused.resumed_at is not None


def test_a_dry_run_changes_nothing(record: Path, aiir: Aiir) -> None:
    before = record.read_bytes()
    said = aiir("incident", "pause", "INC-1", *REFUND, "--dry-run", "--format", "json").json
    assert said["dry_run"]
    assert said["after"]["defaultVariant"] == "off"
    assert record.read_bytes() == before
    assert not Path("f.json").exists()


def test_an_applications_own_flag_can_be_named(record: Path, aiir: Aiir) -> None:
    aiir("incident", "pause", "INC-1", *REFUND, "--flag", "refunds-enabled")
    assert list(json.loads(Path("f.json").read_text())["flags"]) == ["refunds-enabled"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("resume", "INC-1", *REFUND), "is not paused for INC-1"),
        (("pause", "INC-9", *REFUND), "no incident"),
        (("pause", "INC-1", "--kind", "model", "--ref", "x"), "--kind"),
        (("pause", "INC-1", "--kind", "route", "--ref", " "), "name what"),
    ],
)
def test_what_cannot_be_paused_or_resumed_is_refused(
    arguments: tuple[str, ...], says: str, record: Path, refused: Callable[..., str]
) -> None:
    assert says in refused("incident", *arguments)
    assert load_incident(record).pause == []
