"""``aiir track``: what was to be written into MLflow when no server answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .app import LazyGroup
from .output import note, print_json, text_or_json_option
from .stores import mlflow_option
from .streams import stdout_for_results

if TYPE_CHECKING:
    from ..tracking.outbox import Record, Sent


@click.group(
    cls=LazyGroup,
    table={
        "list": ("track", "list_", "The records that wait."),
        "push": ("track", "push", "Write them into MLflow."),
    },
)
def track() -> None:
    """Verdicts and drift reports whose MLflow server did not answer wait in an outbox."""


outbox_option = click.option(
    "--outbox",
    type=click.Path(file_okay=False),
    default=".aiir/outbox",
    show_default=True,
    help="Where they wait.",
)


@click.command("list")
@outbox_option
@text_or_json_option
def list_(outbox: str, format_: str) -> int:
    """The records that wait, the oldest first.

    \b
    aiir track list
    """
    from ..errors import InputError
    from ..reports.visible import one_line
    from ..tracking.outbox import pending

    found, broken = [], 0
    for path, record in pending(outbox):
        if isinstance(record, InputError):
            note(f"error: {record}")
            broken += 1
            continue
        about = {"file": str(path), "at": f"{record.when:%Y-%m-%dT%H:%M:%SZ}", "name": record.name,
                 "experiment": record.experiment, "uri": record.uri}  # fmt: skip
        found.append(about)
        if format_ == "text":
            line = f"{about['at']}  {record.name}  -> {record.uri or '(name it with --mlflow)'}"
            click.echo(one_line(line))
    if format_ == "json":
        print_json(found)
    elif not found and not broken:
        note(f"nothing waits in {outbox}")
    return 2 if broken else 0


@click.command()
@outbox_option
@mlflow_option("Where to [default: where each was to go].", name="uri")
def push(outbox: str, uri: str | None) -> int:
    """Write the records that wait into MLflow; each is removed once it stands there.

    \b
    aiir track push --mlflow sqlite:///mlflow.db

    Exit codes: 0 all are written, 2 one cannot be, 5 no server answers (nothing is lost).
    """
    from ..tracking.outbox import push as push_all

    def told(record: Record, sent: Sent) -> None:
        note(f"{record.name}: MLflow run {sent.run_ids[0]} in {sent.url or sent.uri}")

    with stdout_for_results():
        sent, refused = push_all(uri, outbox=outbox, told=told)
    for error in refused:
        note(f"error: {error}")
    note(f"{len(sent)} written" + (f", {len(refused)} not" if refused else ""))
    return 2 if refused else 0
