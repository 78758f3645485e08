"""``aiir run``: a suite against a target."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .output import format_option, note, print_json, wants_color, width

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..targets.config import Config


def target_options(command: Any) -> Any:
    """What a target is made of, where aiir.yaml does not say it."""
    options = [
        click.option(
            "--config",
            "config_path",
            type=click.Path(),
            metavar="FILE",
            help="The file that names targets [default: aiir.yaml where it exists].",
        ),
        click.option("--base-url", metavar="URL", help="Where an OpenAI-compatible API listens."),
        click.option(
            "--prompt", "prompt_file", type=click.Path(), metavar="FILE", help="The system prompt."
        ),
        click.option(
            "--param",
            "params",
            multiple=True,
            metavar="NAME=VALUE",
            help="A parameter of the model, e.g. temperature=0; repeatable.",
        ),
        click.option(
            "--tools",
            "tools_file",
            type=click.Path(),
            metavar="FILE",
            help="Tools the target may call (JSON).",
        ),
        click.option(
            "--api-key-env", metavar="NAME", help="The environment variable that holds the key."
        ),
        click.option(
            "--allow-scorer",
            "allow_python",
            multiple=True,
            metavar="python:MOD:FN",
            help="A python scorer the suite may use; repeatable.",
        ),
        click.option("--concurrency", type=click.IntRange(1, 1000), default=8, show_default=True),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(0, min_open=True),
            default=60.0,
            show_default=True,
            help="Seconds a trial may take.",
        ),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    ]
    for option in reversed(options):
        command = option(command)
    return command


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
    **options: Any,
) -> None:
    """Run a suite against a target.

    \b
    aiir run suites/support_desk.yaml --target support@v2 -o runs/v2
    aiir run suite.yaml --target openai:MODEL --base-url http://localhost:8000/v1 \\
        --prompt prompt.txt --trials 5 -o runs/model

    Exit code 0 when the run is complete, 5 when the target cannot be reached, 130 on Ctrl-C.
    """
    done = run_target(
        suite_path,
        target_name,
        trials=trials,
        out=out,
        resume=resume,
        resume_command=shlex.join(["aiir", *sys.argv[1:], *([] if resume else ["--resume"])]),
        **options,
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


def run_target(
    suite_path: str,
    target_name: str,
    *,
    trials: int | None,
    out: str | None,
    resume: bool = False,
    resume_command: str | None = None,
    config_path: str | None = None,
    base_url: str | None = None,
    prompt_file: str | None = None,
    params: tuple[str, ...] = (),
    tools_file: str | None = None,
    api_key_env: str | None = None,
    allow_python: tuple[str, ...] = (),
    concurrency: int = 8,
    timeout_s: float = 60.0,
    seed: int = 0,
) -> Run:
    """Make the target out of options and run the suite, with progress on stderr."""
    from ..documents import read_text
    from ..runs.running import run as run_suite
    from ..suites.model import load_suite
    from ..targets.config import load_tools
    from ..targets.making import make_target

    config = read_config(config_path)
    suite = load_suite(suite_path)
    target = make_target(
        target_name,
        config=config,
        base_url=base_url,
        prompt=None if prompt_file is None else read_text(prompt_file),
        params=parse_params(params) or None,
        api_key_env=api_key_env,
        tools=None if tools_file is None else load_tools(tools_file),
    )
    with Progress(target_name) as progress:
        return run_suite(
            suite,
            target,
            trials=trials,
            out=out,
            seed=seed,
            concurrency=concurrency,
            resume=resume,
            resume_command=resume_command,
            timeout_s=timeout_s,
            progress=progress,
            config=config,
            allow_python=allow_python,
        )


def read_config(path: str | None) -> Config | None:
    """The file named, else aiir.yaml of this folder, else none."""
    from ..targets.config import load_config

    if path is not None:
        return load_config(path)
    return load_config("aiir.yaml") if Path("aiir.yaml").is_file() else None


def parse_params(pairs: tuple[str, ...]) -> dict[str, Any]:
    """``temperature=0`` as {"temperature": 0}; values are YAML."""
    from ..documents import parse_yaml

    params = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--param {pair!r}: write NAME=VALUE, e.g. temperature=0")
        params[name] = parse_yaml(text, f"--param {name}").data if text else ""
    return params


class Progress:
    """Trials done, rate and time left, on stderr: one line that renews itself on a terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.live = sys.stderr.isatty()
        self.last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.live and self.last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, state: Any) -> None:
        """Called by the runner after trials are done."""
        import time

        now = time.monotonic()
        wait = 0.1 if self.live else 10.0  # a log gets a line every ten seconds
        if now - self.last < wait:
            return
        if not self.last and not self.live:
            self.last = now
            return
        self.last = now
        left = "" if state.eta_s is None else f", {_duration(state.eta_s)} left"
        errors = f", {state.errors} errors" if state.errors else ""
        line = f"{self.name}: {state.done}/{state.total} trials, {state.rate:.0f}/s{left}{errors}"
        sys.stderr.write(f"\r\x1b[K{line}" if self.live else f"{line}\n")
        sys.stderr.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
