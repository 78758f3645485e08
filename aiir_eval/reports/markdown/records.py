"""A run, incidents and suites as markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...words import count
from .. import incident_view
from ..run_summary import summarize_run
from ..wording import name, rate, rate_span
from .page import MAX_BYTES, Page
from .text import block, code, plain, said

if TYPE_CHECKING:
    from datetime import datetime

    from ...incidents.index import Entry
    from ...incidents.model import Incident
    from ...runs.model import Run
    from ...suites.model import Suite

MAX_FAILING = 40
MAX_OUTPUT = 2_000


def run_markdown(run: Run, *, max_bytes: int = MAX_BYTES) -> str:
    """A run as markdown."""
    result, manifest, page = summarize_run(run, failing=MAX_FAILING), run.manifest, Page(max_bytes)
    what = "mean score" if result.graded else "pass rate"
    interval = rate_span(result.low, result.high, graded=result.graded)
    page.add(
        f"**{code(run.name, 80)}**: {what} {rate(result.rate, graded=result.graded)} "
        f"{interval}, {count(result.n_cases, 'case')}, {count(result.n_trials, 'trial')}"
        + (f", {result.n_errors:,} errored" if result.n_errors else "")
        + ("" if run.complete else f", **{manifest.status}**")
    )
    page.table(
        "By origin, class and incident",
        ["", "cases", "passes"],
        [
            [plain(f"{level.by}: {level.value}", 80), f"{level.n_cases:,}",
             rate(level.rate, graded=result.graded)]
            for level in result.levels
        ],
    )  # fmt: skip
    items = [
        f"**{code(case.case_id, 120)}** {case.n_passed}/{case.n_trials} passes: "
        f"{plain(case.reason, 300)}\n{said(case.output, case.tool_calls, MAX_OUTPUT)}"
        for case in result.failing
    ]
    if items:
        page.folded(f"{count(result.n_failing, 'case')} failed", items, result.n_failing)
    return str(page)


def incidents_markdown(entries: Sequence[Entry], now: datetime | None = None) -> str:
    """A register as a table; what is overdue where `now` is given."""
    lines = [
        "| id | class | status | title | overdue | cases |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {code(each.id)} | {name(each.class_)} | {incident_view.state(each)} | "
        f"{plain(each.title)} | {plain(', '.join(each.overdue(now)) if now else '')} | "
        f"{each.cases} |"
        for each in sorted(entries, key=lambda each: (each.class_, each.id))
    ]
    return "\n".join(lines) + "\n"


def incident_markdown(incident: Incident) -> str:
    """One record."""
    parts = [
        f"## {code(incident.id)} {plain(incident.title)}",
        f"{name(incident.class_)}, {incident_view.state(incident)}",
    ]
    for section in incident_view.sections(incident):
        rows = [f"| {key} | {_cell(value)} |" for key, value in section.pairs]
        parts.append("\n".join([f"### {section.title}\n", "|  |  |", "| --- | --- |", *rows]))
    if incident.regression is not None and incident.regression.not_testable:
        parts.append(f"**Not testable:** {plain(incident.regression.not_testable)}")
    for case in incident.cases:
        checks = "\n".join(f"- {code(check, 300)}" for check in incident_view.check_texts(case))
        asked = _block(incident_view.input_text(case.input))
        parts.append(f"### Case {code(case.name)}\n\n{asked}")
        parts.append(checks)
        for title, behaviours in (("Must fail", case.bad), ("Must pass", case.good)):
            blocks = [_block(incident_view.behaviour_text(each)) for each in behaviours]
            parts.append("\n\n".join([f"**{title}**", *blocks]))
    return "\n\n".join(parts) + "\n"


def suite_markdown(suite: Suite) -> str:
    """A suite as a table of its cases."""
    lines = [
        f"**{plain(suite.name)} {plain(suite.version)}**: {count(len(suite), 'case')}, digest "
        f"{code(suite.digest())}",
        "",
        "| case | origin | class | input | checks |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {code(case.id)} | {case.origin} | {name(case.class_ or '')} | "
        f"{plain(incident_view.input_text(case.input), 120)} | "
        f"{plain(', '.join(check.name for check in case.named_checks), 120)} |"
        for case in suite.cases
    ]
    return "\n".join(lines) + "\n"


def _cell(value: str) -> str:
    return "<br>".join(plain(line) for line in value.split("\n"))


def _block(text: str) -> str:
    return block(text, MAX_OUTPUT)
