"""Records as the rows of a table: what is nested stands as JSON in its cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model import Incident

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns() -> list[str]:
    """The columns: every field of a record but its cases, of which there is the number."""
    fields = [field.alias or name for name, field in Incident.model_fields.items()]
    return [name for name in fields if name not in ("schema", "regression")] + ["cases"]


def incidents_csv(incidents: Sequence[Incident]) -> str:
    """Records as CSV, a row each."""
    rows = []
    for incident in incidents:
        row = incident.model_dump(by_alias=True, mode="json", exclude={"regression"})
        rows.append({**row, "cases": len(incident.cases)})
    return csv_text(columns(), rows)


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV. A text that a spreadsheet would compute begins with an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = "; ".join(value)
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    return f"'{text}" if isinstance(value, str | list) and text.startswith(_FORMULA) else text
