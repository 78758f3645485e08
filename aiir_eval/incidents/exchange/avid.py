"""AVID reports and vulnerabilities into records, and records into AVID reports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ...documents import Document, validate
from ..classes import IncidentClass
from ..model import Incident
from ..regression import Text
from ..unfinished import is_known
from .drafts import Draft, as_id, joined, one_line, split, tagged, values_of

DATA_VERSION = "0.3.3"
TAXONOMY_VERSION = "0.2"
# What a class of ours is called in the SEP view. Approximate: said so in the mapping.
SEP: Mapping[str, tuple[str, ...]] = {
    "hallucination": ("E0402: Generative Misinformation", "P0204: Accuracy"),
    "pii_or_secret_exposure": ("S0301: Information Leak", "P0300: Privacy"),
    "unsafe_action": ("P0400: Safety",),
    "quality_drift": ("P0204: Accuracy",),
    "injection_or_tool_abuse": ("S0400: Model Bypass",),
    "vendor_outage_or_deprecation": ("P0201: Resilience/ Stability",),
}
_VULNERABILITY = re.compile(r"AVID-\d{4}-V\d+\Z")
_DRIFT = "P0101: Data drift"
_DOMAIN = {"S": "Security", "E": "Ethics", "P": "Performance"}
# The nearest class to a code of the SEP view, the first that fits; a guess that a person confirms.
_CLASSES: tuple[tuple[str, IncidentClass], ...] = (
    ("S0301", "pii_or_secret_exposure"),
    ("P0300", "pii_or_secret_exposure"),
    ("S05", "pii_or_secret_exposure"),
    ("E04", "hallucination"),
    ("P01", "quality_drift"),
    ("P0204", "quality_drift"),
    ("E01", "quality_drift"),
    ("P0400", "unsafe_action"),
    ("P040", "unsafe_action"),
    ("E03", "unsafe_action"),
    ("P0201", "vendor_outage_or_deprecation"),
    ("S0200", "vendor_outage_or_deprecation"),
)


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r:.40} is no day; write 2024-02-14") from None
    return text


Day = Annotated[str, AfterValidator(_day)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class LangValue(_Open):
    """A text and its language."""

    value: Text


class Artifact(_Open):
    """A data set, model or system."""

    type: str
    name: str


class Affects(_Open):
    """Whom and what a report concerns."""

    developer: list[str] = Field(default_factory=list)
    deployer: list[str] = Field(default_factory=list)
    artifacts: list[Artifact] = Field(default_factory=list)


class ProblemType(_Open):
    """What kind of problem it is."""

    classof: str = ""
    type: str | None = None
    description: LangValue


class Reference(_Open):
    """Where more is said."""

    label: str = ""
    url: str = ""


class AvidView(_Open):
    """The taxonomy of AVID."""

    vuln_id: str | None = None
    risk_domain: list[str] = Field(default_factory=list)
    sep_view: list[str] = Field(default_factory=list)
    lifecycle_view: list[str] = Field(default_factory=list)


class Score(_Open):
    """A severity that the source states; kept as it is, never converted."""

    vector: str = Field(default="", alias="vectorString")


class Weakness(_Open):
    """A kind of weakness (CWE)."""

    id: str = Field(default="", alias="cweId")


class ImpactViews(_Open):
    """The views of an impact."""

    avid: AvidView | None = None
    cvss: Score | None = None
    cwe: list[Weakness] | None = None


class Metadata(_Open):
    """The id of a report, or of a vulnerability."""

    report_id: Text | None = None
    vuln_id: Text | None = None

    @model_validator(mode="after")
    def _has_an_id(self) -> Metadata:
        if self.report_id is None and self.vuln_id is None:
            raise ValueError("give report_id or vuln_id")
        return self


class AvidDocument(_Open):
    """As much of a report or vulnerability as a record can hold."""

    metadata: Metadata
    affects: Affects = Field(default_factory=Affects)
    problemtype: ProblemType
    references: list[Reference] | None = None
    description: LangValue
    impact: ImpactViews | None = None
    reported_date: Day | None = None
    published_date: Day | None = None


def draft_of(document: Document) -> Draft:
    """What a report or vulnerability says. Raises `DocumentError` where it is none."""
    said = validate(AvidDocument, document)
    view = (said.impact and said.impact.avid) or AvidView()
    weaknesses = (said.impact and said.impact.cwe) or []
    score = said.impact.cvss if said.impact else None
    name = said.metadata.report_id or said.metadata.vuln_id or ""
    reported = said.reported_date or said.published_date

    def artifacts(kind: str) -> str:
        return joined(each.name for each in said.affects.artifacts if each.type == kind)

    return Draft(
        {
            "id": as_id(name),
            "title": one_line(said.problemtype.description.value),
            "kind": _kind(said.problemtype),
            "system": artifacts("System"),
            "model": artifacts("Model"),
            "data_source": artifacts("Dataset"),
            "vendor": joined(said.affects.developer),
            "observed_output": said.description.value.strip(),
            "sources": list(dict.fromkeys(filter(None, map(_source, said.references or [])))),
            "communications": [{"at": reported, "to": "AVID", "summary": f"{name} of AVID"}]
            if reported
            else [],
        },
        next(
            (class_ for code, class_ in _CLASSES if any(s.startswith(code) for s in view.sep_view)),
            "injection_or_tool_abuse",
        ),
        (
            *tagged("deployer", said.affects.deployer),
            *tagged("avid-class", [said.problemtype.classof.strip() or "Undefined"]),
            *tagged("avid-type", [said.problemtype.type]),
            *tagged("avid-risk", view.risk_domain),
            *tagged("avid-sep", view.sep_view),
            *tagged("avid-lifecycle", view.lifecycle_view),
            *tagged("avid-vulnerability", [view.vuln_id]),
            *tagged("cvss", [score.vector if score else None]),
            *tagged("cwe", [each.id for each in weaknesses]),
        ),
    )


def _source(reference: Reference) -> str:
    return one_line(reference.url) or one_line(reference.label)


def _kind(problem: ProblemType) -> str:
    """An evaluation is an exercise; an advisory says what could happen, not that it did."""
    if problem.classof == "LLM Evaluation" or problem.type in ("Measurement", "Detection"):
        return "exercise"
    return "near_miss" if problem.classof == "CVE Entry" else "incident"


def avid_report(incident: Incident, drift: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A record as an AVID report; `drift` is the JSON of a drift report, for its metrics.

    A record that came from a vulnerability of AVID becomes one again.
    """
    imported = bool(values_of(incident, "avid-class"))  # what AVID did not say is not added
    sep = values_of(incident, "avid-sep") or ([] if imported else list(SEP[incident.class_]))
    if drift is not None and _DRIFT not in sep:
        sep.append(_DRIFT)
    domains = list(dict.fromkeys(_DOMAIN[code[0]] for code in sep if code[0] in _DOMAIN))
    life = values_of(incident, "avid-lifecycle") or ([] if imported else ["L06: Deployment"])
    reported = [each.at for each in incident.communications if each.to == "AVID"]
    artifacts = [
        {"type": kind, "name": name}
        for kind, text in (
            ("System", incident.system),
            ("Model", incident.model),
            ("Dataset", incident.data_source),
        )
        for name in split(text)
    ]
    vulnerability = values_of(incident, "avid-vulnerability")
    scores, weaknesses = values_of(incident, "cvss"), values_of(incident, "cwe")
    impact: dict[str, Any] = {
        "avid": {
            "vuln_id": vulnerability[0] if vulnerability else None,
            "risk_domain": values_of(incident, "avid-risk") or ([] if imported else domains),
            "sep_view": sep,
            "lifecycle_view": life,
            "taxonomy_version": TAXONOMY_VERSION,
        }
    }
    if scores:
        impact["cvss"] = {"vectorString": scores[0]}
    if weaknesses:
        impact["cwe"] = [{"cweId": each} for each in weaknesses]
    when = next((at for at in reported if len(at) == len("2024-02-14")), None)
    report: dict[str, Any] = {
        "data_type": "AVID",
        "data_version": DATA_VERSION,
        "metadata": {"report_id": incident.id},
        "affects": {
            "developer": split(incident.vendor),
            "deployer": values_of(incident, "deployer"),
            "artifacts": artifacts,
        },
        "problemtype": {
            "classof": next(iter(values_of(incident, "avid-class")), "Undefined"),
            "type": next(
                iter(values_of(incident, "avid-type")),
                None if imported else _TYPES[incident.kind],
            ),
            "description": {"lang": "eng", "value": one_line(incident.title)},
        },
        "metrics": [] if drift is None else drift_metrics(drift),
        "references": [_reference(source) for source in incident.sources],
        "description": {"lang": "eng", "value": narrative(incident)},
        "impact": impact,
        "credit": [],
        **({"reported_date": when} if when else {}),
    }
    if not _VULNERABILITY.match(incident.id):
        return report
    left_out = ("metrics", "reported_date")
    return {
        **{name: value for name, value in report.items() if name not in left_out},
        "metadata": {"vuln_id": incident.id},
        "reports": [],
        **({"published_date": when} if when else {}),
    }


_TYPES = {"incident": "Issue", "near_miss": "Issue", "exercise": "Measurement"}


def _reference(source: str) -> dict[str, str]:
    is_url = source.startswith(("https://", "http://"))
    return {"type": "source", "label": source, "url": source if is_url else ""}


def narrative(incident: Incident) -> str:
    """What happened in one text: what is known of input, output, action and impact."""
    told = [
        ("Input", incident.triggering_input),
        ("Output", incident.observed_output),
        ("Action", incident.observed_action),
        ("Impact", incident.downstream_impact),
    ]
    known = [(name, text.strip()) for name, text in told if text is not None and is_known(text)]
    if not known:
        return one_line(incident.title)
    if [name for name, _ in known] == ["Output"]:
        return known[0][1]
    return "\n\n".join(f"{name}: {text}" for name, text in known)


def drift_metrics(drift: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns of a drift report as metrics: one significance test each."""
    columns: Sequence[Mapping[str, Any]] = drift.get("columns") or []
    names = ("statistic", "pvalue", "pvalue_adjusted", "effect", "drifted")
    return [
        {
            "name": f"drift of {column['column']}",
            "detection_method": {"type": "Significance Test", "name": str(column.get("test"))},
            "results": {name: column.get(name) for name in names if column.get(name) is not None},
        }
        for column in columns
        if "column" in column
    ]
