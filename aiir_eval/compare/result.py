"""What a comparison says: differences, checks, slices, findings, comparability, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..showing import Shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..runs.model import Run
    from ..stats import NonInferiority, PairedDifference
    from .pairing import Paired
    from .pilot import Pilot

Conclusion = Literal["regressed", "improved", "non_inferior", "inconclusive", "invalid"]
Severity = Literal["info", "warning", "error"]
FindingCode = Literal[
    "evaluator_changed",
    "scorer_version_differs",
    "format_break",
    "refusal_shift",
    "answer_bias_shift",
    "slice_reversal",
    "length_shift",
    "latency_shift",
    "cost_shift",
    "judge_disagreement",
    "flaky_cases",
    "duplicate_ids",
    "case_set_differs",
    "incomplete_run",
    "same_target",
    "aggregate_mismatch",
    "constant_expected_answer",
    "underpowered",
    "error_rate_shift",
    "worse_within_margin",
    "few_clusters",
]


@dataclass(frozen=True, slots=True)
class Finding(Shown):
    """Something the comparison noticed by itself: a code, one plain sentence, and numbers."""

    code: FindingCode
    severity: Severity
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """One item of ``findings`` in the JSON of ``aiir compare --format json``."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison: its pass rate (mean score where graded) with an interval."""

    pass_rate: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "pass_rate": number(self.pass_rate),
            "confidence_interval": [number(self.low), number(self.high)],
        }


@dataclass(frozen=True, slots=True)
class Flips:
    """Cases that passed before and fail now, and the other way round.

    With several trials, a case broke where its share of passes fell, was fixed where it rose.
    """

    broke: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, int]:
        return {"broke": len(self.broke), "fixed": len(self.fixed)}


@dataclass(frozen=True, slots=True)
class CheckComparison:
    """One check, compared on the cases of both sides that have it."""

    check: str
    difference: PairedDifference
    flips: Flips
    conclusion: Conclusion

    def to_dict(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "difference": difference_dict(self.difference),
            "flips": self.flips.to_dict(),
            "conclusion": self.conclusion,
        }


@dataclass(frozen=True, slots=True)
class Slice:
    """One level of one key (class, origin, tag, expected, ...), with its adjusted p-value."""

    by: str
    value: str
    n_cases: int
    difference: float
    low: float
    high: float
    pvalue: float
    pvalue_adjusted: float
    conclusion: Conclusion

    def to_dict(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "value": self.value,
            "n_cases": self.n_cases,
            "difference": number(self.difference),
            "confidence_interval": [number(self.low), number(self.high)],
            "pvalue": number(self.pvalue),
            "pvalue_adjusted": number(self.pvalue_adjusted),
            "conclusion": self.conclusion,
        }


@dataclass(frozen=True, slots=True)
class Needed:
    """What would settle an inconclusive result: cases in all, and trials of each."""

    cases: int
    trials: int

    def to_dict(self) -> dict[str, int]:
        return {"cases": self.cases, "trials": self.trials}


@dataclass(frozen=True)
class Comparison:
    """Baseline x candidate: paired differences, intervals, slices and findings.

    Where the sides cannot be paired at all, `difference` is None and the conclusion is ``invalid``.
    `old` and `new` are the runs, kept for flips, claims and reports; `paired` is how they line up,
    None where the comparison was read from a file (which holds the flipped cases alone).
    """

    conclusion: Conclusion
    n_cases: int
    n_clusters: int
    n_trials: tuple[int, int]
    baseline: Side | None
    candidate: Side | None
    difference: PairedDifference | None
    flip_ids: Flips
    checks: Sequence[CheckComparison]
    non_inferiority: NonInferiority | None
    minimum_detectable_effect: float | None
    slices: Sequence[Slice]
    findings: Sequence[Finding]
    problems: Sequence[str]
    confidence_level: float
    needed: Needed | None
    old: Run = field(repr=False)
    new: Run = field(repr=False)
    margin: float | None = None
    check: str | None = None  # the one check that was compared, where one was asked for
    paired: Paired | None = field(default=None, repr=False, compare=False)
    pilot: Pilot | None = field(default=None, repr=False, compare=False)  # of one read from a file

    @property
    def comparable(self) -> bool:
        """Whether the two runs may be compared at all."""
        return not self.problems

    @property
    def sentence(self) -> str:
        """The answer in one sentence of plain English."""
        from .sentence import comparison_sentence

        return comparison_sentence(self)

    def flips(self) -> pd.DataFrame:
        """The cases that broke or were fixed: id, input, answers before and after, checks."""
        from .frames import flips_frame

        return flips_frame(self)

    def to_pandas(self) -> pd.DataFrame:
        """One row a case: its means before and after, the difference, whether it flipped."""
        from .frames import cases_frame

        return cases_frame(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The difference with its interval, the checks and the slices, and the margin."""
        from .plotting import plot_comparison

        return plot_comparison(self, ax)

    def __repr__(self) -> str:
        return f"Comparison({self.conclusion}: {self.sentence!r})"

    def _repr_html_(self) -> str:
        from ..reports.notebook import comparison_html

        return comparison_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir compare --format json``."""
        difference = self.difference
        test = self.non_inferiority
        return {
            "conclusion": self.conclusion,
            "n_cases": self.n_cases,
            "n_clusters": self.n_clusters,
            "n_trials": {"baseline": self.n_trials[0], "candidate": self.n_trials[1]},
            "baseline": None if self.baseline is None else self.baseline.to_dict(),
            "candidate": None if self.candidate is None else self.candidate.to_dict(),
            "difference": None if difference is None else difference_dict(difference),
            "flips": self.flip_ids.to_dict(),
            "checks": [check.to_dict() for check in self.checks],
            "non_inferiority": None
            if test is None
            else {
                "margin": number(test.margin),
                "pvalue": number(test.pvalue),
                "lower_bound": number(test.lower_bound),
                "holds": bool(test.holds),
            },
            "minimum_detectable_effect": number(self.minimum_detectable_effect),
            "slices": [item.to_dict() for item in self.slices],
            "findings": [finding.to_dict() for finding in self.findings],
            "comparability": {"ok": self.comparable, "problems": list(self.problems)},
        }


def difference_dict(difference: PairedDifference) -> dict[str, Any]:
    """A paired difference as the JSON contract has it."""
    interval = difference.confidence_interval()
    return {
        "estimate": number(difference.estimate),
        "standard_error": number(difference.standard_error),
        "confidence_interval": [number(interval.low), number(interval.high)],
        "confidence_level": number(difference.confidence_level),
        "pvalue": number(difference.pvalue),
        "pvalue_exact": number(difference.pvalue_exact),
        "method": difference.method,
    }


def number(value: float | None) -> float | None:
    """A plain float for JSON; None where there is none (NaN and infinity are not JSON)."""
    if value is None:
        return None
    plain = float(value)
    return plain if plain - plain == 0 else None
