"""``aiir incident decisions``: the review of decisions that an incident affected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..output import format_option, note, print_json, require_writable, wants_color, width
from .records import find_path, incidents_option

KINDS = ("customer", "employee", "financial", "legal", "operational")


@click.group()
def decisions() -> None:
    """The review of affected decisions: export a queue, import it, see how far it is."""


@decisions.command()
@click.argument("id_", metavar="ID")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="TABLE",
    help="The affected rows: what `aiir blast-radius -o` wrote.",
)
@click.option("-o", "--out", required=True, type=click.Path(), help="The queue: .csv or .parquet.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="customer",
    show_default=True,
    help="What they are, where no --kind-where says otherwise.",
)
@click.option(
    "--kind-where",
    "rules",
    multiple=True,
    metavar="KIND=SQL",
    help="The kind where this is true: financial=\"system = 'billing'\". Repeatable.",
)
@click.option(
    "--every-row", is_flag=True, help="Rows without a decision are decisions, too: answers."
)
@incidents_option
def export(
    id_: str,
    source: str,
    out: str,
    kind: Any,
    rules: tuple[str, ...],
    every_row: bool,
    folders: tuple[str, ...],
) -> None:
    """Put affected decisions into the queue, and write it for the reviewers.

    Reviewers fill in status (pending, in_review, reviewed), reviewer, reviewed_at, outcome (upheld,
    corrected, reversed) and note. Exporting again adds decisions and keeps every review.

    \b
    aiir incident decisions export INC-7 --from affected.parquet -o queue.csv
    """
    from ...errors import InputError
    from ...incidents.exchange.flat import csv_text
    from ...response.decisions import COLUMNS, queue_decisions

    if not out.lower().endswith((".csv", ".parquet")):
        raise InputError("a queue is written as .csv or .parquet", file=out)
    require_writable(out)
    path, incident_id = _record(id_, folders)
    queue, table, left_out = queue_decisions(
        incident_id,
        path.parent,
        source,
        kind=kind,
        kinds_where=[_rule(text) for text in rules],
        every_row=every_row,
    )
    if out.lower().endswith(".csv"):
        from ...documents import write_text

        write_text(out, csv_text(COLUMNS, table.to_pylist()))
    else:
        import pyarrow.parquet as pq

        Path(out).absolute().parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, out)
    if left_out:
        note(f"{left_out:,} rows without a decision are left out (--every-row takes them in)")
    waiting = sum(each.review.status != "reviewed" for each in queue)
    note(f"{len(queue):,} decisions in the queue of {incident_id}, {waiting:,} to be reviewed")
    click.echo(out)


def _rule(text: str) -> tuple[Any, str]:
    kind, equals, where = text.partition("=")
    if not equals or kind.strip() not in KINDS or not where.strip():
        raise click.UsageError(
            f"--kind-where {text!r}: write KIND=SQL; the kinds are {', '.join(KINDS)}"
        )
    return kind.strip(), where.strip()


@decisions.command("import")
@click.argument("id_", metavar="ID")
@click.argument("source", metavar="QUEUE")
@click.option(
    "--replace",
    "replacing",
    is_flag=True,
    help="Where both were reviewed, take the file's; the former is kept as history.",
)
@incidents_option
@format_option
def import_(id_: str, source: str, replacing: bool, folders: tuple[str, ...], format_: str) -> int:
    """Take reviews back into the queue.

    A row that is not in the queue, or a review that is not complete, refuses the whole file. A file
    that knows less than the queue takes nothing away.

    \b
    aiir incident decisions import INC-7 queue.csv

    Exit code 1 where some contradict reviews that are there, else 0; 2 for bad input.
    """
    from ...response.decisions import import_reviews

    path, incident_id = _record(id_, folders)
    done = import_reviews(incident_id, path.parent, source, replacing=replacing)
    for each in done.conflicts:
        note(
            f"conflict: {each.id}: kept {each.kept.outcome} by {each.kept.reviewer}, not "
            f"{each.refused.outcome} by {each.refused.reviewer} (--replace takes it)"
        )
    if format_ == "json":
        print_json(
            {
                "changed": done.changed,
                "unchanged": done.unchanged,
                "kept": done.kept,
                "conflicts": [each.id for each in done.conflicts],
                "progress": done.progress.to_mapping(),
            }
        )
    else:
        note(
            f"{done.changed:,} reviews taken in, {done.unchanged:,} as they were, {done.kept:,} "
            f"kept where the queue knew more, {len(done.conflicts):,} conflicts"
        )
        _print(incident_id, done.progress, format_)
    return 1 if done.conflicts else 0


@decisions.command()
@click.argument("id_", metavar="ID")
@incidents_option
@format_option
def show(id_: str, folders: tuple[str, ...], format_: str) -> None:
    """How far the review is, by kind.

    \b
    aiir incident decisions show INC-7
    """
    from ...response.decisions import review_progress

    path, incident_id = _record(id_, folders, to_change=False)
    progress = review_progress(incident_id, path.parent)
    if format_ == "json":
        print_json(progress.to_mapping())
    else:
        _print(incident_id, progress, format_)


def _record(id_: str, folders: tuple[str, ...], *, to_change: bool = True) -> tuple[Path, str]:
    from ...incidents.loading import load_incident

    path = find_path(id_, folders, to_change=to_change)
    return path, load_incident(path, draft=True).id


def _print(incident_id: str, progress: Any, format_: str) -> None:
    from ...reports.markdown.text import code
    from ...reports.terminal.page import columns, page, text

    if not progress.total:
        click.echo(f"{incident_id}: no decisions are in the queue")
        return
    outcomes = ", ".join(f"{count:,} {name}" for name, count in progress.outcomes.items())
    told = f"{progress.reviewed:,} of {progress.total:,} decisions reviewed"
    told += f" ({outcomes})" if outcomes else ""
    rows = [
        [kind, f"{done:,}", f"{total - done:,}", f"{total:,}"]
        for kind, (done, total) in progress.by_kind.items()
    ]
    heads = ["kind", "reviewed", "open", "all"]
    if format_ == "markdown":
        lines = [heads, ["---", "---:", "---:", "---:"], *rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        click.echo(f"**{code(incident_id)}**: {told}\n\n{table}")
    else:
        table_ = columns(
            ["kind", ("reviewed", "right"), ("open", "right"), ("all", "right")], rows, flexible=0
        )
        headline = text(f"{incident_id}: {told}", "bold")
        click.echo(page([headline, table_], color=wants_color(), width=min(width(), 60)))
