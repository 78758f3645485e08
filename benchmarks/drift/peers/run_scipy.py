"""The same tests as ours, p-values only, as one would write them by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy import stats
from serving import by_level, serve


def detect(reference: str, current: str) -> dict[str, Any]:
    """Welch t, KS; chi-square without Yates."""
    left, right = pd.read_parquet(reference), pd.read_parquet(current)
    pvalues = {}
    for name in left.columns:
        x, y = left[name].dropna(), right[name].dropna()
        if pd.api.types.is_numeric_dtype(x):
            stats.ttest_ind(x, y, equal_var=False)
            pvalues[name] = stats.ks_2samp(x, y).pvalue
        else:
            counts = pd.concat([x.value_counts(), y.value_counts()], axis=1).fillna(0)
            pvalues[name] = stats.chi2_contingency(counts.T, correction=False).pvalue
    return by_level(pvalues)


if __name__ == "__main__":
    serve(detect)
