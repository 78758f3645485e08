"""How trials become the table of a run: rows from the runner, columns from an import."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..suites.model import Case
from ..tool_calls import ToolCall
from .model import trial_schema

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What one check said of one trial."""

    check: str
    scorer: str
    version: str
    score: float
    passed: bool | None  # None where the check is graded only
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial, with the columns of `trial_schema` (``class_`` stands for ``class``).

    `passed` and `score` follow from the checks where there are any and the trial did not error: see
    `outcome`. `expected` is text, or any JSON.
    """

    case_id: str
    incident_id: str | None
    class_: str | None
    origin: str
    cluster: str
    tags: Sequence[str]
    by: Mapping[str, str]
    expected: Any
    trial: int
    output: str | None = None
    tool_calls: Sequence[ToolCall] = ()
    error: str | None = None
    passed: bool | None = None
    score: float | None = None
    checks: Sequence[CheckRow] = field(default_factory=tuple)
    latency_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    finish_reason: str | None = None
    model_reported: str | None = None
    system_fingerprint: str | None = None
    started_at: datetime | None = None


def trial_row(case: Case, trial: int, **columns: Any) -> TrialRow:
    """The row of a trial of a case; `columns` are what the target said and the checks found."""
    return TrialRow(
        case_id=case.id,
        incident_id=case.incident_id,
        class_=case.class_,
        origin=case.origin,
        cluster=case.cluster_id,
        tags=case.tags,
        by=case.by,
        expected=case.expected,
        trial=trial,
        **columns,
    )


def outcome(checks: Sequence[CheckRow]) -> tuple[bool | None, float | None]:
    """A trial's (passed, score): the AND of its checks, and the mean of their scores."""
    if not checks:
        return None, None
    verdicts = [check.passed for check in checks]
    passed = None if None in verdicts else all(verdicts)
    return passed, sum(check.score for check in checks) / len(checks)


def trial_table(rows: Sequence[TrialRow]) -> pa.Table:
    """The trials as an Arrow table with `trial_schema`, in the order of case id and trial."""
    rows = sorted(rows, key=lambda row: (row.case_id, row.trial))
    columns: dict[str, list[Any]] = {
        name: [getattr(row, "class_" if name == "class" else name) for row in rows]
        for name in trial_schema().names
    }
    columns["expected"] = [expected_text(value) for value in columns["expected"]]
    columns["tags"] = [list(tags) for tags in columns["tags"]]
    columns["by"] = [sorted(by.items()) for by in columns["by"]]
    columns["tool_calls"] = [[_call(call) for call in calls] for calls in columns["tool_calls"]]
    columns["checks"] = check_column(columns["checks"])
    return trial_table_from_columns(columns, in_order=True)


def trial_table_from_columns(
    columns: Mapping[str, Any], *, n_rows: int | None = None, in_order: bool = False
) -> pa.Table:
    """The same table from whole columns (Arrow or numpy arrays, lists); those not given are null.

    Rows are put in the order of case id and trial, the rows of one trial in the order given.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = trial_schema()
    if unknown := set(columns) - set(schema.names):
        raise ValueError(f"no columns of a run: {sorted(unknown)}")
    count = len(columns["case_id"]) if n_rows is None else n_rows
    arrays = []
    for column in schema:
        if column.name not in columns:
            arrays.append(_absent(column.type, count))
            continue
        values = columns[column.name]
        if isinstance(values, pa.Array | pa.ChunkedArray):
            arrays.append(values.cast(column.type))
        else:
            arrays.append(pa.array(values, column.type))
    table = pa.table(arrays, schema=schema)
    if in_order:
        return table
    order = pc.sort_indices(table, sort_keys=[("case_id", "ascending"), ("trial", "ascending")])
    return table.take(order)


def _absent(kind: pa.DataType, count: int) -> pa.Array:
    """Null, or an empty list where the column holds lists."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_map(kind):
        return pa.array([[]] * count, kind)
    return pa.nulls(count, kind)


def expected_text(value: Any) -> str | None:
    """What is expected, as the table keeps it: text as it is, any other JSON as JSON text."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _call(call: ToolCall) -> dict[str, str]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False, default=str)
    return {"name": call.name, "arguments": arguments}


def check_column(checks: Sequence[Sequence[CheckRow]]) -> list[list[dict[str, Any]]]:
    """The checks of each trial as the table keeps them."""
    return [[_check(check) for check in rows] for rows in checks]


def _check(check: CheckRow) -> dict[str, Any]:
    return {
        "check": check.check,
        "scorer": check.scorer,
        "version": check.version,
        "score": check.score,
        "passed": check.passed,
        "reason": check.reason,
    }
