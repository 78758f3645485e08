"""Vendors from the command line: what goes away, and what was decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Aiir

FEED = [
    {
        "provider": "Acme",
        "model_id": model,
        "announcement_date": announced,
        "shutdown_date": shutdown,
        "replacement_models": ["m-9"],
        "url": "https://example.com/\x1b[31m",
    }
    for model, announced, shutdown in (
        ("m-old", "2025-01-01", "2026-01-01"),
        ("m-soon", "2026-01-01", "2026-10-01"),
        ("m-odd", "2026-05-01", "2026-04-30"),
    )
]


@pytest.fixture
def feed(here: Path) -> str:
    Path("feed.json").write_text(json.dumps([*FEED, {"provider": "Acme"}]))
    return "feed.json"


@pytest.mark.parametrize(
    ("models", "options", "code"),
    [
        ("m-old", (), 1),
        ("m-soon", (), 1),
        ("m-soon", ("--within", "2w"), 0),
        ("m-odd", (), 3),
        ("m-new", (), 0),
        ("m-new, m-odd,m-old", (), 1),
    ],
)
@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
def test_the_exit_code_is_for_a_job_to_act_on(
    models: str, options: tuple[str, ...], code: int, format_: str, feed: str, aiir: Aiir
) -> None:
    asked = ("--feed", feed, "--models", models, "--at", "2026-09-01", "--format", format_)
    said = aiir("vendor", "check", *asked, *options)
    assert said.code == code
    assert "\x1b" not in said.out
    if format_ == "json":
        assert said.json["exit_code"] == code
        assert said.json["feed"]["impossible_dates"] == 1
    else:
        assert "1 with impossible dates, which are not relied on" in " ".join(said.out.split())
    assert "feed.json" in said.err  # the row that could not be read
    assert "model_id" in said.err


def test_models_come_from_targets_and_records_too(feed: str, aiir: Aiir) -> None:
    Path("aiir.yaml").write_text("targets:\n  desk@v1: {uri: 'openai:m-old'}\n")
    Path("reg").mkdir()
    Path("reg/INC-1.yaml").write_text(
        "id: INC-1\ntitle: t\nclass: hallucination\nsystem: s\nmodel: m-soon\n"
        "prompt_version: '1'\ndata_source: d\nuser_population: u\ntriggering_input: i\n"
        "observed_output: o\ndownstream_impact: d\ncontainment_decision: c\n"
        "remediation_owner: r\npsf_domains: [PSF-2]\nvendor: Acme Models\n"
    )
    asked = ("--config", "aiir.yaml", "--register", "reg", "--at", "2026-09-01")
    found = aiir("vendor", "check", "--feed", feed, *asked, "--format", "json").json
    assert {each["model"]: each["used_by"] for each in found["models"]} == {
        "m-old": ["desk@v1"],
        "m-soon": ["INC-1"],
    }


def test_bad_input_is_told(feed: str, refused: Callable[..., str]) -> None:
    assert "--models" in refused("vendor", "check", "--feed", feed)
    assert "no such file" in refused("vendor", "check", "--feed", "none", "--models", "m")
    asked = ("vendor", "check", "--feed", feed, "--models", "m")
    assert "90d" in refused(*asked, "--within", "soon")
    assert "is no day" in refused(*asked, "--at", "soon")
    assert "none" in refused(*asked, "--register", "none")
    assert "no such folder" in refused("vendor", "list")
    assert "vendor: use letters" in refused("vendor", "add", "../x", "--assessor", "me")


def test_an_assessment_holds_incidents_retirements_and_a_decision(feed: str, aiir: Aiir) -> None:
    test_models_come_from_targets_and_records_too(feed, aiir)
    done = aiir(
        "vendor", "add", "acme", "--name", "Acme", "--assessor", "J. Doe", "--date", "2026-09-01",
        "--models", "m-soon,m-odd", "--feed", feed, "--register", "reg",
        "--decision", "approved_with_conditions", "--condition", "move off m-soon",
        "--fallback", "m-9", "--next-review", "2027-03-01",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.strip() == "vendors/acme-2026-09-01.yaml"
    shown = aiir("vendor", "show", "Acme", "--format", "json").json
    assert [each["id"] for each in shown["incidents"]] == ["INC-1"]
    assert {each["model"]: bool(each.get("doubt")) for each in shown["deprecations"]} == {
        "m-soon": False,
        "m-odd": True,
    }
    for format_ in ("text", "markdown"):
        text = aiir("vendor", "show", "acme", "--format", format_).out
        for piece in ("J. Doe", "move off m-soon", "INC-1", "2027-03-01"):
            assert piece in text.replace("\\", ""), piece
    assert "1 incident" in aiir("vendor", "list").out
    assert len(aiir("vendor", "list", "--format", "json").json) == 1
    assert "known: acme" in aiir("vendor", "show", "beta").err


def test_a_verdict_of_the_gate_is_attached_with_its_digest(
    here: Path, aiir: Aiir, recorded: Callable[..., str]
) -> None:
    old, new = recorded("old", [1] * 40), recorded("new", [1] * 40)
    aiir("gate", "--baseline", old, "--candidate", new, "-o", "v.json")
    done = aiir("vendor", "add", "acme", "--assessor", "me", "--verdict", "v.json")
    assert done.code == 0, done.err
    (attached,) = aiir("vendor", "show", "acme", "--format", "json").json["verdicts"]
    assert attached["verdict"] in ("pass", "fail", "inconclusive", "invalid")
    assert len(attached["sha256"]) == 64
    Path("x.json").write_text("{}")
    assert (
        "no saved verdict"
        in aiir("vendor", "add", "b", "--assessor", "me", "--verdict", "x.json").err
    )


def test_the_register_that_is_here_is_looked_at_and_its_models_are_those_in_use(
    feed: str, aiir: Aiir, refused: Callable[..., str]
) -> None:
    opened = aiir(
        "incident", "new", "--class", "vendor_outage_or_deprecation", "--title", "m-soon went",
        "--id", "V-1", "--vendor", "Acme", "--model", "m-soon",
    )  # fmt: skip
    assert opened.code == 0, opened.err
    assert aiir("vendor", "add", "acme", "--assessor", "me", "--feed", feed).code == 0
    shown = aiir("vendor", "show", "acme", "--format", "json").json
    assert [each["id"] for each in shown["incidents"]] == ["V-1"]
    assert [each["model"] for each in shown["deprecations"]] == ["m-soon"]
    assert aiir("incident", "step", "V-1", "learn.4", "--done", "--by", "me").code == 0
    assert "--models" in refused("vendor", "add", "other", "--assessor", "me", "--feed", feed)
