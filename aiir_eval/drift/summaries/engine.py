"""How are two tables judged that need not fit in memory, or of which only summaries are left?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, TableError
from ...tables.sources import Source, open_source
from ..facts import Bound, Facts, NumericFacts, Skipped
from .comparing import compare_states
from .histogram import Floats, same_edges
from .memory import is_path, memory_limit_of, memory_needed, text_needed
from .reading import numbers_of
from .refining import AT_ONCE, exact_gap
from .scanning import BATCH_ROWS, choose_edges, summarise_source
from .states import NumericState
from .table import TableSummary

if TYPE_CHECKING:
    from ..clusters import ClusterDesign

_HELD = 8 * 16  # bytes a value that is held while a gap is refined: it, its counts, their copies


def open_streams(
    reference: Any,
    current: Any,
    *,
    names: tuple[str, str],
    memory_limit: int | str | None = None,
) -> StreamedTables | None:
    """Both tables for reading in parts, or None where they are better compared in memory.

    Read in parts are tables that would need more than `memory_limit` in memory, and whatever is
    compared with a saved summary.
    """
    from .document import is_summary, load_summary

    limit = memory_limit_of(memory_limit)
    given = [
        load_summary(source) if is_path(source) and is_summary(source) else source
        for source in (reference, current)
    ]
    summarised = any(isinstance(source, TableSummary) for source in given)
    if not summarised and not _exceeds(given, names, limit):
        return None
    sides = [
        source if isinstance(source, TableSummary) else _stream(source, name)
        for source, name in zip(given, names, strict=True)
    ]
    return StreamedTables(sides[0], sides[1], memory_limit=limit)


def _exceeds(sources: Sequence[Any], names: Sequence[str], limit: int) -> bool:
    from ...tables.reading import table_format

    texts = [
        Path(source)
        for source, name in zip(sources, names, strict=True)
        if is_path(source) and table_format(Path(source), name) != "parquet"
    ]
    if texts:
        return sum(text_needed(path) for path in texts) > limit
    opened = [open_source(source, name=name) for source, name in zip(sources, names, strict=True)]
    columns = list(dict.fromkeys([*opened[0].schema.names, *opened[1].schema.names]))
    return memory_needed(opened, columns) > limit


def _stream(source: Any, name: str) -> Source:
    """A source that never holds its whole table, unless the user does."""
    from ...tables.reading import table_format
    from ...tables.streaming import open_text_stream

    if is_path(source) and table_format(Path(source), name) != "parquet":
        return open_text_stream(Path(source), name)
    return open_source(source, name=name)


@dataclass(slots=True)
class StreamedTables:
    """Two tables, each a source read in parts or a summary, and the states of their columns."""

    reference: Source | TableSummary
    current: Source | TableSummary
    memory_limit: int
    summaries: tuple[TableSummary, TableSummary] | None = field(default=None, init=False)

    def facts(
        self,
        columns: Sequence[str],
        *,
        deciding: frozenset[str] = frozenset(),
        cluster: str | None = None,
        design: Callable[[TableSummary, TableSummary], ClusterDesign] | None = None,
    ) -> list[Facts | Skipped]:
        """The facts of columns, in order; the largest gap of numbers within bounds."""
        missing = {name: self._not_in(name) for name in columns}
        both = [name for name in columns if missing[name] is None]
        self.summaries = self._summarise(both, cluster)
        old, new = self.summaries
        found: list[Facts | Skipped] = []
        for name in columns:
            lacks = missing[name]
            if lacks is not None:
                found.append(Skipped(name, f"there is no such column in {lacks}"))
                continue
            primary = name in deciding
            found.append(
                compare_states(name, old.columns[name], new.columns[name], primary=primary)
            )
        return found

    def refine(self, facts: Facts) -> Facts:
        """The facts of a column without bounds, its undecided parts read again.

        As they are where only a summary is left of a side.
        """
        if not isinstance(facts, NumericFacts) or facts.ks.exact or self.summaries is None:
            return facts
        sides = self.reference, self.current
        old, new = (summary.columns[facts.name] for summary in self.summaries)
        if not isinstance(old, NumericState) or not isinstance(new, NumericState):
            return facts
        if any(isinstance(side, TableSummary) for side in sides):
            return facts
        assert same_edges(old.histogram.edges, new.histogram.edges)
        gap = exact_gap(
            old.histogram,
            new.histogram,
            lambda: self._values(0, facts.name),
            lambda: self._values(1, facts.name),
            at_once=max(min(AT_ONCE * 4, self.memory_limit // 4 // _HELD), 10_000),
        )
        return replace(facts, ks=Bound(gap.low, gap.high))

    def why_open(self, facts: NumericFacts) -> str:
        """What a reader is told where bounds leave a column undecided."""
        lost = [
            label
            for side, label in ((self.reference, "reference"), (self.current, "current"))
            if isinstance(side, TableSummary)
        ]
        return (
            f"{facts.name} is undecided: its KS distance lies between {facts.ks.low:.4g} and "
            f"{facts.ks.high:.4g}, as far as the summary of the {' and the '.join(lost)} tells; "
            "give the table itself to settle it"
        )

    def _not_in(self, name: str) -> str | None:
        for side, label in ((self.reference, "reference"), (self.current, "current")):
            if name not in names_of(side):
                return label
        return None

    def _summarise(
        self, columns: Sequence[str], cluster: str | None
    ) -> tuple[TableSummary, TableSummary]:
        """States of both sides, at edges chosen from the reference (or that its summary has)."""
        edges: dict[str, Floats] = {}
        for side in (self.current, self.reference):
            if isinstance(side, TableSummary):
                edges |= edges_of(side)
        if not isinstance(self.reference, TableSummary):
            edges = {**choose_edges(self.reference, columns), **edges}
        done = []
        for side in (self.reference, self.current):
            if isinstance(side, TableSummary):
                if cluster != side.cluster and cluster is not None:
                    raise InputError(
                        f"the summary knows no clusters of {cluster}",
                        file=side.name,
                        hint=f"summarise the table with --cluster {cluster}",
                    )
                done.append(side)
            else:
                done.append(summarise_source(side, columns, edges, cluster=cluster))
        return done[0], done[1]

    def _values(self, side: int, name: str) -> Iterator[Floats]:
        source = (self.reference, self.current)[side]
        assert not isinstance(source, TableSummary)
        for batch in source.batches([name], batch_rows=BATCH_ROWS):
            yield numbers_of(batch.column(name))


def names_of(side: Source | TableSummary) -> list[str]:
    """The columns of a side, the cluster's among them."""
    if isinstance(side, TableSummary):
        return [*side.columns, *([side.cluster] if side.cluster else [])]
    names: list[str] = side.schema.names
    return names


def edges_of(summary: TableSummary) -> Mapping[str, Floats]:
    """The edges at which a summary counted its numbers."""
    return {
        name: state.histogram.edges
        for name, state in summary.columns.items()
        if isinstance(state, NumericState)
    }
