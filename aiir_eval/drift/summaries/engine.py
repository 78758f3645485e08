"""How are two tables judged that need not fit in memory, or of which only summaries are left?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...stats.ks_ties import MAX_STEPS
from ...tables.sources import Source, open_source
from ..facts import Bound, Facts, LevelFacts, NumericFacts, Skipped
from .clustering import ClustersOfStates
from .comparing import compare_states, level_texts, new_and_vanished, steps_of
from .histogram import Floats, Histogram, largest_gap
from .levels import aligned
from .memory import PARTS_TAKE, is_path, memory_limit_of, text_needed, threads_within
from .reading import numbers_of, texts_of_digests
from .refining import AT_ONCE, Reader, exact_gap, with_all_values
from .scanning import BATCH_ROWS, choose_edges, summarise_source
from .states import LevelState, NumericState
from .table import TableSummary

if TYPE_CHECKING:
    from ..clusters import ClusterDesign
    from ..declared import NumericTest

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
    if not any(isinstance(source, TableSummary) for source in given):
        frames = not any(is_path(source) for source in given)
        if frames and memory_limit is None:  # the user's frames are in memory as it is
            return None
        if not _exceeds(given, names, limit):
            return None
    sides = [
        source if isinstance(source, TableSummary) else open_stream(source, name)
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
    return threads_within(opened, columns, limit) == 0


def open_stream(source: Any, name: str) -> Source:
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

    def look(
        self,
        columns: Sequence[str],
        *,
        deciding: frozenset[str] = frozenset(),
        cluster: str | None = None,
        numeric_test: NumericTest = "auto",
        n_resamples: int = 1999,
        rng: int = 0,
    ) -> tuple[list[Facts | Skipped], ClusterDesign | None]:
        """The facts of columns, in order, and the design of the clusters.

        The largest gap of numbers is known within bounds.
        """
        if numeric_test not in ("auto", "ks", "welch"):
            raise InputError(
                f"the {numeric_test} test needs every value, which states do not have",
                hint="auto, ks and welch can do without; or raise memory_limit and give tables",
            )
        missing = {name: self._not_in(name) for name in columns}
        both = [name for name in columns if missing[name] is None]
        self.summaries = self._summarise(both, cluster)
        old, new = self.summaries
        clusters = None
        if cluster is not None:
            clusters = ClustersOfStates.of(old, new, n_resamples=n_resamples, rng=rng)
        found: list[Facts | Skipped] = []
        for name in columns:
            lacks = missing[name]
            if lacks is not None:
                found.append(Skipped(name, f"there is no such column in {lacks}"))
                continue
            for facts in compare_states(
                name, old.columns[name], new.columns[name], primary=name in deciding
            ):
                known = self._with_names(self._with_ties(facts, clusters is not None))
                found.append(known if clusters is None else clusters.add_to(name, known))
        return found, None if clusters is None else clusters.design

    @property
    def sides(self) -> tuple[Any, Any]:
        """Both tables: with their names, rows and columns; the values only of sources."""
        return self.reference, self.current

    @property
    def notes(self) -> list[str]:
        """What a reader is told of the memory limit."""
        if self.memory_limit >= PARTS_TAKE:
            return []
        return [
            f"a memory limit of {self.memory_limit / 1e6:,.3g} MB is less than reading in parts "
            f"takes, with the libraries some {PARTS_TAKE / 1e6:.0f} MB: it does not hold"
        ]

    def require_rows(self, what: str) -> None:
        """Raise `InputError` where `what` the user asked for needs rows, and a side has none."""
        for side in (self.reference, self.current):
            if isinstance(side, TableSummary):
                raise InputError(
                    f"{what} need the rows of a table, which its summary does not have",
                    file=side.name,
                    hint="give the table itself",
                )

    @property
    def can_refine(self) -> bool:
        """Whether both sides can be read again."""
        return not isinstance(self.reference, TableSummary) and not isinstance(
            self.current, TableSummary
        )

    def refine(self, facts: Sequence[Facts], names: Collection[str]) -> list[Facts]:
        """The facts without bounds in some columns, whose open parts are read again."""
        return [self._refined(item) if item.name in names else item for item in facts]

    def why_open(self, facts: Sequence[Facts], names: Collection[str]) -> list[str]:
        """What a reader is told of columns that bounds leave undecided."""
        sides = (self.reference, "reference"), (self.current, "current")
        lost = " and of the ".join(label for side, label in sides if isinstance(side, TableSummary))
        return [
            f"{item.name} is undecided: its KS distance lies between {item.ks.low:.4g} and "
            f"{item.ks.high:.4g}, as far as the summary of the {lost} tells; compare with the "
            "table itself to settle it"
            for item in facts
            if isinstance(item, NumericFacts) and item.name in names
        ]

    def _refined(self, facts: Facts) -> Facts:
        if not isinstance(facts, NumericFacts) or facts.ks.exact:
            return facts
        at_once = max(min(AT_ONCE * 4, self.memory_limit // 4 // _HELD), 10_000)
        gap = exact_gap(*self._histograms(facts.name), *self._readers(facts.name), at_once=at_once)
        return replace(facts, ks=Bound(gap.low, gap.high))

    def _with_names(self, facts: Facts | Skipped) -> Facts | Skipped:
        """The facts of levels whose texts were not kept, with those of the new and vanished."""
        if not isinstance(facts, LevelFacts) or not self.can_refine or self.summaries is None:
            return facts
        old, new = (summary.columns[facts.name] for summary in self.summaries)
        assert isinstance(old, LevelState)
        assert isinstance(new, LevelState)
        both = aligned(old.levels, new.levels)
        if both.keys is None or both.bits < 64:
            return facts
        wanted = both.keys[new_and_vanished(both)]
        texts: dict[int, str] = {}
        for source in (self.reference, self.current):
            assert not isinstance(source, TableSummary)
            for batch in source.batches([facts.name], batch_rows=BATCH_ROWS):
                texts |= texts_of_digests(batch.column(0), wanted)
        return replace(facts, levels=level_texts(both, texts))

    def _with_ties(self, facts: Facts | Skipped, clustered: bool) -> Facts | Skipped:
        """The facts of a column of few distinct values with its rare ones, which no edge had."""
        if not isinstance(facts, NumericFacts) or facts.steps is not None or clustered:
            return facts
        if not self.can_refine:
            return facts
        old, new = self._histograms(facts.name)
        if old.edges.size > MAX_STEPS:
            return facts
        both = with_all_values(old, new, *self._readers(facts.name), most=MAX_STEPS)
        if both is None:
            return facts
        gap = largest_gap(*both)
        return replace(facts, ks=Bound(gap.low, gap.high), steps=steps_of(*both))

    def _histograms(self, name: str) -> tuple[Histogram, Histogram]:
        assert self.summaries is not None
        old, new = (summary.columns[name] for summary in self.summaries)
        assert isinstance(old, NumericState)
        assert isinstance(new, NumericState)
        return old.histogram, new.histogram

    def _readers(self, name: str) -> tuple[Reader, Reader]:
        return lambda: self._values(0, name), lambda: self._values(1, name)

    def _not_in(self, name: str) -> str | None:
        for side, label in ((self.reference, "reference"), (self.current, "current")):
            known = side.columns if isinstance(side, TableSummary) else side.schema.names
            if name not in known:
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


def edges_of(summary: TableSummary) -> Mapping[str, Floats]:
    """The edges at which a summary counted its numbers."""
    return {
        name: state.histogram.edges
        for name, state in summary.columns.items()
        if isinstance(state, NumericState)
    }
