"""The tree of commands. Help is read from this table, so that showing it imports no command."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from .._version import __version__

# name: (module, attribute, one line of help)
Commands = Mapping[str, tuple[str, str, str]]

COMMANDS: Commands = {
    "demo": ("demo", "demo", "The whole story on shipped material: incidents, runs, verdicts."),
    "init": ("init", "init", "Write a first aiir.yaml, policy and prompt into a folder."),
    "compare": ("compare", "compare", "Compare two runs or two result tables."),
    "incident": ("incident", "incident", "Incidents: the register, the sixteen steps, clocks."),
    "suite": ("suite", "suite", "Suites of cases: build, lint, show, from-table."),
    "run": ("run", "run", "Run a suite against a target."),
    "import": ("import_", "import_", "Make a run from results that exist already."),
    "baseline": ("baseline", "baseline", "Names for old versions: set, show, list."),
    "gate": ("gate", "gate", "Decide: pass, fail, inconclusive or invalid."),
    "plan": ("plan", "plan", "How many cases and trials would settle the question."),
    "calibrate": ("calibrate", "calibrate", "Measure a gate on your runs: false alarms and power."),
    "drift": ("drift", "drift", "What changed between two tables."),
    "drift-summarize": (
        "drift_summarize",
        "drift_summarize",
        "What drift needs of a table, so that it need not be read again.",
    ),
    "drift-watch": ("drift_watch", "drift_watch", "Look daily, and alarm when it got worse."),
    "blast-radius": (
        "blast_radius",
        "blast_radius",
        "How far an incident reached: users, decisions, records, messages, systems.",
    ),
    "checklist": ("checklist", "checklist", "What must hold before a deployment."),
    "vendor": ("vendor", "vendor", "Vendors: models that go away, and assessments."),
    "track": ("track", "track", "Records that wait for MLflow: list, push."),
    "report": ("report", "report", "One HTML page of a run, comparison, verdict, drift, incident."),
    "schema": ("schema", "schema", "JSON Schema of a kind of document, for editors."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when called."""

    def __init__(self, *args: object, table: Commands, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        command: click.Command = getattr(import_module(f"aiir_eval.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.table.items()])


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="aiir")
def aiir() -> None:
    """From an AI incident to a verdict.

    Exit codes of gate: 0 pass, 1 fail, 2 bad input, 3 inconclusive, 4 invalid, 5 unreachable.
    """
