"""``aiir incident``: records of what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .app import LazyGroup
from .output import format_option, note, print_json, wants_color, width

TABLE = {
    "new": ("incident", "new", "Open a record, prefilled from a logged interaction."),
    "list": ("incident", "list_", "The records there are."),
    "show": ("incident", "show", "One record."),
    "validate": ("incident", "validate", "Check records: every problem at once."),
}

incidents_option = click.option(
    "--incidents",
    "folders",
    multiple=True,
    type=click.Path(exists=True),
    metavar="DIR",
    help="Where the records are [default: incidents_corpus, else the shipped ones].",
)


@click.group(cls=LazyGroup, table=TABLE)
def incident() -> None:
    """Records of incidents."""


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@format_option
def validate(paths: tuple[str, ...], format_: str) -> int:
    """Check records or folders of records [default: incidents_corpus].

    Every problem at once, each with file, line and field. Exit code 2 where there is one.
    """
    from ..incidents.loading import load_register
    from ..reports.visible import visible

    register = load_register(*(paths or default_folders()))
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
                    for problem in register.problems
                ],
            }
        )
    else:
        for problem in register.problems:
            click.echo(visible(str(problem)))
        files = "1 record" if len(register.incidents) == 1 else f"{len(register.incidents)} records"
        problems = (
            "1 problem" if len(register.problems) == 1 else f"{len(register.problems)} problems"
        )
        click.echo(f"{files} valid, {problems}")
    return 2 if register.problems else 0


@click.command("list")
@incidents_option
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Only these classes.")
@format_option
def list_(folders: tuple[str, ...], classes: tuple[str, ...], format_: str) -> None:
    """The records there are, a line each."""
    found = [record for record in read(folders).values() if not classes or record.class_ in classes]
    if format_ == "json":
        print_json([record.summary() for record in found])
    elif format_ == "markdown":
        from ..reports.markdown import incidents_markdown

        click.echo(incidents_markdown(found))
    else:
        from ..reports.terminal import render_incidents

        click.echo(render_incidents(found, color=wants_color(), width=width()))


@click.command()
@click.argument("id_", metavar="ID")
@incidents_option
@format_option
def show(id_: str, folders: tuple[str, ...], format_: str) -> None:
    """One record, by its id or its file."""
    record = find(id_, folders)
    if format_ == "json":
        print_json(record.to_mapping())
    elif format_ == "markdown":
        from ..reports.markdown import incident_markdown

        click.echo(incident_markdown(record))
    else:
        from ..reports.terminal import render_incident

        click.echo(render_incident(record, color=wants_color(), width=width()))


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    metavar="TABLE#ID|mlflow:TRACE_ID",
    help="The logged interaction: a row of a table, or an MLflow trace.",
)
@click.option(
    "--id-columns",
    default="id",
    show_default=True,
    metavar="COLS",
    help="The columns that make a row's id.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=COL",
    help="Which column fills a field of the record; repeatable.",
)
@click.option("--mlflow", "tracking_uri", metavar="URI", help="Where the trace is stored.")
@click.option("--class", "incident_class", metavar="CLASS", help="The class of the incident.")
@click.option("--id", "id_", metavar="ID", help="The id of the record.")
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="The file to write [default: incidents_corpus/CLASS/ID.yaml].",
)
def new(
    source: str,
    id_columns: str,
    columns: tuple[str, ...],
    tracking_uri: str | None,
    incident_class: Any,
    id_: str | None,
    out: str | None,
) -> None:
    """Open a record, prefilled from a logged interaction, with a draft check.

    \b
    aiir incident new --from logs.parquet#4711 --class hallucination
    aiir incident new --from mlflow:tr-0123 --mlflow sqlite:///mlflow.db
    """
    from ..documents import write_text
    from ..errors import InputError
    from ..incidents.drafting import draft_from_row, draft_from_trace
    from ..incidents.writing import incident_yaml

    for pair in columns:
        if "=" not in pair:
            raise click.UsageError(
                f"--column {pair!r}: write FIELD=COL, e.g. triggering_input=text"
            )
    mapping = dict(pair.split("=", 1) for pair in columns)
    if source.startswith("mlflow:"):
        from ..tracking.stores import check_readable, resolve_store

        if tracking_uri is not None:  # else MLflow's own default
            store = resolve_store(tracking_uri)
            check_readable(store)
            tracking_uri = store.uri
        draft = draft_from_trace(
            source.removeprefix("mlflow:"), tracking_uri, id=id_, incident_class=incident_class
        )
    else:
        table, hash_, row = source.rpartition("#")
        if not hash_ or not row:
            raise click.UsageError(f"--from {source!r}: write TABLE#ID or mlflow:TRACE_ID")
        draft = draft_from_row(
            table,
            row,
            id_columns=id_columns,
            columns=mapping,
            id=id_,
            incident_class=incident_class,
        )
    path = Path(out) if out else Path("incidents_corpus", str(draft.class_), f"{draft.id}.yaml")
    if path.exists():
        raise InputError("a file is there already", file=str(path), hint="name another with -o")
    write_text(path, incident_yaml(draft))
    note(f"{path}: a draft; fill in what it says is unknown, then `aiir incident validate {path}`")
    click.echo(str(path))


def default_folders() -> list[Path]:
    """The register of this folder, else the shipped one."""
    from ..incidents.loading import shipped_corpus

    here = Path("incidents_corpus")
    return [here if here.is_dir() else shipped_corpus()]


def read(folders: tuple[str, ...]) -> dict[str, Any]:
    """The records that can be read; a warning for each that cannot."""
    from ..incidents.loading import load_register

    register = load_register(*(folders or default_folders()))
    for problem in register.problems:
        note(f"warning: {problem}")
    return dict(register.incidents)


def find(id_: str, folders: tuple[str, ...]) -> Any:
    """A record by its file, or by its id."""
    from difflib import get_close_matches

    from ..errors import InputError
    from ..incidents.loading import load_incident

    if Path(id_).is_file():
        return load_incident(id_)
    records = read(folders)
    if id_ not in records:
        near = get_close_matches(id_, records, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(records) or 'none'}"
        raise InputError(f"no incident {id_!r}", hint=hint)
    return records[id_]
