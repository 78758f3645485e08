"""Which scorers may run that no suite decides to run: the option --allow-scorer, and aiir.yaml."""

from __future__ import annotations

from collections.abc import Sequence

import click

allow_scorer_option = click.option(
    "--allow-scorer",
    "allow_python",
    multiple=True,
    metavar="NAME",
    help="A scorer the checks may use that is python:MOD:FN, asks a model, or matches a pattern "
    "without a time limit (mlflow.NAME, evidently.NAME); repeatable.",
)


def allowed_scorers(named: Sequence[str]) -> list[str]:
    """Those named by the option, and those of the aiir.yaml of this folder, if there is one."""
    from ..targets.config import find_config

    config = find_config(None)
    return [*named, *(config.scorers if config else ())]
