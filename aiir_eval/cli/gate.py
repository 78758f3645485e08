"""``aiir gate``: may this change ship?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .output import format_option, note, print_json, require_writable, wants_color, width
from .stores import log_options
from .streams import stdout_for_results
from .targets import TargetOptions, target_options

if TYPE_CHECKING:
    from ..gate.policy import Policy
    from ..gate.result import Verdict
    from ..incidents.model import Incident
    from ..runs.model import Run
    from ..targets.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be decided: two sides, by what policy, and how targets are run."""

    baseline: str
    candidate: str
    suite: str | None
    policy: Policy
    incidents: Mapping[str, Incident] | None
    trials: int | None
    aa: bool
    keep: str | None
    options: TargetOptions


policy_option = click.option(
    "--policy",
    "policy_path",
    type=click.Path(),
    metavar="FILE",
    help="What must hold [default: no loss beyond 0.05, pooled].",
)

proof_option = click.option(
    "--incidents",
    "incident_folders",
    multiple=True,
    type=click.Path(exists=True),
    metavar="DIR",
    help="Incident records: proof that checks fail on the bad outputs "
    "[default: incidents_corpus, and the shipped ones].",
)


@click.command()
@click.option(
    "--baseline",
    required=True,
    metavar="RUN|TARGET|NAME",
    help="The old version: a run, a target, or a name that `aiir baseline set` gave.",
)
@click.option("--candidate", required=True, metavar="RUN|TARGET", help="The new version.")
@click.option(
    "--suite",
    "suite_path",
    type=click.Path(),
    metavar="SUITE",
    help="What to run where a side is a target.",
)
@policy_option
@proof_option
@click.option("--trials", type=click.IntRange(1), help="Trials of every case of a target.")
@click.option("--aa", is_flag=True, help="Both sides are the same target on purpose (A/A).")
@click.option(
    "--sequential",
    is_flag=True,
    help="Run targets only until the policy is decided, and say how many calls that saved.",
)
@click.option(
    "--keep",
    type=click.Path(),
    metavar="DIR",
    help="Keep the runs of targets in DIR/baseline and DIR/candidate (with --sequential they are "
    "not complete).",
)
@click.option("--junit", type=click.Path(), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--markdown",
    "markdown_file",
    type=click.Path(),
    metavar="FILE",
    help="Write a comment for a pull request.",
)
@click.option("--html", "html_file", type=click.Path(), metavar="FILE", help="Write the report.")
@log_options
@click.option(
    "--traces",
    is_flag=True,
    help="With --mlflow: each trial as a trace, its checks as assessments.",
)
@target_options
@click.option(
    "-o",
    "--out",
    "out",
    type=click.Path(),
    metavar="FILE",
    help="Save the verdict (JSON); `aiir report` renders it.",
)
@format_option
def gate(
    baseline: str,
    candidate: str,
    suite_path: str | None,
    policy_path: str | None,
    incident_folders: tuple[str, ...],
    trials: int | None,
    aa: bool,
    sequential: bool,
    keep: str | None,
    junit: str | None,
    markdown_file: str | None,
    html_file: str | None,
    mlflow_uri: str | None,
    experiment: str,
    traces: bool,
    out: str | None,
    format_: str,
    options: TargetOptions,
) -> int:
    """Decide whether a change may ship.

    \b
    aiir gate --baseline runs/v1 --candidate runs/v2 --policy policy.yaml
    aiir gate --baseline support@v1 --candidate support@v2 --suite suites/support_desk.yaml
    aiir gate --baseline runs/v1 --candidate support@v2 --suite suite.yaml --sequential
    aiir gate --baseline main --candidate runs/v2
    aiir gate --baseline runs/v1 --candidate runs/v2 --mlflow http://localhost:5000 --traces

    With --sequential a target is run in an order that --seed fixes, and no further than until every
    claim is shown or one is violated, at every look together. A metric needs every trial.

    Exit codes: 0 pass, 1 fail, 2 bad input, 3 inconclusive, 4 invalid, 5 target unreachable.
    """
    from ..gate.policy import default_policy, load_policy

    if traces and mlflow_uri is None:
        raise click.UsageError("--traces are of MLflow: say where with --mlflow URI")
    policy = default_policy() if policy_path is None else load_policy(policy_path)
    require_writable(out, junit, markdown_file, html_file)
    asked = Asked(
        baseline=run_of_baseline(baseline, options),
        candidate=candidate,
        suite=suite_path,
        policy=policy,
        incidents=known_incidents(incident_folders),
        trials=trials,
        aa=aa,
        keep=keep,
        options=options,
    )
    verdict = decided_early(asked) if sequential else decided(asked)
    print_verdict(verdict, format_)
    if out is not None:
        from ..gate.document import save_verdict

        save_verdict(verdict, out)
        note(f"saved {out}")
    write_reports(verdict, junit=junit, markdown=markdown_file, html=html_file)
    if mlflow_uri is not None:
        from ..reports.html import render_html
        from ..tracking.mlflow_log import track_verdict

        page = render_html(verdict)
        with stdout_for_results():
            tracked = track_verdict(
                verdict, uri=mlflow_uri, experiment=experiment, report_html=page, traces=traces
            )
        note(f"MLflow run {tracked.run_id}: {tracked.how_to_open}")
    return verdict.exit_code


def run_of_baseline(name: str, options: TargetOptions) -> str:
    """The run that a name of `aiir baseline` stands for; anything else as it is."""
    from pathlib import Path

    from ..runs.baselines import FOLDER, baseline_run, is_baseline, read_baseline

    if Path(name).exists() or not is_baseline(name):
        return name
    config = options.config()
    if config is not None and name in config.targets:
        raise click.UsageError(f"{name!r} is a target and a baseline: name the run in {FOLDER}/")
    found = read_baseline(name)
    note(f"baseline {name}: {found.target_name}, set {found.set_at} by {found.set_by}")
    return str(baseline_run(name))


def decided(asked: Asked) -> Verdict:
    """The verdict on two whole runs."""
    from pathlib import Path

    from ..compare.comparing import compare
    from ..gate.gating import gate as decide
    from ..user_code import importable

    # Both sides before either is run: bad input is told at once, and before an unreachable target.
    places = [
        None if asked.keep is None else str(Path(asked.keep, side))
        for side in ("baseline", "candidate")
    ]
    old = prepared_side(asked, asked.baseline, places[0])
    new = prepared_side(asked, asked.candidate, places[1])
    if Path(asked.baseline).exists() and Path(asked.candidate).exists():
        unused = {"--suite": asked.suite, "--trials": asked.trials, "--keep": asked.keep}
        for name, value in unused.items():
            if value is not None:
                note(f"warning: {name} is not used: both sides are recorded runs")
    comparison = compare(
        old(),
        new(),
        margin=asked.policy.margin,
        confidence_level=asked.policy.confidence_level,
        aa=asked.aa,
        rng=asked.options.seed,
    )
    config = None if asked.suite is None else asked.options.config()
    allowed = [*asked.options.allow_python, *(config.scorers if config else ())]
    with importable([config.folder] if config else []), stdout_for_results():
        return decide(comparison, asked.policy, incidents=asked.incidents, allow_python=allowed)


def decided_early(asked: Asked) -> Verdict:
    """The verdict as soon as there is one."""
    from pathlib import Path

    from ..gate.beginning import nothing_to_save
    from ..gate.sequential import gate_sequentially
    from ..runs.model import load_run
    from ..suites.model import load_suite
    from .progress import Progress

    options, config = asked.options, asked.options.config()
    sides = [
        load_run(name)
        if name and Path(name).exists()
        else options.target(known_target(name, asked.suite, config), config)
        for name in (asked.baseline, asked.candidate)
    ]
    whole = [claim.name for claim in asked.policy.claims if claim.rule == "metric"]
    if asked.suite is None:
        raise nothing_to_save()
    suite = load_suite(asked.suite)
    if whole:
        note(
            f"{', '.join(whole)}: a metric has no sequential test, so every trial is run unless "
            "another claim fails before"
        )
    with Progress(f"{asked.baseline} -> {asked.candidate}") as progress, stdout_for_results():
        verdict = gate_sequentially(
            suite,
            sides[0],
            sides[1],
            asked.policy,
            incidents=asked.incidents,
            trials=asked.trials,
            aa=asked.aa,
            keep=asked.keep,
            seed=options.seed,
            concurrency=options.concurrency,
            timeout_s=options.timeout_s,
            progress=progress,
            config=config,
            allow_python=options.allow_python,
            suite_file=asked.suite,
        )
    if asked.keep is not None:
        note(f"kept the runs in {asked.keep}; they are not complete, and no evidence a second time")
    return verdict


def prepared_side(asked: Asked, name: str, out: str | None) -> Callable[[], Run]:
    """A run folder, read; or a target, made: a call runs it."""
    from pathlib import Path

    from ..runs.model import load_run

    if name and Path(name).exists():  # "" would be this folder
        run = load_run(name)
        return lambda: run
    known_target(name, asked.suite, asked.options.config())
    assert asked.suite is not None
    return asked.options.prepared(asked.suite, name, trials=asked.trials, out=out)


def known_target(name: str, suite_path: str | None, config: Config | None) -> str:
    """A name that is a target, with a suite to run; anything else is a mistake of usage."""
    from ..runs.baselines import what_there_is
    from ..targets.config import is_target

    if not is_target(name, config):
        known = what_there_is(None if config is None else config.targets)
        told = f"{name!r} is neither a run folder, a target nor a baseline"
        raise click.UsageError(f"{told}; {known}")
    if suite_path is None:
        raise click.UsageError(f"{name!r} is a target: name the suite to run with --suite")
    return name


def known_incidents(folders: tuple[str, ...]) -> Mapping[str, Incident] | None:
    """The incident records of the folders named, by id; None leaves it to the gate's default."""
    from ..incidents.loading import load_register

    if not folders:
        return None
    register = load_register(*folders)
    for problem in register.problems:
        note(f"warning: {problem}")
    return register.incidents


def write_reports(
    verdict: Verdict,
    *,
    junit: str | None = None,
    markdown: str | None = None,
    html: str | None = None,
) -> None:
    """The files a CI job asks for."""
    from ..documents import write_text

    if junit is not None:
        from ..reports.junit import verdict_junit

        write_text(junit, verdict_junit(verdict))
        note(f"wrote {junit}")
    if markdown is not None:
        from ..reports.markdown import verdict_markdown

        write_text(markdown, verdict_markdown(verdict))
        note(f"wrote {markdown}")
    if html is not None:
        from ..reports.html import render_html

        write_text(html, render_html(verdict))
        note(f"wrote {html}")


def print_verdict(verdict: Verdict, format_: str) -> None:
    """A verdict on stdout."""
    if format_ == "json":
        print_json(verdict.to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import verdict_markdown

        click.echo(verdict_markdown(verdict))
    else:
        from ..reports.terminal import render_verdict

        click.echo(render_verdict(verdict, color=wants_color(), width=width()))
