"""``aiir baseline``: names for old versions, moved only on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .app import LazyGroup
from .output import format_option, note, print_json, wants_color, width

if TYPE_CHECKING:
    from ..runs.baselines import Baseline


@click.group(
    cls=LazyGroup,
    table={
        "set": ("baseline", "set_", "Let a name stand for a run."),
        "show": ("baseline", "show", "What a name stands for, and stood for before."),
        "list": ("baseline", "list_", "Every name."),
    },
)
def baseline() -> None:
    """Baselines by name: the run that `aiir gate --baseline NAME` compares with.

    A name stands for a copy of the run, kept in baselines/. It never moves by itself.
    """


folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False),
    default="baselines",
    show_default=True,
    help="Where baselines are kept.",
)


@click.command("set")
@click.argument("name")
@click.argument("run", metavar="RUN", type=click.Path())
@click.option("--by", help="Who sets it [default: the user of the CI job or of this machine].")
@click.option("--note", "reason", default="", help="Why.")
@folder_option
@format_option
def set_(name: str, run: str, by: str | None, reason: str, folder: str, format_: str) -> None:
    """Let NAME stand for a copy of RUN; where it pointed before is kept on record.

    \b
    aiir baseline set main runs/v2 --note "release 2"

    A run that is not complete, or holds a trial twice, is refused.
    """
    from ..runs.baselines import set_baseline
    from ..runs.model import read_manifest

    found = set_baseline(name, run, folder=folder, by=by, note=reason)
    for problem in read_manifest(run).problems:
        note(f"warning: {problem}")
    show_one(found, format_)


@click.command("show")
@click.argument("name")
@folder_option
@format_option
def show(name: str, folder: str, format_: str) -> None:
    """What NAME stands for, and what it stood for before.

    \b
    aiir baseline show main
    """
    from ..runs.baselines import baseline_run, read_baseline

    found = read_baseline(name, folder=folder)
    baseline_run(name, folder=folder)  # says so where the run is gone or was changed
    show_one(found, format_)


@click.command("list")
@folder_option
@format_option
def list_(folder: str, format_: str) -> int:
    """Every baseline.

    \b
    aiir baseline list
    """
    from ..runs.baselines import list_baselines

    there = list_baselines(folder)
    for problem in there.problems:
        note(f"error: {problem}")
    found = list(there.found.values())
    if format_ == "json":
        print_json([one.model_dump(by_alias=True) for one in found])
    elif format_ == "markdown":
        from ..reports.markdown import baselines_markdown

        click.echo(baselines_markdown(found))
    else:
        from ..reports.terminal import render_baselines

        click.echo(render_baselines(found, color=wants_color(), width=width()))
    return 2 if there.problems else 0


def show_one(found: Baseline, format_: str) -> None:
    """A baseline on stdout."""
    if format_ == "json":
        print_json(found.model_dump(by_alias=True))
    elif format_ == "markdown":
        from ..reports.markdown import baseline_markdown

        click.echo(baseline_markdown(found))
    else:
        from ..reports.terminal import render_baseline

        click.echo(render_baseline(found, color=wants_color(), width=width()))
