"""How far did an incident reach? Its blast radius, from production logs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..showing import Shown
from .affected import Rule, incident_checks
from .log_counts import Counts, count_affected
from .log_reading import COLUMN_OF, LogRows, Looked, Where, open_logs, read_affected
from .sampling import Estimate, affected_rows, distinct_values

if TYPE_CHECKING:
    from datetime import datetime

    from matplotlib.axes import Axes

    from ..incidents.model import BlastRadius, Incident

_LISTED = 100  # names of systems in a record


@dataclass(frozen=True, slots=True)
class Part:
    """A day (UTC) or a version: its affected rows, and distinct values in them."""

    value: str | None
    rows: int
    counts: Mapping[str, int]

    def to_mapping(self) -> dict[str, Any]:
        return {"value": self.value, "rows": self.rows, **self.counts}


@dataclass(frozen=True, slots=True)
class Reach(Shown):
    """What a failure touched. Counts are of the whole log; those by day and version of what was
    looked at, which is less where a sample was.
    """

    incident_id: str
    method: str
    population: int
    looked_at: int
    rows: Estimate
    unjudged: int
    counts: Mapping[str, Estimate | None]
    systems: Sequence[str]
    by_check: Mapping[str, int]
    by_day: Sequence[Part]
    by_version: Sequence[Part]
    first_at: datetime | None
    last_at: datetime | None
    interval: str | None
    confidence_level: float
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def sampled(self) -> bool:
        """Whether less than the whole log was looked at."""
        return self.looked_at < self.population

    def to_mapping(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            "incident_id": self.incident_id,
            "method": self.method,
            "population": self.population,
            "looked_at": self.looked_at,
            "sampled": self.sampled,
            "confidence_level": self.confidence_level,
            "rows": self.rows.to_mapping(),
            "unjudged": self.unjudged,
            **{
                kind: None if found is None else found.to_mapping()
                for kind, found in self.counts.items()
            },
            "systems": list(self.systems),
            "by_check": dict(self.by_check),
            "by_day": [part.to_mapping() for part in self.by_day],
            "by_version": [part.to_mapping() for part in self.by_version],
            "first_at": _stamp(self.first_at),
            "last_at": _stamp(self.last_at),
            "interval": self.interval,
            "notes": list(self.notes),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """The affected rows that were seen, day by day."""
        from .reach_plotting import plot_reach

        return plot_reach(self, ax)

    def _rows(self) -> list[dict[str, Any]]:
        numbers = {"rows": self.rows, **self.counts}
        return [
            {"affected": kind, **each.to_mapping()}
            for kind, each in numbers.items()
            if each is not None
        ]

    def _title(self) -> str:
        looked = f"{self.looked_at:,} of {self.population:,} rows looked at"
        return f"{self.incident_id}: {self.rows.seen:,} affected rows seen, {looked}"

    def to_record(self) -> BlastRadius:
        """As a record of the incident keeps it. Numbers of a sample are upper bounds."""
        from ..incidents.model import BlastRadius

        def told(kind: str) -> int | None:
            found = self.counts[kind]
            return None if found is None else found.high

        period = self.interval
        if period is None and self.first_at is not None:
            period = f"{_stamp(self.first_at)}/{_stamp(self.last_at)}"
        how = f"{self.method}; {self.looked_at:,} of {self.population:,} rows looked at"
        if self.sampled:
            how += (
                f"; numbers are upper bounds at {self.confidence_level:.0%}: "
                f"{self.rows.low:,} to {self.rows.high:,} rows affected, {self.rows.seen:,} seen"
            )
        return BlastRadius(
            users=told("users"),
            decisions=told("decisions"),
            records=told("records"),
            messages=told("messages"),
            downstream_systems=[name for name in self.systems if name.strip()][:_LISTED],
            interval=period,
            method=how,
        )


def blast_radius(
    incident: Incident,
    logs: Any,
    *,
    where: str | None = None,
    checks: Collection[str] = (),
    among: str | None = None,
    columns: Mapping[str, str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    sample: int | None = None,
    sampled_from: int | None = None,
    confidence_level: float = 0.95,
    rng: Any = None,
    out: str | Path | None = None,
    allow_python: Collection[str] = (),
) -> Reach:
    """Count what a failure touched: users, decisions, records, messages and downstream systems.

    Parameters
    ----------
    incident : Incident
        Whose failure it is.
    logs : path, ``sql:`` query, dataframe, or a list of them
        Parquet (a file or a folder), CSV, TSV, JSON Lines or any frame, one row an interaction.
    where : str, optional
        Which rows are affected, in DuckDB's SQL over the columns of the log. By default the
        incident's checks say it (see `affected`).
    checks : collection of str
        Names of checks that count on every row, in place of those that forbid something.
    among : str, optional
        Only rows that this is true for, in the same SQL, can be affected: those about the subject.
    columns : mapping, optional
        Column of the log for each of ``output, input, tool_calls, user, decision, record, message,
        system, time, version``; by default the column of that name, where there is one.
    start, end : datetime, optional
        Only rows at or after `start` and before `end`; they need a column of times.
    sample : int, optional
        Look at so many rows, drawn at random (`rng`), and estimate.
    sampled_from : int, optional
        The log is itself a random sample of so many rows.
    confidence_level : float
        Of the intervals of a sample.
    rng : seed or numpy Generator, optional
    out : path, optional
        Where the affected rows are written (.parquet or .csv): for `decisions`.
    allow_python : collection of str
        Python scorers that may run.

    Returns
    -------
    Reach

    Raises
    ------
    InputError
        No such column; nothing says which rows are affected; logs that cannot be read.

    Notes
    -----
    Logs of Parquet, CSV and JSON Lines are read in parts, and affected rows are kept on disk, where
    DuckDB counts distinct values exactly, with files when they exceed its 512 MB: a log larger than
    memory is no difference. The rows of a query are held in memory.
    """
    if sample is not None and sampled_from is not None:
        raise InputError("either a sample is drawn, or the log is one: not both")
    sources = open_logs(logs, columns or {}, times_needed=start is not None or end is not None)
    total = sum(log.source.n_rows for log in sources)
    if sampled_from is not None and sampled_from < total:
        raise InputError(f"the log has {total:,} rows, which is no sample of {sampled_from:,}")
    if sample is not None and sample < 1:
        raise InputError("a sample has at least one row")
    chosen = _drawn(total, sample, rng)
    rule, notes = _rule(incident, sources, where, checks, allow_python)
    with TemporaryDirectory(prefix="aiir-") as folder:
        looked = read_affected(
            sources,
            rule,
            Path(folder),
            chosen=chosen,
            start=start,
            end=end,
            among=among,
            population=total if sampled_from is None else sampled_from,
            out=None if out is None else Path(out),
        )
        counts = count_affected(Path(folder), looked)
    population = total if sampled_from is None else sampled_from
    rows, kinds = _estimates(looked, counts, population, confidence_level)
    notes += _notes(looked, sources, population)
    return Reach(
        incident_id=incident.id,
        method=rule.method if among is None else f"{rule.method}, among rows where {among}",
        population=population,
        looked_at=looked.n_rows,
        rows=rows,
        unjudged=looked.unjudged,
        counts=kinds,
        systems=counts.systems,
        by_check=dict(zip(rule.names, looked.by_rule.tolist(), strict=True)),
        by_day=_parts(counts, "day", looked),
        by_version=_parts(counts, "version", looked),
        first_at=counts.first_at,
        last_at=counts.last_at,
        interval=_interval(start, end),
        confidence_level=confidence_level,
        notes=tuple(notes),
    )


def _rule(
    incident: Incident,
    sources: Sequence[LogRows],
    where: str | None,
    checks: Collection[str],
    allow_python: Collection[str],
) -> tuple[Rule | Where, list[str]]:
    if where is not None:
        if checks:
            raise InputError("either --where says which rows are affected, or checks do: not both")
        return Where(where), []
    for log in sources:
        if "output" not in log.columns:
            raise InputError(
                "the log has no column 'output' that the checks could look at",
                file=log.source.name,
                hint="name it with --output, or say which rows are affected with --where",
            )
    rule = incident_checks(
        incident,
        every_row=checks,
        has_input=any("input" in log.columns for log in sources),
        has_tools=any("tool_calls" in log.columns for log in sources),
        allow_python=allow_python,
    )
    return rule, [f"not used: {line}" for line in rule.unused]


def _drawn(total: int, sample: int | None, rng: Any) -> Any:
    if sample is None or sample >= total:
        return None
    return np.sort(np.random.default_rng(rng).choice(total, sample, replace=False, shuffle=False))


def _estimates(
    looked: Looked, counts: Counts, population: int, confidence_level: float
) -> tuple[Estimate, dict[str, Estimate | None]]:
    n = looked.n_rows

    def estimated(kind: str) -> Estimate:
        if n == population:
            seen = counts.with_value[kind]
            return Estimate(seen, seen, seen, seen, "every row was looked at")
        sizes, found = counts.clusters(kind)
        return affected_rows(found, population, rows=sizes, confidence_level=confidence_level)

    kinds: dict[str, Estimate | None] = {}
    for kind, column in COLUMN_OF.items():
        if column not in looked.columns:
            kinds[kind] = None
        elif n == population:
            seen = counts.distinct[kind]
            kinds[kind] = Estimate(seen, seen, seen, seen, "every row was looked at")
        else:
            frequencies = counts.frequencies[kind]
            found = distinct_values(frequencies, estimated(kind), n, population)
            kinds[kind] = found
            if kind == "downstream_systems":  # a row may touch several: rows bound nothing
                kinds[kind] = replace(found, high=None, method="at least those seen")
    return estimated("rows"), kinds


def _notes(looked: Looked, sources: Sequence[LogRows], population: int) -> list[str]:
    notes = []
    if missing := [k for k, column in COLUMN_OF.items() if column not in looked.columns]:
        options = ", ".join(f"--{COLUMN_OF[kind]}" for kind in missing)
        told = ", ".join(kind.replace("_", " ") for kind in missing)
        notes.append(f"not counted: {told}; the log has no such column ({options})")
    if looked.unjudged:
        notes.append(f"{looked.unjudged:,} rows could not be judged and may be affected, too")
    if looked.elsewhere:
        notes.append(
            f"{looked.elsewhere:,} affected rows have another input than the incident's cases: "
            "there, a check may fail for another reason. Read some of them (-o), and narrow it "
            "with --among, --check or --where"
        )
    if looked.without_time:
        notes.append(f"{looked.without_time:,} rows have no time and were not looked at")
    if looked.n_rows < population:
        notes.append(
            "rows are extrapolated from the sample; distinct users, decisions, records and "
            "messages cannot be: they are at least those seen, at most as many as rows that have "
            "one, and the estimate between is itself a lower one; of systems, only those seen are "
            "known"
        )
        if looked.out is not None:
            notes.append("the file holds the affected rows of the sample, not of the whole log")
    return notes


def _parts(counts: Counts, by: str, looked: Looked) -> list[Part]:
    return [
        Part(value, rows, {kind: counts.of_part(by, value, kind) for kind in looked.kinds})
        for value, rows in counts.parts.get(by, {}).items()
    ]


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _interval(start: datetime | None, end: datetime | None) -> str | None:
    if start is None and end is None:
        return None
    return f"{_stamp(start) or '..'}/{_stamp(end) or '..'}"
