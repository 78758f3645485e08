"""A feed of retirements: impossible dates are flagged, and what is in use is held against it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from aiir_eval.errors import InputError
from aiir_eval.response.deprecations import (
    check_models,
    exit_code,
    models_of_config,
    models_of_register,
)
from aiir_eval.response.vendor_feed import Feed, read_feed

TODAY = date(2026, 9, 1)
WITHIN = timedelta(days=90)


def row(model: str, announced: str, shutdown: str, **fields: Any) -> dict[str, Any]:
    return {
        "provider": "Acme",
        "model_id": model,
        "announcement_date": announced,
        "deprecation_date": announced,
        "shutdown_date": shutdown,
        "replacement_models": ["m-9"],
        "url": "https://example.com",
        **fields,
    }


ROWS = [
    row("m-old", "2025-01-01", "2026-01-01"),
    row("m-today", "2025-01-01", "2026-09-01"),
    row("m-soon", "2026-01-01", "2026-11-30"),
    row("m-later", "2026-01-01", "2026-12-01"),
    row("m-never", "2026-01-01", ""),
    row("m-odd", "2026-05-01", "2026-04-30"),
    row("m-late", "", "2026-04-30", deprecation_date="2026-05-01"),
    row("m-soon", "2026-01-01", "2027-03-01", provider="Beta", replacement_models=None),
]


def feed_of(tmp_path: Path, *rows: Any) -> Feed:
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(list(rows or ROWS)))
    return read_feed(path)


@pytest.mark.parametrize(
    ("model", "state", "days"),
    [
        ("m-old", "retired", -243),
        ("M-OLD", "retired", -243),
        ("m-today", "retired", 0),
        ("m-later", "announced", 91),
        ("m-never", "no_date", None),
        ("m-odd", "impossible_dates", None),
        ("m-late", "impossible_dates", None),
        ("m-new", "not_in_feed", None),
        ("m-ol", "not_in_feed", None),
        ("acme/m-soon", "retiring", 90),
        ("beta/m-soon", "announced", 181),
        ("router/m-old", "retired", -243),
    ],
)
def test_a_model_in_use_is_held_against_the_feed(
    model: str, state: str, days: int | None, tmp_path: Path
) -> None:
    (found,) = check_models({model: ["desk"]}, feed_of(tmp_path), today=TODAY, within=WITHIN)
    assert (found.state, found.days_left, found.used_by) == (state, days, ("desk",))


def test_a_model_of_two_providers_is_told_for_both_and_the_pressing_first(tmp_path: Path) -> None:
    in_use = {"m-later": [], "m-soon": [], "m-old": [], "m-odd": []}
    found = check_models(in_use, feed_of(tmp_path), today=TODAY, within=WITHIN)
    assert [(each.model, each.state) for each in found] == [
        ("m-old", "retired"),
        ("m-soon", "retiring"),
        ("m-odd", "impossible_dates"),
        ("m-later", "announced"),
        ("m-soon", "announced"),
    ]


@pytest.mark.parametrize(
    ("models", "code"),
    [
        (["m-old"], 1),
        (["m-soon", "m-odd"], 1),
        (["m-odd"], 3),
        (["m-later", "m-never", "m-new"], 0),
        ([], 0),
    ],
)
def test_the_exit_code_says_whether_someone_must_act(
    models: list[str], code: int, tmp_path: Path
) -> None:
    in_use: dict[str, list[str]] = {model: [] for model in models}
    found = check_models(in_use, feed_of(tmp_path), today=TODAY, within=WITHIN)
    assert exit_code(found) == code


def test_impossible_dates_are_flagged_with_both_of_them_and_not_relied_on(tmp_path: Path) -> None:
    feed = feed_of(tmp_path)
    assert [each.model for each in feed.doubtful] == ["m-odd", "m-late"]
    assert feed.doubtful[0].doubt == "shutdown on 2026-04-30, before it was announced on 2026-05-01"
    assert "before it was deprecated" in (feed.doubtful[1].doubt or "")


def test_a_row_that_cannot_be_read_stops_none_of_the_others(tmp_path: Path) -> None:
    bad = [7, {"provider": "x"}, row("m", "soon", "later"), row(" ", "2026-01-01", "")]
    feed = feed_of(tmp_path, *bad, ROWS[0])
    assert [each.model for each in feed.retirements] == ["m-old"]
    text = "\n".join(map(str, feed.problems))
    for said in ("expected a mapping", "model_id: this field", "announcement_date", "not be empty"):
        assert said in text
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="a feed is a list"):
        read_feed(tmp_path / "x.json")


def test_models_of_targets_are_those_they_name(tmp_path: Path) -> None:
    from aiir_eval.targets.config import load_config

    (tmp_path / "aiir.yaml").write_text(
        "targets:\n"
        "  desk@v1: {uri: 'openai:m-old'}\n"
        "  desk@v2: {uri: 'python:mod:fn', params: {model: m-old}}\n"
        "  desk@v3: {uri: 'python:mod:fn'}\n"
    )
    config = load_config(tmp_path / "aiir.yaml")
    assert models_of_config(config) == {"m-old": ["desk@v1", "desk@v2"]}


def test_models_of_a_register_are_found_in_what_records_say(tmp_path: Path) -> None:
    from test_clock_assessment import RECORD

    from aiir_eval.incidents.index import entry_of
    from aiir_eval.incidents.model import Incident

    def entry(id_: str, model: str, **fields: Any) -> Any:
        return entry_of(Incident.model_validate({**RECORD, "id": id_, "model": model, **fields}))

    entries = [
        entry("A", "m-old (fallback: M-Soon), in eu-1"),
        entry("B", "m-old"),
        entry("C", "our own"),
        entry("D", "m-odd", reconstructed=True),
        entry("E", "unknown: fill in (model and version)"),
    ]
    found = models_of_register(entries, feed_of(tmp_path))
    assert found == {"m-old": ["A", "B"], "M-Soon": ["A"], "our own": ["C"]}


@pytest.mark.real_data
def test_the_recorded_feed_has_415_rows_of_which_145_are_impossible(shared_data: Path) -> None:
    feed = read_feed(shared_data / "vendor_deprecations" / "deprecations.json")
    assert (len(feed.retirements), len(feed.doubtful), feed.problems) == (415, 145, ())
    assert len({each.provider for each in feed.retirements}) == 9
    in_use: dict[str, list[str]] = {"gpt-4-0613": [], "claude-1.0": []}
    found = check_models(in_use, feed, today=TODAY, within=WITHIN)
    assert [each.state for each in found] == ["retiring", "impossible_dates"]
