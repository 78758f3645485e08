"""Results as text for a terminal: ``render_…(result, *, color, width) -> str``, one a result."""

from __future__ import annotations

from .baselines import render_baseline, render_baselines
from .comparing import render_comparison, render_verdict, render_verdicts
from .designs import render_calibration, render_plan
from .drift import render_drift, render_drift_comparison
from .incidents import render_incident, render_incidents, render_lint, render_suite
from .records import render_run

__all__ = [
    "render_baseline",
    "render_baselines",
    "render_calibration",
    "render_comparison",
    "render_drift",
    "render_drift_comparison",
    "render_incident",
    "render_incidents",
    "render_lint",
    "render_plan",
    "render_run",
    "render_suite",
    "render_verdict",
    "render_verdicts",
]
