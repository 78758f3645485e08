"""``aiir run``: a suite against a target."""

from __future__ import annotations

import shlex

import click

from .output import format_option, note, print_json, wants_color, width
from .targets import TargetOptions, target_options


@click.command()
@click.argument("suite_path", metavar="SUITE", type=click.Path())
@click.option(
    "--target",
    "target_name",
    required=True,
    metavar="T",
    help="A name in aiir.yaml, or python:MOD:FN, openai:MODEL, recorded:RUN.",
)
@click.option(
    "--trials", type=click.IntRange(1), help="Trials of every case [default: the suite's]."
)
@click.option("--resume", is_flag=True, help="Finish a run that was stopped; repeats no trial.")
@target_options
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(),
    metavar="RUN",
    help="The folder to write the run into.",
)
@format_option
def run(
    suite_path: str,
    target_name: str,
    trials: int | None,
    resume: bool,
    out: str,
    format_: str,
    options: TargetOptions,
) -> None:
    """Run a suite against a target.

    \b
    aiir run suites/support_desk.yaml --target support@v2 -o runs/v2
    aiir run suite.yaml --target openai:MODEL --base-url http://localhost:8000/v1 \\
        --prompt prompt.txt --trials 5 -o runs/model

    Exit code 0 when the run is complete, 5 when the target cannot be reached, 130 on Ctrl-C.
    """
    done = options.run(
        suite_path,
        target_name,
        trials=trials,
        out=out,
        resume=resume,
        resume_command=command_to_resume(),
    )
    if format_ == "json":
        print_json(done.manifest.model_dump(by_alias=True))
    elif format_ == "markdown":
        from ..reports.markdown import run_markdown

        click.echo(run_markdown(done))
    else:
        from ..reports.terminal import render_run

        click.echo(render_run(done, color=wants_color(), width=width()))
    note(f"saved {out}")


def command_to_resume() -> str:
    """What was typed, with ``--resume``; a password in an address is left out."""
    from ..targets.secrets import redact

    typed = click.get_current_context().find_object(tuple) or ()
    words = [word for word in typed if word != "--resume"]
    return shlex.join(["aiir", *map(redact, words), "--resume"])
