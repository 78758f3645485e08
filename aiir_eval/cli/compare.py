"""``aiir compare``: two runs, or two result tables of anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import format_option, note, print_json, wants_color, width
from .tables import split_columns, table_options

if TYPE_CHECKING:
    from ..compare.result import Comparison
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
    id_: str | None,
    passed: tuple[str, ...],
    score: tuple[str, ...],
    trial: str | None,
    where: str | None,
    cluster: str | None,
    by_column: tuple[str, ...],
    expected: str | None,
    latency: str | None,
    cost: str | None,
    output_column: str | None,
    margin: float | None,
    by: tuple[str, ...],
    check: str | None,
    confidence_level: float,
    aa: bool,
    seed: int,
    out: str | None,
    format_: str,
) -> None:
    """Compare two runs, or two result tables of anything.

    \b
    aiir compare runs/v1 runs/v2 --margin 0.02
    aiir compare old.csv new.csv --id id --passed ok
    aiir compare old.csv new.csv --id case,variant --passed ok --cluster case

    Exit code 0 when the comparison was computed, whatever it says; 2 for bad input.
    """
    from ..compare.comparing import compare as compare_runs

    def side(path: str) -> Run:
        return read_side(
            path,
            id_=id_,
            passed=passed,
            score=score,
            trial=trial,
            where=where,
            cluster=cluster,
            by=by_column,
            expected=expected,
            latency=latency,
            cost=cost,
            output=output_column,
        )

    comparison = compare_runs(
        side(old),
        side(new),
        margin=margin,
        by=by,
        check=check,
        confidence_level=confidence_level,
        aa=aa,
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


def read_side(
    path: str,
    *,
    id_: str | None,
    passed: tuple[str, ...],
    score: tuple[str, ...],
    trial: str | None = None,
    where: str | None = None,
    cluster: str | None = None,
    by: tuple[str, ...] = (),
    expected: str | None = None,
    latency: str | None = None,
    cost: str | None = None,
    output: str | None = None,
) -> Run:
    """A run folder as it is, or a table imported in memory."""
    from ..runs.model import is_run, load_run

    if is_run(path) or (Path(path).is_dir() and id_ is None):
        return load_run(path)
    if not Path(path).exists():
        raise click.UsageError(f"{path}: no such file or folder")
    if id_ is None or not (passed or score):
        raise click.UsageError(
            f"{path} is a table: name its columns, e.g. --id id --passed ok "
            "(or make a run of it with `aiir import table`)"
        )
    from ..runs.importing import import_table

    return import_table(
        path,
        id=split_columns(id_),
        passed=passed or None,
        score=score or None,
        trial=trial,
        where=where,
        cluster=cluster,
        by=by,
        expected=expected,
        latency=latency,
        cost=cost,
        output=output,
        target_name=Path(path).stem,
    )
