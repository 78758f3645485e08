"""Other formats: what comes in is a draft that invents nothing, what goes out is valid there."""

from __future__ import annotations

import gzip
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiir_eval.documents import Document
from aiir_eval.errors import InputError
from aiir_eval.incidents.exchange import avid
from aiir_eval.incidents.exchange.drafts import record_of
from aiir_eval.incidents.exchange.exporting import export_records
from aiir_eval.incidents.exchange.importing import Imported, import_records, write_records
from aiir_eval.incidents.index import list_register
from aiir_eval.incidents.loading import load_incident, load_register, shipped_corpus
from aiir_eval.incidents.model import Incident
from aiir_eval.incidents.unfinished import FILL_IN, is_known

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # avidtools was written for an older pydantic
    from avidtools.datamodels.report import Report
    from avidtools.datamodels.vulnerability import Vulnerability

AT = datetime(2026, 9, 1, tzinfo=UTC)
REPORT: dict[str, Any] = {
    "data_type": "AVID",
    "data_version": "0.3.3",
    "metadata": {"report_id": "AVID-2026-R0001"},
    "affects": {
        "developer": ["A Lab"],
        "deployer": ["A Shop", "B Shop"],
        "artifacts": [{"type": "Model", "name": "m-1"}, {"type": "System", "name": "Desk"}],
    },
    "problemtype": {
        "classof": "LLM Evaluation",
        "type": "Measurement",
        "description": {"lang": "eng", "value": "m-1 gives away\n prompts"},
    },
    "metrics": [],
    "references": [
        {"type": "source", "label": "a page", "url": "https://example.com/1"},
        {"type": "source", "label": "a book", "url": ""},
    ],
    "description": {"lang": "eng", "value": "It was asked, and it told.\n\nTwice."},
    "impact": {
        "avid": {
            "risk_domain": ["Security"],
            "sep_view": ["S0301: Information Leak"],
            "lifecycle_view": ["L06: Deployment"],
            "taxonomy_version": "0.2",
        },
        "cvss": {
            "vectorString": "CVSS:3.1/AV:N/AC:L",
            "baseScore": 9.8,
            "baseSeverity": "CRITICAL",
        },
        "cwe": [{"cweId": "CWE-200", "description": "exposure", "lang": "eng"}],
    },
    "reported_date": "2026-02-03",
}
CASE: dict[str, Any] = {
    "id": "AML.CS0999",
    "name": "A desk is talked into it",
    "object-type": "case-study",
    "summary": "The desk obeyed a hidden text.",
    "incident-date": "2025-01-01",
    "incident-date-granularity": "YEAR",
    "case-study-type": "exercise",
    "target": "Support desk",
    "actor": "Researchers",
    "procedure": [
        {"tactic": "AML.TA0004", "technique": "{{pi_indirect.id}}", "description": "hid a text"},
        {"tactic": "AML.TA0010", "technique": "AML.T0057", "description": "read the answer"},
    ],
    "references": [{"title": "a paper", "url": "https://example.com/p"}, {"title": "a talk"}],
}
AIID = (
    "_id,incident_id,date,title,description,Alleged deployer of AI system,"
    "Alleged developer of AI system,Alleged harmed or nearly harmed parties\n"
    'x,639,2022-11-11,"Chatbot, and a fare","It said ""yes"".","[""an-airline""]",'
    '"[""a-lab"",""b-lab""]","[""a-traveller""]"\n'
)


def imported(tmp_path: Path, format_: str, *documents: Any, name: str = "in.json") -> Imported:
    path = tmp_path / name
    path.write_text(json.dumps(documents[0] if len(documents) == 1 else list(documents)))
    return import_records(format_, path)


def only(found: Imported) -> Incident:
    assert found.problems == ()
    (incident,) = found.incidents.values()
    return incident


def test_an_avid_report_is_a_draft_of_what_it_says(tmp_path: Path) -> None:
    incident = only(imported(tmp_path, "avid", REPORT))
    assert incident.id == "AVID-2026-R0001"
    assert incident.title == "m-1 gives away prompts"
    assert (incident.class_, incident.kind) == ("pii_or_secret_exposure", "exercise")
    assert (incident.system, incident.model, incident.vendor) == ("Desk", "m-1", "A Lab")
    assert incident.observed_output == "It was asked, and it told.\n\nTwice."
    assert incident.sources == ["https://example.com/1", "a book"]
    assert incident.reconstructed
    assert [(each.at, each.to) for each in incident.communications] == [("2026-02-03", "AVID")]
    assert {"draft-class", "deployer:A Shop", "avid-sep:S0301: Information Leak",
            "cvss:CVSS:3.1/AV:N/AC:L", "cwe:CWE-200"} <= set(incident.tags)  # fmt: skip


def test_what_a_source_does_not_say_is_unknown_and_not_invented(tmp_path: Path) -> None:
    for found in (
        imported(tmp_path, "avid", REPORT),
        imported(tmp_path, "atlas", CASE),
    ):
        incident = only(found)
        for field in ("prompt_version", "containment_decision", "remediation_owner"):
            assert getattr(incident, field).startswith(FILL_IN), field
        assert incident.detected_at is None
        assert incident.confidence is None
        assert set(incident.flags.model_dump(exclude_defaults=True)) == set()


def test_a_case_study_of_atlas_keeps_its_steps_and_the_precision_of_its_date(
    tmp_path: Path,
) -> None:
    incident = only(imported(tmp_path, "atlas", CASE))
    assert (incident.id, incident.kind, incident.occurred_at) == ("AML.CS0999", "exercise", "2025")
    assert incident.triggering_input == "1. pi_indirect: hid a text\n2. AML.T0057: read the answer"
    assert incident.class_ == "injection_or_tool_abuse"
    assert "atlas-technique:pi_indirect" in incident.tags
    assert incident.sources[1:] == ["https://example.com/p", "a talk"]
    for granularity, when in (("MONTH", "2025-01"), ("DATE", "2025-01-01")):
        case = {**CASE, "incident-date-granularity": granularity}
        assert only(imported(tmp_path, "atlas", case)).occurred_at == when


def test_a_file_of_atlas_holds_its_case_studies_under_a_name(tmp_path: Path) -> None:
    path = tmp_path / "ATLAS.yaml"
    path.write_text(json.dumps({"version": "5.6.0", "case-studies": [CASE]}))
    assert list(import_records("atlas", path).incidents) == ["AML.CS0999"]


def test_a_row_of_aiid_is_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "incidents.csv"
    path.write_text(AIID)
    incident = only(import_records("aiid", path))
    assert (incident.id, incident.title) == ("AIID-639", "Chatbot, and a fare")
    assert incident.occurred_at == "2022-11-11"
    assert incident.vendor == "a-lab; b-lab"
    assert incident.user_population == "harmed or nearly harmed, as alleged: a-traveller"
    assert incident.observed_output == 'It said "yes".'
    assert "deployer:an-airline" in incident.tags
    assert incident.sources == ["https://incidentdatabase.ai/cite/639"]


def test_plain_column_names_will_do(tmp_path: Path) -> None:
    path = tmp_path / "incidents.csv"
    path.write_text("incident_id,date,title,description,deployer,developer,harmed parties\n"
                    "7,2020-01-02,T,D,A,B,C\n")  # fmt: skip
    incident = only(import_records("aiid", path))
    assert (incident.vendor, incident.tags) == ("B", ["draft-class", "deployer:A"])


GARBAGE: list[tuple[str, str]] = [
    ("{not json", "not valid JSON"),
    ('"just text"', "expected a mapping"),
    ("[]", "expected a mapping"),
    ('{"metadata": {}}', "metadata: give report_id or vuln_id"),
    (json.dumps({**REPORT, "description": {"lang": "eng", "value": 7}}), "description.value"),
    (json.dumps({**REPORT, "description": {"lang": "eng", "value": "  "}}), "may not be empty"),
    (
        json.dumps({**REPORT, "reported_date": "2026-02-31"}),
        "reported_date: '2026-02-31' is no day",
    ),
    (json.dumps({**REPORT, "affects": "everyone"}), "affects"),
    (json.dumps({**REPORT, "metadata": {"report_id": "///"}}), "id: this field is required"),
    ('{"a": NaN}', "NaN is not JSON"),
    ("[" * 100_000, "not valid JSON"),
    ('{"title": "\\ud800"}', "half a character"),
]


def test_garbage_is_told_document_by_document_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    lines = [json.dumps(REPORT), *(text for text, _ in GARBAGE), "", json.dumps(REPORT)]
    last = {**REPORT, "metadata": {"report_id": "AVID-2026-R0002"}}
    path.write_text("\n".join([*lines, json.dumps(last)]) + "\n")
    found = import_records("avid", path)
    assert list(found.incidents) == ["AVID-2026-R0001", "AVID-2026-R0002"]
    by_line: dict[int | None, str] = {}
    for problem in found.problems:
        by_line[problem.line] = f"{by_line.get(problem.line, '')}\n{problem}"
    for number, (_, says) in enumerate(GARBAGE, 2):
        assert says in by_line[number], (number, by_line.get(number))
    assert "stands in the source already" in by_line[len(GARBAGE) + 3]
    assert found.documents == len(GARBAGE) + 3


def test_a_field_that_is_wrong_in_a_list_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "in.yaml"
    path.write_text(
        "- {id: AML.CS1, name: a, summary: b}\n- id: AML.CS2\n  name: a\n  summary: 7\n"
    )
    found = import_records("atlas", path)
    assert list(found.incidents) == ["AML.CS1"]
    assert str(found.problems[0]).startswith(f"{path}:4: summary: ")


def test_a_bad_row_of_a_table_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "incident_id,date,title\n1,2020-01-01,a\n2,yesterday,b\n3,2020-01-01\nx,2020-01-01,c\n"
        "5,2020-01-01,\n6,,e\n"
    )
    found = import_records("aiid", path)
    assert list(found.incidents) == ["AIID-1", "AIID-6"]
    assert [problem.line for problem in found.problems] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("no.json", None, "no such file"),
        ("a.json", b"{", "not valid"),
        ("a.jsonl.gz", b"not gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 99, mtime=0)[:-20], "cannot be read"),
        ("a.csv", b"a,a\n1,2\n", "two columns are called 'a'"),
        ("a.json", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_an_error(
    name: str, content: bytes | None, says: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        import_records("avid", tmp_path / name)


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "a.json").write_text(json.dumps(REPORT))
    (tmp_path / "b.json").write_text("{")
    found = import_records("avid", tmp_path)
    assert list(found.incidents) == ["AVID-2026-R0001"]
    assert len(found.problems) == 1


def test_records_are_written_once_and_work_on_them_is_kept(tmp_path: Path) -> None:
    found = imported(tmp_path, "avid", REPORT, {**REPORT, "metadata": {"vuln_id": "AVID-2026-V01"}})
    folder = tmp_path / "register"
    assert len(write_records(found, folder, dry_run=True).new) == 2
    assert not folder.exists()
    written = write_records(found, folder)
    assert len(written.new) == 2
    path = folder / "pii_or_secret_exposure" / "AVID-2026-R0001.yaml"
    assert load_incident(path, draft=True) == found.incidents["AVID-2026-R0001"]
    assert {entry.id for entry in list_register(folder).entries} == set(found.incidents)
    path.write_text(
        path.read_text().replace("class: pii_or_secret_exposure", "class: unsafe_action")
    )
    worked_on = path.read_text()
    again = write_records(found, folder)
    assert (len(again.new), len(again.same), again.kept) == (0, 1, (path,))
    assert path.read_text() == worked_on


def test_a_class_that_a_person_states_is_no_guess(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps(REPORT))
    incident = only(import_records("avid", path, class_="unsafe_action"))
    assert incident.class_ == "unsafe_action"
    assert "draft-class" not in incident.tags
    with pytest.raises(InputError, match="is no class"):
        import_records("avid", path, class_="nope")  # type: ignore[arg-type]


def back(report: dict[str, Any]) -> Incident:
    document = Document("x", json.loads(json.dumps(report)))
    return record_of(avid.draft_of(document), document)


def test_in_out_and_in_again_is_the_same_record(tmp_path: Path) -> None:
    for report in (REPORT, {**REPORT, "metadata": {"vuln_id": "AVID-2026-V001"}, "impact": None}):
        first = only(imported(tmp_path, "avid", report))
        assert back(avid.avid_report(first)) == first


def test_what_came_from_elsewhere_is_stable_through_avid_too(tmp_path: Path) -> None:
    path = tmp_path / "incidents.csv"
    path.write_text(AIID)
    for first in (only(import_records("aiid", path)), only(imported(tmp_path, "atlas", CASE))):
        report = avid.avid_report(first)
        again = back(report)
        assert avid.avid_report(again) == report
        for field in ("title", "vendor", "sources", "system", "model"):
            assert getattr(again, field) == getattr(first, field), field


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
said = words.filter(lambda text: bool(text.strip()))
reports = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"report_id": st.from_regex(r"AVID-20[0-9]{2}-[RV][0-9]{3,4}", fullmatch=True)}
        ),
        "problemtype": st.fixed_dictionaries(
            {"description": st.fixed_dictionaries({"value": said})},
            optional={
                "classof": st.sampled_from(["", "CVE Entry", "LLM Evaluation", "AIID Incident"]),
                "type": st.sampled_from([None, "Issue", "Advisory", "Measurement"]),
            },
        ),
        "description": st.fixed_dictionaries({"value": said}),
    },
    optional={
        "affects": st.fixed_dictionaries(
            {
                "developer": st.lists(words, max_size=3),
                "deployer": st.lists(words, max_size=3),
                "artifacts": st.lists(
                    st.fixed_dictionaries(
                        {"type": st.sampled_from(["System", "Model", "Dataset"]), "name": words}
                    ),
                    max_size=4,
                ),
            }
        ),
        "references": st.none()
        | st.lists(st.fixed_dictionaries({"label": words, "url": words}), max_size=3),
        "impact": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "avid": st.fixed_dictionaries(
                    {},
                    optional={
                        "sep_view": st.lists(st.sampled_from(["P0204: Accuracy", "x"]), max_size=2),
                        "risk_domain": st.lists(st.sampled_from(["Security"]), max_size=1),
                    },
                ),
                "cwe": st.lists(st.fixed_dictionaries({"cweId": words}), max_size=2),
            },
        ),
        "reported_date": st.none() | st.dates().map(str),
    },
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(reports)
def test_whatever_a_report_says_in_out_and_in_is_stable(report: dict[str, Any]) -> None:
    first = back(report)
    out = avid.avid_report(first)
    assert back(out) == first
    assert avid.avid_report(back(out)) == out


SHIPPED = list(load_register(shipped_corpus()).incidents.values())


@pytest.mark.parametrize("incident", SHIPPED, ids=lambda incident: incident.id)
def test_an_export_to_avid_is_one_by_its_own_models_and_stable(incident: Incident) -> None:
    report = json.loads(export_records("avid", [incident], at=AT))
    Report.model_validate(report)
    again = avid.avid_report(back(report))
    assert again == report
    assert report["impact"]["avid"]["sep_view"]


def test_a_vulnerability_goes_out_as_one(tmp_path: Path) -> None:
    document = {**REPORT, "metadata": {"vuln_id": "AVID-2026-V001"}}
    report = avid.avid_report(only(imported(tmp_path, "avid", document)))
    Vulnerability.model_validate(report)
    assert report["metadata"] == {"vuln_id": "AVID-2026-V001"}


def test_columns_of_a_drift_report_are_metrics_of_avid() -> None:
    drift = {
        "conclusion": "drift",
        "columns": [
            {
                "column": "latency",
                "test": "Welch",
                "statistic": 3.1,
                "pvalue": 0.002,
                "pvalue_adjusted": 0.004,
                "effect": {"name": "mean difference", "estimate": 1.2},
                "drifted": True,
            }
        ],
    }
    report = json.loads(export_records("avid", SHIPPED[:1], at=AT, drift=drift))
    Report.model_validate(report)
    (metric,) = report["metrics"]
    assert metric["detection_method"] == {"type": "Significance Test", "name": "Welch"}
    assert metric["results"]["pvalue_adjusted"] == 0.004
    assert "P0101: Data drift" in report["impact"]["avid"]["sep_view"]
    with pytest.raises(InputError, match="AVID report only"):
        export_records("stix", SHIPPED[:1], at=AT, drift=drift)


def test_a_bundle_of_stix_is_read_by_its_library() -> None:
    import stix2

    text = export_records("stix", SHIPPED, at=AT)
    bundle = stix2.parse(text)
    incidents = [each for each in bundle.objects if each.type == "incident"]
    assert [each.name for each in incidents] == [each.title for each in SHIPPED]
    for each, ours in zip(incidents, SHIPPED, strict=True):
        core = each.extensions["extension-definition--ef765651-680c-498d-9894-99799f2fa126"]
        assert core["extension_type"] == "property-extension"
        assert core["determination"] in ("suspected", "confirmed")
        assert core["investigation_status"] in ("new", "open", "closed")
        (own,) = (value for value in dict(each.extensions).values() if "psf_domains" in dict(value))
        assert dict(own)["psf_domains"] == ours.psf_domains
    assert text == export_records("stix", SHIPPED, at=AT)


@pytest.fixture(scope="module")
def ocsf() -> jsonschema.Draft202012Validator:
    from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

    schemas = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema("1.8.0")))
    return jsonschema.Draft202012Validator(
        schemas.get_class_schema("incident_finding", ["incident"])
    )


def test_a_finding_of_ocsf_fits_its_schema(ocsf: jsonschema.Draft202012Validator) -> None:
    for finding in json.loads(export_records("ocsf", SHIPPED, at=AT)):
        assert [error.message for error in ocsf.iter_errors(finding)] == []
        assert (finding["severity_id"], finding["severity"]) == (0, "Unknown")
        assert "impact_id" not in finding
        assert "priority_id" not in finding
    broken = {**finding, "finding_info_list": [{}]}
    assert list(ocsf.iter_errors(broken))


def test_the_oecd_criteria_are_all_there_and_judgements_stay_open() -> None:
    report = json.loads(export_records("oecd", SHIPPED[:1], at=AT))
    assert [each["number"] for each in report["criteria"]] == list(range(1, 30))
    assert sum(each["required"] for each in report["criteria"]) == 7
    answers = {each["number"]: each["value"] for each in report["criteria"]}
    assert answers[1] == SHIPPED[0].title
    assert answers[10] is None
    assert {"Severity", "Harm type"} <= set(report["missing"])
    for each in report["criteria"]:
        assert (each["status"] == "unmapped") <= (each["value"] is None)


def test_a_draft_goes_out_without_the_words_that_mark_it(tmp_path: Path) -> None:
    incident = only(imported(tmp_path, "avid", REPORT))
    assert not is_known(incident.prompt_version)
    for format_ in ("avid", "oecd"):
        assert FILL_IN not in export_records(format_, [incident], at=AT)


def test_rows_of_a_table_compute_nothing_in_a_spreadsheet() -> None:
    import csv
    import io

    evil = SHIPPED[0].model_copy(update={"title": '=HYPERLINK("http://x","y")', "tags": ["+1"]})
    text = export_records("csv", [evil, SHIPPED[1]], at=AT)
    first, second = csv.DictReader(io.StringIO(text))
    assert first["title"] == '\'=HYPERLINK("http://x","y")'
    assert first["tags"] == "'+1"
    assert second["id"] == SHIPPED[1].id
    assert int(second["cases"]) == len(SHIPPED[1].cases)
