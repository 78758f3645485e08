"""Suites: named, versioned sets of cases, and where they come from."""

from __future__ import annotations

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Case": "model",
        "LintProblem": "lint",
        "Suite": "model",
        "SuiteSummary": "summary",
        "adjacent_cases": "adjacent",
        "build_suite": "building",
        "lint_suite": "lint",
        "load_suite": "model",
        "not_testable": "building",
        "proven_checks": "proof",
        "save_suite": "model",
        "suite_from_table": "from_table",
        "suite_schema": "schema",
        "summarize": "summary",
    },
)
