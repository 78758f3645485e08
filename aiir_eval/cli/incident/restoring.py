"""``aiir incident restore`` and ``communicate``: what was decided, and what was told to whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from ..output import note, print_json, text_or_json_option
from ..stores import mlflow_option
from .records import find_path, incidents_option, utc_text
from .stepping import by_option

DECISIONS = ("rollback", "vendor_failover", "manual_review", "customer_correction")


@click.command()
@click.argument("id_", metavar="ID")
@incidents_option
@click.option(
    "--decision",
    "decisions",
    multiple=True,
    required=True,
    type=click.Choice(DECISIONS),
    help="What is needed before service is restored. Repeatable.",
)
@click.option("--reason", required=True, metavar="WHY", help="Why.")
@by_option
@click.option("--model", metavar="NAME", help="Roll back this registered model of MLflow.")
@click.option("--prompt", metavar="NAME", help="Roll back this prompt of MLflow.")
@click.option(
    "--alias", default="production", show_default=True, metavar="NAME", help="The alias that moves."
)
@click.option(
    "--to", type=click.IntRange(min=1), metavar="VERSION", help="[default: the one before]"
)
@mlflow_option("Where the registry is.", name="tracking_uri")
@click.option("--waive", metavar="WHY", help="Why the old version need not be preserved first.")
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@text_or_json_option
def restore(
    id_: str,
    folders: tuple[str, ...],
    decisions: tuple[Any, ...],
    reason: str,
    by: str | None,
    model: str | None,
    prompt: str | None,
    alias: str,
    to: int | None,
    tracking_uri: str | None,
    waive: str | None,
    dry_run: bool,
    format_: str,
) -> None:
    """Record what was decided before restoration; roll back a model or a prompt.

    A rollback moves an alias of MLflow's registry to the version before. The faulty version is kept
    under the alias incident-ID, and its prompt and output must be preserved first.

    \b
    aiir incident restore INC-7 --decision manual_review --reason "every refund of the week"
    aiir incident restore INC-7 --decision rollback --reason "v3 lost the monitor" \\
        --prompt support --alias production --mlflow sqlite:///mlflow.db
    """
    from ...response.restoring import Decided, Rollback, restore
    from ...tracking.stores import check_readable, resolve_store

    if model and prompt:
        raise click.UsageError("--model or --prompt: one at a time")
    if waive is not None and not waive.strip():
        raise click.UsageError("--waive: say why")
    name = model or prompt
    if name is None and (to is not None or tracking_uri is not None):
        raise click.UsageError("name what to roll back: --model NAME or --prompt NAME")
    path = find_path(id_, folders, to_change=True)
    store = None
    if name is not None:
        store = resolve_store(tracking_uri)
        check_readable(store)
    plan = restore(
        path,
        Decided(tuple(dict.fromkeys(decisions)), reason, by, datetime.now(UTC), waive),
        None if name is None else Rollback("model" if model else "prompt", name, alias, to),
        store,
        dry_run=dry_run,
    )
    if format_ == "json":
        moved = None if plan is None else plan.to_mapping()
        print_json({"dry_run": dry_run, "decisions": list(decisions), "rollback": moved})
        return
    from ...reports.visible import visible

    if plan is not None:
        click.echo(visible(("would do: " if dry_run else "") + plan.words()))
    note("nothing was changed" if dry_run else f"recorded in {path}")
    if not dry_run:
        click.echo(str(path))


@click.command()
@click.argument("id_", metavar="ID")
@incidents_option
@click.option("--to", required=True, metavar="WHOM", help="Customers, a regulator, a partner.")
@click.option("--channel", metavar="TEXT", help="E-mail, telephone, a portal.")
@click.option("--summary", required=True, metavar="TEXT", help="What was said.")
@click.option("--ref", metavar="TEXT", help="Where it can be found: a ticket, a message id.")
@click.option("--at", metavar="TIME", default="now", help="When [default: now].")
def communicate(
    id_: str,
    folders: tuple[str, ...],
    to: str,
    channel: str | None,
    summary: str,
    ref: str | None,
    at: str,
) -> None:
    """Log what was told to whom.

    \b
    aiir incident communicate INC-7 --to customers --channel email --summary "..." --ref MSG-12
    """
    from ...incidents.editing import edit_incident
    from ...incidents.model import Communication, Incident

    path = find_path(id_, folders, to_change=True)
    when = utc_text(at, "--at")

    def change(record: Incident) -> Incident:
        told = Communication(at=when, to=to, channel=channel, summary=summary, ref=ref)
        if told in record.communications:
            return record
        logged = sorted([*record.communications, told], key=lambda each: each.at)
        return record.model_copy(update={"communications": logged})

    if not (to.strip() and summary.strip()):
        raise click.UsageError("--to and --summary: say whom and what")
    edit_incident(path, change)
    note(f"logged in {path}")
    click.echo(str(path))
