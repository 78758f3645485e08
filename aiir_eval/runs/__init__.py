"""Runs: a suite run against a target, or results that exist already; on disk and in memory."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Journal": "journal",
        "Progress": "running",
        "Run": "model",
        "RunManifest": "model",
        "import_table": "importing",
        "load_run": "model",
        "read_journal": "journal",
        "run": "running",
        "trial_schema": "model",
    },
)
