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
    """One column of both tables."""

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

    def to_dict(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "kind": self.kind,
            "test": self.test,
            "statistic": _number(self.statistic),
            "statistics": {name: _number(value) for name, value in self.statistics.items()},
            "pvalue": _number(self.pvalue),
            "pvalue_adjusted": _number(self.pvalue_adjusted),
            "effect": {
                "name": self.effect.name,
                "estimate": _number(self.effect.estimate),
                "confidence_interval": [_number(self.effect.low), _number(self.effect.high)],
            },
            "minimum_detectable_effect": _number(self.minimum_detectable_effect),
            "drifted": self.drifted,
        }


@dataclass(frozen=True)
class DriftReport:
    """What changed between a reference and a current table."""

    conclusion: DriftConclusion
    n_reference: int
    n_current: int
    columns: Sequence[ColumnDrift]
    notes: Sequence[str] = ()

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


def _number(value: float) -> float | None:
    plain = float(value)
    return plain if plain - plain == 0 else None
