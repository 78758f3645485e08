"""Frouros's KS and chi-square tests, one column after the other."""

from __future__ import annotations

from typing import Any

import pandas as pd
from frouros.detectors.data_drift import ChiSquareTest, KSTest
from serving import by_level, serve


def detect(reference: str, current: str) -> dict[str, Any]:
    """It has no rule over columns: any p-value below .05 alarms."""
    left, right = pd.read_parquet(reference), pd.read_parquet(current)
    pvalues = {}
    for name in left.columns:
        x, y = left[name].dropna(), right[name].dropna()
        detector = KSTest() if pd.api.types.is_numeric_dtype(x) else ChiSquareTest()
        detector.fit(X=x.to_numpy())
        pvalues[name] = detector.compare(X=y.to_numpy())[0].p_value
    return by_level(pvalues)


if __name__ == "__main__":
    serve(detect)
