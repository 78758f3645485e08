"""Traces as rows of MLflow's tables: what its API writes one by one, a batch in one transaction."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import TYPE_CHECKING, Any

from .traces import EXPECTED

if TYPE_CHECKING:
    from .trace_writing import PlacedSpan, PlacedTrace
    from .traces import Judgement

# The version of MLflow's tables (3.17) for which the rows below are what its API writes.
SCHEMA = "dc11669786a5"

AT_ONCE = 1_000  # rows of a statement of SQLite; one by one they take nearly twice as long
_COLUMNS = ("mlflow.trace.tokenUsage", "mlflow.trace.cost")  # metadata that are columns
Row = dict[str, Any]
_json = json.JSONEncoder(ensure_ascii=False).encode


def knows(store: Any) -> bool:
    """Whether a store of MLflow is a database with the tables known here."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    if not isinstance(store, SqlAlchemyStore):
        return False
    import sqlalchemy
    from mlflow.environment_variables import MLFLOW_SQL_TRACE_ROLLUPS_ENABLED

    if MLFLOW_SQL_TRACE_ROLLUPS_ENABLED.get():
        return False  # its sums are kept by the API
    with store.engine.connect() as connection:
        found = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version"))
        return [version for (version,) in found] == [SCHEMA]


def insert(store: Any, batch: Sequence[PlacedTrace], artifacts: str) -> None:
    """Write a batch whole or not at all; `artifacts` is the folder of the experiment."""
    from mlflow.store.tracking.dbmodels.models import (
        SqlAssessments,
        SqlSpan,
        SqlTraceInfo,
        SqlTraceMetadata,
        SqlTraceTag,
    )

    tables = (
        (SqlTraceInfo, [_info(each) for each in batch]),
        (SqlTraceTag, [row for each in batch for row in _tags(each, artifacts)]),
        (SqlTraceMetadata, [row for each in batch for row in _metadata(each)]),
        (SqlAssessments, list(_assessments(batch))),
        (SqlSpan, [_span(each, span) for each in batch for span in each.spans]),
    )
    with store.ManagedSessionMaker(read_only=False) as session:
        for model, rows in tables:
            if rows:
                _insert(session.connection(), model.__table__, rows)


def _insert(connection: Any, table: Any, rows: Sequence[Row]) -> None:
    """Rows of the same columns, handed to the driver as they are: they need no conversion."""
    import sqlalchemy

    statement = sqlalchemy.insert(table).compile(
        dialect=connection.dialect, column_keys=list(rows[0])
    )
    names = statement.positiontup
    if names is None:
        connection.exec_driver_sql(statement.string, rows)
        return
    values = list(map(itemgetter(*names), rows))
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(statement.string, values)
        return
    allowed = connection.connection.dbapi_connection.getlimit(SQLITE_LIMIT_VARIABLE_NUMBER)
    at_once = max(min(allowed // len(names), AT_ONCE), 1)
    into, _, one = statement.string.rpartition(" VALUES ")
    for start in range(0, len(values), at_once):
        some = values[start : start + at_once]
        several = f"{into} VALUES {', '.join([one] * len(some))}"
        connection.exec_driver_sql(several, tuple(chain.from_iterable(some)))


def _info(placed: PlacedTrace) -> Row:
    row: Row = {
        "request_id": f"tr-{placed.id}",
        "experiment_id": int(placed.experiment),
        "timestamp_ms": placed.at_ms,
        "execution_time_ms": placed.duration_ms,
        "status": placed.state,
        "request_preview": placed.trace.request_preview,
        "response_preview": placed.response_preview,
        "db_payload_generation": 1,
        "trace_name": placed.trace.name,
    }
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        row[name] = placed.trace.usage.get(name)
    row["total_cost"] = placed.trace.cost_usd
    return row


def _tags(placed: PlacedTrace, artifacts: str) -> Iterator[Row]:
    id_ = f"tr-{placed.id}"
    folder = f"{artifacts.rstrip('/')}/traces/{id_}/artifacts"
    ours = {"mlflow.artifactLocation": folder, "mlflow.trace.spansLocation": "TRACKING_STORE"}
    for name, value in {**placed.trace.tags, **ours}.items():
        yield {"request_id": id_, "key": name, "value": value}


def _metadata(placed: PlacedTrace) -> Iterator[Row]:
    id_ = f"tr-{placed.id}"
    for name, value in placed.metadata.items():
        if name not in _COLUMNS:
            yield {"request_id": id_, "key": name, "value": value}
    yield {"request_id": id_, "key": "mlflow.trace.infoFinalized", "value": "true"}


def _assessments(batch: Sequence[PlacedTrace]) -> Iterator[Row]:
    said: dict[int, Row] = {}  # trials share a judgement where a check said the same of them
    for placed in batch:
        for number, each in enumerate(placed.trace.judgements):
            if id(each) not in said:
                said[id(each)] = _feedback(placed, each)
            yield {**_placing(placed, number), **said[id(each)]}
        if placed.expected is not None:
            number = len(placed.trace.judgements)
            yield {**_placing(placed, number), **_expectation(placed.expected)}


def _feedback(placed: PlacedTrace, judgement: Judgement) -> Row:
    return {
        "name": judgement.name,
        "assessment_type": "feedback",
        "value": json.dumps(judgement.value),
        "source_id": judgement.source,
        "run_id": placed.run_id,
        "rationale": judgement.rationale,
        "assessment_metadata": json.dumps(placed.noted(judgement)),
        "aggregate_value": float(judgement.value),
        "is_numeric_value": not isinstance(judgement.value, bool),
    }


def _expectation(expected: Any) -> Row:
    number = isinstance(expected, int | float) and not isinstance(expected, bool)
    counted = number or isinstance(expected, bool)
    return {
        "name": EXPECTED,
        "assessment_type": "expectation",
        "value": json.dumps(expected),
        "source_id": "suite",
        "run_id": None,
        "rationale": None,
        "assessment_metadata": None,
        "aggregate_value": float(expected) if counted else _yes(expected),
        "is_numeric_value": number,
    }


def _yes(value: Any) -> float | None:
    """MLflow counts the words yes and no."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return {"yes": 1.0, "no": 0.0}.get(word)


def _placing(placed: PlacedTrace, number: int) -> Row:
    return {
        "assessment_id": f"a-{placed.id}{number:04x}",
        "trace_id": f"tr-{placed.id}",
        "created_timestamp": placed.at_ms,
        "last_updated_timestamp": placed.at_ms,
        "experiment_id": int(placed.experiment),
        "trace_timestamp_ms": placed.at_ms,
        "source_type": "CODE",
        "valid": True,
    }


def _span(placed: PlacedTrace, span: PlacedSpan) -> Row:
    cost = placed.trace.cost_usd if span.parent is None else None
    model = placed.trace.model if span.parent is None else None
    failed = span.error is not None
    content = {
        "trace_id": _base64(placed.id),
        "span_id": _base64(span.id),
        "parent_span_id": None if span.parent is None else _base64(span.parent),
        "name": span.name,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns,
        "events": [
            {
                "name": "exception",
                "time_unix_nano": span.end_ns,
                "attributes": {"exception.message": span.error},
            }
        ]
        if failed
        else [],
        "status": {
            "code": "STATUS_CODE_ERROR" if failed else "STATUS_CODE_OK",
            "message": span.error or "",
        },
        "attributes": span.attributes,
        "links": [],
    }
    return {
        "trace_id": f"tr-{placed.id}",
        "experiment_id": int(placed.experiment),
        "span_id": span.id,
        "parent_span_id": span.parent,
        "name": span.name,
        "type": span.kind,
        "status": "ERROR" if failed else "OK",
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns,
        "content": _json(content),
        "total_cost": cost,
        "model_name": None if model is None else model[:500],
    }


def _base64(digits: str) -> str:
    return b64encode(bytes.fromhex(digits)).decode("ascii")
