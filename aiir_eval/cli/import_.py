"""``aiir import``: a run out of results that exist already."""

from __future__ import annotations

import click

from .app import LazyGroup
from .output import note
from .scorers import allow_scorer_option, allowed_scorers
from .tables import Columns, table_options


@click.group(
    "import",
    cls=LazyGroup,
    table={"table": ("import_", "table", "A parquet, CSV or JSONL table of results.")},
)
def import_() -> None:
    """Make a run from results that exist already."""


@click.command()
@click.argument("source", metavar="TABLE", type=click.Path())
@table_options
@click.option(
    "--suite",
    "suite_path",
    type=click.Path(),
    metavar="SUITE",
    help="Score --output with the checks of this suite.",
)
@allow_scorer_option
@click.option("--target-name", metavar="NAME", help="What to call the system that answered.")
@click.option(
    "--expect-pass-rate",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="The pass rate the source states; a different one is a finding.",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(),
    metavar="RUN",
    help="The folder to write the run into.",
)
def table(
    source: str,
    columns: Columns,
    suite_path: str | None,
    allow_python: tuple[str, ...],
    target_name: str | None,
    expect_pass_rate: float | None,
    out: str,
) -> None:
    """Make a run of a table: parquet, CSV or JSONL.

    \b
    aiir import table answers.parquet --id id --output answer --suite suite.yaml -o runs/old
    aiir import table results.csv --id id --passed ok -o runs/new
    """
    from ..suites.model import load_suite

    run = columns.read(
        source,
        suite=None if suite_path is None else load_suite(suite_path),
        allow_python=() if suite_path is None else allowed_scorers(allow_python),
        target_name=target_name,
        expect_pass_rate=expect_pass_rate,
        out=out,
    )
    for problem in run.manifest.problems:
        note(f"warning: {problem}")
    note(f"{out}: {run.trials.num_rows} trials of {len(run.manifest.trials)} cases")
