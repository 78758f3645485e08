"""How long a drift report takes from two Parquet files, next to a scipy loop and Evidently."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aiir_eval.telemetry import opt_out

opt_out()  # before Evidently is imported

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402
from scipy import stats  # noqa: E402

from aiir_eval.drift.detecting import drift  # noqa: E402

LEVELS = (10, 50, 200, 1000)
FLOATS = [f"float_{i}" for i in range(16)]
TEXTS = [f"text_{levels}" for levels in LEVELS]


def write_window(path: Path, rows: int, seed: int) -> None:
    """16 columns of heavy-tailed numbers, half of them with ties, and 4 of text."""
    rng = np.random.default_rng(seed)
    columns = {
        name: np.round(rng.standard_t(3, rows), 2 if i % 2 else 9) for i, name in enumerate(FLOATS)
    }
    for name, levels in zip(TEXTS, LEVELS, strict=True):
        names = pa.array([f"level {level}" for level in range(levels)])
        columns[name] = names.take(pa.array(rng.integers(0, levels, rows)))
    pq.write_table(pa.table(columns), path)


def ours(old: Path, new: Path) -> dict[str, float]:
    """Both tests of each number, chi-square of each text, effects, intervals, adjustment."""
    report = drift(old, new)
    return {
        item.column: item.statistics["ks_pvalue"] if item.kind == "numeric" else item.pvalue
        for item in report.columns
    }


def scipy_loop(old: Path, new: Path) -> dict[str, float]:
    """The same tests, p-values only, as one would write them by hand."""
    left, right = pd.read_parquet(old), pd.read_parquet(new)
    pvalues = {}
    for name in FLOATS:
        stats.ttest_ind(left[name], right[name], equal_var=False)
        pvalues[name] = stats.ks_2samp(left[name], right[name]).pvalue
    for name in TEXTS:
        counts = pd.concat([left[name].value_counts(), right[name].value_counts()], axis=1)
        pvalues[name] = stats.chi2_contingency(counts.fillna(0).T, correction=False).pvalue
    return pvalues


def evidently(old: Path, new: Path, **methods: str) -> dict[str, float]:
    """Evidently's drift preset; `methods` force its tests."""
    definition = DataDefinition(numerical_columns=FLOATS, categorical_columns=TEXTS)
    left, right = (
        Dataset.from_pandas(pd.read_parquet(path), data_definition=definition)
        for path in (old, new)
    )
    result = Report([DataDriftPreset(**methods)]).run(right, left)
    return {
        metric["config"]["column"]: float(metric["value"])
        for metric in result.dict()["metrics"]
        if "column" in metric["config"]
    }


CONTESTANTS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "aiir drift": ours,
    "scipy loop": scipy_loop,
    "Evidently, KS and chi-square forced": lambda old, new: evidently(
        old, new, num_method="ks", cat_method="chisquare"
    ),
    "Evidently, default preset": evidently,
}


def main() -> None:
    """Alternate the contestants, so that the noise of the machine falls on all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows a side")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old.parquet"), Path(folder, "new.parquet")
        write_window(old, options.rows, 1)
        write_window(new, options.rows, 2)
        for contestant in CONTESTANTS.values():
            contestant(old, new)  # imports and caches
        for _ in range(options.repeats):
            for name, contestant in CONTESTANTS.items():
                start = time.perf_counter()
                found[name] = contestant(old, new)
                seconds[name].append(time.perf_counter() - start)
    apart = max(abs(found["aiir drift"][name] - p) for name, p in found["scipy loop"].items())
    print(f"{options.rows:,} rows a side, 20 columns, median of {options.repeats} alternating runs")
    print(f"largest difference of a p-value to scipy's: {apart:.1e}\n")
    print("| from two Parquet files | seconds | times aiir drift |\n| --- | ---: | ---: |")
    base = seconds["aiir drift"]
    for name, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(times, base, strict=True))
        print(f"| {name} | {statistics.median(times):.3f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
