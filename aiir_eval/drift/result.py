"""What a drift report says: one row a column, and the conclusion over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .comparing import DriftComparison

ColumnKind = Literal["numeric", "categorical", "boolean", "text", "embedding", "joint"]
DriftConclusion = Literal["drift", "no_drift", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How large a change is, in a named unit, with its interval."""

    name: str
    estimate: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "estimate": json_number(self.estimate),
            "confidence_interval": [json_number(self.low), json_number(self.high)],
        }


@dataclass(frozen=True, slots=True)
class Distribution:
    """Both sides of a column at the same points, as small as a plot needs them.

    ``ecdf``: `at` are numbers, and the sides the shares of values up to each. ``bars``: `at` are
    levels (the last may stand for the rest), and the sides their shares.
    """

    form: Literal["ecdf", "bars"]
    at: tuple[float, ...] | tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of both tables.

    `test` and `statistic` are those of `pvalue`; `statistics` holds each statistic by name, with
    the means or rates of both sides. `minimum_detectable_effect` is in the unit of `effect`, at
    80% power, were this the only column of its family that changed. `effects` are further sizes of
    the change (debiased PSI, Jensen-Shannon, Hellinger, ...): descriptions, never tests.
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
    effects: tuple[Effect, ...] = ()
    distribution: Distribution | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "kind": self.kind,
            "test": self.test,
            "statistic": json_number(self.statistic),
            "statistics": {name: json_number(value) for name, value in self.statistics.items()},
            "pvalue": json_number(self.pvalue),
            "pvalue_adjusted": json_number(self.pvalue_adjusted),
            "effect": self.effect.to_dict(),
            "minimum_detectable_effect": json_number(self.minimum_detectable_effect),
            "drifted": self.drifted,
        }


@dataclass(frozen=True, slots=True)
class Window:
    """A window of time, from `start` up to and not including `end` (UTC), and what it held.

    `value` is the mean or the rate of the column in it, with its interval; NaN where it is empty.
    """

    start: datetime
    end: datetime
    n: int
    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "start": utc(self.start),
            "end": utc(self.end),
            "n": self.n,
            "value": json_number(self.value),
            "confidence_interval": [json_number(self.low), json_number(self.high)],
        }


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A date at which a column's level moved, with an interval for the date.

    `pvalue` is that of no change at any date, adjusted over the columns. A gradual change begins
    at `at` and is complete at `until`, which is None where the level moved at once.
    """

    at: datetime
    low: datetime
    high: datetime
    before: float
    after: float
    pvalue: float
    until: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "at": utc(self.at),
            "confidence_interval": [utc(self.low), utc(self.high)],
            "before": json_number(self.before),
            "after": json_number(self.after),
            "pvalue": json_number(self.pvalue),
            "until": None if self.until is None else utc(self.until),
        }


@dataclass(frozen=True, slots=True)
class Series:
    """One column over time: its windows, and where its level changed."""

    column: str
    unit: Literal["mean", "rate"]
    windows: tuple[Window, ...]
    change_points: tuple[ChangePoint, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "unit": self.unit,
            "windows": [window.to_dict() for window in self.windows],
            "change_points": [point.to_dict() for point in self.change_points],
        }


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows with one value of a column `by`, and what `column` did among them.

    `contribution` is the part of the whole change of `column` that these rows bring, by their own
    change (`within`) and by being more or fewer (`mix`); over the values of one `by` the parts sum
    to the whole. `difference` and its interval are those of the mean among these rows; `pvalue` is
    that of no contribution.
    """

    by: str
    value: str
    column: str
    n_reference: int
    n_current: int
    difference: float
    low: float
    high: float
    pvalue: float
    pvalue_adjusted: float
    contribution: float
    contribution_low: float = nan
    contribution_high: float = nan
    within: float = nan
    mix: float = nan

    def to_dict(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "value": self.value,
            "column": self.column,
            "n_reference": self.n_reference,
            "n_current": self.n_current,
            "difference": json_number(self.difference),
            "confidence_interval": [json_number(self.low), json_number(self.high)],
            "pvalue": json_number(self.pvalue),
            "pvalue_adjusted": json_number(self.pvalue_adjusted),
            "contribution": json_number(self.contribution),
            "contribution_interval": [
                json_number(self.contribution_low),
                json_number(self.contribution_high),
            ],
            "within": json_number(self.within),
            "mix": json_number(self.mix),
        }


@dataclass(frozen=True)
class DriftReport:
    """What changed between a reference and a current table.

    `notes` say which columns were not tested and why, what counts as a change, and what is missing
    where the conclusion is ``inconclusive``. `joint` is the test of all columns together, `series`
    the columns over time, `segments` the rows that explain the change, the telling ones first; each
    only where it was asked for. `command` computes the report again, `digests` are the SHA-256 of
    what it read; both empty where it was made of data frames.
    """

    conclusion: DriftConclusion
    n_reference: int
    n_current: int
    columns: Sequence[ColumnDrift]
    notes: Sequence[str] = ()
    confidence_level: float = 0.95
    joint: ColumnDrift | None = None
    series: Sequence[Series] = ()
    segments: Sequence[Segment] = ()
    command: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir drift --format json``.

        ``joint``, ``series`` and ``segments`` are keys only where they were asked for.
        """
        asked: dict[str, Any] = {}
        if self.joint is not None:
            asked["joint"] = self.joint.to_dict()
        if self.series:
            asked["series"] = [series.to_dict() for series in self.series]
        if self.segments:
            asked["segments"] = [segment.to_dict() for segment in self.segments]
        return {
            "conclusion": self.conclusion,
            "n_reference": self.n_reference,
            "n_current": self.n_current,
            "columns": [column.to_dict() for column in self.columns],
            **asked,
        }

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, whole or not at all; `aiir.load_drift` reads it back."""
        from .document import save_drift

        save_drift(self, path)

    def compare(self, other: DriftReport) -> DriftComparison:
        """What is new, gone, worse or better in `other`, the later report, than in this one."""
        from .comparing import compare_drift

        return compare_drift(self, other)

    def to_pandas(self) -> pd.DataFrame:
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
                    "primary": column.primary,
                    "effect": effect["name"],
                    "effect_estimate": effect["estimate"],
                    "effect_low": low,
                    "effect_high": high,
                    "note": column.note,
                }
            )
        return pd.DataFrame(rows)

    def to_evidently(self) -> Any:
        """This report as a snapshot of Evidently: what its ``Report.run`` gives."""
        from .evidently import snapshot_of

        return snapshot_of(self)

    def plot(self, *, most: int = 12) -> Figure:
        """Draw both sides of the columns that drifted, `most` of them, and the series over time."""
        from .plotting import plot_drift

        return plot_drift(self, most=most)

    def __repr__(self) -> str:
        drifted = sum(column.drifted for column in self.columns)
        return (
            f"DriftReport({self.conclusion}: {drifted} of {len(self.columns)} columns changed, "
            f"{self.n_reference:,} reference and {self.n_current:,} current rows)"
        )

    def _repr_html_(self) -> str:
        from ..reports.notebook import drift_html

        return drift_html(self)


def utc(moment: datetime) -> str:
    """A moment as documents state it: UTC, ISO 8601; one without a zone is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def json_number(value: float) -> float | None:
    """A plain float for JSON; None where it is not finite."""
    plain = float(value)
    return plain if plain - plain == 0 else None
