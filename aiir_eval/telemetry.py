"""Which packages we import collect usage, and the switches that turn it off before the import.

================  ==============================================  ===============================
package           what it would send                              switch
================  ==============================================  ===============================
MLflow 3.2+       at ``import mlflow`` it asks                    ``MLFLOW_DISABLE_TELEMETRY``,
                  config.mlflow-telemetry.io for a destination,   ``DO_NOT_TRACK=true``
                  then names of calls, an installation id
MLflow's judges   no usage, but at the first judgement they       ``MLFLOW_MODEL_CATALOG_URI``,
                  fetch a price list from GitHub                  empty
Evidently 0.7     events of its UI service and collector, with    ``DO_NOT_TRACK`` (any value)
                  a user id kept in the user's configuration
Evidently legacy  the same, older address                         ``EVIDENTLY_DISABLE_TELEMETRY``
Evidently's       events of the command line                      ``ITERATIVE_DO_NOT_TRACK``
telemetry client
LiteLLM           no usage, but at import it fetches a price      ``LITELLM_LOCAL_MODEL_COST_MAP``
(Evidently uses   list from GitHub
it if installed)
DeepEval, Ragas   names of metrics; MLflow wraps both             ``DEEPEVAL_TELEMETRY_OPT_OUT``,
                                                                  ``RAGAS_DO_NOT_TRACK``
================  ==============================================  ===============================
"""

from __future__ import annotations

import os
from collections.abc import Mapping

SWITCHES: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "EVIDENTLY_DISABLE_TELEMETRY": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "RAGAS_DO_NOT_TRACK": "true",
}


def opt_out() -> None:
    """Switch all of it off, in this process and those it starts. Call before the import.

    MLflow asks its switch again at every call, so this also holds where the caller had imported it
    before us.
    """
    os.environ.update(SWITCHES)


__all__ = ["SWITCHES", "opt_out"]
