"""A run on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...words import count
from ..run_summary import summarize_run
from ..wording import number, rate, rate_span, seconds
from .page import NARROW, columns, cut, facts, heading, page, text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...runs.model import Run

SHOWN_FAILING = 10


def render_run(run: Run, *, color: bool = False, width: int = 100) -> str:
    """A run as text: its pass rate first, then what failed."""
    summary, manifest = summarize_run(run, failing=SHOWN_FAILING), run.manifest
    what = "mean score" if summary.graded else "pass rate"
    interval = rate_span(summary.low, summary.high, graded=summary.graded)
    answer = f"{run.name}: {what} {rate(summary.rate, graded=summary.graded)} {interval}"
    if not summary.n_cases:
        answer = f"{run.name}: no trial yet"
    missing = summary.n_asked - summary.n_trials
    parts: list[RenderableType] = [
        text(answer, "bold"),
        text(""),
        facts(
            [
                ("suite", f"{manifest.suite_name} {manifest.suite_version}"),
                ("ran", f"{count(summary.n_cases, 'case')}, {count(summary.n_trials, 'trial')}"),
                ("status", text(_status(manifest.status, missing),
                                "" if run.complete else "yellow")),
                ("errors", text(f"{count(summary.n_errors, 'trial')} errored, counted as failed",
                                "red") if summary.n_errors else ""),
                ("latency", "" if summary.latency_median is None else
                 f"median {seconds(summary.latency_median)}, "
                 f"95th percentile {seconds(summary.latency_p95)}"),
                ("tokens", "" if summary.output_tokens is None else
                 f"{number(summary.input_tokens)} in, {number(summary.output_tokens)} out"),
                ("cost", "" if summary.cost_usd is None else f"{summary.cost_usd:,.4f} USD"),
                ("folder", "" if run.path is None else str(run.path)),
            ]
        ),
    ]  # fmt: skip
    parts += [text(f"warning: {problem}", "yellow") for problem in manifest.problems]
    if summary.levels:
        parts += [
            heading("By origin, class and incident"),
            columns(
                ["", ("cases", "right"), ("passes", "right")],
                [
                    (f"{level.by}: {level.value}", f"{level.n_cases:,}",
                     rate(level.rate, graded=summary.graded))
                    for level in summary.levels
                ],
                flexible=0,
            ),
        ]  # fmt: skip
    if summary.failing:
        more = summary.n_failing - len(summary.failing)
        note = count(summary.n_failing, "case") + (f", {more:,} not shown here" if more else "")
        heads = ["case", ("passes", "right"), "why", "output"]
        rows = [
            (cut(case.case_id, width // 3), f"{case.n_passed}/{case.n_trials}",
             cut(case.reason, width // 3), cut(case.output, width // 3))
            for case in summary.failing
        ]  # fmt: skip
        keep = 4 if width >= NARROW and any(case.output for case in summary.failing) else 3
        parts += [
            heading("With an error" if summary.graded else "Failing", note),
            columns(heads[:keep], [row[:keep] for row in rows]),  # type: ignore[arg-type]
        ]
    return page(parts, color=color, width=width)


def _status(status: str, missing: int) -> str:
    return status if missing <= 0 else f"{status}, {count(missing, 'trial')} missing"
