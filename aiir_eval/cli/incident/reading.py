"""``aiir incident list``, ``show`` and ``validate``: what the register says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...incidents.phases import PHASES
from ..output import FORMATS, format_option, print_json, wants_color, width
from .records import default_folders, find_path, incidents_option, instant, listing


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@format_option
def validate(paths: tuple[str, ...], format_: str) -> int:
    """Check records or folders of records [default: incidents_corpus].

    Every problem at once, each with file, line and field.

    \b
    aiir incident validate
    aiir incident validate incidents_corpus/hallucination/INC-7.yaml

    Exit code 2 where there is a problem, else 0.
    """
    from ...incidents.loading import load_register
    from ...reports.visible import visible

    places = [Path(path) for path in paths] or default_folders()
    register = load_register(*places)
    problems = [*register.problems, *_of_settings(places)]
    if format_ == "json":
        print_json(
            {
                "incidents": len(register.incidents),
                "problems": [
                    {
                        "file": problem.file,
                        "line": problem.line,
                        "field": problem.field,
                        "message": problem.message,
                        "hint": problem.hint,
                    }
                    for problem in problems
                ],
            }
        )
    else:
        for problem in problems:
            click.echo(visible(str(problem)))
        files = "1 record" if len(register.incidents) == 1 else f"{len(register.incidents)} records"
        told = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        click.echo(f"{files} valid, {told}")
    return 2 if problems else 0


def _of_settings(places: list[Path]) -> list[Any]:
    """What is wrong with the clocks of the registers' own."""
    from ...errors import InputError
    from ...incidents.clocks import load_clocks
    from ...incidents.folders import own_file

    problems: list[Any] = []
    for place in places:
        own = own_file(place, "clocks.yaml") if place.is_dir() else None
        try:
            if own is not None:
                load_clocks(own)
        except InputError as error:
            problems.extend(error.problems)
    return problems


@click.command("list")
@incidents_option
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Only these classes.")
@click.option(
    "--domain",
    "domains",
    multiple=True,
    metavar="DOMAIN",
    help="Only these PSF domains, by id or name.",
)
@click.option("--system", metavar="TEXT", help="Only where the system's name holds this.")
@click.option("--vendor", metavar="TEXT", help="Only where the vendor's name holds this.")
@click.option(
    "--phase", "phases", multiple=True, type=click.Choice(PHASES), help="Only in this phase."
)
@click.option("--overdue", is_flag=True, help="Only where a phase or notification is overdue.")
@click.option(
    "--format",
    "format_",
    type=click.Choice((*FORMATS, "csv")),
    default="text",
    show_default=True,
    help="How the list is printed. JSON on stdout is only JSON.",
)
def list_(
    folders: tuple[str, ...],
    classes: tuple[str, ...],
    domains: tuple[str, ...],
    system: str | None,
    vendor: str | None,
    phases: tuple[str, ...],
    overdue: bool,
    format_: str,
) -> None:
    """The records there are, drafts among them, a line each.

    A large register keeps an index in .aiir/; the files are read again where they changed.

    \b
    aiir incident list --class hallucination
    aiir incident list --overdue --format csv
    """
    from datetime import UTC, datetime

    from ...incidents.classes import CLASSES

    if unknown := [name for name in classes if name not in CLASSES]:
        raise click.UsageError(f"{unknown[0]!r} is no class; one of {', '.join(CLASSES)}")
    now = datetime.now(UTC)
    found = listing(folders).select(
        classes=classes,
        domains=_domains(domains, folders),
        system=system,
        vendor=vendor,
        phases=phases,
        overdue_at=now if overdue else None,
    )
    if format_ == "json":
        print_json([entry.to_mapping(now) for entry in found])
    elif format_ == "csv":
        from ...incidents.exchange.flat import csv_text
        from ...reports.visible import visible

        rows = [_row(entry.to_mapping(now)) for entry in found]
        click.echo(visible(csv_text(COLUMNS, rows)), nl=False)
    elif format_ == "markdown":
        from ...reports.markdown import incidents_markdown

        click.echo(incidents_markdown(found, now))
    else:
        from ...reports.terminal import render_incidents

        click.echo(render_incidents(found, now=now, color=wants_color(), width=width()))


COLUMNS = (
    "id", "title", "class", "kind", "status", "phase", "occurred_at", "detected_at", "system",
    "model", "vendor", "incident_owner", "psf_domains", "overdue", "next_due", "cases",
    "confidence", "reconstructed", "unfinished", "path",
)  # fmt: skip


def _row(line: dict[str, Any]) -> dict[str, Any]:
    coming = line["next_due"]
    return {**line, "next_due": coming and f"{coming['what']} {coming['at']}"}


def _domains(names: tuple[str, ...], folders: tuple[str, ...]) -> set[str]:
    """The ids of domains called by id, name or alias."""
    if not names:
        return set()
    from ...errors import InputError
    from ...incidents.folders import taxonomy_of

    taxonomy = taxonomy_of(Path(next(iter(folders), default_folders()[0])))
    try:
        return {taxonomy.resolve(name) for name in names}
    except ValueError as error:
        raise InputError(str(error)) from None


@click.command()
@click.argument("id_", metavar="ID")
@incidents_option
@click.option("--at", metavar="TIME", help="As of this time [default: now].")
@click.option(
    "--vendors",
    type=click.Path(),
    default="vendors",
    show_default=True,
    metavar="DIR",
    help="Where the assessments of vendors are.",
)
@format_option
def show(id_: str, folders: tuple[str, ...], at: str | None, vendors: str, format_: str) -> None:
    """One record, by its id or its file: where it stands in the playbook, then all it says.

    Sixteen steps in four phases, what is due and overdue, who sees to it, what is missing of the
    evidence and the flags, clocks. Of a record that was reconstructed from public sources nothing
    is due, so its steps are shown only where some are recorded.

    \b
    aiir incident show INC-7
    """
    from datetime import UTC, datetime

    from ...incidents.loading import load_incident
    from ...response.dashboard import dashboard
    from ...response.decisions import review_progress
    from .stepping import assessed_of, clocks_of

    path = find_path(id_, folders)
    record = load_incident(path, draft=True)
    now = datetime.now(UTC) if at is None else instant(at, "--at").astimezone(UTC)
    view = dashboard(
        record,
        clocks_of(path, record, now),
        now=now,
        assessed=assessed_of(record, vendors),
        reviews=review_progress(record.id, path.parent),
    )
    told = not record.reconstructed or bool(record.steps)
    if format_ == "json":
        print_json({**record.to_mapping(), "playbook": view.to_mapping()})
    elif format_ == "markdown":
        from ...reports.markdown import incident_markdown
        from ...response.dashboard_view import dashboard_markdown

        if told:
            click.echo(dashboard_markdown(view))
        click.echo(incident_markdown(record))
    else:
        from ...reports.terminal import render_incident
        from ...response.dashboard_view import render_dashboard

        if told:
            click.echo(render_dashboard(view, color=wants_color(), width=width()) + "\n")
        click.echo(render_incident(record, color=wants_color(), width=width()))
