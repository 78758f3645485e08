"""``aiir checklist``: the deployment checklist that the register makes."""

from __future__ import annotations

from pathlib import Path

import click

from .incident.records import default_folders, incidents_option
from .output import format_option, note, print_json, wants_color, width


@click.command()
@incidents_option
@click.option(
    "--suite",
    "suites",
    multiple=True,
    type=click.Path(),
    metavar="SUITE|DIR",
    help="The suites that test it [default: suites, else the shipped one]. Repeatable.",
)
@click.option(
    "--verdict",
    "verdicts",
    multiple=True,
    type=click.Path(),
    metavar="FILE|DIR",
    help="Verdicts of `aiir gate -o`, or folders of them. Repeatable.",
)
@format_option
def checklist(
    folders: tuple[str, ...], suites: tuple[str, ...], verdicts: tuple[str, ...], format_: str
) -> None:
    """What must hold before a deployment: each control and PSF domain, and what shows it.

    Behind each stand the incidents in which it failed, the suites with their cases, and the last
    verdict. Drafts count: what is known of them is enough to ask.

    \b
    aiir checklist --suite suites/ --verdict verdicts/ --format markdown
    """
    from ..incidents.folders import taxonomy_of
    from ..incidents.loading import load_register
    from ..response.checklist import build_checklist, read_suites, read_verdicts
    from ..shipped import shipped

    places = [Path(folder) for folder in folders] or default_folders()
    register = load_register(*places, drafts=True)
    own: list[str | Path] = list(suites)
    if not own:
        own = [Path("suites")] if Path("suites").is_dir() else [shipped("suites")]
    known, wrong = read_suites(own)
    last, lost = read_verdicts(verdicts, known)
    for problem in [*register.problems, *wrong, *lost]:
        note(f"warning: {problem}")
    found = build_checklist(register.incidents, taxonomy_of(places[0]), known, last)
    if format_ == "json":
        print_json(found.to_mapping())
    elif format_ == "markdown":
        from ..response.checklist_view import checklist_markdown

        click.echo(checklist_markdown(found), nl=False)
    else:
        from ..response.checklist_view import render_checklist

        click.echo(render_checklist(found, color=wants_color(), width=width()))
