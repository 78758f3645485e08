"""What a look of the monitor says: quiet or alarm, since when, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ...showing import Shown
from ..declared import Direction
from ..result import json_number, utc

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class WatchedColumn:
    """One column in one bad direction.

    `value` is what this table shows, `level` what is usual (None where only a limit was declared),
    and `limit` what the promise of quiet reaches to; all in the unit of the column, or a mean rank
    among the reference. `evidence` alarms from `threshold` on. `since` is the look at which the
    column most likely was changed first, `since_low` the look before the earliest that it may be,
    `since_high` the latest, and `after` its mean from there on; None without an alarm.
    """

    column: str
    direction: Direction
    scale: Literal["rate", "bounded", "rank"]
    n: int
    value: float | None
    level: float | None
    limit: float
    evidence: float
    threshold: float
    alarm: bool
    since: datetime | None = None
    since_low: datetime | None = None
    since_high: datetime | None = None
    after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        since = None
        if self.since is not None and self.since_low is not None and self.since_high is not None:
            since = {
                "at": utc(self.since),
                "confidence_interval": [utc(self.since_low), utc(self.since_high)],
                "after": self.after,
            }
        return {
            "column": self.column,
            "direction": self.direction,
            "scale": self.scale,
            "n": self.n,
            "value": self.value,
            "level": self.level,
            "limit": self.limit,
            "evidence": json_number(self.evidence),
            "threshold": json_number(self.threshold),
            "alarm": self.alarm,
            "since": since,
        }

    def __str__(self) -> str:
        what = "mean rank of " * (self.scale == "rank") + self.column
        value = "nothing seen yet" if self.value is None else f"{self.value:.4g}"
        usual = "" if self.level is None else f"usually {self.level:.4g}, "
        side = "at least" if self.direction == "down" else "at most"
        text = f"{what}: {value} ({usual}quiet is {side} {self.limit:.4g})"
        text += f"; evidence {self.evidence:.3g} of {self.threshold:.3g}"
        if self.alarm and self.since is not None:
            assert self.since_low is not None
            assert self.since_high is not None
            text += f"; {self.after:.4g} since {self.since:%Y-%m-%d %H:%M}"
            text += f" (between {self.since_low:%Y-%m-%d} and {self.since_high:%Y-%m-%d})"
        return text


@dataclass(frozen=True, slots=True)
class WatchReport(Shown):
    """One look. `ignored` says that this very table was looked at before."""

    alarm: bool
    at: datetime
    n: int
    n_looks: int
    columns: tuple[WatchedColumn, ...]
    promise: str
    notes: tuple[str, ...] = ()
    ignored: bool = False

    @property
    def exit_code(self) -> int:
        """1 while an alarm stands, else 0."""
        return int(self.alarm)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir drift-watch --format json``."""
        return {
            "alarm": self.alarm,
            "at": utc(self.at),
            "n": self.n,
            "n_looks": self.n_looks,
            "ignored": self.ignored,
            "columns": [column.to_dict() for column in self.columns],
            "promise": self.promise,
            "notes": list(self.notes),
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a column."""
        import pandas as pd

        return pd.DataFrame([column.to_dict() for column in self.columns])

    def plot(self, ax: Axes | None = None) -> Axes:
        """The evidence of each column against the line at which it alarms."""
        from .plotting import plot_watch

        return plot_watch(self, ax)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "column": each.column,
                "state": "alarm" if each.alarm else "quiet",
                "level": each.level,
                "limit": each.limit,
                "evidence": each.evidence,
                "alarm at": each.threshold,
                "since": None if each.since is None else f"{each.since:%Y-%m-%d %H:%M}",
            }
            for each in self.columns
        ]

    def _title(self) -> str:
        return self.lines()[0]

    def lines(self) -> list[str]:
        """What it says, a sentence a line; the first one is the verdict."""
        worse = sorted({column.column for column in self.columns if column.alarm})
        head = f"quiet after {self.n_looks:,} looks"
        if self.alarm:
            head = f"ALARM: {', '.join(worse)} changed for the worse"
        lines = [head, *(str(column) for column in self.columns), *self.notes]
        lines.append(f"promised: {self.promise}")
        if self.alarm:
            lines.append("the alarm stands until it is acknowledged: --acknowledge 'what was done'")
        return lines
