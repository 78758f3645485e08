"""Records of incidents: what happened, and the cases that must not fail again."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "CLASSES": "classes",
        "Incident": "model",
        "Register": "loading",
        "draft_from_row": "drafting",
        "draft_from_trace": "drafting",
        "incident_schema": "model",
        "incident_yaml": "writing",
        "load_incident": "loading",
        "load_register": "loading",
        "load_taxonomy": "psf",
        "psf_taxonomy": "psf",
        "shipped_corpus": "loading",
    },
)
