"""``aiir incident``: records of what happened."""

from __future__ import annotations

import click

from ..app import LazyGroup

TABLE = {
    "new": ("incident.opening", "new", "Open a record, prefilled from a logged interaction."),
    "list": ("incident.reading", "list_", "The records there are: by class, phase, what is late."),
    "show": (
        "incident.reading",
        "show",
        "One record: where it stands, what is due, what is missing.",
    ),
    "set": ("incident.stepping", "set_", "State facts: owners, flags, status, system, cause."),
    "pause": ("incident.pausing", "pause", "Switch a workflow, route, tool or trigger off."),
    "resume": ("incident.pausing", "resume", "Put back what stood before a pause."),
    "preserve": ("incident.preserving", "preserve", "Keep evidence with its digest; verify it."),
    "restore": ("incident.restoring", "restore", "Record a decision; roll a version back."),
    "communicate": ("incident.restoring", "communicate", "Log what was told to whom."),
    "review": ("incident.reviewing", "review", "The post-incident review as a document."),
    "step": ("incident.stepping", "step", "Mark one of the sixteen steps done, or waive it."),
    "validate": ("incident.reading", "validate", "Check records: every problem at once."),
    "decisions": (
        "incident.decisions",
        "decisions",
        "The review of affected decisions: export, import, progress.",
    ),
    "clocks": (
        "incident.clocks",
        "clocks",
        "Which duties to notify may have started, and when due.",
    ),
    "notify": (
        "incident.clocks",
        "notify",
        "Record that a clock started, or that it was reported.",
    ),
    "import": ("incident.exchange", "import_", "Drafts from AVID, MITRE ATLAS or AIID."),
    "export": ("incident.exchange", "export", "As AVID, OCSF, OECD, STIX, CSV or markdown."),
    "mapping": ("incident.exchange", "mapping", "What a format keeps of a record, and loses."),
}


@click.group(cls=LazyGroup, table=TABLE)
def incident() -> None:
    """Records of incidents."""
