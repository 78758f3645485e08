"""Suites out of tables: one row, one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..documents import duplicates
from ..errors import InputError, Problem, TableError
from ..incidents.classes import CLASSES, IncidentClass
from ..scorers import Check, make_scorer, needs_expected, parse_checks
from ..scorers.python import PREFIX
from ..tables import as_text, column_list, join_id, read_table, require_columns, table_name
from .model import Case, Suite, TrialCounts

if TYPE_CHECKING:
    import pyarrow as pa

Columns = str | Sequence[str]
_SHOWN = 5


def suite_from_table(
    source: Any,
    *,
    id: Columns,
    input: str,
    checks: Sequence[Check | Mapping[str, Any] | str],
    expected: str | None = None,
    where: str | None = None,
    incident_class: IncidentClass | None = None,
    cluster: Columns | None = None,
    by: Columns = (),
    name: str | None = None,
    trials: TrialCounts = 1,
) -> Suite:
    """Make a suite of a table: Parquet, CSV, JSON Lines, or any dataframe.

    Parameters
    ----------
    id : column name or names
        What makes a case: the values as text, joined with ``|``.
    input : column name
        The input: text, or a list of messages (structs of role and content).
    checks : sequence of Check, mapping or text
        The checks of every case; text as on the command line (`parse_check`). Of several with the
        same name, the later ones are numbered.
    expected : column name, optional
        The expected answer, as text. Needed by checks that compare with it.
    where : str, optional
        A DuckDB boolean expression over the columns: the rows that are cases.
    incident_class : str, optional
        The class of every case.
    cluster, by : column names, optional
        The cluster of a case (by default the case itself), and columns to slice by.

    Raises
    ------
    TableError
        A missing column, a null or duplicate id, a null input or expected answer: each with its
        row.
    InputError
        A check that cannot be made, or that needs an expected answer where none is named.
    """
    named = named_checks(checks)
    _require_usable(named, has_expected=expected is not None)
    if incident_class is not None and incident_class not in CLASSES:
        raise InputError(
            f"there is no class {incident_class!r}", hint=f"the classes are {', '.join(CLASSES)}"
        )
    ids_of, clusters_of, levels_of = column_list(id), column_list(cluster or ()), column_list(by)
    single = [column for column in (input, expected) if column is not None]
    every = [*ids_of, *single, *clusters_of, *levels_of]
    table = read_table(source, where=where, text_columns=every)
    require_columns(table, every)
    ids = join_id(table, ids_of)
    _refuse_duplicates(table, ids, ids_of)
    inputs = _inputs(table, input, ids)
    answers = _filled(table, expected, ids) if expected else [None] * len(ids)
    clusters = join_id(table, clusters_of) if clusters_of else [None] * len(ids)
    levels = {column: as_text(table, column).fill_null("null").to_pylist() for column in levels_of}
    mappings = [check.to_mapping() for check in named]
    cases = []
    for row, case_id in enumerate(ids):
        try:
            case = Case.model_validate(
                {
                    "id": case_id,
                    "class": incident_class,
                    "cluster": clusters[row],
                    "by": {column: values[row] for column, values in levels.items()},
                    "input": inputs[row],
                    "expected": answers[row],
                    "checks": mappings,
                }
            )
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]["msg"]
            raise _row_error(table, row, case_id, input, f"cannot be a case: {detail}") from None
        cases.append(case)
    default = Path(source).stem if isinstance(source, str | Path) else "table"
    return Suite(name=name or default, trials=trials, cases=cases)


def named_checks(checks: Sequence[Check | Mapping[str, Any] | str]) -> list[Check]:
    """Checks however they are written, under names of their own: the second `x` becomes ``x-2``."""
    parsed: list[Check] = []
    for check in checks:
        if isinstance(check, Check):
            parsed.append(check)
        elif isinstance(check, str):
            parsed.extend(parse_checks(check))
        else:
            try:
                parsed.append(Check.from_mapping(check))
            except ValueError as error:
                raise InputError(str(error)) from None
    if not parsed:
        raise InputError("a suite needs at least one check")
    taken: set[str] = set()
    named = []
    for check in parsed:
        name, number = check.name, 1
        while name in taken:
            number += 1
            name = f"{check.name}-{number}"
        taken.add(name)
        named.append(Check(check.scorer, name, check.parameters))
    return named


def _require_usable(checks: Sequence[Check], *, has_expected: bool) -> None:
    """Making a suite runs no scorer, so those that must be named when it runs need it not yet.

    A python scorer is not even imported.
    """
    problems: list[Problem] = []
    for check in checks:
        if check.scorer.startswith(PREFIX):
            continue
        try:
            scorer = make_scorer(check, allow_python=[check.scorer])
        except InputError as error:
            problems.extend(error.problems)
            continue
        if needs_expected(scorer) and not has_expected:
            message = f"check {check.name}: compares with the expected answer"
            problems.append(Problem(message, hint="name its column: --expected COL"))
    if problems:
        raise InputError(problems=problems)


def _refuse_duplicates(table: pa.Table, ids: Sequence[str], columns: Sequence[str]) -> None:
    twice = duplicates(ids)
    if not twice:
        return
    rows: dict[str, list[int]] = {}
    for number, case_id in enumerate(ids, 1):
        rows.setdefault(case_id, []).append(number)
    problems = [
        Problem(
            f"the id {case_id!r} stands in rows {', '.join(map(str, rows[str(case_id)][:_SHOWN]))}",
            table_name(table),
            field=",".join(columns),
        )
        for case_id in twice[:_SHOWN]
    ]
    raise TableError(
        f"{len(twice):,} ids stand more than once; the ids of cases are unique",
        file=table_name(table),
        field=",".join(columns),
        hint="name more columns in --id, or select one row a case with --where",
        problems=problems,
    )


def _inputs(table: pa.Table, column: str, ids: Sequence[str]) -> list[Any]:
    import pyarrow as pa

    kind = table.schema.field(column).type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values: list[Any] = table[column].to_pylist()
        _refuse_empty(table, column, ids, values)
        return values
    return _filled(table, column, ids)


def _filled(table: pa.Table, column: str, ids: Sequence[str]) -> list[Any]:
    values: list[Any] = as_text(table, column).to_pylist()
    _refuse_empty(table, column, ids, values)
    return values


def _refuse_empty(
    table: pa.Table, column: str, ids: Sequence[str], values: Sequence[object]
) -> None:
    empty = [row for row, value in enumerate(values) if value is None]
    if empty:
        raise TableError(
            problems=[
                *(
                    _row_problem(table, row, ids[row], column, "there is no value")
                    for row in empty[:_SHOWN]
                ),
                *(
                    [Problem(f"{len(empty) - _SHOWN:,} more rows like these", table_name(table))]
                    if len(empty) > _SHOWN
                    else []
                ),
            ]
        )


def _row_problem(table: pa.Table, row: int, case_id: str, column: str, message: str) -> Problem:
    return Problem(f"row {row + 1} (id {case_id!r}): {message}", table_name(table), field=column)


def _row_error(table: pa.Table, row: int, case_id: str, column: str, message: str) -> TableError:
    return TableError(problems=[_row_problem(table, row, case_id, column, message)])
