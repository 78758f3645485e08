"""What changed between two tables, by how much, and is it real?"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from ..errors import InputError, TableError
from ..tables import column_list, require_names
from ..tables.columns import NAME
from .declared import LEVEL_TESTS, NUMERIC_TESTS, LevelTest, NumericTest

if TYPE_CHECKING:
    from ..tables.sources import Source
    from .classifying import Draw
    from .clusters import ClusterDesign
    from .columns import Column
    from .declared import Direction
    from .facts import Facts, Skipped
    from .judging import Judged, Terms
    from .result import DriftConclusion, DriftReport, Segment, Series

_MIN_RESAMPLES, _MAX_RESAMPLES = 1999, 9999
_CLUSTERED = "auto, ks and welch are permuted by cluster and within pairs"


def drift(
    reference: Any,
    current: Any = None,
    *,
    columns: str | Sequence[str] | None = None,
    primary: str | Sequence[str] = (),
    cluster: str | None = None,
    key: str | Sequence[str] = (),
    min_effect: float | Mapping[str, float] | None = None,
    numeric_test: NumericTest = "auto",
    level_test: LevelTest = "auto",
    time: str | None = None,
    every: str | None = None,
    since: Any = None,
    by: str | Sequence[str] | None = None,
    joint: bool = False,
    confidence_level: float = 0.95,
    memory_limit: int | str | None = None,
    rng: int = 0,
) -> DriftReport:
    """Compare the columns of two tables of observations.

    Parameters
    ----------
    reference, current : path or dataframe
        Parquet, CSV or JSON Lines, or any pandas, polars or pyarrow frame; at least two rows each.
        A summary (`aiir_eval.summarize`, or its saved ``.json``) stands for the table it was made
        of.
    columns : sequence of str, optional
        Only these columns. By default every column that both tables have.
    primary : sequence of str, optional
        The columns that decide: ``COL``, or ``COL:up``, ``COL:down`` for the bad direction. A rate
        is bad when it falls, unless said otherwise; other columns without a direction are tested
        for any change.
    cluster : str, optional
        A column whose equal values mark rows that belong together (a user, a document).
    key : sequence of str, optional
        Columns that name a case. Rows of the same key are paired (two versions on the same cases):
        what the two have in common cancels, so smaller changes are seen. Keys of one side only are
        left out and counted in a note; a key that stands twice in a table is an error.
    min_effect : float or mapping, optional
        How small a change does not matter: a number in the unit of each column's effect, or by
        effect (``sd``, ``ks``, ``rate``, ``tv``) or column. Defaults: .05, .02, .01 (.005 for a
        primary rate), .02.
    numeric_test : str
        ``auto`` (Welch's t and Kolmogorov-Smirnov combined), ``ks``, ``welch``,
        ``anderson-darling``, ``cramer-von-mises`` or ``wasserstein``.
    level_test : str
        ``auto`` (chi-square, see Notes), or ``permutation``: rows relabelled, no level lumped.
    time : str, optional
        A column of timestamps: every tested column is then followed over both tables together, in
        windows of `every`, and its changes of level are dated (`series`). It is not tested itself.
    every : str, optional
        Length of a window: ``1h``, ``1d`` (the default), ``7d``, ``1w``, ``1mo``; UTC.
    since : date or moment, optional
        Splits one table in two windows of time, in the place of `current`: rows from it on are the
        current ones, those before it the reference.
    by : sequence of str, optional
        Columns whose values are segments: what each of them brought to the change of the primaries
        and of the columns that drifted (`segments`). ``"auto"`` takes the columns of few values.
    joint : bool
        Test all columns together as well: a classifier of rows sees what they say of one another.
        It is one more row of the family.
    confidence_level : float
        Of the intervals; one minus it is the level of the tests.
    memory_limit : int or str, optional
        In bytes, or as ``"500MB"``; by default half of what is free. Tables that would need more
        are read in parts, with the same answers: see Notes.
    rng : int
        Seed of the relabellings of clusters.

    Returns
    -------
    DriftReport
        A column `drifted` when its adjusted p-value is at most 1 - confidence_level and its effect
        exceeds the minimum. A primary with a direction has drifted when it is shown to be worse by
        more than the minimum. P-values are adjusted by Benjamini-Hochberg over the columns, and by
        Holm over the primaries, which are no part of that family.

        `conclusion` is ``drift`` where a column drifted (with primaries: where one of those did);
        else ``inconclusive`` where, in a column that decides, a change of five times the minimum
        effect could have gone unseen (its minimum detectable effect is larger, or its clusters are
        too few to reach the level at all); else ``no_drift``. Notes name these columns, and every
        column that was not tested.

    Raises
    ------
    TableError
        A table cannot be read, is empty, or lacks a column that was asked for.
    InputError
        An option cannot be used.

    Notes
    -----
    Numbers: Welch's t-test and the Kolmogorov-Smirnov test, combined by the Cauchy combination.
    Rates: chi-square of the 2 x 2 table without Yates, Fisher's mid-p where counts are small.
    Levels: chi-square of the contingency table, rare levels lumped on pooled counts; where a fifth
    of the rows or more would be lumped, all levels with the exact moments of the statistic. With
    clusters each p-value comes from relabelling whole clusters, and intervals from the design
    effect. Rows (clusters, where given) are taken as independent. Paired rows: McNemar's test and
    Tango's interval for rates, else the labels swapped within pairs (within all pairs of a cluster
    at once), and intervals from the differences of pairs.

    Texts, vectors and all columns together: on a sample of 1,000 rows a side, how well held-out
    rows are told apart (AUC, from .515 on it counts), and whether relabelled rows are told apart as
    well; vectors are tested by their maximum mean discrepancy. Of a text also its length, words,
    form, language and refusals; of a timestamp the hour, the weekday and the gaps between rows; of
    any column whether it is missing.

    Tables that are read in parts, and summaries, are judged from counts at quantiles of the
    reference, exact moments and counts by level. The Kolmogorov-Smirnov distance is then known
    within bounds (``ks`` and ``ks_at_most``), and p-values are the largest that these allow. Where
    they do not decide a column, its open parts are read again, which settles it exactly; where only
    a summary is left to read, the conclusion is ``inconclusive`` and a note says so. Texts, times
    and vectors, `key`, `joint` and tests that need every value want the tables in memory.

    Examples
    --------
    >>> import pyarrow as pa
    >>> old = pa.table({"passed": [True] * 900 + [False] * 100})
    >>> new = pa.table({"passed": [True] * 850 + [False] * 150})
    >>> drift(old, new, primary="passed").conclusion
    'drift'
    """
    from ..tables.sources import open_source
    from ..tables.sql import is_query, read_query
    from .classifying import Draw
    from .declared import minimum_effects, primaries
    from .judging import Terms, adjusted, undecided
    from .result import DriftReport
    from .summaries.engine import open_streams
    from .summaries.memory import memory_limit_of, threads_within
    from .windows import two_windows

    if not 0.5 <= confidence_level < 1:
        raise InputError(f"confidence_level must lie in [0.5, 1), got {confidence_level!r}")
    for option, asked_for, tests in (
        ("numeric_test", numeric_test, NUMERIC_TESTS),
        ("level_test", level_test, LEVEL_TESTS),
    ):
        if asked_for not in tests:
            raise InputError(
                f"{option}: {asked_for!r} is no test", hint=f"one of {', '.join(tests)}"
            )
    if cluster is None:
        cluster = _cluster_of_both(reference, current)
    same = ["both sides are the same table"] if _is_same(reference, current) else []
    reference, current = (read_query(s) if is_query(s) else s for s in (reference, current))
    reference, current = two_windows(reference, current, time, since, every)
    names = _named(reference, "reference"), _named(current, "current")
    streams = open_streams(reference, current, names=names, memory_limit=memory_limit)
    left, right = (
        (open_source(reference, name=names[0]), open_source(current, name=names[1]))
        if streams is None
        else streams.sides
    )
    if streams is not None and (time is not None or by is not None):
        streams.require_rows("time and by")
    keys = column_list(key)
    if streams is not None and keys:
        streams.require_rows("pairs")
        raise InputError(
            "pairing rows needs both tables in memory, which is too small for them",
            field="key",
            hint="set a larger memory_limit",
        )
    n_rows = left.n_rows, right.n_rows
    everything = list(dict.fromkeys([*left.schema.names, *right.schema.names]))
    minima = minimum_effects(min_effect, everything)
    deciding = primaries(primary, everything)
    asked = None if columns is None else column_list(columns)
    segmented = () if by is None or by == "auto" else column_list(by)
    needed = [*(asked or ()), *deciding, *segmented, *keys]
    needed += [name for name in (cluster, time) if name is not None]
    for source in (left, right):
        require_names(source.schema.names, dict.fromkeys(needed), source.name)
    if cluster in deciding:
        raise InputError("the cluster column cannot be a primary", field=cluster)
    if set(keys) & {*deciding, cluster, time}:
        raise InputError("a column of the key is nothing else", field=",".join(keys))
    if time in deciding:
        raise InputError("the time column cannot be a primary", field=time)

    notes: list[str] = [*([] if streams is None else streams.notes), *same]
    chosen = everything if asked is None else list(dict.fromkeys([*asked, *deciding]))
    wanted = [name for name in chosen if name not in (cluster, time, *keys)]
    alpha = 1 - confidence_level
    if (keys or cluster is not None) and numeric_test not in ("auto", "ks", "welch"):
        of = "clusters" if cluster is not None else "pairs"
        raise InputError(f"with {of} there is no {numeric_test} test", hint=_CLUSTERED)
    resamples = ceil(2 * max(len(wanted), len(deciding)) / alpha)
    resamples = min(max(resamples, _MIN_RESAMPLES), _MAX_RESAMPLES)
    design = None
    if streams is not None:
        found, design = streams.look(
            wanted,
            deciding=frozenset(deciding),
            cluster=cluster,
            numeric_test=numeric_test,
            n_resamples=resamples,
            rng=rng,
        )
    else:
        if keys:
            from .pairing import paired_tables

            left, right, design, paired = paired_tables(
                left, right, keys, cluster=cluster, n_resamples=resamples, rng=rng
            )
            notes.append(paired)
        elif cluster is not None:
            from .clusters import cluster_design

            design = cluster_design(left, right, cluster, n_resamples=resamples, rng=rng)
        draw = Draw(design, alpha, len(wanted), rng)
        look = _Look(left, right, frozenset(deciding), draw, numeric_test)
        threads = 1  # relabelling is matrix products, which have threads of their own
        if design is None:
            threads = threads_within((left, right), wanted, memory_limit_of(memory_limit))
        found = _look_at_all(wanted, look, threads or 1)
    facts = _tested(found, deciding, notes)
    if not facts:
        raise TableError("no column of the two tables can be tested: " + "; ".join(notes))
    together = None
    if joint:
        together = _together(left, right, facts, wanted, None if streams else draw, notes)
        facts += [] if together is None else [together]
    if cluster is not None:
        notes.append(f"rows belong together by {cluster}: {design}")
    terms = Terms(
        confidence_level, alpha, minima, numeric_test=numeric_test, level_test=level_test, seed=rng
    )
    judged = _judge_all(facts, deciding, terms)
    unsettled: Sequence[str] = ()
    while streams is not None and (unsettled := undecided(judged, alpha)):
        if not streams.can_refine:
            notes += streams.why_open(facts, unsettled)
            break
        facts = streams.refine(facts, unsettled)
        judged = _judge_all(facts, deciding, terms)
    results = adjusted(judged, alpha)
    notes.append(f"a change counts from: {minima}")
    conclusion = _conclusion(results, design, alpha, unsettled, notes)
    tested = tuple(item.result for item in results)
    all_columns = None
    if together is not None:
        tested, all_columns = tested[:-1], tested[-1]
    # Texts and vectors have no mean or rate to follow, nor have columns that were derived one here.
    own = [item for item in tested if item.column in wanted]
    plain = [item for item in own if item.kind in ("numeric", "boolean", "categorical")]
    series: Sequence[Series] = ()
    segments: Sequence[Segment] = ()
    if time is not None:
        from .changing import series_over_time

        followed = [item.column for item in plain]
        series, said = series_over_time(
            left,
            right,
            followed,
            time=time,
            every=every or "1d",
            cluster=cluster,
            confidence_level=confidence_level,
            rng=rng,
        )
        notes += said
    if by is not None:
        from .explaining import segments_of_change, to_explain

        segments, said = segments_of_change(
            left,
            right,
            to_explain(plain),
            by=None if by == "auto" else segmented,
            names=wanted,
            cluster=cluster,
            confidence_level=confidence_level,
        )
        notes += said
    return DriftReport(
        conclusion=conclusion,
        n_reference=n_rows[0],
        n_current=n_rows[1],
        columns=tested,
        notes=tuple(notes),
        confidence_level=confidence_level,
        joint=all_columns,
        series=series,
        segments=segments,
    )


def _is_same(reference: Any, current: Any) -> bool:
    paths = isinstance(reference, str | os.PathLike) and isinstance(current, str | os.PathLike)
    return os.fspath(reference) == os.fspath(current) if paths else reference is current


def _named(source: Any, side: str) -> str:
    """What errors call a table: its path, the name it was read under, else its side."""
    if isinstance(source, str | os.PathLike):
        return str(source)
    kept = getattr(getattr(source, "schema", None), "metadata", None) or {}
    return str(kept.get(NAME, b"").decode()) or f"the {side} table"


def _cluster_of_both(reference: Any, current: Any) -> str | None:
    """The column that runs say their rows belong together by; None for tables."""
    sides = [side for side in (reference, current) if side is not None]
    columns = {getattr(side, "cluster_column", None) for side in sides}
    return columns.pop() if len(columns) == 1 else None


@dataclass(frozen=True, slots=True)
class _Look:
    """What is needed to look at any column."""

    reference: Source
    current: Source
    deciding: frozenset[str]
    draw: Draw
    numeric_test: NumericTest

    def at(self, name: str) -> Sequence[Facts | Skipped]:
        """The facts of one column, or of those that are tested in its place."""
        from .columns import Pair, column_of, read_pair
        from .derived import expand
        from .facts import Skipped

        for source, side in ((self.reference, "reference"), (self.current, "current")):
            if name not in source.schema.names:
                return [Skipped(name, f"there is no such column in {side}")]
        pair = read_pair(name, self.reference, self.current)
        parts = expand(pair, self.draw)
        decoded = not (self.reference.in_memory or self.current.in_memory)
        if decoded and len(parts) == 1 and parts[0] is pair:
            parts = [replace(pair, may_write=True)]
        del pair
        found: list[Facts | Skipped] = []
        for part in parts:
            if not isinstance(part, Pair):
                found.append(part)
                continue
            in_order = self.draw.design is None
            column = column_of(part, primary=name in self.deciding, in_order=in_order)
            if isinstance(column, Skipped):
                found.append(column)
            else:
                found.append(self._facts(column))
        return found

    def _facts(self, column: Column) -> Facts | Skipped:
        from .exact import facts_of

        return facts_of(
            column,
            self.draw.design,
            numeric_test=self.numeric_test,
            rng=self.draw.generator(column.name),
        )


def _look_at_all(names: Sequence[str], look: _Look, threads: int) -> list[Facts | Skipped]:
    """What is found of every column, one a thread."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return [item for part in pool.map(look.at, names) for item in part]


def _together(
    reference: Source,
    current: Source,
    facts: Sequence[Facts],
    wanted: Collection[str],
    draw: Draw | None,
    notes: list[str],
) -> Facts | None:
    """The test of all columns together; a note where it cannot be made."""
    from .facts import Skipped, TestedFacts
    from .joint import ALL_COLUMNS, all_columns

    if draw is None:
        notes.append(f"{ALL_COLUMNS} not tested: the tables are read in parts")
        return None
    names = [
        item.name for item in facts if item.name in wanted and not isinstance(item, TestedFacts)
    ]
    found = all_columns(names, reference, current, (reference.n_rows, current.n_rows), draw)
    if isinstance(found, Skipped):
        notes.append(f"{found.name} not tested: {found.reason}")
        return None
    return found


def _tested(
    found: Sequence[Facts | Skipped], deciding: Collection[str], notes: list[str]
) -> list[Facts]:
    """The facts alone; a note for each column that cannot be tested, an error for a primary."""
    from .facts import Skipped

    for item in found:
        if isinstance(item, Skipped):
            if item.name in deciding:
                raise TableError(f"this primary cannot be tested: {item.reason}", field=item.name)
            notes.append(f"{item.name} not tested: {item.reason}")
    return [item for item in found if not isinstance(item, Skipped)]


def _judge_all(
    facts: Sequence[Facts],
    deciding: Mapping[str, Direction | None],
    terms: Terms,
) -> list[Judged]:
    """Judge every column on these terms, at the part of their level that its family leaves it."""
    from .facts import LevelFacts, RateFacts, TestedFacts
    from .judging import judge

    n_family = sum(item.name not in deciding for item in facts)

    def one(item: Facts) -> Judged:
        primary = item.name in deciding
        direction = deciding.get(item.name)
        if primary and direction is None and isinstance(item, RateFacts):
            direction = "down"
        if direction is not None and isinstance(item, LevelFacts | TestedFacts):
            raise InputError(
                f"a column of texts has no {direction}", field=item.name, hint="leave it out"
            )
        size = len(deciding) if primary else n_family
        own = replace(terms, level=terms.level / size, primary=primary, direction=direction)
        return judge(item, own)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, facts))


def _conclusion(
    results: Sequence[Judged],
    design: ClusterDesign | None,
    alpha: float,
    unsettled: Collection[str],
    notes: list[str],
) -> DriftConclusion:
    family = [item for item in results if item.result.primary] or results
    if any(item.result.drifted for item in family):
        return "drift"
    if design is not None and design.smallest_pvalue > alpha:
        notes.append(
            f"too few clusters: no p-value can fall below {design.smallest_pvalue:.2g}, whatever "
            "the data; more clusters are needed, not more rows"
        )
        return "inconclusive"
    if any(item.result.column in unsettled for item in family):
        return "inconclusive"
    blind = [item.result for item in family if item.blind]
    if blind:
        worst = ", ".join(
            f"{result.column} ({result.minimum_detectable_effect:.2g})" for result in blind[:5]
        )
        more = f" and {len(blind) - 5} more" if len(blind) > 5 else ""
        notes.append(
            "too few rows to say that nothing changed: changes up to the minimum detectable "
            f"effect may have gone unseen in {worst}{more}"
        )
        return "inconclusive"
    return "no_drift"
