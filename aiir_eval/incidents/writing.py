"""How a record is written: the same record gives the same bytes, and reads back equal."""

from __future__ import annotations

from ..documents import dump_yaml
from .model import Incident


def incident_yaml(incident: Incident) -> str:
    """The record as YAML, its fields in the order of the schema, defaults left out."""
    return dump_yaml(incident.to_mapping())
