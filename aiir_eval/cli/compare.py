"""``aiir compare``: two runs, or two result tables of anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import format_option, note, print_json, wants_color, width
from .sources import names_a_file, short_name
from .tables import Columns, table_options

if TYPE_CHECKING:
    from ..compare.result import Comparison
    from ..compare.slices import Adjustment
    from ..runs.model import Run


@click.command()
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@table_options
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The largest loss of pass rate that does not matter, e.g. 0.02.",
)
@click.option("--by", multiple=True, metavar="KEY", help="Also slice by this key; repeatable.")
@click.option("--check", metavar="NAME", help="Compare on this check alone.")
@click.option(
    "--confidence-level",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Of intervals and tests.",
)
@click.option(
    "--adjust",
    type=click.Choice(["bh", "max-t"]),
    default="bh",
    show_default=True,
    help="How slices are adjusted for their number: the share of false discoveries (bh), or the "
    "chance of any (max-t).",
)
@click.option("--aa", is_flag=True, help="Both sides are the same target on purpose (A/A).")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the resampling."
)
@click.option(
    "-o",
    "--out",
    "out",
    type=click.Path(),
    metavar="FILE",
    help="Save the comparison (JSON); `aiir report` renders it.",
)
@format_option
def compare(
    old: str,
    new: str,
    columns: Columns,
    margin: float | None,
    by: tuple[str, ...],
    check: str | None,
    confidence_level: float,
    adjust: Adjustment,
    aa: bool,
    seed: int,
    out: str | None,
    format_: str,
) -> None:
    """Compare two runs, two result tables of anything, or two saved drift reports.

    \b
    aiir compare runs/v1 runs/v2 --margin 0.02
    aiir compare old.csv new.csv --id id --passed ok
    aiir compare old.csv new.csv --id case,variant --passed ok --cluster case
    aiir compare drift-last-week.json drift-this-week.json

    Exit code 0 when the comparison was computed, whatever it says; 2 for bad input.
    """
    from .drift_reports import are_drift_reports, compare_drift_reports

    if are_drift_reports(old, new):
        compare_drift_reports(old, new, out, format_)
        return
    from ..compare.comparing import compare as compare_runs

    comparison = compare_runs(
        read_side(old, columns),
        read_side(new, columns),
        margin=margin,
        by=by,
        check=check,
        confidence_level=confidence_level,
        aa=aa,
        adjust=adjust,
        rng=seed,
    )
    if out is not None:
        from ..compare.document import save_comparison

        save_comparison(comparison, out)
        note(f"saved {out}")
    print_comparison(comparison, format_)


def print_comparison(comparison: Comparison, format_: str) -> None:
    """A comparison on stdout."""
    if format_ == "json":
        print_json(comparison.to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import comparison_markdown

        click.echo(comparison_markdown(comparison))
    else:
        from ..reports.terminal import render_comparison

        click.echo(render_comparison(comparison, color=wants_color(), width=width()))


def read_side(path: str, columns: Columns) -> Run:
    """A run folder as it is, or a table imported in memory."""
    from ..runs.model import is_run, load_run

    if is_run(path) or (Path(path).is_dir() and columns.id_ is None):
        return load_run(path)
    if names_a_file(path) and not Path(path).exists():
        raise click.UsageError(f"{path}: no such file or folder")
    if columns.id_ is None or not (columns.passed or columns.score):
        raise click.UsageError(
            f"{path} is a table: name its columns, e.g. --id id --passed ok "
            "(or make a run of it with `aiir import table`)"
        )
    return columns.read(path, target_name=short_name(path))
