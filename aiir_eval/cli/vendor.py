"""``aiir vendor``: models that go away, and what was known of a vendor on a day."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from .app import LazyGroup
from .output import format_option, note, print_json, wants_color, width

TABLE = {
    "check": ("vendor", "check", "The models in use against a feed of retirements."),
    "add": ("vendor", "add", "Write an assessment of a vendor."),
    "list": ("vendor", "list_", "The assessments there are."),
    "show": ("vendor", "show", "The latest assessment of a vendor."),
}

models_option = click.option(
    "--models", multiple=True, metavar="NAMES", help="Models in use, comma-separated; repeatable."
)
feed_option = click.option(
    "--feed", "feed_path", type=click.Path(), metavar="FILE", help="Retirements: JSON or YAML."
)
register_option = click.option(
    "--register",
    "registers",
    multiple=True,
    type=click.Path(),
    metavar="DIR",
    help="Records of incidents; repeatable.",
)
folder_option = click.option(
    "--vendors",
    "folder",
    type=click.Path(file_okay=False),
    default="vendors",
    show_default=True,
    metavar="DIR",
    help="Where the assessments are.",
)


@click.group(cls=LazyGroup, table=TABLE)
def vendor() -> None:
    """Vendors: models that go away, and assessments."""


class Period(click.ParamType):  # type: ignore[type-arg]
    """``90d``, ``12w`` or ``6m`` (of 30 days)."""

    name = "period"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"([0-9]{1,4})([dwm])", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no period; write one like 90d, 12w or 6m", param, ctx)
        return timedelta(days=int(match[1]) * {"d": 1, "w": 7, "m": 30}[match[2]])


@click.command()
@click.option(
    "--feed",
    "feed_path",
    type=click.Path(),
    required=True,
    metavar="FILE",
    help="Retirements of models: a JSON or YAML list.",
)
@models_option
@click.option("--config", type=click.Path(), metavar="FILE", help="An aiir.yaml with targets.")
@register_option
@click.option(
    "--within",
    type=Period(),
    default="90d",
    show_default=True,
    metavar="PERIOD",
    help="How soon a retirement is an alarm.",
)
@click.option("--at", metavar="DAY", help="As of this day [default: today].")
@format_option
def check(
    feed_path: str,
    models: tuple[str, ...],
    config: str | None,
    registers: tuple[str, ...],
    within: timedelta,
    at: str | None,
    format_: str,
) -> int:
    """Compare the models in use with a feed of retirements.

    Models come from --models, the targets of --config, and the records of --register.

    \b
    aiir vendor check --feed deprecations.json --models gpt-4-0613,claude-2.1

    Exit code 1 where one is retired or retires within the period, 3 where the dates of one cannot
    be true (a shutdown before its announcement) and nothing else is wrong, else 0; 2 for bad input.
    """
    from ..response.deprecations import check_models, exit_code
    from ..response.vendor_feed import read_feed
    from ..response.vendor_view import checks_markdown, feed_line, render_checks

    if not models and config is None and not registers:
        raise click.UsageError("name the models in use: --models, --config or --register")
    feed = read_feed(feed_path)
    for problem in feed.problems:
        note(f"warning: {problem}")
    found = check_models(
        _in_use(models, config, registers, feed), feed, today=_day(at), within=within
    )
    code = exit_code(found)
    if format_ == "json":
        print_json(
            {
                "feed": {
                    "path": feed.path,
                    "retirements": len(feed.retirements),
                    "impossible_dates": len(feed.doubtful),
                    "problems": len(feed.problems),
                },
                "as_of": str(_day(at)),
                "within_days": within.days,
                "exit_code": code,
                "models": [each.to_mapping() for each in found],
            }
        )
    elif format_ == "markdown":
        click.echo(checks_markdown(found, feed), nl=False)
    elif not found:
        click.echo(feed_line(feed))
        click.echo("no model in use is named there")
    else:
        click.echo(render_checks(found, feed, color=wants_color(), width=width()))
    return code


def _in_use(
    models: tuple[str, ...], config: str | None, registers: tuple[str, ...], feed: Any
) -> dict[str, list[str]]:
    from ..response.deprecations import models_of_config, models_of_register

    found: dict[str, list[str]] = {}
    for text in models:
        for name in filter(None, (part.strip() for part in text.split(","))):
            found.setdefault(name, [])
    if config is not None:
        from ..targets.config import load_config

        for name, users in models_of_config(load_config(config)).items():
            found.setdefault(name, []).extend(users)
    if registers:
        for name, users in models_of_register(_entries(registers), feed).items():
            found.setdefault(name, []).extend(users)
    return found


def _entries(folders: tuple[str, ...]) -> list[Any]:
    from ..errors import InputError
    from ..incidents.index import list_register

    if missing := [folder for folder in folders if not Path(folder).exists()]:
        raise InputError("no such file or folder", file=missing[0])
    listing = list_register(*folders)
    for problem in listing.problems:
        note(f"warning: {problem}")
    return list(listing.entries)


def _day(text: str | None) -> Any:
    from datetime import UTC, date, datetime

    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no day; write one like 2026-03-01") from None


@click.command()
@click.argument("id_", metavar="VENDOR")
@click.option("--name", metavar="TEXT", help="Its name [default: the id].")
@click.option("--assessor", required=True, metavar="NAME", help="Who assesses.")
@click.option("--date", "day", metavar="DAY", help="Of the assessment [default: today].")
@click.option(
    "--decision",
    type=click.Choice(["approved", "approved_with_conditions", "not_approved", "undecided"]),
    default="undecided",
    show_default=True,
    help="What was decided.",
)
@click.option("--condition", "conditions", multiple=True, metavar="TEXT", help="Repeatable.")
@click.option("--fallback", metavar="TEXT", help="What takes over where the vendor fails.")
@click.option("--next-review", metavar="DAY", help="When to look again.")
@click.option("--notes", metavar="TEXT", help="Anything else.")
@models_option
@feed_option
@register_option
@click.option(
    "--verdict",
    "verdicts",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="A verdict of `aiir gate -o`; repeatable.",
)
@folder_option
def add(
    id_: str,
    name: str | None,
    assessor: str,
    day: str | None,
    decision: str,
    conditions: tuple[str, ...],
    fallback: str | None,
    next_review: str | None,
    notes: str | None,
    models: tuple[str, ...],
    feed_path: str | None,
    registers: tuple[str, ...],
    verdicts: tuple[str, ...],
    folder: str,
) -> None:
    """Write an assessment of a vendor: its incidents, its retirements, verdicts, and a decision.

    Incidents are those of --register (of incidents_corpus, where it is here) whose record names
    the vendor; retirements are those of --feed for --models, else for the models of these records.

    \b
    aiir vendor add openai --assessor "J. Doe" --models gpt-4-0613 --feed deprecations.json
    """
    from ..documents import Document, validate
    from ..incidents.unfinished import is_known
    from ..response.deprecations import check_models
    from ..response.vendor_feed import read_feed
    from ..response.vendors import (
        VendorAssessment,
        attached_verdict,
        deprecations_of,
        incidents_of,
        save_assessment,
    )

    if not registers and Path("incidents_corpus").is_dir():
        registers = ("incidents_corpus",)
    entries = _entries(registers) if registers else []
    incidents = incidents_of(id_, name or id_, entries)
    named = [part.strip() for text in models for part in text.split(",") if part.strip()]
    if not named:
        concerned = {each.id for each in incidents}
        used = [each.model for each in entries if each.id in concerned and is_known(each.model)]
        named = list(dict.fromkeys(used))
    assessed = _day(day)
    deprecations = []
    if feed_path is not None:
        if not named:
            raise click.UsageError("--feed: name the vendor's models in use (--models)")
        in_use: dict[str, list[str]] = {model: [] for model in named}
        checks = check_models(
            in_use, read_feed(feed_path), today=assessed, within=timedelta(days=90)
        )
        deprecations = deprecations_of(checks)
    given = {
        "vendor": id_,
        "name": name or id_,
        "assessed_at": str(assessed),
        "assessor": assessor,
        "models": named,
        "incidents": [each.model_dump(mode="json") for each in incidents],
        "deprecations": [each.model_dump(mode="json") for each in deprecations],
        "verdicts": [attached_verdict(path).model_dump(mode="json") for path in verdicts],
        "fallback": fallback,
        "decision": decision,
        "conditions": list(conditions),
        "next_review": None if next_review is None else str(_day(next_review)),
        "notes": notes,
    }
    path = save_assessment(validate(VendorAssessment, Document("the assessment", given)), folder)
    note(f"{path}: {len(incidents)} incidents, {len(deprecations)} retirements")
    click.echo(str(path))


@click.command("list")
@folder_option
@format_option
def list_(folder: str, format_: str) -> None:
    """The assessments there are, the latest of each vendor first.

    \b
    aiir vendor list
    """
    from ..response.vendor_view import assessments_markdown, render_assessments

    found = _assessments(folder).found
    if format_ == "json":
        print_json([{**each.to_mapping(), "path": str(path)} for path, each in found])
    elif format_ == "markdown":
        click.echo(assessments_markdown([each for _, each in found]), nl=False)
    else:
        click.echo(render_assessments(found, color=wants_color(), width=width()))


@click.command()
@click.argument("id_", metavar="VENDOR")
@folder_option
@format_option
def show(id_: str, folder: str, format_: str) -> None:
    """The latest assessment of a vendor, by its id or name; or one by its file.

    \b
    aiir vendor show openai
    """
    from ..errors import InputError
    from ..response.vendor_view import assessments_markdown, render_assessment
    from ..response.vendors import load_assessment

    if Path(id_).is_file():
        latest = load_assessment(id_)
    else:
        every = _assessments(folder)
        if not (found := every.of(id_)):
            known = ", ".join(dict.fromkeys(each.vendor for _, each in every.found))
            raise InputError(f"no assessment of {id_!r}", hint=f"known: {known or 'none'}")
        latest = found[0][1]
    if format_ == "json":
        print_json(latest.to_mapping())
    elif format_ == "markdown":
        click.echo(assessments_markdown([latest]), nl=False)
    else:
        click.echo(render_assessment(latest, color=wants_color(), width=width()))


def _assessments(folder: str) -> Any:
    from ..response.vendors import load_assessments

    found = load_assessments(folder)
    for problem in found.problems:
        note(f"warning: {problem}")
    return found
