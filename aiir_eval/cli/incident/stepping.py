"""``aiir incident step`` and ``set``: the sixteen steps, and the facts they are judged by."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from ...incidents.model import STEPS
from ..output import note
from .facts import fact_options, stated
from .records import find_path, incidents_option, utc_text

STATUSES = ("open", "contained", "assessed", "remediated", "closed")
CONTROLS = (
    "validation", "retrieval_filter", "approval_gate", "eval", "permission", "monitoring",
    "fallback",
)  # fmt: skip


def _user() -> str | None:
    """The name one works under here, where the system has one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _named(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and not name.strip():
        raise click.UsageError("--by: say who")
    return name


by_option = click.option(
    "--by",
    default=_user,
    callback=_named,
    metavar="NAME",
    help="Who says so [default: the user's name].",
)


@click.command()
@click.argument("id_", metavar="ID")
@click.argument("step", metavar="STEP", type=click.Choice(STEPS))
@incidents_option
@click.option("--done", is_flag=True, help="The step was done; held against the facts.")
@click.option("--waive", metavar="WHY", help="The step is left out, and why.")
@click.option("--undo", is_flag=True, help="Take back what was said of it.")
@by_option
@click.option("--at", metavar="TIME", default="now", help="When it was done [default: now].")
@click.option("--note", "told", metavar="TEXT", help="What was done.")
@click.option(
    "--evidence",
    "files",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FILE",
    help="What shows it; copied into the evidence of the incident. Repeatable.",
)
@click.option(
    "--suite",
    "suites",
    multiple=True,
    type=click.Path(exists=True),
    metavar="SUITE|RUN",
    help="Where the cases of a verdict are [default: this folder, suites/ and the shipped ones].",
)
@click.option(
    "--vendors",
    type=click.Path(),
    default="vendors",
    show_default=True,
    metavar="DIR",
    help="Where the assessments of vendors are.",
)
def step(
    id_: str,
    step: Any,
    folders: tuple[str, ...],
    done: bool,
    waive: str | None,
    undo: bool,
    by: str | None,
    at: str,
    told: str | None,
    files: tuple[str, ...],
    suites: tuple[str, ...],
    vendors: str,
) -> None:
    """Record that a step of the playbook was done, or is left out, by whom and why.

    What can be checked is checked: contain.3 needs both owners, contain.4 a reason for each flag,
    remediate.2 a verdict `pass` on a suite with the incident's cases and adjacent ones.

    \b
    aiir incident step INC-7 contain.3 --done --by "J. Doe"
    aiir incident step INC-7 remediate.2 --done --evidence verdict.json
    aiir incident step INC-7 learn.4 --waive "no vendor had a part in it"
    """
    from ...incidents.loading import load_incident
    from ...response.stepping import Marking, mark_step, unmark_step

    if done + undo + (waive is not None) != 1:
        raise click.UsageError("say one of --done, --waive WHY, --undo")
    path = find_path(id_, folders, to_change=True)
    if undo:
        unmark_step(path, step)
        note(f"{path}: {step} is open again")
    else:
        marking = Marking(
            step=step,
            at=utc_text(at, "--at"),
            by=by,
            waived=waive,
            note=told,
            files=files,
            suites=suites,
        )
        record = load_incident(path, draft=True)
        mark_step(path, marking, known_of(path, record, vendors) if done else None)
        note(f"{path}: {step} {'waived' if waive else 'done'}")
    click.echo(str(path))


def known_of(path: Path, record: Any, vendors: str = "vendors") -> Any:
    """What a step is judged by besides the record: its clocks, and its vendor's assessment."""
    from ...response.decisions import review_progress
    from ...response.playbook import Known

    return Known(
        clocks=clocks_of(path, record),
        assessed=assessed_of(record, vendors),
        reviews=review_progress(record.id, path.parent),
    )


def clocks_of(path: Path, record: Any, now: Any = None) -> Any:
    """The clocks of a record, those of its register among them."""
    from datetime import UTC, datetime

    from ...incidents.clocks import load_clocks
    from ...incidents.folders import own_file
    from ...response.clocks import assess_clocks

    own = own_file(path, "clocks.yaml")
    clocks = load_clocks(*([own] if own is not None else []))
    return assess_clocks(record, clocks, now=now or datetime.now(UTC))


def assessed_of(record: Any, vendors: str) -> bool | None:
    """Whether an assessment names the incident; None where no vendor had a part in it."""
    if not record.vendor:
        return None
    from ...response.vendors import load_assessments

    if not Path(vendors).is_dir():
        return False
    found = load_assessments(vendors).found
    return any(each.id == record.id for _, one in found for each in one.incidents)


@click.command("set")
@click.argument("id_", metavar="ID")
@incidents_option
@click.option("--status", type=click.Choice(STATUSES), help="Where it stands; checked.")
@click.option("--failed-control", type=click.Choice(CONTROLS), help="The kind that failed.")
@click.option("--patch", metavar="URL", help="Where its patch is.")
@fact_options
def set_(
    id_: str,
    folders: tuple[str, ...],
    status: Any,
    failed_control: Any,
    patch: str | None,
    **options: Any,
) -> None:
    """State facts of an incident in its file: owners, flags, status, the system, the cause.

    A status further on is refused while steps before it are neither done nor waived.

    \b
    aiir incident set INC-7 --owner "A. Ek" --communications-owner "B. Oh"
    aiir incident set INC-7 --flag "personal_data=yes:an address was shown"
    aiir incident set INC-7 --status contained
    """
    from ...incidents.editing import edit_incident
    from ...incidents.model import FailedControl, Incident
    from ...incidents.unfinished import GUESSED_CLASS
    from ...response.stepping import move_to

    facts, answers = stated(options)
    if not (facts or answers or status or failed_control or patch):
        raise click.UsageError("nothing to set: see aiir incident set --help")
    path = find_path(id_, folders, to_change=True)

    def change(record: Incident) -> Incident:
        update = dict(facts)
        if "class_" in facts:  # a class that was guessed is one no more
            update["tags"] = [tag for tag in record.tags if tag != GUESSED_CLASS]
        if answers:
            update["flags"] = record.flags.model_copy(update=answers)
        if failed_control or patch:
            before = record.failed_control
            kind = failed_control or (None if before is None else before.kind)
            if kind is None:
                raise click.UsageError("--patch: name the control, too (--failed-control)")
            kept = before.patch if before and not failed_control else None
            update["failed_control"] = FailedControl(kind=kind, patch=patch or kept)
        changed = record.model_copy(update=update)
        return move_to(changed, status, str(path)) if status else changed

    edit_incident(path, change)
    named = [*(name.rstrip("_") for name in facts), *answers, *["status"] * bool(status)]
    note(f"{path}: {', '.join(named + ['failed_control'] * bool(failed_control or patch))}")
    click.echo(str(path))
