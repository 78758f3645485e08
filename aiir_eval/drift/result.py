"""What a drift report says: one row a column, and the conclusion over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

ColumnKind = Literal["numeric", "categorical", "boolean", "text", "embedding"]
DriftConclusion = Literal["drift", "no_drift", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How large a change is, in a named unit, with its interval."""

    name: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of both tables.

    `test` and `statistic` are those of `pvalue`; `statistics` holds each statistic by name, with
    the means or rates of both sides. `minimum_detectable_effect` is in the unit of `effect`, at
    80% power, were this the only column of its family that changed.
    """

    column: str
    kind: ColumnKind
    test: str
    statistic: float
    statistics: Mapping[str, float]
    pvalue: float
    pvalue_adjusted: float
    effect: Effect
    minimum_detectable_effect: float
    drifted: bool
    note: str = ""
    primary: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "kind": self.kind,
            "test": self.test,
            "statistic": json_number(self.statistic),
            "statistics": {name: json_number(value) for name, value in self.statistics.items()},
            "pvalue": json_number(self.pvalue),
            "pvalue_adjusted": json_number(self.pvalue_adjusted),
            "effect": {
                "name": self.effect.name,
                "estimate": json_number(self.effect.estimate),
                "confidence_interval": [
                    json_number(self.effect.low),
                    json_number(self.effect.high),
                ],
            },
            "minimum_detectable_effect": json_number(self.minimum_detectable_effect),
            "drifted": self.drifted,
        }


@dataclass(frozen=True)
class DriftReport:
    """What changed between a reference and a current table.

    `notes` say which columns were not tested and why, what counts as a change, and what is missing
    where the conclusion is ``inconclusive``.
    """

    conclusion: DriftConclusion
    n_reference: int
    n_current: int
    columns: Sequence[ColumnDrift]
    notes: Sequence[str] = ()
    confidence_level: float = 0.95

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir drift --format json``."""
        return {
            "conclusion": self.conclusion,
            "n_reference": self.n_reference,
            "n_current": self.n_current,
            "columns": [column.to_dict() for column in self.columns],
        }

    def to_pandas(self) -> Any:
        """One row a column, as a pandas DataFrame."""
        import pandas as pd

        rows = []
        for column in self.columns:
            row = column.to_dict()
            effect = row.pop("effect")
            row.pop("statistics")
            low, high = effect["confidence_interval"]
            rows.append(
                {
                    **row,
                    "effect": effect["name"],
                    "effect_estimate": effect["estimate"],
                    "effect_low": low,
                    "effect_high": high,
                }
            )
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        drifted = sum(column.drifted for column in self.columns)
        return (
            f"DriftReport({self.conclusion}: {drifted} of {len(self.columns)} columns changed, "
            f"{self.n_reference:,} reference and {self.n_current:,} current rows)"
        )

    def _repr_html_(self) -> str:
        from ..reports.notebook import drift_html

        return drift_html(self)


def json_number(value: float) -> float | None:
    """A plain float for JSON; None where it is not finite."""
    plain = float(value)
    return plain if plain - plain == 0 else None
