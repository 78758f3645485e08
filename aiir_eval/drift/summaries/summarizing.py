"""What is to be kept of a table, so that drift from it can be judged without reading it again?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import InputError
from ...tables import column_list, require_names
from .engine import edges_of, open_stream
from .memory import is_path
from .scanning import choose_edges, summarise_source
from .table import TableSummary


def summarize(
    table: Any,
    *,
    columns: str | Sequence[str] | None = None,
    cluster: str | None = None,
    like: TableSummary | str | None = None,
) -> TableSummary:
    """Summarise a table of observations for `drift`.

    Parameters
    ----------
    table : path or dataframe
        As for `drift`; a file is read in parts and need not fit in memory.
    columns : sequence of str, optional
        Only these columns; by default all.
    cluster : str, optional
        A column whose equal values mark rows that belong together: sums by cluster are kept too.
    like : TableSummary or path, optional
        Count numbers at the edges of this summary, so that both can be merged, and take its columns
        and its cluster where none are given.

    Returns
    -------
    TableSummary
        It holds quantiles and extremes of numbers and the texts of up to 65,536 levels a column, so
        it is as confidential as the table. ``.save(path)`` writes it, ``aiir.load_summary`` reads
        it, ``drift`` takes it (or its path) in the place of either table, and ``a.merge(b)`` gives
        the summary of the rows of both.

    Notes
    -----
    Counts, extremes and moments are exact. The distribution of numbers is counted at 8,192
    quantiles, so a Kolmogorov-Smirnov distance from a summary is known within some 0.0002; where
    that does not decide a column, `drift` says so. Tests that need every value (Anderson-Darling,
    Cramer-von Mises, Wasserstein) cannot be had from a summary, nor can texts and embeddings.

    Examples
    --------
    >>> import aiir_eval as aiir, pyarrow as pa
    >>> monday = aiir.summarize(pa.table({"passed": [True] * 900 + [False] * 100}))
    >>> aiir.drift(monday, pa.table({"passed": [True] * 850 + [False] * 150})).conclusion
    'drift'
    """
    from .document import load_summary

    if like is not None and not isinstance(like, TableSummary):
        like = load_summary(like)
    source = open_stream(table, str(table) if is_path(table) else "the table")
    cluster = cluster or (like.cluster if like is not None else None)
    if columns is not None:
        wanted = list(dict.fromkeys(column_list(columns)))
    elif like is not None:
        wanted = list(like.columns)
    else:
        wanted = list(source.schema.names)
    require_names(source.schema.names, [*wanted, *([cluster] if cluster else [])], source.name)
    wanted = [name for name in wanted if name != cluster]
    if not wanted:
        raise InputError("there is no column to summarise", file=source.name)
    edges = choose_edges(source, wanted) if like is None else dict(edges_of(like))
    missing = [name for name in wanted if like is not None and name not in like.columns]
    edges |= choose_edges(source, missing)
    return summarise_source(source, wanted, edges, cluster=cluster)
