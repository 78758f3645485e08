"""All records of AVID and MITRE ATLAS come in, and out, and in again the same."""

from __future__ import annotations

import gzip
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aiir_eval.documents import Document
from aiir_eval.incidents.exchange import avid
from aiir_eval.incidents.exchange.drafts import record_of
from aiir_eval.incidents.exchange.exporting import export_records
from aiir_eval.incidents.exchange.importing import import_records, write_records
from aiir_eval.incidents.exchange.mapping import load_mapping
from aiir_eval.incidents.index import list_register

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def avid_file(shared_data: Path) -> Path:
    return shared_data / "incidents_avid" / "avid_raw.jsonl.gz"


@pytest.fixture(scope="module")
def atlas_file(shared_data: Path) -> Path:
    return shared_data / "incidents_atlas" / "case_studies.json"


def test_all_documents_of_avid_come_in_with_their_counts(avid_file: Path) -> None:
    found = import_records("avid", avid_file)
    assert (found.documents, len(found.incidents), found.problems) == (1758, 1758, ())
    # 1,071 entries of CVE, and evaluations by class or by type.
    assert found.counts("kind") == {"near_miss": 1071, "exercise": 610, "incident": 77}
    assert sum(found.counts("class_").values()) == 1758
    assert all(each.reconstructed for each in found.incidents.values())


def test_all_documents_of_avid_are_the_same_after_going_out_and_in(avid_file: Path) -> None:
    for incident in import_records("avid", avid_file).incidents.values():
        document = Document("x", avid.avid_report(incident))
        assert record_of(avid.draft_of(document), document) == incident


def test_all_case_studies_of_atlas_come_in_with_their_counts(atlas_file: Path) -> None:
    found = import_records("atlas", atlas_file)
    assert (found.documents, len(found.incidents), found.problems) == (57, 57, ())
    assert found.counts("kind") == {"exercise": 40, "incident": 17}
    for incident in found.incidents.values():
        report = avid.avid_report(incident)
        document = Document("x", report)
        assert avid.avid_report(record_of(avid.draft_of(document), document)) == report


def test_garbage_among_them_stops_none_of_the_others(avid_file: Path, tmp_path: Path) -> None:
    lines = gzip.decompress(avid_file.read_bytes()).decode().splitlines()
    lines[17] = lines[17][:-30]
    lines[900] = json.dumps({"metadata": {"report_id": "AVID-2026-R9999"}})
    path = tmp_path / "avid.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = import_records("avid", path)
    assert len(found.incidents) == 1756
    assert {problem.line for problem in found.problems} == {18, 901}


def test_they_make_a_register_that_lists_and_exports(atlas_file: Path, tmp_path: Path) -> None:
    found = import_records("atlas", atlas_file)
    write_records(found, tmp_path)
    listing = list_register(tmp_path)
    assert len(listing.entries) == 57
    assert listing.problems == ()
    assert all(entry.unfinished for entry in listing.entries)
    bundle = json.loads(
        export_records("stix", list(found.incidents.values()), at=datetime(2026, 9, 1, tzinfo=UTC))
    )
    assert sum(each["type"] == "incident" for each in bundle["objects"]) == 57


def names(value: object, at: str = "") -> set[str]:
    """The fields of a document, lists seen through."""
    if isinstance(value, dict):
        found = {f"{at}.{key}".strip(".") for key in value}
        return found.union(*(names(item, f"{at}.{key}".strip(".")) for key, item in value.items()))
    if isinstance(value, list):
        return set().union(*(names(item, at) for item in value))
    return set()


@pytest.mark.parametrize("source", ["avid", "atlas"])
def test_the_mapping_names_every_field_that_the_source_has(
    source: str, avid_file: Path, atlas_file: Path
) -> None:
    if source == "avid":
        text = gzip.decompress(avid_file.read_bytes()).decode()
        documents = [json.loads(line) for line in text.splitlines()]
    else:
        documents = json.loads(atlas_file.read_text())
    mapped = {
        (row.theirs or "").replace("[]", "").split("[")[0] for row in load_mapping(source).imports
    }
    for field in set().union(*map(names, documents)) - {"path"}:  # where the file lay
        parts = field.split(".")
        above = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
        known = bool(above & mapped) or any(name.startswith(f"{field}.") for name in mapped)
        assert known, field


def test_what_avids_own_models_take_they_take_back(avid_file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # avidtools was written for an older pydantic
        from avidtools.datamodels.report import Report
        from avidtools.datamodels.vulnerability import Vulnerability

    def is_valid(document: dict[str, Any]) -> bool:
        model = Vulnerability if "vuln_id" in document["metadata"] else Report
        try:
            model.model_validate({key: item for key, item in document.items() if item is not None})
        except ValidationError:
            return False
        return True

    records = import_records("avid", avid_file).incidents
    taken = refused = 0
    for line in gzip.decompress(avid_file.read_bytes()).decode().splitlines():
        source = json.loads(line)
        metadata = source["metadata"]
        record = records[metadata.get("report_id") or metadata["vuln_id"]]
        out = is_valid(avid.avid_report(record))
        taken += out
        refused += not out
        assert out or not is_valid(source), record.id
    # The published models know fewer classes and categories than the database has since.
    assert (taken, refused) == (1648, 110)
