"""``aiir drift-summarize``: what drift needs of a table, so that it need not be read again."""

from __future__ import annotations

import click

from .drift import names
from .output import note
from .sources import table_of


@click.command("drift-summarize")
@click.argument("tables", nargs=-1, required=True, type=click.Path(), metavar="TABLE")
@click.option("--columns", metavar="COLS", help="Only these columns, comma-separated.")
@click.option("--cluster", metavar="COL", help="Keep sums by cluster too: rows that share a value.")
@click.option(
    "--like",
    type=click.Path(),
    metavar="SUMMARY",
    help="Count at the quantiles of this summary, so that both can be merged.",
)
@click.option("--merge", is_flag=True, help="The tables are summaries: make one of all their rows.")
@click.option(
    "-o", "--out", "out", required=True, type=click.Path(), metavar="FILE", help="A .json file."
)
def drift_summarize(
    tables: tuple[str, ...],
    columns: str | None,
    cluster: str | None,
    like: str | None,
    merge: bool,
    out: str,
) -> None:
    """Summarise a table for `aiir drift`, which then takes the summary in its place.

    \b
    aiir drift-summarize monday.parquet -o monday.json
    aiir drift-summarize tuesday.parquet --like monday.json -o tuesday.json
    aiir drift-summarize --merge monday.json tuesday.json -o days.json
    aiir drift days.json wednesday.parquet

    The table is read in parts and need not fit in memory. What is kept: counts, extremes, means
    and variances; of numbers how many lie below each of up to 8,192 quantiles; of texts how often
    each of up to 65,536 levels occurs, more by a digest of the text; with --cluster, sums by
    cluster (by a digest of its name).

    A summary holds values of the table: quantiles and extremes, and the texts of levels. Treat it
    as confidential as the table; leave columns out with --columns.

    Exit code 0 when written; 2 for bad input, such as summaries that cannot be merged.
    """
    from ..drift.summaries.document import is_summary, load_summary, save_summary
    from ..drift.summaries.summarizing import summarize
    from ..drift.summaries.table import merge_summaries

    if not is_summary(out):
        raise click.UsageError(f"{out}: a summary is a .json file")
    if merge:
        given = ("--columns", columns), ("--cluster", cluster), ("--like", like)
        for option, value in given:
            if value is not None:
                raise click.UsageError(f"{option} is for tables, not for merging summaries")
        for path in tables:
            if not is_summary(path):
                raise click.UsageError(f"{path}: --merge is for summaries; summarise it first")
        summary = merge_summaries(load_summary(path) for path in tables)
    elif len(tables) > 1:
        raise click.UsageError("one table at a time; --merge makes one of several summaries")
    else:
        summary = summarize(
            table_of(tables[0]),
            columns=None if columns is None else names(columns),
            cluster=cluster,
            like=like,
        )
    save_summary(summary, out)
    note(f"saved {out}: {summary!r}")
