"""Records as OCSF incident findings (class 2005)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..._version import __version__
from ..model import Incident
from ..moments import span
from ..unfinished import is_known
from .avid import narrative

SCHEMA_VERSION = "1.8.0"
_STATUS = {
    "open": (1, "New"),
    "contained": (2, "In Progress"),
    "assessed": (2, "In Progress"),
    "remediated": (4, "Resolved"),
    "closed": (5, "Closed"),
}
_CONFIDENCE = {"low": (1, "Low"), "medium": (2, "Medium"), "high": (3, "High")}
# What the finding has no attribute for; under a name of ours in `unmapped`, where OCSF wants it.
_UNMAPPED = (
    "system", "model", "prompt_version", "deployment_version", "data_source", "retrieval_corpus",
    "tool_permissions", "user_population", "triggering_input", "observed_output", "observed_action",
    "containment_decision", "remediation_owner", "psf_edition", "psf_domains", "vendor", "kind",
    "class", "root_cause", "blast_radius", "pause", "restoration", "failed_control", "flags",
)  # fmt: skip


def incident_finding(incident: Incident, at: datetime) -> dict[str, Any]:
    """A record as an OCSF event; `at` is the time of the export, for a record without times.

    Severity, impact and priority are stated as unknown: a record has none to state.
    """
    status_id, status = _STATUS[incident.status]
    occurred, detected = _millis(incident.occurred_at), _millis(incident.detected_at)
    closed = incident.status == "closed"
    activity_id, activity = (3, "Close") if closed else (1, "Create")
    told = narrative(incident)
    finding: dict[str, Any] = {
        "uid": incident.id,
        "title": incident.title,
        "desc": told,
        "types": [incident.class_],
    }
    if occurred is not None:
        finding["first_seen_time"] = occurred
    urls = [source for source in incident.sources if source.startswith(("https://", "http://"))]
    if urls:
        finding["src_url"] = urls[0]
    event: dict[str, Any] = {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2005,
        "class_name": "Incident Finding",
        "type_uid": 200500 + activity_id,
        "type_name": f"Incident Finding: {activity}",
        "severity_id": 0,
        "severity": "Unknown",
        "status_id": status_id,
        "status": status,
        "time": detected or occurred or int(at.timestamp() * 1000),
        "metadata": {
            "version": SCHEMA_VERSION,
            "product": {"name": "aiir_eval", "vendor_name": "aiir_eval", "version": __version__},
            "profiles": ["incident"],
            "uid": incident.id,
        },
        "finding_info_list": [finding],
        "desc": told,
        "message": incident.title,
        "assignee": {"name": incident.incident_owner or "Unknown"},
        "unmapped": {
            name: value for name, value in incident.to_mapping().items() if name in _UNMAPPED
        },
    }
    if occurred is not None:
        event["start_time"] = occurred
    if is_known(incident.downstream_impact):
        event["impact"] = incident.downstream_impact
    if incident.confidence is not None:
        event["confidence_id"], event["confidence"] = _CONFIDENCE[incident.confidence]
    if incident.flags.personal_data.value != "unknown":
        event["is_suspected_breach"] = incident.flags.personal_data.value == "yes"
    return event


def _millis(moment: str | None) -> int | None:
    return None if moment is None else int(span(moment)[0].timestamp() * 1000)
