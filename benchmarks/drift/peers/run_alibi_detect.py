"""Alibi Detect's TabularDrift: KS and chi-square, Bonferroni over the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift
from serving import serve


def detect(reference: str, current: str) -> dict[str, Any]:
    """Levels become numbers, as the tool asks for."""
    left, right = pd.read_parquet(reference), pd.read_parquet(current)
    names, levels, sides = list(left.columns), {}, ([], [])
    for number, name in enumerate(names):
        if pd.api.types.is_numeric_dtype(left[name]):
            columns = left[name].to_numpy(float), right[name].to_numpy(float)
        else:
            codes, known = pd.factorize(pd.concat([left[name], right[name]]))
            levels[number] = len(known)
            columns = codes[: len(left)].astype(float), codes[len(left) :].astype(float)
        for side, values in zip(sides, columns, strict=True):
            side.append(values)
    arrays = [np.column_stack(side) for side in sides]
    detector = TabularDrift(arrays[0], p_val=0.05, categories_per_feature=levels)
    found = detector.predict(arrays[1], drift_type="batch")["data"]
    pvalues = dict(zip(names, map(float, found["p_val"]), strict=True))
    alarms = {name: pvalue < float(found["threshold"]) for name, pvalue in pvalues.items()}
    return {"alarms": alarms, "drift": bool(found["is_drift"]), "pvalues": pvalues}


if __name__ == "__main__":
    serve(detect)
