"""Evidently's drift preset, by its own choice of tests or with KS and chi-square forced."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from serving import serve

METHODS = {"num_method": "ks", "cat_method": "chisquare"} if sys.argv[1] == "forced" else {}


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
            drift = value["share"] >= config["drift_share"]
            continue
        name, value = config["column"], float(value)
        if "p_value" in config["method"] or config["method"] in METHODS.values():
            pvalues[name], alarms[name] = value, value < config["threshold"]
        else:
            alarms[name] = value >= config["threshold"]
    return {"alarms": alarms, "drift": bool(drift), "pvalues": pvalues}


if __name__ == "__main__":
    serve(detect)
