"""``aiir incident pause`` and ``resume``: flags that applications read through OpenFeature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..output import note, print_json
from .records import find_path, incidents_option, utc_text
from .stepping import by_option

KINDS = ("workflow", "route", "tool_permission", "trigger")


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.argument("id_", metavar="ID"),
            incidents_option,
            click.option("--kind", required=True, type=click.Choice(KINDS), help="What it is."),
            click.option("--ref", required=True, metavar="NAME", help="Which one."),
            click.option(
                "--flags",
                type=click.Path(dir_okay=False),
                default="flags.json",
                show_default=True,
                envvar="AIIR_FLAGS",
                show_envvar=True,
                metavar="FILE",
                help="The flag definitions (flagd, JSON) that the application reads.",
            ),
            click.option("--flag", metavar="KEY", help="The flag's name [default: KIND.REF]."),
            by_option,
            click.option("--dry-run", is_flag=True, help="Say what would change; change nothing."),
            click.option(
                "--format",
                "format_",
                type=click.Choice(("text", "json")),
                default="text",
                show_default=True,
                help="How the change is printed.",
            ),
        )
    ):
        command = option(command)
    return command


@click.command()
@_options
def pause(**options: Any) -> None:
    """Switch something off for an incident, and record it.

    Applications ask OpenFeature for the boolean flag KIND.REF, with true as the default; here it
    becomes false. Other flags of the file are kept.

    \b
    aiir incident pause INC-7 --kind tool_permission --ref issue_refund --flags flags.json
    """
    _run("pause", **options)


@click.command()
@_options
def resume(**options: Any) -> None:
    """Put back what stood before the pause, and record it.

    What another incident has paused, too, stays off until that one resumes it.

    \b
    aiir incident resume INC-7 --kind tool_permission --ref issue_refund
    """
    _run("resume", **options)


def _run(
    verb: str,
    *,
    id_: str,
    folders: tuple[str, ...],
    kind: Any,
    ref: str,
    flags: str,
    flag: str | None,
    by: str | None,
    dry_run: bool,
    format_: str,
) -> None:
    from ...response import pausing

    if not ref.strip():
        raise click.UsageError("--ref: name what is to be paused")
    path = find_path(id_, folders, to_change=True)
    what = pausing.Pausing(
        kind=kind, ref=ref, at=utc_text("now", ""), by=by, flags=flags, flag=flag
    )
    act = pausing.pause if verb == "pause" else pausing.resume
    change = act(path, what, dry_run=dry_run)
    if format_ == "json":
        print_json({"dry_run": dry_run, **change.to_mapping()})
        return
    from ...reports.visible import visible

    state = "off" if change.held_by else "as it stood"
    held = f", held by {', '.join(change.held_by)}" if change.held_by else ""
    told = f"{flags}: {change.key} {'would be' if dry_run else 'is'} {state}{held}"
    click.echo(visible(told))
    if dry_run:
        note("nothing was changed")
    else:
        note(f"recorded in {path}")
