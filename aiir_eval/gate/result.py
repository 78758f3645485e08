"""What a gate says: the verdict, each claim with its reason, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..compare.result import Comparison, Needed, number

if TYPE_CHECKING:
    from .policy import Policy

VerdictName = Literal["pass", "fail", "inconclusive", "invalid"]

EXIT_CODES: Mapping[VerdictName, int] = {"pass": 0, "fail": 1, "inconclusive": 3, "invalid": 4}


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """One claim of the policy (one level of it, where it is per incident or by a key)."""

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
