"""The playbook as commands: steps, pauses, evidence, clocks, reach, review, checklist, vendors."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "EvidenceStore": "preserving",
        "Preserving": "extracting",
        "assess_clocks": "clocks",
        "build_checklist": "checklist",
        "blast_radius": "reach",
        "due": "deadlines",
        "check_models": "deprecations",
        "read_feed": "vendor_feed",
        "load_assessment": "vendors",
        "load_assessments": "vendors",
        "mark_step": "stepping",
        "pause": "pausing",
        "redactor": "redacting",
        "restore": "restoring",
        "resume": "pausing",
        "review_document": "reviewing",
    },
)
