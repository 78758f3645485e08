"""What a gate says: the verdict, each claim with its reason, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..compare.result import Comparison, Needed, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .policy import Policy

VerdictName = Literal["pass", "fail", "inconclusive", "invalid"]

EXIT_CODES: Mapping[VerdictName, int] = {"pass": 0, "fail": 1, "inconclusive": 3, "invalid": 4}


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """One claim of the policy (one level of it, where it is per incident or by a key).

    low, high: the two-sided interval of a difference, one-sided bounds of anything else. pvalue:
    of the test that the claim is violated, adjusted by Holm over the claims; None for a count.
    """

    name: str
    verdict: VerdictName
    estimate: float | None
    low: float | None
    high: float | None
    pvalue: float | None
    pvalue_adjusted: float | None
    needed: Needed | None
    reason: str
    rule: str = ""  # non_inferior, failure_rate_below, max_failures or metric
    threshold: float | None = None  # where the claim's line is drawn, in the unit of `estimate`
    n_cases: int = 0
    bound: float | None = None  # the one-sided bound that is held against the threshold

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "verdict": self.verdict,
            "estimate": number(self.estimate),
            "confidence_interval": [number(self.low), number(self.high)],
            "pvalue": number(self.pvalue),
            "pvalue_adjusted": number(self.pvalue_adjusted),
            "needed": None if self.needed is None else self.needed.to_dict(),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Verdict:
    """pass, fail, inconclusive or invalid, and why."""

    verdict: VerdictName
    claims: Sequence[ClaimResult]
    comparison: Comparison
    policy: Policy = field(repr=False)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[str] = ()  # why nothing was judged at all

    @property
    def sentence(self) -> str:
        """The verdict in one sentence of plain English."""
        from .sentence import verdict_sentence

        return verdict_sentence(self)

    def to_pandas(self) -> pd.DataFrame:
        """One row a claim."""
        import pandas as pd

        rows = []
        for claim in self.claims:
            row = claim.to_dict()
            row["low"], row["high"] = row.pop("confidence_interval")
            needed = row.pop("needed") or {}
            reason = row.pop("reason")
            row |= {
                "bound": number(claim.bound),
                "threshold": claim.threshold,
                "rule": claim.rule,
                "n_cases": claim.n_cases,
                "needed_cases": needed.get("cases"),
                "needed_trials": needed.get("trials"),
                "reason": reason,
            }
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each claim with its interval against its line."""
        from .plotting import plot_verdict

        return plot_verdict(self, ax)

    def __repr__(self) -> str:
        return f"Verdict({self.verdict}: {self.sentence!r})"

    def _repr_html_(self) -> str:
        from ..reports.notebook import verdict_html

        return verdict_html(self)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 3 inconclusive, 4 invalid."""
        return EXIT_CODES[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir gate --format json``."""
        return {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "claims": [claim.to_dict() for claim in self.claims],
            "comparison": self.comparison.to_dict(),
            "evidence": dict(self.evidence),
        }
