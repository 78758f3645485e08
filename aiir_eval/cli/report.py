"""``aiir report``: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .output import note


@click.command()
@click.argument("source", metavar="RUN|COMPARISON|VERDICT|DRIFT|INCIDENT", type=click.Path())
@click.option(
    "-o", "--out", required=True, type=click.Path(), metavar="FILE", help="The page to write."
)
def report(source: str, out: str) -> None:
    """Write one self-contained HTML page; it makes no request.

    \b
    aiir gate --baseline runs/v1 --candidate runs/v2 -o verdict.json
    aiir report verdict.json -o report.html
    """
    from ..documents import write_text
    from ..reports.html import render_html

    write_text(out, render_html(load(source)))
    note(f"wrote {out}")


def load(source: str) -> Any:
    """Whatever a document says it is: a run, comparison, verdict, drift report or incident.

    An incident may also be named by its id.
    """
    from ..documents import read_document, read_json
    from ..errors import DocumentError
    from ..runs.model import load_run

    path = Path(source)
    if path.is_dir():
        return load_run(path)
    if not path.exists() and not path.suffix and path.name == source:
        from .incident.records import find, listing

        if any(entry.id == source for entry in listing(()).entries):
            return find(source, ())
    data = read_json(path) if path.suffix == ".json" else read_document(path).data
    kind = data.get("schema") if isinstance(data, dict) else None
    if kind == "aiir/verdict/1":
        from ..gate.document import load_verdict

        return load_verdict(path)
    if kind == "aiir/comparison/1":
        from ..compare.document import load_comparison

        return load_comparison(path)
    if kind == "aiir/drift/1":
        from ..drift.document import load_drift

        return load_drift(path)
    if kind == "aiir/drift-comparison/1":
        from ..drift.document import load_drift_comparison

        return load_drift_comparison(path)
    if kind == "aiir/incident/1":
        from ..incidents.loading import load_incident

        return load_incident(path)
    raise DocumentError(
        f"there is no report of {'a file without a schema' if kind is None else repr(kind)}",
        file=source,
        field="schema",
        hint="a run folder, a file saved by compare, gate or drift with -o, or an incident",
    )
