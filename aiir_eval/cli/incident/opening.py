"""``aiir incident new``: open a record."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..output import note
from ..stores import mlflow_option
from .facts import fact_options, stated


@click.command()
@click.option(
    "--from",
    "source",
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
@mlflow_option("Where the trace is stored.", name="tracking_uri")
@click.option("--id", "id_", metavar="ID", help="The id of the record [default: INC-DATE-N].")
@click.option(
    "--incidents",
    "register",
    type=click.Path(file_okay=False),
    default="incidents_corpus",
    show_default=True,
    metavar="DIR",
    help="The register that it is put into; made where there is none.",
)
@click.option(
    "-o", "--out", type=click.Path(), metavar="FILE", help="The file [default: DIR/CLASS/ID.yaml]."
)
@fact_options
def new(
    source: str | None,
    id_columns: str,
    columns: tuple[str, ...],
    tracking_uri: str | None,
    id_: str | None,
    register: str,
    out: str | None,
    **options: Any,
) -> None:
    """Open a record: from what is stated, or prefilled from a logged interaction.

    A terminal asks for what was not stated; Enter leaves an answer open. A script states at least
    --class and --title. What is open is marked, and `aiir incident validate` names it.

    \b
    aiir incident new
    aiir incident new --class hallucination --title "A fare that does not exist" --detected-at now
    aiir incident new --from logs.parquet#4711 --class hallucination
    aiir incident new --from mlflow:tr-0123 --mlflow sqlite:///mlflow.db
    """
    from ...documents import field_path
    from ...incidents.opening import add_record, open_record
    from ...incidents.unfinished import open_points

    facts, flags = stated(options)
    if "class_" in facts:
        facts["class"] = facts.pop("class_")
    if flags:
        facts["flags"] = {name: flag.model_dump() for name, flag in flags.items()}
    if source is None:
        if columns or tracking_uri is not None:
            raise click.UsageError("--column and --mlflow say where --from reads: give it, too")
        facts["id"] = id_ or "INC"
        missing = [name for name in ("class", "title") if name not in facts]
        if sys.stdin is not None and sys.stdin.isatty():
            # what was stated is checked before anybody answers a question for nothing
            open_record({"class": "hallucination", "title": "?", **facts}, register=register)
            note("Enter leaves an answer open; Ctrl-C writes nothing.")
            facts = {**facts, **_asked(facts, register)}
        elif missing:
            raise click.UsageError(
                f"state {' and '.join(f'--{name}' for name in missing)}, or --from a row or a "
                "trace (a terminal would ask)"
            )
        record = open_record(facts, register=register)
    else:
        draft = _draft(source, id_columns, columns, tracking_uri, id_, facts.get("class"))
        record = open_record(facts, register=register, draft=draft)
    path = add_record(record, register, out, numbered=id_ is None and source is None)
    open_ = list(dict.fromkeys(field_path(where) for where, _ in open_points(record.to_mapping())))
    told = f"a draft, still to be filled in: {', '.join(open_)}" if open_ else "opened"
    note(f"{path}: {told}")
    if record.detected_at is None:
        note("When it was detected is not stated, and no deadline runs: --detected-at")
    click.echo(str(path))


def _draft(
    source: str,
    id_columns: str,
    columns: tuple[str, ...],
    tracking_uri: str | None,
    id_: str | None,
    incident_class: Any,
) -> Any:
    """The record of a logged interaction."""
    from ...incidents.drafting import draft_from_row, draft_from_trace

    for pair in columns:
        if "=" not in pair:
            raise click.UsageError(
                f"--column {pair!r}: write FIELD=COL, e.g. triggering_input=text"
            )
    if source.startswith("mlflow:"):
        from ...tracking.stores import check_readable, resolve_store

        if tracking_uri is not None:  # else MLflow's own default
            store = resolve_store(tracking_uri)
            check_readable(store)
            tracking_uri = store.uri
        trace = source.removeprefix("mlflow:")
        return draft_from_trace(trace, tracking_uri, id=id_, incident_class=incident_class)
    table, hash_, row = source.rpartition("#")
    if not hash_ or not row:
        raise click.UsageError(f"--from {source!r}: write TABLE#ID or mlflow:TRACE_ID")
    return draft_from_row(
        table,
        row,
        id_columns=id_columns,
        columns=dict(pair.split("=", 1) for pair in columns),
        id=id_,
        incident_class=incident_class,
    )


def _asked(facts: dict[str, Any], register: str) -> dict[str, Any]:
    """The answers to what was not stated; one that is left empty is left out."""
    from ...incidents.classes import CLASSES
    from ...incidents.folders import taxonomy_of
    from ...incidents.unfinished import TO_FILL_IN
    from .records import utc_text

    answers: dict[str, Any] = {}

    def ask(field: str, question: str, **how: Any) -> None:
        if field not in facts:
            answer = click.prompt(
                question, err=True, **{"default": "", "show_default": False, **how}
            )
            if isinstance(answer, list) or answer.strip():
                answers[field] = answer

    def title(text: str) -> str:
        if not text.strip():
            raise click.UsageError("a record needs a title")
        return text

    def domains(text: str) -> list[str]:
        try:
            return [taxonomy.resolve(each) for each in text.split(",")]
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    taxonomy = taxonomy_of(Path(register))
    ask("class", "Class", type=click.Choice(CLASSES), default=None)
    ask("title", "What happened, in a line", value_proc=title)
    ask(
        "detected_at",
        "Detected at (UTC, or with an offset)",
        default="now",
        show_default=True,
        value_proc=lambda text: utc_text(text.strip(), "this"),
    )
    for field, question in TO_FILL_IN.items():
        if field == "downstream_impact" and "observed_action" not in facts:
            ask("observed_output", "Observed output: what it said")
        if field == "downstream_impact" and "observed_output" not in {**facts, **answers}:
            ask("observed_action", "Observed action: what it did")
        if field != "title":
            ask(field, f"{field.replace('_', ' ').capitalize()}: {question}")
    ask("incident_owner", "Incident owner: who leads the response")
    ask("communications_owner", "Communications owner: who speaks for it")
    of_class = ", ".join(taxonomy.domains_of(facts.get("class") or answers["class"]))
    ask(
        "psf_domains",
        f"Domains of the {taxonomy.name}",
        default=of_class,
        show_default=True,
        value_proc=domains,
    )
    return answers
