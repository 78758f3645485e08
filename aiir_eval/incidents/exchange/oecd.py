"""Records as the 29 criteria of the OECD's common reporting framework for AI incidents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model import Incident
from ..unfinished import is_known
from .avid import narrative
from .drafts import values_of
from .mapping import load_mapping


def oecd_report(incident: Incident) -> dict[str, Any]:
    """A record under the 29 criteria, each with how well it is answered.

    A required criterion that the record cannot answer is named in ``missing``: the severity and
    the kind of harm are judgements of who reports, and are never guessed from a record.
    """
    criteria = []
    for row in load_mapping("oecd").exports:
        if row.number is None:
            continue
        answer = _ANSWERS.get(row.number)
        value = None if answer is None else answer(incident) or None
        criteria.append(
            {
                "number": row.number,
                "criterion": row.theirs,
                "required": row.required,
                "status": row.status,
                "value": value,
            }
        )
    missing = [each["criterion"] for each in criteria if each["required"] and not each["value"]]
    return {
        "framework": "OECD common reporting framework for AI incidents (2025)",
        "incident": incident.id,
        "criteria": criteria,
        "missing": missing,
    }


def _known(*texts: str | None) -> str:
    return "; ".join(text for text in texts if text is not None and is_known(text))


def _actions(incident: Incident) -> str:
    patch = incident.failed_control.patch if incident.failed_control else None
    decided = incident.restoration.decisions if incident.restoration else []
    return _known(incident.containment_decision, *decided, patch)


def _stakeholders(incident: Incident) -> str:
    users = incident.blast_radius.users if incident.blast_radius else None
    return _known(incident.user_population, None if users is None else f"{users} users affected")


def _extent(incident: Incident) -> dict[str, Any] | None:
    radius = incident.blast_radius
    return radius.model_dump(exclude_defaults=True) if radius else None


def _parties(incident: Incident) -> str:
    return _known(
        incident.vendor, *(f"deployer: {name}" for name in values_of(incident, "deployer"))
    )


def _steps(incident: Incident) -> str:
    names = ", ".join(case.name for case in incident.cases)
    return _known(incident.triggering_input, f"regression cases: {names}" if names else None)


_ANSWERS: Mapping[int, Callable[[Incident], Any]] = {
    1: lambda incident: incident.title,
    2: narrative,
    3: lambda incident: _known(incident.observed_output, incident.observed_action),
    4: lambda incident: _known(incident.communications_owner or incident.incident_owner),
    5: lambda incident: incident.detected_at,
    7: lambda incident: list(incident.sources),
    8: lambda incident: _known(incident.system, incident.model, incident.deployment_version),
    9: _parties,
    12: _extent,
    14: _stakeholders,
    20: _extent,
    21: lambda incident: _known(incident.data_source),
    22: lambda incident: _known(incident.model),
    27: _actions,
    28: _steps,
    29: lambda incident: _known(
        incident.root_cause, f"PSF {incident.psf_edition}: {', '.join(incident.psf_domains)}"
    ),
}
