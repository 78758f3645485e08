"""Targets: the systems under test, one module a kind, and the seam they share."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Config": "config",
        "Reply": "protocol",
        "Request": "protocol",
        "Target": "protocol",
        "TargetError": "protocol",
        "TargetSpec": "protocol",
        "fingerprint": "making",
        "load_config": "config",
        "load_tools": "tools",
        "make_target": "making",
    },
)
