"""``aiir compare`` of two saved drift reports: last week's and this week's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import note, print_json, wants_color, width

if TYPE_CHECKING:
    from ..drift.comparing import DriftComparison

_FITTING = {"old", "new", "out", "format_"}  # options that two drift reports take


def are_drift_reports(old: str, new: str) -> bool:
    """Whether both files are saved drift reports; one alone is an error."""
    found = [_is_drift_report(path) for path in (old, new)]
    if found[0] is not found[1]:
        one, other = (old, new) if found[0] else (new, old)
        raise click.UsageError(f"{one} is a drift report, and {other} is none")
    return all(found)


def compare_drift_reports(old: str, new: str, out: str | None, format_: str) -> None:
    """Read, compare, save and print."""
    from ..drift.document import load_drift

    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in _FITTING
        and context.get_parameter_source(parameter.name or "")
        is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"two drift reports take no {', '.join(given)}")
    comparison = load_drift(old).compare(load_drift(new))
    if out is not None:
        comparison.save(out)
        note(f"saved {out}")
    _print(comparison, format_)


def _print(comparison: DriftComparison, format_: str) -> None:
    if format_ == "json":
        print_json(comparison.to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import drift_comparison_markdown

        click.echo(drift_comparison_markdown(comparison))
    else:
        from ..reports.terminal import render_drift_comparison

        click.echo(render_drift_comparison(comparison, color=wants_color(), width=width()))


def _is_drift_report(path: str) -> bool:
    """A .json file that begins with our schema; what it holds besides is read later."""
    if not (path.endswith(".json") and Path(path).is_file()):
        return False
    with open(path, "rb") as stream:
        head = stream.read(4_096).decode("utf-8", "replace")
    key, _, rest = head.lstrip("\ufeff \t\r\n{").partition(":")
    return key.strip() == '"schema"' and rest.lstrip().startswith(json.dumps("aiir/drift/1"))
