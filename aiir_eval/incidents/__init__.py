"""Records of incidents: what happened, and the cases that must not fail again."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "CLASSES": "classes",
        "Clock": "clocks",
        "Clocks": "clocks",
        "Incident": "model",
        "Register": "loading",
        "draft_from_row": "drafting",
        "draft_from_trace": "drafting",
        "edit_incident": "editing",
        "export_records": "exchange.exporting",
        "import_records": "exchange.importing",
        "incident_schema": "model",
        "incident_yaml": "writing",
        "list_register": "index",
        "load_clocks": "clocks",
        "load_incident": "loading",
        "load_mapping": "exchange.mapping",
        "load_register": "loading",
        "load_taxonomy": "psf",
        "psf_taxonomy": "psf",
        "shipped_clocks": "clocks",
        "shipped_corpus": "loading",
        "write_records": "exchange.importing",
    },
)
