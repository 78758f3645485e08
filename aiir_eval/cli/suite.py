"""``aiir suite``: build, lint, show, from-table."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click

from .app import LazyGroup
from .output import format_option, note, print_json, wants_color, width
from .scorers import allow_scorer_option, allowed_scorers
from .streams import stdout_for_results

if TYPE_CHECKING:
    from ..incidents.model import Incident


@click.group(
    cls=LazyGroup,
    table={
        "build": ("suite", "build", "Cases out of incident records, with provenance."),
        "lint": ("suite", "lint", "Run every check on every bad and good output."),
        "show": ("suite", "show", "What a suite holds."),
        "from-table": ("suite", "from_table", "Cases out of a table of inputs."),
    },
)
def suite() -> None:
    """Suites of cases."""


incidents_option = click.option(
    "--incidents",
    "incident_folders",
    multiple=True,
    type=click.Path(exists=True),
    metavar="DIR",
    help="Incident records; repeatable [default: incidents_corpus, else the shipped ones].",
)


@click.command()
@incidents_option
@click.option("--incident", "ids", multiple=True, metavar="ID", help="Only these; repeatable.")
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Only these classes.")
@click.option("--name", default="incidents", show_default=True, help="The name of the suite.")
@click.option("--version", default="1", show_default=True, help="Its version.")
@click.option(
    "--adjacent",
    type=click.IntRange(0, 50),
    default=4,
    show_default=True,
    help="Adjacent cases made of each trigger.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the adjacent cases."
)
@click.option(
    "-o", "--out", required=True, type=click.Path(), metavar="SUITE", help="The suite to write."
)
def build(
    incident_folders: tuple[str, ...],
    ids: tuple[str, ...],
    classes: tuple[str, ...],
    name: str,
    version: str,
    adjacent: int,
    seed: int,
    out: str,
) -> None:
    """Build a suite out of incident records.

    The trigger of an incident becomes a case of origin `incident`, edge cases next to it become
    `adjacent`, its benign twin `control`. A suite whose checks cannot fail is not written.

    \b
    aiir suite build -o suite.yaml
    aiir suite build --incident INC-7 --adjacent 8 -o inc-7.yaml
    """
    from ..errors import InputError
    from ..suites.building import build_suite, not_testable
    from ..suites.lint import lint_suite
    from ..suites.model import save_suite

    incidents = read_incidents(incident_folders, ids or None)
    if missing := [id_ for id_ in ids if id_ not in incidents]:
        raise InputError(f"no incident {missing[0]!r}", hint=f"known: {', '.join(incidents)}")
    chosen = [
        incident
        for id_, incident in incidents.items()
        if (not ids or id_ in ids) and (not classes or incident.class_ in classes)
    ]
    if not chosen:
        raise InputError("no incident was chosen", hint="see `aiir incident list`")
    built = build_suite(chosen, name=name, version=version, adjacent=adjacent, seed=seed)
    for id_, reason in not_testable(chosen).items():
        note(f"{id_}: not testable: {reason}")
    problems = lint_suite(built, incidents)
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in problems:
        note(str(problem))
    if errors:
        raise InputError(f"{len(errors)} checks or outputs are wrong; the suite was not written")
    save_suite(built, out)
    count = "1 incident" if len(chosen) == 1 else f"{len(chosen)} incidents"
    note(f"{out}: {len(built)} cases of {count}")


@click.command()
@click.argument("path", metavar="SUITE", type=click.Path())
@incidents_option
@allow_scorer_option
@format_option
def lint(
    path: str, incident_folders: tuple[str, ...], allow_python: tuple[str, ...], format_: str
) -> int:
    """Run every check on every bad output (one must fail) and every good one (all must pass).

    A check that cannot fail is an error.

    \b
    aiir suite lint suite.yaml

    Exit code 1 where there is an error, else 0; 2 for bad input.
    """
    from ..suites.lint import lint_suite
    from ..suites.model import load_suite

    checked = load_suite(path)
    named = [case.incident_id for case in checked.cases if case.incident_id is not None]
    incidents = read_incidents(incident_folders, named)
    with stdout_for_results():
        allowed = allowed_scorers(allow_python)
        problems = lint_suite(checked, incidents, allow_python=allowed, path=path)
    errors = sum(problem.severity == "error" for problem in problems)
    if format_ == "json":
        print_json([problem.to_dict() for problem in problems])
    else:
        from ..reports.terminal import render_lint

        click.echo(render_lint(problems, color=wants_color(), width=width()))
        note(f"{path}: {len(checked)} cases")
    return 1 if errors else 0


@click.command()
@click.argument("path", metavar="SUITE", type=click.Path())
@format_option
def show(path: str, format_: str) -> None:
    """What a suite holds: cases by class, origin and incident, and their checks.

    \b
    aiir suite show suite.yaml
    """
    from ..suites.model import load_suite

    loaded = load_suite(path)
    if format_ == "json":
        from ..suites.summary import summarize

        print_json(summarize(loaded).to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import suite_markdown

        click.echo(suite_markdown(loaded))
    else:
        from ..reports.terminal import render_suite

        click.echo(render_suite(loaded, color=wants_color(), width=width()))


@click.command("from-table")
@click.argument("source", metavar="TABLE", type=click.Path())
@click.option(
    "--id",
    "id_",
    required=True,
    metavar="COLS",
    help="The columns that make a case's id, comma-separated.",
)
@click.option("--input", "input_", required=True, metavar="COL", help="The column of the input.")
@click.option("--expected", metavar="COL", help="The column of the expected answer.")
@click.option(
    "--check",
    "checks",
    multiple=True,
    required=True,
    metavar="SPEC",
    help="SCORER, SCORER:param=value, a YAML flow mapping, or @file; repeatable.",
)
@click.option("--where", metavar="SQL", help="Keep these rows: a DuckDB expression.")
@click.option("--class", "incident_class", metavar="C", help="The incident class of the cases.")
@click.option("--cluster", metavar="COL", help="Cases that belong together share a value.")
@click.option("--by-column", "by", multiple=True, metavar="COL", help="A column to slice by.")
@click.option("--name", help="The name of the suite [default: the file's].")
@click.option(
    "-o", "--out", required=True, type=click.Path(), metavar="SUITE", help="The suite to write."
)
def from_table(
    source: str,
    id_: str,
    input_: str,
    expected: str | None,
    checks: tuple[str, ...],
    where: str | None,
    incident_class: Any,
    cluster: str | None,
    by: tuple[str, ...],
    name: str | None,
    out: str,
) -> None:
    """Build a suite out of a table of inputs.

    \b
    aiir suite from-table questions.parquet --id id,occ --input query --expected answer \\
        --check numeric:tolerance=0.01 -o suite.yaml
    """
    from ..scorers import parse_checks
    from ..suites.from_table import suite_from_table
    from ..suites.model import save_suite

    built = suite_from_table(
        source,
        id=id_,
        input=input_,
        expected=expected,
        checks=[check for spec in checks for check in parse_checks(spec)],
        where=where,
        incident_class=incident_class,
        cluster=cluster,
        by=by,
        name=name,
    )
    save_suite(built, out)
    note(f"{out}: {len(built)} cases")


def read_incidents(
    folders: tuple[str, ...], wanted: Collection[str] | None = None
) -> dict[str, Incident]:
    """Incident records by id; a record that breaks the schema stops the command.

    Where the `wanted` records are all sound, one that nobody asked for is a warning.
    """
    from pathlib import Path

    from ..errors import DocumentError
    from ..incidents.loading import load_register, shipped_corpus

    here = Path("incidents_corpus")
    register = load_register(*(folders or ([here] if here.is_dir() else [shipped_corpus()])))
    if register.problems and (wanted is None or not register.incidents.keys() >= set(wanted)):
        raise DocumentError(problems=register.problems)
    for problem in register.problems:
        note(f"warning: {problem}")
    return dict(register.incidents)
