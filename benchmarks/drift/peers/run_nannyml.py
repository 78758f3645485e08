"""NannyML's univariate drift: its defaults, or KS and chi-square, of ten chunks a table.

With one chunk its threshold for KS, which it takes from the chunks of the reference, is zero.
"""

from __future__ import annotations

import sys
from typing import Any

import nannyml
import pandas as pd
from serving import serve

METHODS: dict[str, Any] = {}
if sys.argv[1] == "forced":
    METHODS = {
        "continuous_methods": ["kolmogorov_smirnov"],
        "categorical_methods": ["chi2"],
    }


def detect(reference: str, current: str) -> dict[str, Any]:
    """A column alarms where any chunk of the current table does."""
    left, right = pd.read_parquet(reference), pd.read_parquet(current)
    names = list(left.columns)
    calculator = nannyml.UnivariateDriftCalculator(column_names=names, **METHODS)
    found = calculator.fit(left).calculate(right).filter(period="analysis").to_df()
    alarms = {
        name: bool(found[name].xs("alert", axis=1, level=-1).to_numpy().any()) for name in names
    }
    return {"alarms": alarms, "drift": any(alarms.values()), "pvalues": {}}


if __name__ == "__main__":
    serve(detect)
