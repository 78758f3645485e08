"""One self-contained HTML page of a verdict, comparison, calibration, run, drift or incident.

Everything that comes from outside is escaped by the template engine and made visible; a content
security policy allows exactly the one style sheet and the one script of the page, by their digests,
and no request at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...compare.result import Comparison
    from ...drift.comparing import DriftComparison
    from ...drift.result import DriftReport
    from ...gate.calibration import Calibration
    from ...gate.result import Verdict
    from ...incidents.model import Incident
    from ...runs.model import Run


def render_html(
    result: Verdict | Comparison | Calibration | Run | DriftReport | DriftComparison | Incident,
) -> str:
    """The page of a result."""
    from ...compare.result import Comparison
    from ...drift.comparing import DriftComparison
    from ...drift.result import DriftReport
    from ...gate.calibration import Calibration
    from ...gate.result import Verdict
    from ...runs.model import Run
    from .comparing import comparison_page, verdict_page
    from .designs import calibration_page
    from .drift import drift_comparison_page, drift_page
    from .records import incident_page, run_page

    if isinstance(result, Verdict):
        return verdict_page(result)
    if isinstance(result, Comparison):
        return comparison_page(result)
    if isinstance(result, Calibration):
        return calibration_page(result)
    if isinstance(result, Run):
        return run_page(result)
    if isinstance(result, DriftReport):
        return drift_page(result)
    if isinstance(result, DriftComparison):
        return drift_comparison_page(result)
    return incident_page(result)


__all__ = ["render_html"]
