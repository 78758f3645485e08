"""``aiir blast-radius``: from logs to numbers in the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Aiir

from aiir_eval.incidents.loading import load_incident

RECORD = """\
id: INC-1
title: A refund was promised
class: hallucination
system: desk
model: m
prompt_version: "1"
data_source: d
user_population: u
triggering_input: i
observed_output: o
downstream_impact: d
containment_decision: c   # kept
remediation_owner: r
psf_domains: [PSF-2]
regression:
  cases:
    - name: trigger
      input: Is there a refund?
      checks: [{scorer: not_contains, name: no-promise, value: 90 days}]
      bad: [{output: In 90 days}, {output: within 90 days}, {output: 90 days it is}]
      good: [{output: "No"}, {output: There is none}]
"""


@pytest.fixture
def log(here: Path) -> str:
    Path("incidents_corpus").mkdir()
    Path("incidents_corpus/INC-1.yaml").write_text(RECORD)
    rows = [
        {
            "at": f"2026-11-0{1 + i % 3}T10:00:00Z",
            "customer": f"u{i % 4}",
            "output": "90 days \x1b[31m" if i % 5 == 0 else "No",
            "message": i,
        }
        for i in range(60)
    ]
    Path("log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "log.jsonl"


@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
def test_the_numbers_are_printed_and_written_into_the_record(
    log: str, aiir: Aiir, format_: str
) -> None:
    asked = ("--log", log, "--user", "customer", "--time", "at", "--update", "--format", format_)
    said = aiir("blast-radius", "INC-1", *asked, "-o", "affected.parquet")
    assert said.code == 0
    assert "\x1b" not in said.out
    found = load_incident("incidents_corpus/INC-1.yaml").blast_radius
    assert found is not None
    assert (found.users, found.messages, found.decisions) == (4, 12, None)
    assert found.interval == "2026-11-01T10:00:00Z/2026-11-03T10:00:00Z"
    assert "# kept" in Path("incidents_corpus/INC-1.yaml").read_text()
    assert Path("affected.parquet").exists()
    if format_ == "json":
        assert said.json["rows"]["seen"] == 12
        assert [part["rows"] for part in said.json["by_day"]] == [4, 4, 4]


def test_a_sample_and_a_predicate(log: str, aiir: Aiir) -> None:
    asked = ("--log", log, "--where", "message < 30", "--sampled-from", 6000, "--format", "json")
    found = aiir("blast-radius", "INC-1", *asked).json
    assert found["rows"]["estimate"] == 3000
    assert found["rows"]["interval"][0] < 3000 < found["rows"]["interval"][1]
    assert found["users"] is None


def test_bad_input_is_told(log: str, refused: Callable[..., str]) -> None:
    ask = ("blast-radius", "INC-1", "--log")
    assert "did you mean 'customer'" in refused(*ask, log, "--user", "custome")
    assert "no such file" in refused(*ask, "none.parquet")
    assert "no incident" in refused("blast-radius", "INC-2", "--log", log)
    assert "no time" in refused(*ask, log, "--time", "at", "--from", "soon")
    assert "column of times" in refused(*ask, log, "--from", "2026-11-01")
    assert ".parquet or .csv" in refused(*ask, log, "-o", "affected.txt")
    assert "nothing" in refused(*ask, log, "--where", "nothing = 1")
