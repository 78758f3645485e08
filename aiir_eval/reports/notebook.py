"""How a result shows itself in a notebook: a compact piece of HTML, light and dark, escaped.

A notebook strips style sheets here and there, so the styles stand on the elements; colours are half
transparent or inherited, which reads on light and dark pages alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ..words import count
from . import designs, drift_view, wording
from .run_summary import summarize_run
from .slices import slices_worth_seeing
from .visible import one_line, shortened
from .wording import (
    drift_sentence,
    graded,
    number,
    points,
    pvalue,
    rate,
    rate_span,
    size,
    span,
    stated_pvalue,
)

if TYPE_CHECKING:
    from ..compare.design import Plan
    from ..compare.result import Comparison
    from ..drift.comparing import DriftComparison
    from ..drift.result import DriftReport
    from ..gate.calibration import Calibration
    from ..gate.result import Verdict
    from ..runs.model import Run
    from ..suites.model import Suite

Estimate = tuple[float, float, float]  # with the ends of its interval
GateRow = tuple[str, str, str, Estimate, Estimate, tuple[float, float]]

MAX_ROWS = 12
_COLOURS = {
    "good": "#2e9e62",
    "bad": "#d9534a",
    "unsure": "#c08a1e",
    "void": "#8e6bc4",
    "plain": "#6485ad",
}
_CELL = "text-align:left;padding:.2em .9em .2em 0;vertical-align:top;background:none"
_SOFT = "opacity:.7"


def comparison_html(comparison: Comparison) -> str:
    """A comparison for ``_repr_html_``."""
    return _frame(
        _answer(comparison.conclusion, comparison.sentence),
        *_comparison_parts(comparison),
    )


def verdict_html(verdict: Verdict) -> str:
    """A verdict for ``_repr_html_``."""
    scores = graded(verdict.comparison)
    rows, before = [], None
    for claim in wording.worst_first(verdict.claims)[:MAX_ROWS]:
        line = wording.claim_line(claim, graded=scores)
        told = (claim.verdict, line, claim.reason)
        rows.append(
            [
                _word(claim.verdict),
                _text(claim.name, 80),
                _text(f"{wording.claim_estimate(claim, graded=scores)} "
                      f"{wording.claim_span(claim, graded=scores)}"),
                _text(line),
                "" if told == before else _soft(claim.reason, 240),  # told once
            ]
        )  # fmt: skip
        before = told
    return _frame(
        _answer(verdict.verdict, verdict.sentence),
        _table(["", "claim", "estimate", "must be", "why"], rows, len(verdict.claims)),
        _line(verdict.comparison.sentence),
        *_comparison_parts(verdict.comparison),
    )


def run_html(run: Run) -> str:
    """A run for ``_repr_html_``."""
    summary = summarize_run(run, failing=MAX_ROWS)
    what = "mean score" if summary.graded else "pass rate"
    head = (
        f"{run.name}: {what} {rate(summary.rate, graded=summary.graded)} "
        f"{rate_span(summary.low, summary.high, graded=summary.graded)}"
    )
    facts = [
        f"{run.manifest.suite_name} {run.manifest.suite_version}",
        count(summary.n_cases, "case"),
        count(summary.n_trials, "trial"),
        f"{summary.n_errors:,} errored" if summary.n_errors else "",
        "" if run.complete else run.manifest.status,
    ]
    rows = [
        [_code(case.case_id), f"{case.n_passed}/{case.n_trials}", _soft(case.reason, 160)]
        for case in summary.failing
    ]
    return _frame(
        _strong(head),
        _line(", ".join(fact for fact in facts if fact)),
        _table(["failing case", "passes", "why"], rows, summary.n_failing),
    )


def suite_html(suite: Suite) -> str:
    """A suite for ``_repr_html_``."""
    incidents = {case.incident_id for case in suite.cases if case.incident_id}
    head = f"{suite.name} {suite.version}"
    rows = [
        [
            _code(case.id),
            _text(case.origin),
            _text(wording.name(case.class_ or "")),
            _text(case.input if isinstance(case.input, str) else case.input[-1].content, 100),
            _text(", ".join(check.name for check in case.named_checks), 80),
        ]
        for case in suite.cases[:MAX_ROWS]
    ]
    return _frame(
        _strong(head),
        _line(f"{count(len(suite), 'case')} of {count(len(incidents), 'incident')}"),
        _table(["case", "origin", "class", "input", "checks"], rows, len(suite)),
    )


def drift_html(report: DriftReport) -> str:
    """A drift report for ``_repr_html_``."""
    told = [drift_view.told(column) for column in drift_view.ranked(report.columns)]
    rows = [
        [
            _word("drift") if row.column.drifted else "",
            _code(row.column.column) + (" decides" if row.column.primary else ""),
            _text(row.before_after.replace(" -> ", " \N{RIGHTWARDS ARROW} ")),
            _text(row.effect),
            row.pvalue,
            row.detectable,
            _soft(row.note, 160),
        ]
        for row in told[: 2 * MAX_ROWS]
    ]
    heads = ["", "column", "before, after", "effect", "adjusted p", "detectable", ""]
    rates = drift_view.rate_columns(report)
    segments = [
        [_text(cell, 80) for cell in drift_view.segment_row(each, rates)]
        for each in report.segments[:MAX_ROWS]
    ]
    joint = drift_view.joint_sentence(report)
    return _frame(
        _answer(report.conclusion, drift_sentence(report)),
        _table(heads, rows, len(told)),
        _line(joint) if joint else "",
        *(
            _line(f"{each.column}: {drift_view.change_sentence(each, point)}")
            for each in report.series
            for point in each.change_points
        ),
        _table(drift_view.SEGMENT_HEADS, segments, len(report.segments)),
        *(_line(note) for note in report.notes),
    )


def drift_comparison_html(comparison: DriftComparison) -> str:
    """Two drift reports for ``_repr_html_``."""
    rows = []
    for each in comparison.columns[: 2 * MAX_ROWS]:
        state, column, *numbers = drift_view.compared_row(each)
        shown = _word(drift_view.STATE_WORDS[each.state], state)
        rows.append([shown, _code(column), *map(_text, numbers), _soft(each.note, 160)])
    return _frame(
        _strong(comparison.sentence),
        _table([*drift_view.COMPARED_HEADS, ""], rows, len(comparison.columns)),
        *(_line(note) for note in comparison.notes),
    )


def plan_html(plan: Plan) -> str:
    """A plan for ``_repr_html_``."""
    rows = [[_text(cell) for cell in row] for row in designs.design_rows(plan)]
    return _frame(
        _strong(plan.sentence),
        _table(designs.design_heads(plan), rows),
        _line(plan.advice) if plan.advice else "",
        _table([], [[_text(key), _text(value)] for key, value in designs.assumption_pairs(plan)
                    if value]),
        *(_line(note) for note in plan.notes),
    )  # fmt: skip


def calibration_html(calibration: Calibration) -> str:
    """A calibration for ``_repr_html_``."""
    points = [[_text(cell) for cell in row] for row in designs.point_rows(calibration)]
    claims = designs.claim_rows(calibration)
    return _frame(
        _strong(calibration.sentence),
        _table(designs.POINT_HEADS, points),
        _table(
            designs.CLAIM_HEADS,
            [[_text(cell, 80) for cell in row] for row in claims[:MAX_ROWS]],
            len(claims),
        ),
        *(_line(note) for note in calibration.notes),
    )


def rows_html(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Any rows as a table; one row alone as its fields, one a line."""
    if len(rows) == 1:
        pairs = [
            [_soft(wording.name(str(key))), _text(_cell(value), 400)]
            for key, value in rows[0].items()
            if value is not None and value != "" and value != [] and value != {}
        ]
        return _frame(_strong(title), _table([], pairs))
    heads = list(dict.fromkeys(str(key) for row in rows for key in row))
    cells = [[_text(_cell(row.get(head)), 120) for head in heads] for row in rows[: 2 * MAX_ROWS]]
    return _frame(_strong(title), _table([wording.name(head) for head in heads], cells, len(rows)))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{wording.name(str(key))} {_cell(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_cell, value))
    return "" if value is None else str(value)


def history_table(title: str, rows: Sequence[GateRow]) -> str:
    """The gates of a suite, one a row."""
    cells = [
        [
            _soft(when),
            _word(verdict),
            _text(what, 80),
            _text(f"{rate(seen[0])} {rate_span(seen[1], seen[2])}"),
            _text(f"{points(change[0])} {span(change[1], change[2])}"),
            _text(f"{number(flips[0])} broke, {number(flips[1])} fixed"),
        ]
        for when, verdict, what, seen, change, flips in rows[: 2 * MAX_ROWS]
    ]
    heads = ["", "verdict", "versions", "candidate passes", "difference", ""]
    return _frame(_strong(title), _table(heads, cells, len(rows)))


def _comparison_parts(comparison: Comparison) -> list[str]:
    scores, difference = graded(comparison), comparison.difference
    numbers = [
        [title, _code(run.name),
         _text(f"{rate(side.pass_rate, graded=scores)} "
               f"{rate_span(side.low, side.high, graded=scores)}")]
        for title, run, side in (
            ("baseline", comparison.old, comparison.baseline),
            ("candidate", comparison.new, comparison.candidate),
        )
        if side is not None
    ]  # fmt: skip
    if difference is not None:
        low, high = difference.confidence_interval()
        told = f"{points(difference.estimate, graded=scores)} {span(low, high, graded=scores)}"
        numbers.append(["difference", stated_pvalue(difference.pvalue), _text(told)])
    flips = comparison.flip_ids
    findings = [
        [_word(finding.severity), _soft(finding.code), _text(finding.message, 400)]
        for finding in comparison.findings[:MAX_ROWS]
    ]
    slices = [item for item in slices_worth_seeing(comparison, MAX_ROWS)
              if item.conclusion in {"regressed", "improved"}]  # fmt: skip
    return [
        _table([], numbers),
        _line(f"{size(comparison)}; {len(flips.broke):,} broke, {len(flips.fixed):,} fixed"),
        _table([], findings, len(comparison.findings)),
        _table(
            ["slice", "cases", "difference", "adjusted p", ""],
            [
                [
                    _text(f"{item.by}: {item.value}", 80),
                    f"{item.n_cases:,}",
                    _text(f"{points(item.difference, graded=scores)} "
                          f"{span(item.low, item.high, graded=scores)}"),
                    pvalue(item.pvalue_adjusted),
                    _word(item.conclusion),
                ]
                for item in slices
            ],
        ),
    ]  # fmt: skip


def _frame(*parts: str) -> str:
    inside = "".join(part for part in parts if part)
    return (
        '<div style="border-left:3px solid rgba(128,128,128,.35);padding:.1em 0 .1em 1em;'
        f'line-height:1.45;font-variant-numeric:tabular-nums">{inside}</div>'
    )


def _answer(word: str, sentence: str) -> str:
    return f"<div>{_word(word)}&ensp;<strong>{_text(wording.told(word, sentence))}</strong></div>"


def _strong(content: str) -> str:
    return f"<div><strong>{_text(content)}</strong></div>"


def _line(content: str) -> str:
    return f'<div style="margin-top:.3em;{_SOFT}">{_text(content)}</div>'


def _word(word: str, label: str | None = None) -> str:
    colour = _COLOURS[wording.tone(word)]
    return f'<strong style="color:{colour}">{_text(label or wording.name(word))}</strong>'


def _code(content: str) -> str:
    return f"<code>{_text(one_line(content, 80))}</code>"


def _soft(content: str, limit: int = 200) -> str:
    return f'<span style="{_SOFT}">{_text(content, limit)}</span>'


def _text(content: str, limit: int = 2_000) -> str:
    return escape(shortened(content, limit)).replace("\n", "<br>")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], total: int | None = None) -> str:
    """Cells are HTML already. `total` is how many rows there would be."""
    if not rows:
        return ""
    top = "".join(
        f'<th style="{_CELL};font-weight:normal;{_SOFT}">{escape(head)}</th>' for head in heads
    )
    body = "".join(
        '<tr style="background:none">'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row)
        + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{top}</tr></thead>" if heads else ""
    more = (total or 0) - len(rows)
    note = _line(f"and {more:,} more") if more > 0 else ""
    return (
        f'<table style="margin:.5em 0 0;border:none;border-collapse:collapse">{head}'
        f"<tbody>{body}</tbody></table>{note}"
    )
