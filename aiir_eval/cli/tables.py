"""The options that name the columns of a table, shared by the commands that read one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def table_options(command: Command) -> Command:
    """``--id``, ``--passed`` and the others of ``aiir import table``."""
    options = [
        click.option(
            "--id",
            "id_",
            metavar="COLS",
            help="The columns that make a case's id, comma-separated.",
        ),
        click.option(
            "--passed",
            multiple=True,
            metavar="COL",
            help="A pass/fail column; each is one check of that name; repeatable.",
        ),
        click.option(
            "--score",
            multiple=True,
            metavar="COL",
            help="A column of scores in [0, 1]; each is one check; repeatable.",
        ),
        click.option("--trial", metavar="COL", help="The column that numbers repeated trials."),
        click.option(
            "--where",
            metavar="SQL",
            help="Keep these rows: a DuckDB expression over the table's columns.",
        ),
        click.option("--cluster", metavar="COL", help="Cases that belong together share a value."),
        click.option(
            "--by-column", multiple=True, metavar="COL", help="A column to slice by; repeatable."
        ),
        click.option("--expected", metavar="COL", help="The column of the expected answer."),
        click.option("--latency", metavar="COL", help="Seconds a trial took."),
        click.option("--cost", metavar="COL", help="US dollars a trial cost."),
        click.option("--output", "output_column", metavar="COL", help="What the target said."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def split_columns(text: str) -> list[str]:
    """``"id,occ"`` as two column names."""
    columns = [column.strip() for column in text.split(",")]
    if not all(columns):
        raise click.UsageError(f"--id {text!r}: a column name is empty")
    return columns
