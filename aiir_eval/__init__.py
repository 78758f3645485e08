"""From an AI incident to a verdict: suites, runs, comparison, gate, evidence.

>>> import aiir_eval as aiir
>>> suite = aiir.load_suite("suites/support_desk.yaml")                    # doctest: +SKIP
>>> old = aiir.run(suite, target="support@v1")                             # doctest: +SKIP
>>> new = aiir.run(suite, target="support@v2")                             # doctest: +SKIP
>>> verdict = aiir.gate(aiir.compare(old, new), policy="policy.yaml")      # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy_exports
from ._version import __version__

if TYPE_CHECKING:
    from .compare.comparing import compare as compare
    from .compare.design import Plan as Plan
    from .compare.document import load_comparison as load_comparison
    from .compare.planning import plan as plan
    from .compare.result import Comparison as Comparison
    from .compare.result import Finding as Finding
    from .drift.comparing import DriftComparison as DriftComparison
    from .drift.detecting import drift as drift
    from .drift.document import load_drift as load_drift
    from .drift.result import DriftReport as DriftReport
    from .drift.summaries.document import load_summary as load_summary
    from .drift.summaries.summarizing import summarize as summarize
    from .drift.summaries.table import TableSummary as TableSummary
    from .drift.watching.looking import drift_watch as drift_watch
    from .errors import AiirError as AiirError
    from .errors import InputError as InputError
    from .errors import UnreachableError as UnreachableError
    from .gate.calibrating import calibrate as calibrate
    from .gate.calibration import Calibration as Calibration
    from .gate.document import load_verdict as load_verdict
    from .gate.gating import gate as gate
    from .gate.policy import Policy as Policy
    from .gate.policy import load_policy as load_policy
    from .gate.result import Verdict as Verdict
    from .gate.sequential import gate_sequentially as gate_sequentially
    from .incidents.loading import load_incident as load_incident
    from .incidents.loading import load_register as load_register
    from .incidents.model import Incident as Incident
    from .runs.baselines import load_baseline as load_baseline
    from .runs.baselines import set_baseline as set_baseline
    from .runs.importing import import_table as import_table
    from .runs.model import Run as Run
    from .runs.model import load_run as load_run
    from .runs.running import run as run
    from .suites.building import build_suite as build_suite
    from .suites.from_table import suite_from_table as suite_from_table
    from .suites.lint import lint_suite as lint_suite
    from .suites.model import Case as Case
    from .suites.model import Suite as Suite
    from .suites.model import load_suite as load_suite
    from .suites.model import save_suite as save_suite
    from .tracking.drift_log import track_drift as track_drift
    from .tracking.history import History as History
    from .tracking.history import history as history
    from .tracking.mlflow_log import track_verdict as track_verdict

_EXPORTS = {
    "AiirError": "errors",
    "Calibration": "gate.calibration",
    "Case": "suites.model",
    "Comparison": "compare.result",
    "DriftComparison": "drift.comparing",
    "DriftReport": "drift.result",
    "Finding": "compare.result",
    "History": "tracking.history",
    "Incident": "incidents.model",
    "InputError": "errors",
    "Plan": "compare.design",
    "Policy": "gate.policy",
    "Run": "runs.model",
    "Suite": "suites.model",
    "TableSummary": "drift.summaries.table",
    "UnreachableError": "errors",
    "Verdict": "gate.result",
    "build_suite": "suites.building",
    "calibrate": "gate.calibrating",
    "compare": "compare.comparing",
    "drift": "drift.detecting",
    "drift_watch": "drift.watching.looking",
    "gate": "gate.gating",
    "gate_sequentially": "gate.sequential",
    "history": "tracking.history",
    "import_table": "runs.importing",
    "lint_suite": "suites.lint",
    "load_baseline": "runs.baselines",
    "load_comparison": "compare.document",
    "load_drift": "drift.document",
    "load_incident": "incidents.loading",
    "load_policy": "gate.policy",
    "load_register": "incidents.loading",
    "load_run": "runs.model",
    "load_suite": "suites.model",
    "load_summary": "drift.summaries.document",
    "load_verdict": "gate.document",
    "plan": "compare.planning",
    "run": "runs.running",
    "save_suite": "suites.model",
    "set_baseline": "runs.baselines",
    "suite_from_table": "suites.from_table",
    "track_drift": "tracking.drift_log",
    "summarize": "drift.summaries.summarizing",
    "track_verdict": "tracking.mlflow_log",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _EXPORTS)
__all__ += ["__version__"]
