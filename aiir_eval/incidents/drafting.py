"""A record prefilled from a logged interaction, with a drafted check; what is unknown says so."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..documents import Document, validate
from ..errors import InputError, TableError
from ..tables import as_text, column_list, join_id, read_table, require_columns
from .classes import CLASSES, IncidentClass
from .draft_checks import draft_checks
from .interactions import (
    Interaction,
    as_context,
    as_input,
    as_moment,
    as_output,
    as_tool_calls,
    last_question,
    plain_data,
)
from .model import Incident
from .psf import psf_taxonomy
from .regression import MIN_BAD, MIN_GOOD, Behaviour, Message, Regression, RegressionCase
from .traces import read_trace
from .unfinished import GUESSED_CLASS, fill_in, open_fields

if TYPE_CHECKING:
    import pyarrow as pa

# The columns that a field is looked for in where the caller names none, the likeliest first.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "triggering_input": ("triggering_input", "input", "prompt", "query", "question", "user_query",
                         "user_message", "user_input", "messages", "request"),
    "observed_output": ("observed_output", "output", "answer", "response", "completion", "reply",
                        "generation", "model_output"),
    "tool_calls": ("tool_calls", "tools_called", "tool_names"),
    "context": ("context", "contexts", "retrieved", "passages"),
    "expected": ("expected", "expected_answer", "expected_output", "ref_answer", "reference"),
    "occurred_at": ("occurred_at", "timestamp", "created_at", "started_at", "time", "ts", "date"),
    "system": ("system", "application", "app", "service", "product"),
    "model": ("model", "model_name", "model_id", "model_version", "model_reported"),
    "prompt_version": ("prompt_version", "prompt_id", "prompt_name", "prompt_template"),
    "data_source": ("data_source", "source", "channel"),
    "user_population": ("user_population", "population", "segment", "user_segment", "user_group"),
    "deployment_version": ("deployment_version", "release", "git_sha", "build", "app_version"),
    "retrieval_corpus": ("retrieval_corpus", "corpus", "index_name"),
    "vendor": ("vendor", "provider"),
}  # fmt: skip
MAX_FIELD = 200  # a longer text is a prompt or a page, not the name of a system or a version
_PARTS = ("triggering_input", "observed_output", "tool_calls", "context", "expected", "occurred_at")

_WORDINGS = ("in other words", "a third way", "a fourth way")


def draft_from_row(
    table: Any,
    row_id: str | None = None,
    *,
    id_columns: str | Sequence[str] = "id",
    columns: Mapping[str, str] | None = None,
    id: str | None = None,
    incident_class: IncidentClass | None = None,
) -> Incident:
    """Open a record from a row of a table, ``draft_from_row("logs.parquet#4711")``.

    Parameters
    ----------
    table, row_id
        A path or dataframe and the id of the row; or both in one text, ``TABLE#ID``.
    id_columns
        The columns that make the id of a row.
    columns
        Which column fills a field, by the field's name; the others are found by usual names
        (`COLUMNS`).
    id, incident_class
        Of the record. A class that is not given is guessed and marked so.

    Raises `TableError` where no row, or more than one, has the id.
    """
    if row_id is None:
        table, hash_, row_id = str(table).rpartition("#")
        if not hash_ or not table or not row_id:
            raise InputError("name the row: TABLE#ID, as in logs.parquet#4711")
    names = column_list(id_columns)
    chosen = dict(columns or {})
    if unknown := sorted(set(chosen) - set(COLUMNS)):
        raise InputError(
            f"{unknown[0]!r} is no field that a column can fill",
            hint=f"the fields are {', '.join(COLUMNS)}",
        )
    logged = read_table(table, text_columns=names)
    require_columns(logged, [*names, *chosen.values()])
    named = _rows_with_an_id(logged, names)
    ids = join_id(logged.take(named), names)
    rows = [row for row, found in zip(named, ids, strict=True) if found == row_id]
    label = str(table) if isinstance(table, str | Path) else "the table"
    if len(rows) != 1:
        where = ", ".join(str(position + 1) for position in rows[:5])
        raise TableError(
            f"{len(rows)} rows have the id {row_id!r}: rows {where}"
            if rows
            else f"no row has the id {row_id!r}",
            file=label,
            field=",".join(names),
            hint="name more columns for the id"
            if rows
            else f"ids look like {ids[0]!r}"
            if ids
            else None,
        )
    row = logged.slice(rows[0], 1).to_pylist()[0]
    return _draft(_interaction(row, chosen, f"{label}#{row_id}", row_id), id, incident_class)


def _rows_with_an_id(logged: pa.Table, names: Sequence[str]) -> list[int]:
    """The positions of rows whose id is whole: a log may hold others, which nobody can mean."""
    import pyarrow as pa
    import pyarrow.compute as pc

    every = pa.array([True] * len(logged))
    whole = [pc.greater(pc.utf8_length(as_text(logged, name)), 0) for name in names]
    held = functools.reduce(pc.and_, (pc.fill_null(column, False) for column in whole), every)
    positions: list[int] = pc.indices_nonzero(held).to_pylist()
    return positions


def draft_from_trace(
    trace_id: str,
    tracking_uri: str | None = None,
    *,
    id: str | None = None,
    incident_class: IncidentClass | None = None,
) -> Incident:
    """Open a record from an MLflow trace: its question, answer, tool calls, retrieved passages.

    `trace_id` may begin with ``mlflow:``. Raises `InputError` where the store has no such trace.
    """
    interaction = read_trace(trace_id.removeprefix("mlflow:"), tracking_uri)
    return _draft(interaction, id, incident_class)


def _interaction(
    row: Mapping[str, Any], chosen: Mapping[str, str], source: str, row_id: str
) -> Interaction:
    by_name = {name.lower(): name for name in row}

    def value(part: str) -> Any:
        if part in chosen:
            return row[chosen[part]]
        found = (row[by_name[name]] for name in COLUMNS[part] if name in by_name)
        return next((item for item in found if not _is_missing(item)), None)

    def text(part: str) -> str:
        found = str(value(part) or "").strip()
        return found if part in chosen or len(found) <= MAX_FIELD else ""

    output = value("observed_output")
    calls = as_tool_calls(value("tool_calls"))
    expected = value("expected")
    texts = {part: text(part) for part in COLUMNS if part not in _PARTS}
    return Interaction(
        source=source,
        row_id=row_id,
        input=as_input(value("triggering_input")),
        output=as_output(output),
        tool_calls=calls,
        context=as_context(value("context")),
        expected=None if expected is None else plain_data(expected),
        occurred_at=as_moment(value("occurred_at")),
        fields={part: found for part, found in texts.items() if found},
    )


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _draft(
    interaction: Interaction, id: str | None, incident_class: IncidentClass | None
) -> Incident:
    """The record of an interaction, everything that it does not say marked to be filled in."""
    guessed: IncidentClass = "unsafe_action" if interaction.tool_calls else "hallucination"
    class_ = incident_class or guessed
    if class_ not in CLASSES:
        raise InputError(f"{class_!r} is no class of incident", hint=f"one of {', '.join(CLASSES)}")
    known = {**open_fields(), **interaction.fields}
    if question := last_question(interaction.input):
        known["triggering_input"] = question
    observed: dict[str, str] = {}
    if interaction.output is not None:
        observed["observed_output"] = interaction.output.strip() or "(an empty answer)"
    if interaction.tool_calls:
        observed["observed_action"] = "; ".join(
            f"called {call.name} with {json.dumps(call.arguments, ensure_ascii=False)}"
            if call.arguments
            else f"called {call.name}"
            for call in interaction.tool_calls
        )
    if not observed:
        observed["observed_output"] = fill_in("what it said or did")
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", interaction.row_id).strip("-.")[:80]
    regression = _regression(interaction)
    record: dict[str, Any] = {
        "id": id or f"DRAFT-{slug or 'row'}",
        "class": class_,
        "tags": [] if incident_class else [GUESSED_CLASS],
        "occurred_at": interaction.occurred_at,
        **known,
        **observed,
        "psf_domains": psf_taxonomy().domains_of(class_),
        "sources": [interaction.source],
        "regression": None if regression is None else regression.model_dump(),
    }
    return validate(Incident, Document(interaction.source, record))


def _regression(interaction: Interaction) -> Regression | None:
    """One case of the triggering input; none where nothing was observed for a check to judge."""
    checks = draft_checks(interaction)
    if not checks:
        return None
    seen = Behaviour(output=interaction.output or "", tool_calls=list(interaction.tool_calls))
    more = [fill_in(f"the same failure, {how}") for how in _WORDINGS[: MIN_BAD - 1]]
    good = [fill_in(f"an answer as it should be, {n}") for n in range(1, MIN_GOOD + 1)]
    asked: str | list[Message] = interaction.input or fill_in("what was asked or sent")
    case = RegressionCase(
        name="trigger",
        input=asked,
        context=list(interaction.context),
        expected=interaction.expected,
        checks=checks,
        bad=[seen, *(Behaviour(output=text) for text in more)],
        good=[Behaviour(output=text) for text in good],
    )
    return Regression(cases=[case])
