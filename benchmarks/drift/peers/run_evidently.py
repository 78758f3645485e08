"""Evidently's drift preset, by its own choice of tests or with KS and chi-square forced."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from serving import serve

METHODS = {"num_method": "ks", "cat_method": "chisquare"} if sys.argv[1] == "forced" else {}
DISTANCE = 0.1  # Evidently's threshold for its distances; .05 for its p-values


def detect(reference: str, current: str) -> dict[str, Any]:
    """Each column by the threshold of the method that Evidently chose."""
    left, right = pd.read_parquet(reference), pd.read_parquet(current)
    numeric = [name for name in left.columns if pd.api.types.is_numeric_dtype(left[name])]
    texts = [name for name in left.columns if name not in numeric]
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=texts)
    sides = [Dataset.from_pandas(side, data_definition=definition) for side in (left, right)]
    result = Report([DataDriftPreset(**METHODS)]).run(sides[1], sides[0]).dict()
    alarms, pvalues, drift = {}, {}, False
    for metric in result["metrics"]:
        config, value = metric["config"], metric["value"]
        if "column" not in config:
            drift = value["share"] >= config.get("drift_share", 0.5)
            continue
        name, value = config["column"], float(value)
        if "p_value" in config.get("method", ""):
            pvalues[name], alarms[name] = value, value < config.get("threshold", 0.05)
        else:
            alarms[name] = value >= config.get("threshold", DISTANCE)
    return {"alarms": alarms, "drift": bool(drift), "pvalues": pvalues}


if __name__ == "__main__":
    serve(detect)
