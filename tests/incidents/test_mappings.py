"""The mapping tables: complete, honest, and those of the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from aiir_eval.incidents.exchange import EXPORTS, IMPORTS, MAPPED
from aiir_eval.incidents.exchange.avid import avid_report
from aiir_eval.incidents.exchange.mapping import load_mapping, mapping_markdown
from aiir_eval.incidents.loading import load_register, shipped_corpus
from aiir_eval.incidents.model import Incident

DOCS = Path(__file__).resolve().parents[2] / "docs" / "exchange.md"
FIELDS = {field.alias or name for name, field in Incident.model_fields.items()} - {"schema"}


@pytest.mark.parametrize("format_", MAPPED)
def test_every_field_of_a_mapping_says_how_well_it_fits(format_: str) -> None:
    mapping = load_mapping(format_)
    assert mapping.severity
    for row in [*mapping.imports, *mapping.exports]:
        assert row.status in ("direct", "partial", "approximate", "unmapped")
        assert (row.status == "direct") == (row.lost is None)
    named = {
        name
        for row in [*mapping.imports, *mapping.exports]
        for name in (row.ours or "").split(", ")
        if name
    }
    assert named <= FIELDS


@pytest.mark.parametrize("format_", [*EXPORTS, "markdown"])
def test_no_field_of_a_record_is_left_out_of_an_export(format_: str) -> None:
    rows = load_mapping(format_).exports
    assert {name for row in rows for name in (row.ours or "").split(", ") if name} == FIELDS


def test_every_format_has_one_and_says_which_way_it_goes() -> None:
    assert {name for name in MAPPED if load_mapping(name).imports} == {*IMPORTS, "mlflow"}
    assert {name for name in MAPPED if load_mapping(name).exports} == {*EXPORTS, "markdown"}


def paths(value: Any, at: str = "") -> set[str]:
    """The paths of the leaves of a document, as a mapping names them."""
    if isinstance(value, dict) and value:
        return set().union(
            *(paths(item, f"{at}.{key}" if at else key) for key, item in value.items())
        )
    if isinstance(value, list) and value:
        return set().union(*(paths(item, at) for item in value))
    return {at}


def test_what_is_written_for_avid_is_what_the_mapping_names() -> None:
    rows = load_mapping("avid").exports
    named = {
        re.sub(r"\[\w*\]", "", name)
        for row in rows
        for name in (row.theirs or "").split(", ")
        if name
    }
    named |= {"data_type", "data_version", "credit", "metrics", "problemtype.description.lang",
              "description.lang", "references.type"}  # fmt: skip
    for incident in load_register(shipped_corpus()).incidents.values():
        for path in paths(avid_report(incident)):
            assert any(path.startswith(name) for name in named), path


def test_the_documentation_holds_the_same_tables() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for format_ in MAPPED:
        assert mapping_markdown(load_mapping(format_)).strip() in text, (
            f"type: aiir incident mapping {format_} --format markdown"
        )
