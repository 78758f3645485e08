"""Records as a STIX 2.1 bundle: incidents with the incident core extension, and one of our own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ..._version import __version__
from ..model import Incident
from ..moments import span
from ..unfinished import is_known
from .avid import narrative

CORE = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
_NAMESPACE = uuid.UUID("6b0d2ad6-8f7e-5d0c-9f0a-2c1e7a4d9b11")
_FIRST = "2026-01-01T00:00:00.000Z"
_CONFIDENCE = {"low": 15, "medium": 50, "high": 85}  # the scale of STIX 2.1, appendix A
# The fields that neither STIX nor the core extension have a place for.
_OWN = (
    "class", "kind", "status", "system", "model", "prompt_version", "deployment_version",
    "data_source", "retrieval_corpus", "tool_permissions", "user_population", "triggering_input",
    "observed_output", "observed_action", "downstream_impact", "containment_decision",
    "remediation_owner", "incident_owner", "vendor", "psf_edition", "psf_domains", "root_cause",
    "blast_radius", "flags", "failed_control", "restoration",
)  # fmt: skip


def stix_bundle(incidents: Sequence[Incident], at: datetime) -> dict[str, Any]:
    """Records as a bundle; the same records give the same ids.

    `at` is the time of the export: it stands where a record has no time of its own.
    """
    maker = _id("identity", "aiir_eval")
    own = _id("extension-definition", "aiir/incident/1")
    objects: list[dict[str, Any]] = [
        {
            "type": "identity",
            "spec_version": "2.1",
            "id": maker,
            "created": _FIRST,
            "modified": _FIRST,
            "name": "aiir_eval",
            "identity_class": "system",
        },
        {
            "type": "extension-definition",
            "spec_version": "2.1",
            "id": own,
            "created_by_ref": maker,
            "created": _FIRST,
            "modified": _FIRST,
            "name": "aiir incident record",
            "description": "The fields of an AI incident record (aiir/incident/1).",
            "schema": "aiir/incident/1",
            "version": __version__,
            "extension_types": ["property-extension"],
        },
    ]
    for incident in incidents:
        objects += _objects(incident, maker, own, at)
    return {
        "type": "bundle",
        "id": _id("bundle", *(each["id"] for each in objects)),
        "objects": objects,
    }


def _objects(incident: Incident, maker: str, own: str, at: datetime) -> list[dict[str, Any]]:
    known = incident.detected_at or incident.occurred_at
    created = _time(span(known)[0] if known else at)
    given = incident.to_mapping()
    record = {"record_id": incident.id, **{name: given[name] for name in _OWN if name in given}}
    started = incident.status != "open"
    closed = incident.status == "closed"
    common = {
        "spec_version": "2.1",
        "created_by_ref": maker,
        "created": created,
        "modified": created,
    }
    body: dict[str, Any] = {
        "type": "incident",
        "id": _id("incident", incident.id),
        **common,
        "name": incident.title,
        "description": narrative(incident),
        "labels": [incident.class_, *incident.tags],
        "external_references": [
            {"source_name": "aiir", "external_id": incident.id},
            *(_reference(source) for source in incident.sources),
        ],
        "extensions": {
            CORE: {
                "extension_type": "property-extension",
                "determination": "confirmed" if started else "suspected",
                "investigation_status": "closed" if closed else "open" if started else "new",
            },
            own: {"extension_type": "property-extension", **record},
        },
    }
    if incident.confidence is not None:
        body["confidence"] = _CONFIDENCE[incident.confidence]
    if not is_known(incident.containment_decision):
        return [body]
    action = {
        "type": "course-of-action",
        "id": _id("course-of-action", incident.id, "containment"),
        **common,
        "name": "Containment",
        "description": incident.containment_decision,
    }
    link = {
        "type": "relationship",
        "id": _id("relationship", incident.id, "containment"),
        **common,
        "relationship_type": "related-to",
        "source_ref": action["id"],
        "target_ref": body["id"],
    }
    return [body, action, link]


def _reference(source: str) -> dict[str, str]:
    if source.startswith(("https://", "http://")) and not any(sign.isspace() for sign in source):
        return {"source_name": "source", "url": source}
    return {"source_name": "source", "description": source}


def _id(kind: str, *names: str) -> str:
    return f"{kind}--{uuid.uuid5(_NAMESPACE, '|'.join((kind, *names)))}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
