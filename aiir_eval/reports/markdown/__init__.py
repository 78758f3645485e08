"""Results as markdown, for a comment on a pull request or the summary of a CI step.

The verdict stands in the first line. A page keeps within 65,000 bytes: rows and flipped cases that
do not fit are counted in a note. Hostile text shows as it is and does nothing.
"""

from __future__ import annotations

from .baselines import baseline_markdown, baselines_markdown
from .comparing import comparison_markdown, verdict_markdown
from .designs import calibration_markdown, plan_markdown
from .drift import drift_comparison_markdown, drift_markdown
from .records import (
    incident_markdown,
    incidents_markdown,
    run_markdown,
    suite_markdown,
)

__all__ = [
    "baseline_markdown",
    "baselines_markdown",
    "calibration_markdown",
    "comparison_markdown",
    "drift_comparison_markdown",
    "drift_markdown",
    "incident_markdown",
    "incidents_markdown",
    "plan_markdown",
    "run_markdown",
    "suite_markdown",
    "verdict_markdown",
]
