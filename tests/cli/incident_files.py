"""A register of one incident, as tests of the playbook's commands want it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiir_eval.documents import dump_yaml

HOURS_AGO = 2
FACTS: dict[str, Any] = {
    "id": "INC-1",
    "title": "An address was shown",
    "class": "pii_or_secret_exposure",
    "system": "support desk",
    "model": "m-1",
    "prompt_version": "7",
    "data_source": "orders",
    "user_population": "customers",
    "triggering_input": "Where is my parcel?",
    "observed_output": "At the address of someone else.",
    "downstream_impact": "one address shown",
    "containment_decision": "route paused",
    "remediation_owner": "J. Doe",
    "psf_domains": ["PSF-3"],
}


def register(folder: Path, **facts: Any) -> Path:
    """The file of the record: of two hours ago unless told otherwise; None leaves a fact out."""
    when = datetime.now(UTC) - timedelta(hours=HOURS_AGO)
    given = {**FACTS, "detected_at": when.strftime("%Y-%m-%dT%H:%M:%SZ"), **facts}
    path = folder / "incidents_corpus" / f"{given['id']}.yaml"
    path.parent.mkdir(exist_ok=True)
    text = dump_yaml({name: value for name, value in given.items() if value is not None})
    path.write_text(f"# Ana leads.\n{text}")
    return path
