"""The options that say what a target is and how to run it, shared by ``run`` and ``gate``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from .progress import Progress
from .scorers import allow_scorer_option
from .streams import stdout_for_results

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..targets.config import Config
    from ..targets.protocol import Target


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What a target is made of where aiir.yaml does not say it, and how it is run."""

    config_path: str | None = None
    base_url: str | None = None
    prompt_file: str | None = None
    params: tuple[str, ...] = ()
    tools_file: str | None = None
    api_key_env: str | None = None
    allow_python: tuple[str, ...] = ()
    concurrency: int = 8
    timeout_s: float = 60.0
    seed: int = 0

    def config(self) -> Config | None:
        """The file named, else aiir.yaml of this folder, else none."""
        from ..targets.config import find_config

        return find_config(self.config_path)

    def target(self, name: str, config: Config | None) -> Target:
        """The target of a name or URI, made."""
        from ..documents import read_text
        from ..targets.config import load_tools
        from ..targets.making import make_target

        with stdout_for_results():
            return make_target(
                name,
                config=config,
                base_url=self.base_url,
                prompt=None if self.prompt_file is None else read_text(self.prompt_file),
                params=parse_params(self.params) or None,
                api_key_env=self.api_key_env,
                tools=None if self.tools_file is None else load_tools(self.tools_file),
            )

    def run(
        self,
        suite_path: str,
        target_name: str,
        *,
        trials: int | None = None,
        out: str | None = None,
        resume: bool = False,
        resume_command: str | None = None,
    ) -> Run:
        """Make the target and run the suite, with progress on stderr."""
        return self.prepared(
            suite_path,
            target_name,
            trials=trials,
            out=out,
            resume=resume,
            resume_command=resume_command,
        )()

    def prepared(
        self,
        suite_path: str,
        target_name: str,
        *,
        trials: int | None = None,
        out: str | None = None,
        resume: bool = False,
        resume_command: str | None = None,
    ) -> Callable[[], Run]:
        """The same, with everything read and made and nothing run: a call runs it."""
        from ..runs.running import run
        from ..suites.model import load_suite

        config = self.config()
        suite = load_suite(suite_path)
        target = self.target(target_name, config)

        def work() -> Run:
            with Progress(target_name) as progress, stdout_for_results():
                return run(
                    suite,
                    target,
                    trials=trials,
                    out=out,
                    seed=self.seed,
                    concurrency=self.concurrency,
                    resume=resume,
                    resume_command=resume_command,
                    timeout_s=self.timeout_s,
                    progress=progress,
                    config=config,
                    allow_python=self.allow_python,
                    suite_file=suite_path,
                )

        return work


OPTIONS = (
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
    allow_scorer_option,
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        default=8,
        show_default=True,
        help="Trials under way at once.",
    ),
    click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(0, min_open=True),
        default=60.0,
        show_default=True,
        help="Seconds a trial may take.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Of the random streams; each trial has its own.",
    ),
)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a target; it gets them as one argument, `options`."""

    @wraps(command)
    def with_options(**kwargs: Any) -> Any:
        options = {field.name: kwargs.pop(field.name) for field in fields(TargetOptions)}
        return command(options=TargetOptions(**options), **kwargs)

    for option in reversed(OPTIONS):
        with_options = option(with_options)
    return with_options


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
