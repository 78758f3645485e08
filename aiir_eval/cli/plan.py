"""``aiir plan``: how many cases and trials would settle the question."""

from __future__ import annotations

import click

from .compare import read_side
from .output import format_option, print_json, wants_color, width
from .tables import Columns, table_options


@click.command()
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The largest loss of pass rate that does not matter, e.g. 0.02.",
)
@click.option(
    "--power",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.8,
    show_default=True,
    help="Chance to show what is to be shown.",
)
@click.option(
    "--confidence-level",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Of intervals and tests.",
)
@click.option(
    "--pilot",
    type=click.Path(),
    metavar="RUN",
    help="A run (or table) to take the rates from: the baseline.",
)
@click.option("--pilot-candidate", type=click.Path(), metavar="RUN", help="The pilot's candidate.")
@table_options
@click.option("--check", metavar="NAME", help="Plan for this check of the pilot alone.")
@click.option("--pass-rate", type=click.FloatRange(0, 1), help="Pass rate of the baseline.")
@click.option(
    "--discordance",
    type=click.FloatRange(0, 1),
    help="Chance that one trial a side disagree on a case [default: as by chance].",
)
@click.option(
    "--difference",
    type=click.FloatRange(-1, 1, min_open=True, max_open=True),
    default=0.0,
    show_default=True,
    help="The true difference, candidate minus baseline.",
)
@click.option(
    "--trial-noise",
    type=click.FloatRange(0, 1),
    help="Share of the variance of a difference that is chance of the trials [default: half].",
)
@click.option(
    "--icc",
    type=click.FloatRange(0, 1),
    help="Correlation of the differences of two cases of a cluster.",
)
@click.option("--cluster-size", type=click.IntRange(1), help="Cases a cluster.")
@click.option(
    "--trials",
    multiple=True,
    type=click.IntRange(1, 1000),
    help="Trials of a case to plan for; repeatable [default: 1, 3, 5, 10].",
)
@click.option(
    "--cases", type=click.IntRange(1), metavar="N", help="The cases there are: what do they show?"
)
@click.option(
    "--failure-rate-below",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Also the trials that bound an incident's failure rate below this.",
)
@click.option(
    "--failure-rate",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="The incident's true failure rate.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the simulation."
)
@format_option
def plan(
    margin: float | None,
    power: float,
    confidence_level: float,
    pilot: str | None,
    pilot_candidate: str | None,
    columns: Columns,
    check: str | None,
    pass_rate: float | None,
    discordance: float | None,
    difference: float,
    trial_noise: float | None,
    icc: float | None,
    cluster_size: int | None,
    trials: tuple[int, ...],
    cases: int | None,
    failure_rate_below: float | None,
    failure_rate: float,
    seed: int,
    format_: str,
) -> None:
    """How many cases and trials would settle the question.

    \b
    aiir plan --margin 0.02 --pilot runs/v1 --pilot-candidate runs/v2
    aiir plan --margin 0.02 --pass-rate 0.9 --discordance 0.1
    aiir plan --margin 0.05 --pass-rate 0.9 --discordance 0.1 --cases 200
    aiir plan --failure-rate-below 0.05

    Exit code 0 when it could be planned; 2 for bad input.
    """
    from ..compare.planning import TRIALS
    from ..compare.planning import plan as make_plan

    made = make_plan(
        margin=margin,
        power=power,
        confidence_level=confidence_level,
        pilot=None if pilot is None else read_side(pilot, columns),
        pilot_candidate=None if pilot_candidate is None else read_side(pilot_candidate, columns),
        check=check,
        pass_rate=pass_rate,
        discordance=discordance,
        difference=difference,
        trial_noise=trial_noise,
        icc=icc,
        cluster_size=cluster_size,
        trials=trials or TRIALS,
        cases=cases,
        failure_rate_below=failure_rate_below,
        failure_rate=failure_rate,
        seed=seed,
    )
    if format_ == "json":
        print_json(made.to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import plan_markdown

        click.echo(plan_markdown(made))
    else:
        from ..reports.terminal import render_plan

        click.echo(render_plan(made, color=wants_color(), width=width()))
