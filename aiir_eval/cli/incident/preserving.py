"""``aiir incident preserve``: evidence goes into the store of an incident, and is verified."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..output import note, print_json, text_or_json_option
from ..stores import mlflow_option
from .records import find_path, incidents_option, instant
from .stepping import by_option

KINDS = ("prompt", "output", "trace", "log", "score", "user_report", "vendor_status")


@click.command()
@click.argument("id_", metavar="ID")
@click.argument("files", metavar="FILE...", nargs=-1)
@incidents_option
@click.option("--kind", type=click.Choice(KINDS), help="What it is evidence of.")
@click.option("--from", "since", metavar="TIME", help="Of a table: rows from this time.")
@click.option("--to", "until", metavar="TIME", help="Of a table: rows before this time.")
@click.option("--time", "time", metavar="COL", help="Of a table: the column that holds the time.")
@click.option("--where", metavar="SQL", help="Of a table: rows this is true for (DuckDB).")
@click.option(
    "--mlflow-run", "runs", multiple=True, metavar="ID", help="An MLflow run, with files."
)
@click.option("--trace", "traces", multiple=True, metavar="ID", help="An MLflow trace.")
@mlflow_option("Where the run or trace is stored.", name="tracking_uri")
@click.option(
    "--redact",
    multiple=True,
    metavar="WHAT",
    help="Take out emails, phones, cards, ibans, ips, or what a regular expression matches, before "
    "the digest is taken. Keys and tokens always go. Repeatable.",
)
@click.option("--verify", is_flag=True, help="Check that all of it is as it was preserved.")
@by_option
@text_or_json_option
def preserve(
    id_: str,
    files: tuple[str, ...],
    folders: tuple[str, ...],
    kind: Any,
    since: str | None,
    until: str | None,
    time: str | None,
    where: str | None,
    runs: tuple[str, ...],
    traces: tuple[str, ...],
    tracking_uri: str | None,
    redact: tuple[str, ...],
    verify: bool,
    by: str | None,
    format_: str,
) -> int:
    """Preserve files, parts of logs, MLflow runs and traces, each with its SHA-256.

    They go into .aiir/evidence/ID beside the record. With --from, --to or --where a FILE is a table
    (Parquet, CSV, JSON Lines, sql:) and the rows asked for are kept as JSON Lines. What is
    redacted has a form; names and free text have none: read what leaves the house.

    \b
    aiir incident preserve INC-7 --kind log app.parquet --time at --from 2026-03-01T08:00Z
    aiir incident preserve INC-7 --kind user_report complaint.txt --redact emails --redact phones
    aiir incident preserve INC-7 --verify

    Exit code 2 where --verify finds something changed, gone, or added by another way, else 0.
    """
    from ...incidents.loading import load_incident
    from ...response.preserving import EvidenceStore

    path = find_path(id_, folders, to_change=True)
    store = EvidenceStore(path, load_incident(path, draft=True).id)
    if verify:
        if files or runs or traces:
            raise click.UsageError("--verify takes no FILE: it checks what is preserved")
        return _verify(path, store, format_)
    if not (files or runs or traces):
        raise click.UsageError("name what to preserve: FILE..., --mlflow-run ID or --trace ID")
    kind = kind or ("trace" if traces and not (files or runs) else None)
    if kind is None:
        raise click.UsageError(f"--kind: one of {', '.join(KINDS)}")
    window = {
        "since": None if since is None else instant(since, "--from"),
        "until": None if until is None else instant(until, "--to"),
        "time": time,
        "where": where,
    }
    if (since or until) and time is None:
        raise click.UsageError("--from and --to: name the column that holds the time (--time COL)")
    if time is not None and not (since or until):
        raise click.UsageError("--time: from when, or to when (--from, --to)")
    if any(window.values()) and not files:
        raise click.UsageError("--from, --to, --time and --where are about a FILE")
    kept = _kept(path, store, kind, files, window, runs, traces, tracking_uri, redact, by)
    if format_ == "json":
        from ...response.preserving import manifest_mapping

        print_json(manifest_mapping(kept))
        return 0
    from ...reports.visible import visible

    for each in kept:
        told = f"{each.kind}  {each.path}  sha256 {each.sha256}"
        if each.redacted:
            told += "  redacted: " + ", ".join(f"{n} {what}" for what, n in each.redacted.items())
        click.echo(visible(told))
        if not each.searched:
            note(f"warning: {each.path}: neither text nor a table, so it was not searched for keys")
    return 0


def _kept(
    path: Path,
    store: Any,
    kind: Any,
    files: tuple[str, ...],
    window: dict[str, Any],
    runs: tuple[str, ...],
    traces: tuple[str, ...],
    tracking_uri: str | None,
    redact: tuple[str, ...],
    by: str | None,
) -> list[Any]:
    """Preserve all of it, and list it in the record, also what went in before an error."""
    from ...incidents.editing import edit_incident
    from ...response.extracting import Preserving
    from ...response.preserving import Preserved, with_evidence
    from ...tracking.stores import check_readable, resolve_store

    if tracking_uri is not None:
        found = resolve_store(tracking_uri)
        check_readable(found)
        tracking_uri = found.uri
    preserving = Preserving(store, kind, datetime.now(UTC), by, redact)
    kept: list[Preserved] = []
    try:
        for name in files:
            if any(window.values()) or name.startswith("sql:"):
                kept.append(preserving.window(name, **window))
            else:
                kept.append(preserving.file(name))
        for run in runs:
            kept += preserving.run(run, tracking_uri)
        for trace in traces:
            kept.append(preserving.trace(trace, tracking_uri))
    finally:
        if kept:
            edit_incident(path, lambda record: with_evidence(record, kept))
    return kept


def _verify(path: Path, store: Any, format_: str) -> int:
    from ...incidents.loading import load_incident
    from ...reports.visible import visible

    record = load_incident(path, draft=True)
    problems = store.verify(record)
    entries = [] if problems else store.entries()
    if format_ == "json":
        told = [
            {"file": each.file, "line": each.line, "message": each.message} for each in problems
        ]
        print_json({"incident": record.id, "intact": not problems, "problems": told})
    else:
        for each in problems:
            click.echo(visible(str(each)))
        count = f"{len(entries)} files" if not problems else f"{len(problems)} problems"
        click.echo(f"{record.id}: {'intact, ' if not problems else ''}{count}")
    return 2 if problems else 0
