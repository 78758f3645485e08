"""What changed between two tables, by how much, and is it real?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from ..errors import InputError, TableError

if TYPE_CHECKING:
    import pyarrow as pa

    from .clusters import ClusterDesign
    from .columns import Column, Skipped
    from .declared import Direction, MinimumEffects
    from .judging import Judged
    from .result import DriftConclusion, DriftReport

_MIN_RESAMPLES, _MAX_RESAMPLES = 1999, 9999


def drift(
    reference: Any,
    current: Any,
    *,
    columns: str | Sequence[str] | None = None,
    primary: str | Sequence[str] = (),
    cluster: str | None = None,
    min_effect: float | Mapping[str, float] | None = None,
    confidence_level: float = 0.95,
    rng: int = 0,
) -> DriftReport:
    """Compare the columns of two tables of observations.

    Parameters
    ----------
    reference, current : path or dataframe
        Parquet, CSV or JSON Lines, or any pandas, polars or pyarrow frame; at least two rows each.
    columns : sequence of str, optional
        Only these columns. By default every column that both tables have.
    primary : sequence of str, optional
        The columns that decide: ``COL``, or ``COL:up``, ``COL:down`` for the bad direction. A rate
        is bad when it falls, unless said otherwise; other columns without a direction are tested
        for any change.
    cluster : str, optional
        A column whose equal values mark rows that belong together (a user, a document).
    min_effect : float or mapping, optional
        How small a change does not matter: a number in the unit of each column's effect, or by
        effect (``sd``, ``ks``, ``rate``, ``tv``) or column. Defaults: .05, .02, .01 (.005 for a
        primary rate), .02.
    confidence_level : float
        Of the intervals; one minus it is the level of the tests.
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
    effect. Rows (clusters, where given) are taken as independent.

    Examples
    --------
    >>> import pyarrow as pa
    >>> old = pa.table({"passed": [True] * 900 + [False] * 100})
    >>> new = pa.table({"passed": [True] * 850 + [False] * 150})
    >>> drift(old, new, primary="passed").conclusion
    'drift'
    """
    from ..tables import column_list, read_table, require_columns
    from .declared import minimum_effects, primaries
    from .result import DriftReport

    if not 0.5 <= confidence_level < 1:
        raise InputError(f"confidence_level must lie in [0.5, 1), got {confidence_level!r}")
    left, right = _named(reference, "reference"), _named(current, "current")
    tables = read_table(reference, name=left), read_table(current, name=right)
    everything = list(dict.fromkeys([*tables[0].column_names, *tables[1].column_names]))
    minima = minimum_effects(min_effect, everything)
    deciding = primaries(primary, everything)
    asked = None if columns is None else column_list(columns)
    needed = [*(asked or ()), *deciding, *(() if cluster is None else (cluster,))]
    for table in tables:
        require_columns(table, dict.fromkeys(needed))
    if cluster in deciding:
        raise InputError("the cluster column cannot be a primary", field=cluster)

    notes: list[str] = []
    chosen = everything if asked is None else list(dict.fromkeys([*asked, *deciding]))
    found = _read_columns(chosen, tables, deciding, cluster, notes)
    if not found:
        raise TableError("no column of the two tables can be tested: " + "; ".join(notes))
    n_family = sum(column.name not in deciding for column in found)
    alpha = 1 - confidence_level
    design = None
    if cluster is not None:
        from .clusters import cluster_design

        resamples = ceil(2 * max(n_family, len(deciding)) / alpha)
        resamples = min(max(resamples, _MIN_RESAMPLES), _MAX_RESAMPLES)
        design = cluster_design(*tables, cluster, n_resamples=resamples, rng=rng)
        notes.append(f"rows belong together by {cluster}: {design}")
    judged = _judge_all(found, deciding, design, minima, confidence_level)
    results = _adjusted(judged, alpha)
    notes.append(f"a change counts from: {minima}")
    conclusion = _conclusion(results, design, alpha, notes)
    return DriftReport(
        conclusion=conclusion,
        n_reference=tables[0].num_rows,
        n_current=tables[1].num_rows,
        columns=tuple(item.result for item in results),
        notes=tuple(notes),
        confidence_level=confidence_level,
    )


def _named(source: Any, side: str) -> str:
    """What errors call a table: its path, else its side."""
    return str(source) if isinstance(source, str | os.PathLike) else f"the {side} table"


def _read_columns(
    names: Sequence[str],
    tables: tuple[pa.Table, pa.Table],
    deciding: Mapping[str, Direction | None],
    cluster: str | None,
    notes: list[str],
) -> list[Column]:
    """The columns that can be tested; a note for each that cannot, an error for a primary."""
    from .columns import Skipped, read_column

    def read(name: str) -> Column | Skipped:
        for table, side in zip(tables, ("reference", "current"), strict=True):
            if name not in table.column_names:
                return Skipped(name, f"there is no such column in {side}")
        return read_column(name, *tables, primary=name in deciding)

    wanted = [name for name in names if name != cluster]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(read, wanted))
    for item in found:
        if isinstance(item, Skipped):
            if item.name in deciding:
                raise TableError(f"this primary cannot be tested: {item.reason}", field=item.name)
            notes.append(f"{item.name} not tested: {item.reason}")
    return [item for item in found if not isinstance(item, Skipped)]


def _judge_all(
    found: Sequence[Column],
    deciding: Mapping[str, Direction | None],
    design: ClusterDesign | None,
    minima: MinimumEffects,
    confidence_level: float,
) -> list[Judged]:
    from .judging import Terms, judge

    n_family = sum(column.name not in deciding for column in found)
    alpha = 1 - confidence_level

    def one(column: Column) -> Judged:
        primary = column.name in deciding
        direction = deciding.get(column.name)
        if primary and direction is None and column.kind == "boolean":
            direction = "down"
        if direction is not None and column.kind == "categorical":
            raise InputError(
                f"a column of texts has no {direction}", field=column.name, hint="leave it out"
            )
        size = len(deciding) if primary else n_family
        return judge(
            column,
            Terms(confidence_level, alpha / size, minima, primary, direction, design),
        )

    # Relabelling is matrix products, which have threads of their own.
    workers = os.cpu_count() if design is None else 1
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(one, found))


def _adjusted(judged: Sequence[Judged], alpha: float) -> list[Judged]:
    """Adjust over the columns (Benjamini-Hochberg) and over the primaries (Holm)."""
    from ..stats import benjamini_hochberg, holm

    pvalues: dict[str, float] = {}
    for primary, adjust in ((True, holm), (False, benjamini_hochberg)):
        family = [item.result for item in judged if item.result.primary is primary]
        adjusted = adjust([result.pvalue for result in family])
        pvalues.update(zip((result.column for result in family), adjusted, strict=True))
    results = []
    for item in judged:
        pvalue = float(pvalues[item.result.column])
        drifted = pvalue <= alpha and item.exceeds
        notes = (item.note_if_drifted if drifted else "", item.result.note)
        note = "; ".join(text for text in notes if text)
        result = replace(item.result, pvalue_adjusted=pvalue, drifted=drifted, note=note)
        results.append(replace(item, result=result))
    return results


def _conclusion(
    results: Sequence[Judged], design: ClusterDesign | None, alpha: float, notes: list[str]
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
