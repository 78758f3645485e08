"""A comparison as pandas DataFrames: one row a case, or one row a case that flipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .result import Comparison

if TYPE_CHECKING:
    import pandas as pd


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
    `baseline` and `candidate` are the case's means, `checks` those that changed between the two.
    """
    import pandas as pd

    from .flipped import flipped_cases

    records = [
        (
            case.case_id,
            case.direction,
            case.input,
            case.expected,
            case.old.text,
            case.new.text,
            case.old.mean,
            case.new.mean,
            ", ".join(check.name for pair in case.changed_checks for check in pair[:1] if check),
        )
        for case in flipped_cases(comparison)
    ]
    return pd.DataFrame.from_records(records, columns=list(FLIP_COLUMNS))
