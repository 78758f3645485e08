"""``aiir incident import``, ``export`` and ``mapping``: records from and for other formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...incidents.exchange import EXPORTS, IMPORTS, MAPPED
from ..output import format_option, note, print_json, require_writable
from .records import find, incidents_option


@click.command("import")
@click.argument("source", metavar="FORMAT", type=click.Choice(IMPORTS))
@click.argument("path", metavar="FILE", type=click.Path())
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False),
    default="incidents_corpus",
    show_default=True,
    metavar="FOLDER",
    help="The register to write the drafts into: FOLDER/CLASS/ID.yaml.",
)
@click.option("--class", "class_", metavar="CLASS", help="Of all of them [default: guessed].")
@click.option("--dry-run", is_flag=True, help="Count, and write nothing.")
@format_option
def import_(source: str, path: str, out: str, class_: Any, dry_run: bool, format_: str) -> int:
    """Drafts of every document of a file: FORMAT is avid, atlas or aiid.

    What the source does not say stays marked as unknown, and a guessed class too, until a person
    has dealt with it. A record that is there already is kept. A document that cannot be read is
    told with its line and does not stop the rest.

    \b
    aiir incident import avid avid_raw.jsonl.gz -o register --dry-run

    Exit code 2 where a document could not be read, else 0.
    """
    from ...incidents.exchange.importing import import_records, write_records
    from ...reports.visible import visible

    if not dry_run:
        require_writable(str(Path(out) / "record.yaml"))
    found = import_records(source, path, class_=class_)
    written = write_records(found, out, dry_run=dry_run)
    for problem in found.problems:
        note(f"warning: {problem}")
    counted = {
        "format": source,
        "documents": found.documents,
        "records": len(found.incidents),
        "problems": len(found.problems),
        "new": len(written.new),
        "unchanged": len(written.same),
        "kept": len(written.kept),
        "dry_run": dry_run,
        "by_class": found.counts("class_"),
        "by_kind": found.counts("kind"),
    }
    if format_ == "json":
        problems = [
            {"file": each.file, "line": each.line, "field": each.field, "message": each.message}
            for each in found.problems
        ]
        print_json({**counted, "problem_list": problems})
    elif format_ == "markdown":
        click.echo("| what | count |\n| --- | ---: |")
        for name in ("documents", "records", "problems", "new", "unchanged", "kept"):
            click.echo(f"| {name} | {counted[name]} |")
    else:
        would = "would be " * dry_run
        click.echo(
            f"{found.documents:,} documents, {len(found.incidents):,} records, "
            f"{len(found.problems):,} problems"
        )
        click.echo(
            visible(
                f"{out}: {len(written.new):,} {would}written, {len(written.same):,} unchanged, "
            )
            + f"{len(written.kept):,} kept as they are"
        )
        for field in ("class_", "kind"):
            told = ", ".join(f"{number:,} {name}" for name, number in found.counts(field).items())
            click.echo(f"{field.strip('_')}: {told or 'none'}")
    return 2 if found.problems else 0


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@incidents_option
@click.option(
    "--to", "format_", required=True, type=click.Choice((*EXPORTS, "markdown")), help="The format."
)
@click.option(
    "--drift",
    type=click.Path(),
    metavar="FILE",
    help="A drift report (JSON): its columns become the metrics of an AVID report.",
)
@click.option(
    "-o", "--out", type=click.Path(), metavar="FILE", help="The file to write [default: stdout]."
)
def export(
    ids: tuple[str, ...],
    folders: tuple[str, ...],
    format_: str,
    drift: str | None,
    out: str | None,
) -> None:
    """Records in another format, by their ids or files.

    `aiir incident mapping FORMAT` says what is lost. Severities are never converted.

    \b
    aiir incident export DPD-2024 --to stix -o dpd.stix.json
    """
    from datetime import UTC, datetime

    from ...documents import read_json, write_text
    from ...errors import InputError
    from ...incidents.exchange.exporting import export_records
    from ...reports.visible import visible

    require_writable(out)
    records = [find(id_, folders) for id_ in dict.fromkeys(ids)]
    if format_ == "markdown":
        from ...reports.markdown import incident_markdown

        if drift is not None:
            raise InputError("a drift report goes into an AVID report only")
        text = "\n".join(map(incident_markdown, records))
    else:
        report = None if drift is None else read_json(drift)
        if report is not None and not isinstance(report, dict):
            raise InputError("this is no drift report", file=drift, hint="aiir drift -o FILE")
        text = export_records(format_, records, at=datetime.now(UTC), drift=report)
    if out is not None:
        write_text(out, text)
        note(f"{out}: {len(records)} as {format_}")
    elif format_ in ("csv", "markdown"):
        click.echo(visible(text), nl=False)
    else:
        import json

        print_json(json.loads(text))


@click.command()
@click.argument("name", metavar="FORMAT", type=click.Choice(MAPPED))
@format_option
def mapping(name: str, format_: str) -> None:
    """What becomes of each field: direct, partial, approximate or unmapped, and what is lost.

    \b
    aiir incident mapping avid
    """
    from ...incidents.exchange.mapping import load_mapping, mapping_markdown

    found = load_mapping(name)
    if format_ == "json":
        print_json(found.model_dump(by_alias=True, exclude_none=True, mode="json"))
    elif format_ == "markdown":
        click.echo(mapping_markdown(found), nl=False)
    else:
        from ...reports.terminal.mappings import render_mapping
        from ..output import wants_color, width

        click.echo(render_mapping(found, color=wants_color(), width=width()))
