"""``aiir incident clocks`` and ``notify``: duties to notify, and what was done about them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from ..output import format_option, note, print_json, wants_color, width
from .records import find_path, incidents_option, instant, utc_text
from .stepping import by_option


@click.command()
@click.argument("id_", metavar="ID")
@incidents_option
@click.option(
    "--timezone", default="UTC", show_default=True, metavar="ZONE", help="Of the local times."
)
@click.option(
    "--start",
    "starts",
    multiple=True,
    metavar="EVENT=TIME",
    help="When an event was: determination=2026-03-01T09:30Z; a bare time is local. Repeatable.",
)
@click.option(
    "--clocks",
    "files",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Clocks of your own, such as contracts [default: clocks.yaml of the register].",
)
@click.option("--at", "at", metavar="TIME", help="As of this time [default: now].")
@format_option
def clocks(
    id_: str,
    folders: tuple[str, ...],
    timezone: str,
    starts: tuple[str, ...],
    files: tuple[str, ...],
    at: str | None,
    format_: str,
) -> None:
    """Which duties to notify may have started for an incident, and when each falls due.

    This is no legal advice: it says which clocks may have started, and to ask counsel.

    \b
    aiir incident clocks INC-7 --timezone Europe/Berlin
    aiir incident clocks INC-7 --start classification=2026-03-01T09:30Z
    """
    from datetime import UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from ...incidents.clocks import load_clocks
    from ...incidents.folders import own_file
    from ...incidents.loading import load_incident
    from ...response.clocks import assess_clocks

    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.UsageError(
            f"--timezone {timezone!r} is no time zone; write one like Europe/Berlin"
        ) from None
    path = find_path(id_, folders)
    own = own_file(path, "clocks.yaml")
    known = load_clocks(*(files or ([own] if own is not None else [])))
    assessment = assess_clocks(
        load_incident(path, draft=True),
        known,
        now=datetime.now(UTC) if at is None else instant(at, "--at", timezone).astimezone(UTC),
        timezone=timezone,
        starts=_starts(starts, {clock.id for clock in known.clocks}, timezone),
    )
    if format_ == "json":
        print_json(assessment.to_mapping())
    elif format_ == "markdown":
        from ...response.clock_view import clocks_markdown

        click.echo(clocks_markdown(assessment), nl=False)
    else:
        from ...response.clock_view import render_clocks

        click.echo(render_clocks(assessment, color=wants_color(), width=width()))


def _starts(pairs: tuple[str, ...], ids: set[str], timezone: str) -> dict[str, datetime]:
    from ...incidents.clocks import EVENTS

    found = {}
    for pair in pairs:
        name, equals, when = pair.partition("=")
        if not equals or name not in {*EVENTS, *ids}:
            raise click.UsageError(
                f"--start {pair!r}: write EVENT=TIME; the events are {', '.join(EVENTS)}, "
                "or the id of a clock for when its report was made"
            )
        found[name] = instant(when, f"--start {name}", timezone)
    return found


@click.command()
@click.argument("id_", metavar="ID")
@click.argument("clock", metavar="CLOCK")
@incidents_option
@click.option("--started", metavar="TIME", help="When the clock started.")
@click.option("--reported", metavar="TIME", help="When the report was made; 'now' will do.")
@click.option("--due", metavar="TIME", help="When it falls due, where counsel says otherwise.")
@click.option("--status", metavar="TEXT", help="What was decided, and by whom it was.")
@by_option
@click.option(
    "--clocks",
    "files",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Clocks of your own.",
)
def notify(
    id_: str,
    clock: str,
    folders: tuple[str, ...],
    started: str | None,
    reported: str | None,
    due: str | None,
    status: str | None,
    by: str | None,
    files: tuple[str, ...],
) -> None:
    """Record in the file of an incident that a clock started, or that its report was made.

    A clock that runs from this report starts with it. Comments in the file are kept.

    \b
    aiir incident notify INC-7 gdpr-33-1 --started 2026-03-01T09:30Z --by "J. Doe"
    aiir incident notify INC-7 gdpr-33-1 --reported now --by "J. Doe"
    """
    from difflib import get_close_matches

    from ...errors import InputError
    from ...incidents.clocks import load_clocks
    from ...incidents.editing import edit_incident
    from ...incidents.folders import own_file
    from ...incidents.model import Incident, Notification

    stated = {
        "started_at": started and utc_text(_at_midnight(started), "--started"),
        "reported_at": reported and utc_text(_at_midnight(reported), "--reported"),
        "due_at": due and _utc(due, "--due"),
        "status": status,
        "by": by,
    }
    stated = {name: value for name, value in stated.items() if value is not None}
    if not stated.keys() - {"by"}:
        raise click.UsageError("say what happened: --started, --reported, --due or --status")
    path = find_path(id_, folders, to_change=True)
    own = own_file(path, "clocks.yaml")
    known = load_clocks(*(files or ([own] if own is not None else [])))
    if known.of(clock) is None:
        ids = [each.id for each in known.clocks]
        near = get_close_matches(clock, ids, 3)
        raise InputError(
            f"no clock is called {clock!r}", hint=f"did you mean {', '.join(near or ids[:12])}?"
        )

    def change(incident: Incident) -> Incident:
        told = {each.clock: each for each in incident.notifications}
        before = told.get(clock, Notification(clock=clock))
        told[clock] = before.model_copy(update=stated)
        return incident.model_copy(update={"notifications": list(told.values())})

    edit_incident(path, change)
    note(f"{Path(path)}: {clock} {', '.join(name for name in stated)}")
    click.echo(str(path))


def _at_midnight(text: str) -> str:
    return f"{text}T00:00Z" if len(text) == len("2026-03-01") else text


def _utc(text: str, what: str) -> str:
    from datetime import UTC

    moment = instant(text, what).astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
