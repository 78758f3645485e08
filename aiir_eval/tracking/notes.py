"""What the description of a run says, in markdown, for a reader of MLflow's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reports.markdown.text import plain
from ..reports.wording import name, rate, rate_span, worst_first
from .linking import links

if TYPE_CHECKING:
    from ..compare.result import Side
    from ..gate.result import Verdict
    from ..runs.model import Run

MOST_CLAIMS = 12
MOST_FINDINGS = 8


def gate_note(verdict: Verdict) -> str:
    """The verdict in a sentence, then the claims, the worst first, and what was noticed."""
    comparison = verdict.comparison
    claims = worst_first(verdict.claims)
    lines = [f"**{plain(verdict.sentence)}**", ""]
    lines += [
        f"- {name(claim.verdict).capitalize()}: **{plain(claim.name, 120)}**. "
        f"{plain(claim.reason, 400)}"
        for claim in claims[:MOST_CLAIMS]
    ]
    if len(claims) > MOST_CLAIMS:
        lines.append(f"- {len(claims) - MOST_CLAIMS:,} more in `tables/claims.json`")
    noticed = [each for each in comparison.findings if each.severity != "info"][:MOST_FINDINGS]
    if noticed:
        lines += ["", "Noticed:", ""]
        lines += [f"- {plain(each.message, 300)}" for each in noticed]
    lines += ["", "The whole of it: `report.html` among the artifacts."]
    return "\n".join(lines)


def side_note(run: Run, side: str, measured: Side | None) -> str:
    """Which side it is, its rate, and the registered model and prompt it names."""
    manifest = run.manifest
    head = f"**{plain(manifest.target_name)}**, the {side} on {plain(manifest.suite_name)}"
    if measured is not None:
        is_score = manifest.outcome == "score"
        low_high = rate_span(measured.low, measured.high, graded=is_score)
        head += f": {rate(measured.pass_rate, graded=is_score)} {low_high}"
    return "\n\n".join([head + ".", *links(manifest.target)])
