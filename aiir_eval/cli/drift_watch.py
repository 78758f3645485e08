"""``aiir drift-watch``: has what matters got worse, as far as all looks so far can tell."""

from __future__ import annotations

import re
import sys

import click

from .drift import names
from .output import format_option, note, print_json
from .sources import table_of

_SPANS = {"yr": 365, "year": 365, "month": 30, "mo": 30, "week": 7, "w": 7}
_RATE = re.compile(r"\s*([0-9.]+)\s*/\s*([0-9.]*)\s*([a-z]*)\s*")


@click.command()
@click.argument("table", type=click.Path(), required=False, metavar="NEW_TABLE")
@click.option(
    "--state", required=True, type=click.Path(), metavar="FILE", help="What it remembers."
)
@click.option(
    "--primary",
    metavar="COLS",
    help="What is watched, comma-separated; COL:up or COL:down is the bad direction.",
)
@click.option(
    "--reference",
    type=click.Path(),
    metavar="TABLE",
    help="A table of quiet times; by default the first one that is looked at.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="COL=MEAN",
    help="The worst mean or rate that is tolerated, in the place of the reference's; repeatable.",
)
@click.option(
    "--bounds",
    multiple=True,
    metavar="COL=LOW:HIGH",
    help="The least and greatest value of a column, so that its mean is watched; repeatable.",
)
@click.option("--cluster", metavar="COL", help="Rows that belong together share a value.")
@click.option(
    "--unit",
    type=click.Choice(["looks", "rows"]),
    help="What is bet on: whole looks (default), so that days may differ by themselves; or rows "
    "(clusters), for looks known to differ no more than their rows explain.",
)
@click.option(
    "--min-effect",
    "min_effects",
    multiple=True,
    metavar="COL=E",
    help="How much worse than the reference is tolerated; repeatable.",
)
@click.option(
    "--false-alarm-rate",
    metavar="RATE",
    help="One look a day: 1/yr (default), 2/month; or looks: 1/1000.",
)
@click.option("--alpha", type=float, metavar="P", help="The chance that it ever alarms falsely.")
@click.option("--at", metavar="DATE", help="When the rows were; now by default.")
@click.option(
    "--time",
    metavar="COL",
    help="A column of timestamps that dates the look, and the reference's days.",
)
@click.option("--acknowledge", metavar="REASON", help="End the alarm, and begin to count anew.")
@click.option("--reset", is_flag=True, help="Learn anew what quiet means, from this table.")
@format_option
def drift_watch(
    table: str | None,
    state: str,
    primary: str | None,
    reference: str | None,
    limits: tuple[str, ...],
    bounds: tuple[str, ...],
    cluster: str | None,
    unit: str | None,
    min_effects: tuple[str, ...],
    false_alarm_rate: str | None,
    alpha: float | None,
    at: str | None,
    time: str | None,
    acknowledge: str | None,
    reset: bool,
    format_: str,
) -> None:
    """Look at the next table of a series: to run daily, from cron.

    \b
    aiir drift-watch monday.parquet --state watch.json --primary passed:down --reference may.parquet
    aiir drift-watch tuesday.parquet --state watch.json
    aiir drift-watch --state watch.json --acknowledge "rolled back to r1"

    The rate of false alarms holds while a quiet look's expected mean, given those before, is not
    beyond the limit; days may differ among themselves. With a reference of a week of days or more
    and --time, the spread of those days is what a look is measured by, and a collapse is an alarm
    at the second look; without, it takes several more. With --unit rows, days that differ by
    themselves are false alarms.

    Each table is looked at once, and counted once: looking at it again changes nothing. An alarm
    stands until it is acknowledged.

    Exit code 0 while quiet, 1 while an alarm stands, 2 for bad input.
    """
    from ..drift.watching.looking import acknowledge as end_alarm
    from ..drift.watching.looking import drift_watch as look
    from ..reports.visible import visible

    if acknowledge is not None:
        if table is not None:
            raise click.UsageError("--acknowledge takes no table: look at it afterwards")
        report = end_alarm(state, acknowledge, at=at)
    elif table is None:
        raise click.UsageError("the table to look at is missing")
    else:
        report = look(
            table_of(table),
            state,
            primary=None if primary is None else names(primary),
            reference=None if reference is None else table_of(reference),
            limits=_numbers("--limit", limits),
            bounds=_bounds(bounds),
            cluster=cluster,
            unit="looks" if unit == "looks" else "rows" if unit == "rows" else None,
            min_effect=_numbers("--min-effect", min_effects),
            looks_per_false_alarm=None if false_alarm_rate is None else looks_of(false_alarm_rate),
            alpha=alpha,
            at=at,
            time=time,
            reset=reset,
        )
    if format_ == "json":
        print_json(report.to_dict())
    else:
        lines = [visible(line) for line in report.lines()]
        head, rest = lines[0], lines[1:]
        if format_ == "markdown":
            from ..reports.markdown.text import plain

            click.echo("\n".join([f"**{plain(head)}**", "", *(f"- {plain(x)}" for x in rest)]))
        else:
            click.echo("\n".join([head, *(f"  {line}" for line in rest)]))
    if report.ignored:
        note(f"{table}: looked at before, and not counted again")
    sys.stdout.flush()
    click.get_current_context().exit(report.exit_code)


def looks_of(text: str) -> float:
    """``1/yr`` as the looks per false alarm, 365; ``1/1000`` as 1,000."""
    match = _RATE.fullmatch(text.lower())
    try:
        if match is None:
            raise ValueError(text)
        alarms, number, span = float(match[1]), match[2], match[3].removesuffix("s")
        if not number and not span:
            raise ValueError(text)
        looks = (float(number) if number else 1.0) * (_SPANS[span] if span else 1)
        return looks / alarms
    except (ValueError, KeyError, ZeroDivisionError):
        raise click.UsageError(
            f"--false-alarm-rate {text!r}: write 1/yr, 2/month, or 1/1000 (looks)"
        ) from None


def _numbers(option: str, texts: tuple[str, ...]) -> dict[str, float] | None:
    found = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise click.UsageError(f"{option} {text!r}: write COL=NUMBER")
    return found or None


def _bounds(texts: tuple[str, ...]) -> dict[str, tuple[float, float]] | None:
    found = {}
    for text in texts:
        name, _, span = text.rpartition("=")
        low, _, high = span.partition(":")
        try:
            found[name] = (float(low), float(high))
        except ValueError:
            name = ""
        if not name:
            raise click.UsageError(f"--bounds {text!r}: write COL=LOW:HIGH")
    return found or None
