"""What the columns of a table say of each trial: recorded verdicts, or outputs that are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError, Problem, TableError
from ..suites.model import Case, Suite
from ..tables import as_numbers, as_passed, as_text, table_name
from .judging import Judge
from .rows import CheckRow, check_column, expected_text, outcome

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

NO_OUTPUT = "the table has no output for this trial"  # an empty CSV cell is null; "" is empty text
RECORDED = "recorded"  # the scorer of a verdict or score that stands in the table
_VERSION = "1"
_AT_ONCE = 8  # judgements by a model


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Which column is what."""

    id: tuple[str, ...]
    passed: tuple[str, ...]
    score: tuple[str, ...]
    output: str | None
    trial: str | None
    cluster: tuple[str, ...]
    by: tuple[str, ...]
    expected: str | None
    latency: str | None
    cost: str | None

    def check(self, *, has_suite: bool) -> None:
        """Refuse options that do not say, or say twice, where the outcome comes from."""
        recorded = bool(self.passed or self.score)
        if has_suite and recorded:
            raise InputError(
                "give either a suite, whose checks score the outputs, or columns of verdicts"
            )
        if has_suite and self.output is None:
            raise InputError("a suite scores outputs: name the column of the outputs (output)")
        if not has_suite and not recorded:
            raise InputError(
                "nothing says which trials passed",
                hint="name columns of verdicts (passed) or scores (score), or outputs and a suite",
            )
        names = (*self.passed, *self.score)
        if len(set(names)) < len(names):
            raise InputError("a column is named twice in passed and score")

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Columns of a text file that are text whatever they look like."""
        single = (self.output, self.expected)
        return (*self.id, *self.cluster, *self.by, *(name for name in single if name is not None))

    @property
    def every(self) -> tuple[str, ...]:
        """Every column named, once."""
        single = (self.output, self.trial, self.expected, self.latency, self.cost)
        several = (*self.id, *self.passed, *self.score, *self.cluster, *self.by)
        return tuple(dict.fromkeys((*several, *(name for name in single if name is not None))))

    def identity(self) -> dict[str, Any]:
        """The columns that make the run what it is."""
        return {
            "id": list(self.id),
            "passed": list(self.passed),
            "score": list(self.score),
            "output": self.output,
            "trial": self.trial,
        }


def trial_numbers(table: pa.Table, column: str | None, ids: Sequence[str]) -> NDArray[np.int32]:
    import numpy as np

    if column is None:
        return np.zeros(table.num_rows, np.int32)
    numbers = as_numbers(table, column, ids=ids)
    wrong = np.flatnonzero((numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= 2**31))
    _refuse(table, column, ids, wrong, numbers, "a trial is a whole number from 0")
    return numbers.astype(np.int32)


def amounts(table: pa.Table, column: str, ids: Sequence[str]) -> pa.Array:
    """Seconds or USD: at least 0; null where the table has none."""
    import numpy as np
    import pyarrow as pa

    numbers = as_numbers(table, column, nulls=True, ids=ids)
    _refuse(table, column, ids, np.flatnonzero(numbers < 0), numbers, "below zero")
    return pa.array(numbers, mask=np.isnan(numbers))


def recorded(table: pa.Table, spec: TableSpec, ids: list[str]) -> dict[str, Any]:
    """The columns that follow from verdicts and scores that stand in the table."""
    import numpy as np
    import pyarrow as pa

    names = (*spec.passed, *spec.score)
    verdicts = [as_passed(table, column, ids=ids) for column in spec.passed]
    graded = [_unit_scores(table, column, ids) for column in spec.score]
    scores = np.column_stack([*(column.astype(float) for column in verdicts), *graded])
    rows, checks = scores.shape
    which = np.tile(np.arange(checks), rows)
    passes = np.zeros((rows, checks), bool)
    for position, column in enumerate(verdicts):
        passes[:, position] = column
    ungraded = pa.array(passes.ravel(), mask=which >= len(verdicts))
    structs = pa.StructArray.from_arrays(
        [
            pa.array(names, pa.string()).take(pa.array(which)),
            pa.array([RECORDED]).take(pa.array(np.zeros_like(which))),
            pa.array([_VERSION]).take(pa.array(np.zeros_like(which))),
            pa.array(scores.ravel()),
            ungraded,
            pa.array(["recorded in the table"]).take(pa.array(np.zeros_like(which))),
        ],
        names=["check", "scorer", "version", "score", "passed", "reason"],
    )
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * checks)
    return {
        "origin": pa.array(["control"]).take(pa.array(np.zeros(rows, np.int32))),
        "cluster": ids,
        "checks": pa.ListArray.from_arrays(offsets, structs),
        "score": scores.mean(axis=1),
        **({"passed": np.logical_and.reduce(verdicts)} if verdicts else {}),
    }


def _unit_scores(table: pa.Table, column: str, ids: Sequence[str]) -> NDArray[np.float64]:
    import numpy as np

    scores = as_numbers(table, column, ids=ids)
    outside = np.flatnonzero((scores < 0) | (scores > 1))
    _refuse(table, column, ids, outside, scores, "a score is in [0, 1]")
    return scores


def scored(
    table: pa.Table,
    spec: TableSpec,
    ids: list[str],
    suite: Suite,
    columns: Mapping[str, Any],
    allow_python: Sequence[str],
) -> dict[str, Any]:
    """The columns that follow from scoring the recorded outputs with the suite's checks."""
    cases = {case.id: case for case in suite.cases}
    _refuse_unknown_cases(table, spec, ids, cases)
    rows = [cases[case_id] for case_id in ids]
    if "expected" in columns:
        _refuse_other_expected(table, spec, ids, rows, columns["expected"])
    judge = Judge.of(
        {case_id: cases[case_id] for case_id in ids}.values(), allow_python=allow_python
    )
    judged = _judged(judge, rows, columns["output"].to_pylist())
    checks = [found for found, _ in judged]
    outcomes = [outcome(found) for found in checks]
    return {
        "incident_id": [case.incident_id for case in rows],
        "class": [case.class_ for case in rows],
        "origin": [case.origin for case in rows],
        "cluster": [case.cluster_id for case in rows],
        "tags": [case.tags for case in rows],
        "by": [case.by for case in rows],
        "expected": [expected_text(case.expected) for case in rows],
        "error": [error for _, error in judged],
        "checks": check_column(checks),
        "passed": [passed for passed, _ in outcomes],
        "score": [score for _, score in outcomes],
    }


def _judged(
    judge: Judge, rows: Sequence[Case], outputs: Sequence[str | None]
) -> list[tuple[list[CheckRow], str | None]]:
    def one(case: Case, output: str | None) -> tuple[list[CheckRow], str | None]:
        return ([], NO_OUTPUT) if output is None else judge.judge(case, output)

    if not any(judge.waits(case) for case in rows):
        return list(map(one, rows, outputs))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, rows, outputs))


def _refuse_unknown_cases(
    table: pa.Table, spec: TableSpec, ids: Sequence[str], cases: Mapping[str, Case]
) -> None:
    unknown = {
        case_id: row for row, case_id in reversed(list(enumerate(ids, 1))) if case_id not in cases
    }
    if not unknown:
        return
    problems = [
        Problem(
            f"row {row}: no case of the suite has the id {case_id!r}",
            table_name(table),
            field=",".join(spec.id),
        )
        for case_id, row in list(unknown.items())[::-1][:5]
    ]
    one = next(iter(cases))
    more = f"{len(unknown):,} ids of the table are not in the suite, whose ids look like {one!r}"
    hint = "select the suite's rows with where, or name the columns its ids were made of"
    raise TableError(more, file=table_name(table), hint=hint, problems=problems)


def _refuse_other_expected(
    table: pa.Table, spec: TableSpec, ids: Sequence[str], rows: Sequence[Case], expected: pa.Array
) -> None:
    """The suite says what is expected; a column that says otherwise belongs to other cases."""
    problems = [
        Problem(
            f"row {number} (id {case_id!r}): expects {text!r:.60}, the suite's case expects "
            f"{expected_text(case.expected)!r:.60}",
            table_name(table),
            field=spec.expected,
        )
        for number, (case_id, case, text) in enumerate(
            zip(ids, rows, expected.to_pylist(), strict=True), 1
        )
        if case.expected is not None and text != expected_text(case.expected)
    ]
    if problems:
        raise TableError(problems=problems[:5])


def levels_of_rows(
    table: pa.Table, by: Sequence[str], of_cases: Sequence[Mapping[str, str]] | None
) -> Any:
    """The slices of each row: those of its case, and the columns asked for."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not by:
        return [sorted(levels.items()) for levels in of_cases or [{}] * table.num_rows]
    texts = [pc.fill_null(as_text(table, column), "null") for column in by]
    if of_cases is not None:
        rows = zip(of_cases, *(text.to_pylist() for text in texts), strict=True)
        return [
            sorted({**levels, **dict(zip(by, values, strict=True))}.items())
            for levels, *values in rows
        ]
    order = np.arange(table.num_rows * len(by)).reshape(len(by), -1).T.ravel()
    keys = pa.array(by, pa.string()).take(pa.array(np.tile(np.arange(len(by)), table.num_rows)))
    offsets = pa.array(np.arange(table.num_rows + 1, dtype=np.int32) * len(by))
    return pa.MapArray.from_arrays(offsets, keys, pa.concat_arrays(texts).take(pa.array(order)))


def _refuse(
    table: pa.Table,
    column: str,
    ids: Sequence[str],
    rows: NDArray[np.intp],
    values: NDArray[Any],
    message: str,
) -> None:
    if rows.size:
        raise TableError(
            problems=[
                Problem(
                    f"row {row + 1} (id {ids[row]!r}): {message}: {values[row]}",
                    table_name(table),
                    field=column,
                )
                for row in rows[:5]
            ]
        )
