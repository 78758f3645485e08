"""How numbers, verdicts and rules read in words: one place, so that every report says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ..words import count

if TYPE_CHECKING:
    from ..compare.result import Comparison
    from ..drift.result import ColumnDrift, DriftReport
    from ..gate.result import ClaimResult

Tone = Literal["good", "bad", "unsure", "void", "plain"]

TONES: Mapping[str, Tone] = {
    "pass": "good",
    "fail": "bad",
    "inconclusive": "unsure",
    "invalid": "void",
    "improved": "good",
    "non_inferior": "good",
    "regressed": "bad",
    "drift": "bad",
    "no_drift": "good",
    "error": "bad",
    "warning": "unsure",
    "info": "plain",
}
NAMES: Mapping[str, str] = {
    "non_inferior": "not worse",
    "no_drift": "no drift",
    "incident_id": "incident",
}
MISSING = "-"


def name(word: str) -> str:
    """A conclusion, verdict or severity as a reader says it."""
    return NAMES.get(word, word.replace("_", " "))


def told(word: str, sentence: str) -> str:
    """`sentence` as it stands after `word`, which is not said twice."""
    rest = sentence.removeprefix(f"{name(word).capitalize()}: ")
    return rest[:1].upper() + rest[1:]


def tone(word: str) -> Tone:
    """Whether a conclusion, verdict or severity is good news."""
    return TONES.get(word, "plain")


def rate(value: float | None, *, graded: bool = False) -> str:
    """A pass rate as a percentage; a mean score as it is."""
    if value is None or value != value:
        return MISSING
    if graded:
        return f"{value:.3f}"
    percent = 100 * value
    digits = 1 if percent == 0 or 0.1 <= percent <= 99.9 or percent == 100 else 2
    return f"{percent:.{digits}f}%"


def points(value: float | None, *, graded: bool = False, unit: bool = True) -> str:
    """A difference of rates in percentage points, with its sign; of scores as it is."""
    if value is None or value != value:
        return MISSING
    if value == 0:
        value, sign = 0.0, ""  # no plus or minus before nothing
    else:
        sign = "+"
    if graded:
        return f"{value:{sign}.3f}"
    percent = 100 * value
    shown = f"{percent:{sign}.{1 if not percent or abs(percent) >= 0.1 else 2}f}"
    return f"{shown} points" if unit else shown


def span(low: float | None, high: float | None, *, graded: bool = False) -> str:
    """The interval of a difference."""
    ends = (points(end, graded=graded, unit=False) for end in (low, high))
    return f"[{', '.join(ends)}]"


def rate_span(low: float | None, high: float | None, *, graded: bool = False) -> str:
    """The interval of a rate."""
    ends = (rate(end, graded=graded).removesuffix("%") for end in (low, high))
    return f"[{', '.join(ends)}]"


def pvalue(value: float | None) -> str:
    """Two digits of a p-value: ``0.031``, ``2.1e-41``."""
    if value is None or value != value:
        return MISSING
    if value >= 0.995:
        return "1"
    if value >= 0.001:
        return f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
    return f"{value:.1e}" if value >= 1e-300 else "<1e-300"


def stated_pvalue(value: float | None) -> str:
    """A p-value in a sentence: ``p = 0.031``, ``p < 1e-300``."""
    shown = pvalue(value)
    return f"p < {shown[1:]}" if shown.startswith("<") else f"p = {shown}"


def number(value: float | None) -> str:
    """Any other number: four digits, thousands separated where whole."""
    if value is None or value != value:
        return MISSING
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def seconds(value: float | None) -> str:
    """A time: ``1.27 s``, ``0.386 ms``."""
    if value is None or value != value:
        return MISSING
    return f"{number(value)} s" if abs(value) >= 0.1 or value == 0 else f"{1000 * value:.3g} ms"


def graded(comparison: Comparison) -> bool:
    """Whether the runs hold scores and no pass or fail."""
    return comparison.new.manifest.outcome == "score"


def drift_sentence(report: DriftReport) -> str:
    """How many columns changed, between how many rows; with primary columns, how many of those."""
    primary = [column for column in report.columns if column.primary]
    others = [column for column in report.columns if not column.primary]
    rows = f"between {report.n_reference:,} reference and {report.n_current:,} current rows"
    if not primary:
        return f"{_changed(others, 'column')} {rows}."
    told = f"{_changed(primary, 'primary column')} {rows}"
    if not others:
        return f"{told}."
    return f"{told}; {_changed(others, 'other column')}, which does not decide."


def _changed(columns: Sequence[ColumnDrift], noun: str) -> str:
    drifted = sum(column.drifted for column in columns)
    return f"{drifted} of {count(len(columns), noun)} changed"


def size(comparison: Comparison) -> str:
    """How much was compared: cases, clusters, trials."""
    old, new = comparison.n_trials
    trials = f"{old:,} + {new:,} trials" if old != new else f"2 x {old:,} trials"
    clusters = count(comparison.n_clusters, "cluster")
    return f"{count(comparison.n_cases, 'case')} in {clusters}, {trials}"


def worst_first(claims: Iterable[ClaimResult]) -> list[ClaimResult]:
    """Claims in the order a reader wants them: violated, invalid, not settled, holding."""
    order = {"fail": 0, "invalid": 1, "inconclusive": 2, "pass": 3}
    return sorted(claims, key=lambda claim: order[claim.verdict])


def claim_estimate(claim: ClaimResult, *, graded: bool = False) -> str:
    """A claim's estimate in the unit of its rule."""
    if claim.rule == "non_inferior":
        return points(claim.estimate, graded=graded)
    return _claim_number(claim, claim.estimate)


def claim_span(claim: ClaimResult, *, graded: bool = False) -> str:
    """A claim's interval in the unit of its rule; empty where it has none."""
    if claim.low is None and claim.high is None:
        return ""
    if claim.low is None or claim.high is None:
        return _one_ended(claim, graded)
    if claim.rule == "non_inferior":
        return span(claim.low, claim.high, graded=graded)
    if claim.rule == "failure_rate_below":
        return rate_span(claim.low, claim.high)
    return f"[{_claim_number(claim, claim.low)}, {_claim_number(claim, claim.high)}]"


def claim_line(claim: ClaimResult, *, graded: bool = False) -> str:
    """Where a claim's line is drawn, in words."""
    if claim.threshold is None:
        return ""
    if claim.rule == "non_inferior":
        return f"above {points(claim.threshold, graded=graded)}"
    if claim.rule == "max_failures":
        return f"at most {number(claim.threshold)}"
    return f"below {_claim_number(claim, claim.threshold)}"


def _one_ended(claim: ClaimResult, graded: bool) -> str:
    """A bound on one side only: ``>= -1.0``, ``<= 1.11``."""
    bound, sign = (claim.high, "<=") if claim.low is None else (claim.low, ">=")
    if claim.rule == "non_inferior":
        return f"{sign} {points(bound, graded=graded, unit=False)}"
    return f"{sign} {_claim_number(claim, bound)}"


def _claim_number(claim: ClaimResult, value: float | None) -> str:
    return rate(value) if claim.rule == "failure_rate_below" else number(value)
