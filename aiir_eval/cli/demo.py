"""``aiir demo``: from shipped incidents to verdicts, evidence and a report, without a network."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import note, wants_color, width
from .stores import mlflow_option

if TYPE_CHECKING:
    from ..gate.result import Verdict
    from ..incidents.model import Incident
    from ..runs.model import Run

MARKER = ".aiir-demo"
VERSIONS = ("support@v1", "support@v2", "support@v3")
STORY = (("support@v1", "support@v2"), ("support@v2", "support@v3"))


@click.command()
@click.option(
    "-o",
    "--out",
    "folder",
    default="aiir-demo",
    show_default=True,
    metavar="DIR",
    type=click.Path(),
    help="The folder to write into; made anew each time.",
)
@mlflow_option("Where to log [default: a sqlite file in the folder].")
@click.option("--no-mlflow", is_flag=True, help="Do not log to MLflow.")
def demo(folder: str, mlflow_uri: str | None, no_mlflow: bool) -> None:
    """The whole story on shipped material: no network, no key, under a minute.

    Incidents become a suite; the suite runs against version 1, version 2 (remediated) and version 3
    (fixes one thing, breaks another) of a small support desk; the gate decides on both changes.

    \b
    aiir demo
    """
    from ..incidents.loading import load_register
    from ..shipped import shipped
    from ..suites.lint import lint_suite
    from ..suites.model import load_suite
    from .gate import write_reports

    started = time.perf_counter()
    target = make_folder(Path(folder))
    register = load_register(shipped("incidents_corpus"))
    shutil.copyfile(shipped("suites") / "support_desk.yaml", target / "suite.yaml")
    suite = load_suite(target / "suite.yaml")
    errors = [p for p in lint_suite(suite, register.incidents) if p.severity == "error"]
    say(
        1,
        f"{len(register.incidents)} incidents -> {len(suite)} cases; every check fails on the "
        f"incident's bad outputs and passes on the good ones ({len(errors)} lint errors)",
    )

    runs = {}
    for name in VERSIONS:
        begun = time.perf_counter()
        runs[name] = run_version(target, name)
        rows = runs[name].trials.num_rows
        say(2, f"ran {name}: {rows:,} trials in {time.perf_counter() - begun:.1f} s")

    verdicts = []
    for old, new in STORY:
        verdict = decide(target, runs[old], runs[new], dict(register.incidents))
        stem = f"{old}-{new}".replace("support@", "")
        write_reports(
            verdict,
            junit=str(target / f"{stem}.junit.xml"),
            markdown=str(target / f"{stem}.md"),
            html=str(target / f"{stem}.html"),
        )
        verdicts.append((old, new, stem, verdict))
    say(3, "gated both changes")
    click.echo()
    show(verdicts)
    if not no_mlflow:
        log(target, verdicts, mlflow_uri)
    go_on(target, time.perf_counter() - started)


def make_folder(folder: Path) -> Path:
    """An empty folder of ours with the starter files; refuses one that is not ours."""
    from ..errors import InputError
    from .init import write_starter

    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file, not a folder", file=str(folder))
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise InputError(
                "the folder is not empty, and not a demo's",
                file=str(folder),
                hint="name another with -o",
            )
        for item in folder.iterdir():  # and not the folder, which may be a link, or this one
            shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("made by aiir demo; may be deleted\n")
    write_starter(folder)
    return folder


def run_version(folder: Path, name: str) -> Run:
    """Run the suite against one version, as ``aiir run`` does."""
    from .targets import TargetOptions

    options = TargetOptions(config_path=str(folder / "aiir.yaml"))
    out = folder / "runs" / name.partition("@")[2]
    return options.run(str(folder / "suite.yaml"), name, out=str(out))


def decide(folder: Path, old: Run, new: Run, incidents: dict[str, Incident]) -> Verdict:
    """Gate one change, as ``aiir gate`` does, and save the verdict."""
    from ..compare.comparing import compare
    from ..gate.document import save_verdict
    from ..gate.gating import gate
    from ..gate.policy import load_policy

    policy = load_policy(folder / "policy.yaml")
    verdict = gate(compare(old, new, margin=policy.margin), policy, incidents=incidents)
    save_verdict(verdict, folder / f"{old.name}-{new.name}.json".replace("support@", ""))
    return verdict


def show(verdicts: list[tuple[str, str, str, Verdict]]) -> None:
    """The table of verdicts, then each in full."""
    from ..reports.terminal import render_verdict, render_verdicts

    color, columns = wants_color(), width()
    click.echo(render_verdicts([verdict for *_, verdict in verdicts], color=color, width=columns))
    for *_, verdict in verdicts:
        click.echo(render_verdict(verdict, color=color, width=columns))


def log(
    folder: Path, verdicts: list[tuple[str, str, str, Verdict]], mlflow_uri: str | None
) -> None:
    """One MLflow run a verdict, with nested runs of baseline and candidate."""
    from ..tracking.mlflow_log import track_verdict

    uri = f"sqlite:///{(folder / 'mlflow.db').resolve()}" if mlflow_uri is None else mlflow_uri
    for *_, stem, verdict in verdicts:
        html = folder / f"{stem}.html"
        tracked = track_verdict(verdict, uri=uri, report_html=html.read_text(encoding="utf-8"))
        say(4, f"logged {stem} to MLflow as run {tracked.run_id}")


def say(step: int, text: str) -> None:
    """A step of the story, on stderr."""
    note(f"[{step}] {text}")


def go_on(folder: Path, seconds: float) -> None:
    """What there is now, and the commands to go on with."""
    stem = f"{folder}/v2-v3"
    # `make demo` calls the command of a virtual environment that is not active.
    activate = Path(sys.argv[0]).with_name("activate")
    on_the_path = f"\n  . {activate}" if shutil.which("aiir") is None and activate.exists() else ""
    click.echo(
        f"""Done in {seconds:.0f} s. Everything is in {folder}/:
  the report            {stem}.html
  for CI                {stem}.junit.xml, {stem}.md
  the runs              {folder}/runs/v1, v2, v3
  the switches          {folder}/support_desk/versions.json (turn a control off, run again)

Go on with:{on_the_path}
  aiir incident list
  aiir compare {folder}/runs/v1 {folder}/runs/v2 --margin 0.05
  aiir gate --baseline {folder}/runs/v2 --candidate {folder}/runs/v3 \\
      --policy {folder}/policy.yaml
  aiir run {folder}/suite.yaml --target support@v2 --config {folder}/aiir.yaml --trials 5 \\
      -o {folder}/runs/again
  mlflow ui --backend-store-uri sqlite:///{folder}/mlflow.db"""
    )
