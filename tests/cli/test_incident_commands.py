"""The register from the command line: lists, clocks, notifications, imports, exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Aiir

from aiir_eval.cli.app import COMMANDS, LazyGroup
from aiir_eval.cli.incident import incident
from aiir_eval.reports.visible import UNSEEN

RECORD = """\
# Ana leads.
id: {id}
title: {title}
class: {class_}
status: {status}
detected_at: "{detected}"
system: support desk
model: m-1
prompt_version: "7"
data_source: orders
user_population: customers
triggering_input: Where is my parcel?
observed_output: At the address of someone else.
downstream_impact: one address shown
containment_decision: route paused
remediation_owner: J. Doe
psf_domains: [{domains}]
"""
FORMATS = ("text", "json", "markdown")


def write(name: str, **fields: str) -> Path:
    path = Path("incidents_corpus") / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    given = {
        "id": name,
        "title": "An address was shown",
        "class_": "pii_or_secret_exposure",
        "status": "open",
        "domains": "PSF-3, PSF-7",
        "detected": "2024-09-01T08:00:00Z",
        **fields,
    }
    path.write_text(RECORD.format(**given))
    return path


@pytest.fixture
def register(here: Path) -> Path:
    write("INC-1")
    write("INC-2", class_="hallucination", status="closed", domains="PSF-2")
    path = write("INC-3", title="'unknown: fill in (one line: what happened)'")
    path.write_text(path.read_text() + "vendor: Acme\n")
    return here / "incidents_corpus"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ((), ["INC-1", "INC-2", "INC-3"]),
        (("--class", "hallucination"), ["INC-2"]),
        (("--domain", "Security"), ["INC-1", "INC-3"]),
        (("--domain", "D2", "--domain", "PSF-7"), ["INC-1", "INC-2", "INC-3"]),
        (("--system", "DESK", "--vendor", "acme"), ["INC-3"]),
        (("--phase", "closed"), ["INC-2"]),
        (("--overdue",), ["INC-1", "INC-3"]),
        (("--overdue", "--class", "hallucination"), []),
    ],
)
def test_the_list_is_narrowed(
    options: tuple[str, ...], ids: list[str], register: Path, aiir: Aiir
) -> None:
    listed = aiir("incident", "list", *options, "--format", "json")
    assert listed.code == 0
    assert [each["id"] for each in listed.json] == ids
    rows = list(
        csv.DictReader(io.StringIO(aiir("incident", "list", *options, "--format", "csv").out))
    )
    assert [row["id"] for row in rows] == ids
    for format_ in ("text", "markdown"):
        text = aiir("incident", "list", *options, "--format", format_).out
        assert [name for name in ("INC-1", "INC-2", "INC-3") if name in text] == ids


def test_the_list_says_what_is_late_and_what_is_a_draft(register: Path, aiir: Aiir) -> None:
    first, _, third = aiir("incident", "list", "--format", "json").json
    assert (first["phase"], first["overdue"][:2]) == ("contain", ["contain", "assess"])
    assert (first["unfinished"], third["unfinished"]) == (0, 1)
    text = aiir("incident", "list").out
    assert "3 incidents, 2 overdue, 1 unfinished draft" in text
    assert aiir("incident", "validate").code == 2


def test_what_a_list_cannot_be_narrowed_by_is_told(
    register: Path, refused: Callable[..., str]
) -> None:
    assert "There are PSF-1 (" in refused("incident", "list", "--domain", "PSF-9")
    assert "one of hallucination" in refused("incident", "list", "--class", "nope")
    assert "contain" in refused("incident", "list", "--phase", "nope")


def test_settings_of_a_register_are_validated_with_it(here: Path, aiir: Aiir) -> None:
    path = write("INC-1")
    assert aiir("incident", "validate").code == 0
    (path.parent / "clocks.yaml").write_text("schema: aiir/clocks/1\nclocks: [{id: x}]\n")
    (path.parent / "psf.yaml").write_text("edition: '2'\n")
    said = aiir("incident", "validate")
    assert said.code == 2
    assert "clocks.yaml:2: clocks[0].regime: this field is required" in said.out
    assert "psf.yaml:1: domains: this field is required" in said.out


def test_a_draft_is_shown(register: Path, aiir: Aiir) -> None:
    assert "unknown: fill in" in aiir("incident", "show", "INC-3").out


@pytest.fixture
def recent(register: Path) -> Path:
    """The register with an incident of 2026 in it, when most of the rules are in force."""
    write("INC-7", detected="2026-09-01T08:00:00Z")
    return register


def test_clocks_say_what_may_have_started_and_when_it_is_due(recent: Path, aiir: Aiir) -> None:
    asked = ("incident", "clocks", "INC-7", "--at", "2026-09-05T00:00Z", "--timezone", "Asia/Tokyo")
    found = aiir(*asked, "--format", "json").json
    gdpr = next(each for each in found["clocks"] if each["id"] == "gdpr-33-1")
    assert (gdpr["due_at"], gdpr["due_local"]) == (
        "2026-09-04T08:00:00Z",
        "2026-09-04T17:00:00+09:00",
    )
    assert gdpr["overdue"]
    assert "ask counsel" in found["advice"]
    for format_ in ("text", "markdown"):
        said = aiir(*asked, "--format", format_)
        assert said.code == 0
        text = " ".join(said.out.replace("<br>", " ").replace("\\", "").split())
        for piece in ("may have started", "ask counsel", "2026-09-04 08:00Z", "17:00 JST",
                      "overdue by 16 h", "Art. 73(6)", "Preserve the old version"):  # fmt: skip
            assert piece in text, piece
        assert "not reportable" not in text.lower()


def test_a_start_and_clocks_of_ones_own_are_taken_from_options(
    recent: Path, aiir: Aiir, refused: Callable[..., str]
) -> None:
    asked = ("incident", "clocks", "INC-7", "--format", "json")
    begun = aiir(*asked, "--start", "determination=2026-09-03T10:00", "--timezone", "Europe/Berlin")
    found = {each["id"]: each for each in begun.json["clocks"]}
    assert found["us-bank-36h"]["due_at"] == "2026-09-04T20:00:00Z"
    Path("contracts.yaml").write_text(
        "schema: aiir/clocks/1\nregimes: [Contract]\nclocks:\n"
        "  - {id: msa, regime: Contract, title: Notice, citation: clause 12, who: us, to: Acme,\n"
        "     trigger: {condition: an outage}, verify_by: 2027-01-01, checked: primary,\n"
        "     limits: [{event: awareness, amount: 1, unit: business_days}], holidays: DE-BY}\n"
    )
    assert [each["id"] for each in aiir(*asked, "--clocks", "contracts.yaml").json["clocks"]] == [
        "msa"
    ]
    Path("contracts.yaml").rename(recent / "clocks.yaml")  # beside the records it needs no option
    (own,) = aiir(*asked).json["clocks"]
    assert (own["id"], own["due_at"]) == ("msa", "2026-09-02T08:00:00Z")
    assert len(aiir("incident", "list", "--format", "json").json) == 4
    assert "EVENT=TIME" in refused(*asked, "--start", "moon=2026-01-01")
    assert "is no time" in refused(*asked, "--start", "awareness=soon")
    assert "no time zone" in refused(*asked, "--timezone", "Mars")
    assert "no such file" in refused(*asked, "--clocks", "none.yaml")


def test_a_report_that_was_made_is_recorded_and_starts_the_next_clock(
    recent: Path, aiir: Aiir, refused: Callable[..., str]
) -> None:
    done = aiir("incident", "notify", "INC-7", "dora-initial", "--started", "2026-09-01T09:00Z")
    assert done.code == 0, done.err
    when = "2026-09-01T11:00+02:00"
    aiir("incident", "notify", "INC-7", "dora-initial", "--reported", when, "--by", "J. Doe")
    text = (recent / "INC-7.yaml").read_text()
    assert text.startswith("# Ana leads.\n")
    assert text.count("dora-initial") == 1
    found = {
        each["id"]: each
        for each in aiir("incident", "clocks", "INC-7", "--format", "json").json["clocks"]
    }
    assert found["dora-initial"]["state"] == "reported"
    assert found["dora-intermediate"]["due_at"] == "2026-09-04T09:00:00Z"
    assert "did you mean" in refused("incident", "notify", "INC-7", "dora-intial", "--status", "x")
    assert "--reported" in refused("incident", "notify", "INC-7", "dora-initial", "--by", "me")
    assert "no incident" in refused("incident", "notify", "INC-9", "dora-initial", "--status", "x")


def test_shipped_records_are_not_changed(here: Path, refused: Callable[..., str]) -> None:
    asked = ("incident", "notify", "AIR-CANADA-2022", "gdpr-33-1", "--reported", "now")
    assert "shipped records are not changed" in refused(*asked)


AVID: dict[str, Any] = {
    "metadata": {"report_id": "AVID-2026-R0001"},
    "problemtype": {"classof": "LLM Evaluation", "description": {"value": "m-1 \x1b[31mleaks"}},
    "description": {"value": "It told <script>alert(1)</script>."},
    "affects": {"artifacts": [{"type": "Model", "name": "m-1"}]},
}


def test_an_import_counts_tells_garbage_and_writes_drafts(here: Path, aiir: Aiir) -> None:
    Path("in.jsonl").write_text(json.dumps(AVID) + "\n{broken\n")
    dry = aiir("incident", "import", "avid", "in.jsonl", "-o", "reg", "--dry-run")
    assert (dry.code, Path("reg").exists()) == (2, False)
    assert "2 documents, 1 records, 1 problems" in dry.out
    assert "in.jsonl:2: not valid JSON" in dry.err
    done = aiir("incident", "import", "avid", "in.jsonl", "-o", "reg", "--format", "json")
    assert (done.json["new"], done.json["kept"], done.json["problems"]) == (1, 0, 1)
    assert done.json["by_kind"] == {"exercise": 1}
    again = aiir("incident", "import", "avid", "in.jsonl", "-o", "reg", "--format", "json")
    assert (again.json["new"], again.json["unchanged"]) == (0, 1)
    (listed,) = aiir("incident", "list", "--incidents", "reg", "--format", "json").json
    assert (listed["id"], listed["reconstructed"]) == ("AVID-2026-R0001", True)
    assert listed["unfinished"] > 3
    shown = aiir("incident", "show", "AVID-2026-R0001", "--incidents", "reg").out
    assert "\x1b" not in shown
    Path("in.jsonl").write_text(json.dumps(AVID) + "\n")
    assert aiir("incident", "import", "avid", "in.jsonl", "-o", "reg").code == 0


def test_an_import_that_cannot_be_read_or_written_is_told(
    here: Path, refused: Callable[..., str]
) -> None:
    assert "no such file" in refused("incident", "import", "avid", "none.json", "-o", "reg")
    Path("in.json").write_text("{")
    assert "in.json:" in refused("incident", "import", "atlas", "in.json", "-o", "reg")
    Path("reg").write_text("a file")
    Path("in.json").write_text(json.dumps(AVID))
    assert "reg" in refused("incident", "import", "avid", "in.json", "-o", "reg")
    assert "nope" in refused("incident", "import", "nope", "in.json")
    assert "is no class" in refused("incident", "import", "avid", "in.json", "--class", "nope")


@pytest.mark.parametrize("to", ["avid", "ocsf", "oecd", "stix", "csv", "markdown"])
def test_a_record_goes_out_to_a_file_or_to_stdout(to: str, register: Path, aiir: Aiir) -> None:
    said = aiir("incident", "export", "INC-1", "--to", to)
    assert said.code == 0, said.err
    assert "INC-1" in said.out or to == "avid"
    if to not in ("csv", "markdown"):
        assert isinstance(said.json, dict)
    both = aiir("incident", "export", "INC-1", "INC-2", "--to", to, "-o", "out")
    assert (both.code, both.out) == (0, "")
    text = Path("out").read_text()
    assert "INC-1" in text
    assert "INC-2" in text


def test_a_drift_report_goes_into_avid_and_nowhere_else(
    register: Path, aiir: Aiir, refused: Callable[..., str]
) -> None:
    column = {"column": "latency", "test": "Welch", "pvalue": 0.01}
    Path("drift.json").write_text(json.dumps({"columns": [column]}))
    out = aiir("incident", "export", "INC-1", "--to", "avid", "--drift", "drift.json").json
    assert out["metrics"][0]["results"] == {"pvalue": 0.01}
    for to in ("stix", "markdown"):
        said = refused("incident", "export", "INC-1", "--to", to, "--drift", "drift.json")
        assert "AVID report only" in said
    Path("drift.json").write_text("[]")
    assert "no drift report" in refused(
        "incident", "export", "INC-1", "--to", "avid", "--drift", "drift.json"
    )


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", ["avid", "oecd"])
def test_a_mapping_says_what_is_lost(name: str, format_: str, here: Path, aiir: Aiir) -> None:
    said = aiir("incident", "mapping", name, "--format", format_)
    assert said.code == 0
    for status in ("direct", "partial", "approximate", "unmapped"):
        assert status in said.out
    if format_ == "json":
        assert said.json["severity"]


def test_hostile_text_of_a_record_steers_nothing(register: Path, aiir: Aiir) -> None:
    evil = "\x1b[31m\u202e<script>alert(1)</script>\x07 | `x`"
    document = {**AVID, "problemtype": {"description": {"value": evil}}}
    document |= {"description": {"value": evil}, "references": [{"url": f"https://x/{evil}"}]}
    Path("in.json").write_text(json.dumps(document))
    calls = [
        ("import", "avid", "in.json", "-o", register),
        *(("list", "--format", each) for each in (*FORMATS, "csv")),
        *(("show", AVID["metadata"]["report_id"], "--format", each) for each in FORMATS),
        *(("clocks", AVID["metadata"]["report_id"], "--format", each) for each in FORMATS),
        *(("export", AVID["metadata"]["report_id"], "--to", each)
          for each in ("avid", "ocsf", "oecd", "stix", "csv", "markdown")),
    ]  # fmt: skip
    for call in calls:
        said = aiir("incident", *call)
        assert said.code == 0, (call, said.err)
        assert UNSEEN.search(said.out + said.err) is None, call
        if "markdown" in call:
            assert "<script" not in said.out


def test_every_command_of_the_table_is_there_and_says_what_it_does() -> None:
    groups: dict[str, Any] = {"incident": incident}
    for name, (_, _, line) in COMMANDS.items():
        assert line.endswith("."), name
    for group in groups.values():
        assert isinstance(group, LazyGroup)
        for name in group.list_commands(None):  # type: ignore[arg-type]
            command = group.get_command(None, name)  # type: ignore[arg-type]
            assert command is not None
            assert command.help, name
