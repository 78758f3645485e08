"""Where an MLflow is, on the command line."""

from __future__ import annotations

from collections.abc import Callable

import click

from .output import Command


def mlflow_option(
    told: str, *, name: str = "mlflow_uri", flag: str = "--mlflow"
) -> Callable[[Command], Command]:
    """An option for the URI of a store, refused before any work where it can mean none."""
    return click.option(flag, name, metavar="URI", callback=_means_a_store, help=told)


def log_options(command: Command) -> Command:
    """The options of a command that logs what it found."""
    command = click.option(
        "--experiment", default="aiir", show_default=True, help="The MLflow experiment."
    )(command)
    told = "Log to this MLflow, e.g. sqlite:///mlflow.db or http://localhost:5000."
    return mlflow_option(told)(command)


def _means_a_store(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        from ..errors import InputError
        from ..tracking.stores import resolve_store

        try:
            resolve_store(value)
        except InputError as error:
            raise click.BadParameter(str(error), param=param) from None
    return value
