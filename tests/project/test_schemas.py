"""The JSON Schemas that are shipped for editors are those of the models, and take what we ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aiir_eval.cli import invoke
from aiir_eval.cli.schema import KINDS, json_schema
from aiir_eval.documents import read_document

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "aiir_eval" / "schemas"
DOCUMENTS = [
    *(("incident", path) for path in sorted((ROOT / "incidents_corpus").rglob("*.yaml"))),
    ("suite", ROOT / "suites" / "support_desk.yaml"),
    ("config", ROOT / "examples" / "support_desk" / "aiir.yaml"),
]


def shipped_schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{kind}.schema.json").read_text("utf-8"))
    return found


def refused(kind: str, data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(shipped_schema(kind)).iter_errors(data)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_schema_is_the_one_of_the_model(kind: str) -> None:
    Draft202012Validator.check_schema(shipped_schema(kind))
    assert shipped_schema(kind) == json_schema(kind), (
        f"type: aiir schema {kind} > aiir_eval/schemas/{kind}.schema.json"
    )


def test_every_kind_has_one_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{kind}.schema.json" for kind in KINDS}


@pytest.mark.parametrize(("kind", "path"), DOCUMENTS, ids=lambda value: getattr(value, "stem", ""))
def test_an_editor_finds_no_fault_in_a_shipped_document(kind: str, path: Path) -> None:
    data = read_document(path).data
    assert refused(kind, data) == []
    assert refused(kind, {**data, "colour": "red"})


def test_an_editor_finds_no_fault_in_what_init_writes(tmp_path: Path) -> None:
    assert invoke(["init", str(tmp_path)]) == 0
    for kind, name in (("policy", "policy.yaml"), ("config", "aiir.yaml")):
        assert refused(kind, read_document(tmp_path / name).data) == []


@pytest.mark.parametrize("origin", ["incident", ["incident", "adjacent"]])
def test_a_selection_is_one_value_or_several(origin: Any) -> None:
    claim = {"name": "fixed", "select": {"origin": origin}, "max_failures": 0}
    assert refused("policy", {"schema": "aiir/policy/1", "claims": [claim]}) == []
    claim["select"] = {"origin": "moon"}
    assert refused("policy", {"schema": "aiir/policy/1", "claims": [claim]})
