"""A whole table in states: what `aiir drift-summarize` writes and `aiir drift` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...showing import Shown
from .clusters import UnitSums
from .histogram import same_edges
from .states import ColumnState, LevelState, NumericState, OpaqueState, empty_like

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a table's columns."""

    names: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class TableSummary(Shown):
    """The states of a table's columns.

    It holds quantiles and extremes of numbers, and the texts of levels: whoever may not see the
    table should not see its summary. `name` is what errors call it. With `cluster`, `units` hold
    the sums of each column by cluster.
    """

    n_rows: int
    columns: Mapping[str, ColumnState]
    name: str = "the summary"
    cluster: str | None = None
    units: Mapping[str, UnitSums] = field(default_factory=dict)

    @property
    def schema(self) -> Names:
        """The names of the columns, that of the clusters among them."""
        return Names([*self.columns, *([self.cluster] if self.cluster else [])])

    def __add__(self, other: TableSummary) -> TableSummary:
        return merge_summaries([self, other])

    def merge(self, *others: TableSummary) -> TableSummary:
        """This and other summaries as that of all their rows."""
        return merge_summaries([self, *others])

    def save(self, path: Any) -> None:
        """Write it, whole or not at all."""
        from .document import save_summary

        save_summary(self, path)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The mean of each column of numbers, one standard deviation to either side."""
        from .plotting import plot_summary

        return plot_summary(self, ax)

    def __repr__(self) -> str:
        by = f", by {self.cluster}" if self.cluster else ""
        return f"TableSummary({self.n_rows:,} rows, {len(self.columns)} columns{by})"

    def __str__(self) -> str:
        lines = [repr(self)]
        for name, state in self.columns.items():
            row = describe(name, state)
            shown = ", ".join(
                f"{key} {value:,.4g}" if isinstance(value, float) else f"{key} {value:,}"
                for key, value in row.items()
                if key not in ("column", "kind") and value is not None
            )
            lines.append(f"  {name}: {row['kind']}, {shown}")
        return "\n".join(lines)

    def _rows(self) -> list[dict[str, Any]]:
        return [describe(name, state) for name, state in self.columns.items()]

    def _title(self) -> str:
        return repr(self)


def describe(name: str, state: ColumnState) -> dict[str, Any]:
    """A column of a summary in a row."""
    row: dict[str, Any] = {"column": name, "kind": "not tested", "n": state.n}
    row["null"] = state.n_null
    if isinstance(state, LevelState):
        levels = round(state.levels.n_levels())
        return {**row, "kind": "levels", "levels": levels}
    if isinstance(state, OpaqueState):
        return row
    row |= {"kind": "numbers", "NaN or infinite": state.n_odd}
    if state.n and state.is_rate:
        return {**row, "kind": "rate", "mean": state.mean}
    if state.n:
        row |= {"mean": state.mean, "sd": state.sd}
        row |= {"min": state.low, "max": state.high}
    return row


def merge_summaries(summaries: Iterable[TableSummary]) -> TableSummary:
    """The summary of all rows of several tables, the same in whatever order they are merged.

    A column that a table does not have is an error, as are numbers counted at other edges: tables
    are to be summarised alike (``--like``).
    """
    first, *rest = summaries
    result = first
    for other in rest:
        result = _merged(result, other)
    return result


def _merged(one: TableSummary, two: TableSummary) -> TableSummary:
    if one.cluster != two.cluster:
        raise InputError(
            f"summarised by other clusters: {one.cluster or 'none'} and {two.cluster or 'none'}",
            file=two.name,
            hint="summarise both with the same --cluster",
        )
    if set(one.columns) != set(two.columns):
        odd = sorted(set(one.columns) ^ set(two.columns))
        raise InputError(
            f"columns that {one.name} and this do not share: {', '.join(odd[:10])}",
            file=two.name,
            hint="summarise both with the same --columns",
        )
    columns = {}
    for name, state in one.columns.items():
        columns[name] = merge_states(name, state, two.columns[name], two.name)
    units = {name: sums + two.units[name] for name, sums in one.units.items() if name in two.units}
    return TableSummary(one.n_rows + two.n_rows, columns, one.name, one.cluster, units)


def merge_states(name: str, one: ColumnState, two: ColumnState, file: str) -> ColumnState:
    """Two states of one column; an error that names the column where they cannot be one."""
    one, two = _as_seen(one, two), _as_seen(two, one)
    if isinstance(one, NumericState) and isinstance(two, NumericState):
        if not same_edges(one.histogram.edges, two.histogram.edges):
            raise InputError(
                "its numbers were counted at other edges",
                file=file,
                field=name,
                hint="summarise it again with --like and the other summary",
            )
        return one + two
    if isinstance(one, LevelState) and isinstance(two, LevelState):
        if one.levels.caps != two.levels.caps:
            raise InputError("its levels were counted with another cap", file=file, field=name)
        return one + two
    if isinstance(one, OpaqueState) and isinstance(two, OpaqueState):
        return one + two
    raise InputError(
        f"its type changed from {one.type_name} to {two.type_name}", file=file, field=name
    )


def _as_seen(state: ColumnState, other: ColumnState) -> ColumnState:
    """A column that is null throughout has the type of its other part."""
    if isinstance(state, OpaqueState) and state.n == 0 and not isinstance(other, OpaqueState):
        from dataclasses import replace

        return replace(empty_like(other), n_null=state.n_null)
    return state
