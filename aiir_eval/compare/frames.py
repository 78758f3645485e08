"""A comparison as pandas DataFrames: one row a case, or one row a case that flipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .result import Comparison

if TYPE_CHECKING:
    import pandas as pd

    from ..runs.model import Run

FLIP_COLUMNS = (
    "case_id",
    "flip",
    "input",
    "expected",
    "old_output",
    "new_output",
    "baseline",
    "candidate",
    "checks",
)


def cases_frame(comparison: Comparison) -> pd.DataFrame:
    """One row a case of both sides: what it is, its means, their difference, whether it flipped."""
    import pandas as pd

    paired = comparison.paired
    if paired is None:
        raise InputError(
            "this comparison was read from a file, which holds the flipped cases alone",
            hint="compare the runs again, or use .flips()",
        )
    change = paired.candidate - paired.baseline
    with np.errstate(invalid="ignore"):
        flip = np.select([change < -1e-12, change > 1e-12], ["broke", "fixed"], default="")
    columns: dict[str, Any] = {"case_id": paired.case_ids.to_pandas()}
    for name in ("incident_id", "class", "origin", "cluster", "expected"):
        columns[name] = paired.attribute(name).to_pandas()
    columns |= {
        "baseline": paired.baseline,
        "candidate": paired.candidate,
        "difference": change,
        "flip": flip,
        "baseline_trials": paired.old.counts,
        "candidate_trials": paired.new.counts,
    }
    return pd.DataFrame(columns)


def flips_frame(comparison: Comparison) -> pd.DataFrame:
    """One row a flipped case, those that broke first.

    The outputs are of the first trial that shows the change: one that passed and one that failed.
    `baseline` and `candidate` are the case's means, `checks` those whose share of passes changed.
    """
    import pandas as pd

    flips = comparison.flip_ids
    ids = [*flips.broke, *flips.fixed]
    old, new = _rows(comparison.old, ids), _rows(comparison.new, ids)
    cases = comparison.new.cases or comparison.old.cases
    records = []
    for position, case_id in enumerate(ids):
        if case_id not in old or case_id not in new:  # left out of a saved comparison
            continue
        broke = position < len(flips.broke)
        before, after = _telling(old[case_id], best=broke), _telling(new[case_id], best=not broke)
        case = cases.get(case_id)
        records.append(
            (
                case_id,
                "broke" if broke else "fixed",
                None if case is None else case.plain_input(),
                before["expected"],
                _said(before),
                _said(after),
                _mean(old[case_id]),
                _mean(new[case_id]),
                _changed_checks(old[case_id], new[case_id]),
            )
        )
    return pd.DataFrame.from_records(records, columns=list(FLIP_COLUMNS))


def _rows(run: Run, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = ["case_id", "trial", "expected", "output", "error", "passed", "score", "checks"]
    trials = run.trials.select(wanted)
    trials = trials.filter(pc.is_in(trials["case_id"], value_set=pa.array(ids, pa.string())))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(trials.to_pylist(), key=lambda row: row["trial"]):
        found.setdefault(row["case_id"], []).append(row)
    return found


def _merit(row: dict[str, Any]) -> float:
    if row["error"] is not None:
        return -1.0
    passed = 0.0 if row["passed"] is None else 2.0 * row["passed"]
    return passed + (row["score"] or 0.0)


def _telling(rows: list[dict[str, Any]], *, best: bool) -> dict[str, Any]:
    return max(rows, key=_merit) if best else min(rows, key=_merit)


def _said(row: dict[str, Any]) -> str | None:
    return f"error: {row['error']}" if row["error"] is not None else row["output"]


def _mean(rows: list[dict[str, Any]]) -> float:
    values = [
        float(row["score"] if row["passed"] is None else row["passed"])
        for row in rows
        if row["error"] is None and (row["passed"] is not None or row["score"] is not None)
    ]
    return sum(values) / len(values) if values else float("nan")


def _changed_checks(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    before, after = _check_means(old), _check_means(new)
    return ", ".join(
        name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)
    )


def _check_means(rows: list[dict[str, Any]]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for row in rows:
        for check in row["checks"] or ():
            value = check["score"] if check["passed"] is None else check["passed"]
            values.setdefault(check["check"], []).append(float(value or 0))
    return {name: sum(found) / len(found) for name, found in values.items()}
