"""The options that name the columns of a table, shared by the commands that read one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..suites.model import Suite


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a table says what, as the options of ``aiir import table`` name them."""

    id_: str | None = None
    passed: tuple[str, ...] = ()
    score: tuple[str, ...] = ()
    output: str | None = None
    trial: str | None = None
    where: str | None = None
    cluster: str | None = None
    by_column: tuple[str, ...] = ()
    expected: str | None = None
    latency: str | None = None
    cost: str | None = None

    def read(
        self,
        path: str,
        *,
        suite: Suite | None = None,
        allow_python: Sequence[str] = (),
        target_name: str | None = None,
        expect_pass_rate: float | None = None,
        out: str | None = None,
    ) -> Run:
        """The table as a run."""
        from ..runs.importing import import_table
        from .sources import names_a_file, table_of

        if self.id_ is None:
            raise click.UsageError("--id is needed: the columns that make a case's id")
        return import_table(
            path if names_a_file(path) else table_of(path),
            id=self.id_,
            passed=self.passed or None,
            score=self.score or None,
            output=self.output,
            suite=suite,
            allow_python=allow_python,
            trial=self.trial,
            where=self.where,
            cluster=self.cluster,
            by=self.by_column,
            expected=self.expected,
            latency=self.latency,
            cost=self.cost,
            target_name=target_name,
            expect_pass_rate=expect_pass_rate,
            out=out,
        )


OPTIONS = (
    click.option(
        "--id", "id_", metavar="COLS", help="The columns that make a case's id, comma-separated."
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
    click.option("--output", metavar="COL", help="What the target said."),
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
)


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a table; it gets them as one argument, `columns`."""

    @wraps(command)
    def with_columns(**kwargs: Any) -> Any:
        columns = Columns(**{field.name: kwargs.pop(field.name) for field in fields(Columns)})
        return command(columns=columns, **kwargs)

    for option in reversed(OPTIONS):
        with_columns = option(with_columns)
    return with_columns
