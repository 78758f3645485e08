"""Records in another format, as the text of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ...documents import json_text
from ...errors import InputError
from ..model import Incident
from . import EXPORTS


def export_records(
    format_: str,
    incidents: Sequence[Incident],
    *,
    at: datetime,
    drift: Mapping[str, Any] | None = None,
) -> str:
    """Records as AVID, OCSF, OECD or STIX JSON, or as CSV.

    Parameters
    ----------
    format_
        ``avid``, ``ocsf``, ``oecd``, ``stix`` or ``csv``.
    incidents
        One record gives one document; several give a list, a bundle (STIX), or rows (CSV).
    at
        The time of the export, for formats that ask for a time where the record has none.
    drift
        The JSON of a drift report: its columns become the metrics of an AVID report.

    What is lost stands in ``load_mapping(format_)``.
    """
    if drift is not None and format_ != "avid":
        raise InputError("a drift report goes into an AVID report only")
    match format_:
        case "avid":
            from .avid import avid_report

            return _json([avid_report(each, drift) for each in incidents])
        case "ocsf":
            from .ocsf import incident_finding

            return _json([incident_finding(each, at) for each in incidents])
        case "oecd":
            from .oecd import oecd_report

            return _json([oecd_report(each) for each in incidents])
        case "stix":
            from .stix import stix_bundle

            return json_text(stix_bundle(incidents, at))
        case "csv":
            from .flat import incidents_csv

            return incidents_csv(incidents)
    raise InputError(f"nothing is exported to {format_!r}", hint=f"to {', '.join(EXPORTS)}")


def _json(documents: list[dict[str, Any]]) -> str:
    return json_text(documents[0] if len(documents) == 1 else documents)
