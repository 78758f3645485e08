"""The playbook as commands: clocks computed, vendors checked."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "assess_clocks": "clocks",
        "blast_radius": "reach",
        "due": "deadlines",
        "check_models": "deprecations",
        "read_feed": "vendor_feed",
        "load_assessment": "vendors",
        "load_assessments": "vendors",
    },
)
