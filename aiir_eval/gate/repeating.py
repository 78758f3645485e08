"""How is a claim judged again and again, on versions that were redrawn or have lost?

By the gate's own judgement, prepared once: which cases, clusters and trials a claim is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ..compare.columns import Bools, Floats, Ints
from ..compare.measuring import Rng, stream
from .calibration import ClaimCalibration, Coverage
from .fixed import Group, at_least, groups_of, unproven_checks
from .gating import weigh
from .judging import Ground, Judged, judge, settles
from .policy import Claim
from .result import ClaimResult
from .selecting import levels_of, selected

if TYPE_CHECKING:
    from ..stats import PairedDifference

SIGN_FLIPS = 999  # where they are drawn (graded scores): one in ten of the gate's


@dataclass(frozen=True)
class Change:
    """A level of a non-inferiority claim: judged on the redrawn pair.

    level: mean over its cases of what can be lost, the average of both sides' pass rates.
    """

    judged: Judged
    margin: float
    cases: Ints
    clusters: Ints
    level: float
    options: Mapping[str, object]
    coverage: Coverage = "re-randomised"

    @classmethod
    def over(cls, judged: Judged, margin: float, cases: Bools, ground: Ground, rng: Rng) -> Change:
        paired = ground.paired
        chosen = np.flatnonzero(cases & paired.has_outcome)
        level = (paired.baseline[chosen].mean() + paired.candidate[chosen].mean()) / 2
        return cls(
            judged=judged,
            margin=margin,
            cases=chosen,
            clusters=np.unique(paired.clusters[chosen], return_inverse=True)[1],
            level=float(level),
            options={
                "binary": not paired.graded,
                "single_trial": paired.single_trial,
                "confidence_level": ground.policy.confidence_level,
                "n_resamples": SIGN_FLIPS,
                "rng": rng,
            },
        )

    def difference(self, before: Floats, after: Floats) -> PairedDifference:
        from ..stats import paired_difference

        return paired_difference(
            before[self.cases],
            after[self.cases],
            clusters=self.clusters,
            **self.options,  # type: ignore[arg-type]
        )

    def judge(self, difference: PairedDifference) -> Judged:
        holds, violation = settles(difference, self.margin)
        return replace(self.judged, holds=holds, violation=violation)


@dataclass(frozen=True)
class Bound:
    """An incident's failure rate: judged on the candidate as it is, with the losses."""

    judged: Judged
    below: float
    rows: Ints
    case: Ints
    by_trial: bool
    confidence_level: float
    proven: bool
    known: dict[int, Judged] = field(default_factory=dict)
    coverage: Coverage = "losses only"

    def judge(self, trials: Floats) -> Judged:
        from ..stats import failure_rate_bound

        failed = trials[self.rows] == 0
        if self.by_trial:
            failures, n = int(failed.sum()), self.rows.size
        else:
            failures, n = np.unique(self.case[failed]).size, np.unique(self.case).size
        if failures not in self.known:
            bound = failure_rate_bound(failures, n, confidence_level=self.confidence_level)
            self.known[failures] = replace(
                self.judged,
                holds=bound < self.below and self.proven,
                violation=at_least(failures, n, self.below),
            )
        return self.known[failures]


@dataclass(frozen=True)
class Count:
    """A count of failures: judged on the candidate as it is, with the losses."""

    judged: Judged
    most: int
    rows: Ints
    errors: int
    coverage: Coverage = "losses only"

    def judge(self, trials: Floats) -> Judged:
        within = int((trials[self.rows] == 0).sum()) + self.errors <= self.most
        return replace(self.judged, holds=within, certain=not within)


@dataclass(frozen=True)
class Held:
    """A claim that passes and failures say nothing of: as it stands."""

    judged: Judged
    coverage: Coverage = "as it stands"

    def judge(self, trials: Floats) -> Judged:
        return self.judged


Part = Change | Bound | Count | Held


def everyone(ground: Ground) -> Change:
    """All cases together: what the comparison concludes on."""
    pooled = Judged("all cases", "non_inferior", "")
    return Change.over(pooled, 0.0, ground.paired.has_outcome, ground, stream(ground.rng, 0))


def ready_claims(ground: Ground) -> tuple[list[Part], list[ClaimCalibration]]:
    """Every claim (every level) ready to be judged again and again, and those left out."""
    standing: list[Judged] = []
    parts: list[Part] = []
    for number, claim in enumerate(ground.policy.claims):
        judged = list(judge(claim, ground, number))
        standing += judged
        parts += _parts_of(claim, judged, ground, number)
    verdicts = weigh(standing, ground.policy.confidence_level)
    kept: list[Part] = []
    left_out = []
    for part, verdict in zip(parts, verdicts, strict=True):
        if reason := _why_left_out(part, verdict):
            left_out.append(
                ClaimCalibration(verdict.name, verdict.rule, "left out", verdict.n_cases, reason)
            )
        else:
            kept.append(part)
    return kept, left_out


def _why_left_out(part: Part, verdict: ClaimResult) -> str:
    if verdict.verdict == "invalid":
        return f"invalid as it stands: {verdict.reason}"
    if verdict.verdict == "fail" and not isinstance(part, Change):
        return f"fails as it stands: {verdict.reason}"
    return ""


def _parts_of(claim: Claim, judged: Sequence[Judged], ground: Ground, number: int) -> list[Part]:
    """As many parts as the gate has results for the claim, in its order."""
    if all(item.invalid for item in judged):
        return [Held(item) for item in judged]
    cases = selected(ground.paired, claim.select)
    side = ground.paired.new
    if claim.non_inferior is not None:
        groups: list[Bools] = [cases]
        if claim.by is not None:
            groups = [level for _, level in levels_of(ground.paired, claim.by, cases)]
        return [
            Held(item)
            if item.invalid
            else Change.over(
                item, claim.non_inferior.margin, level, ground, stream(ground.rng, 11, number, at)
            )
            for at, (item, level) in enumerate(zip(judged, groups, strict=True))
        ]
    if claim.failure_rate_below is not None:
        blind = unproven_checks(ground.paired, ground.proven)
        return [
            _bound(item, group, claim.failure_rate_below, ground, blind)
            for item, group in zip(judged, groups_of(ground.paired, cases), strict=True)
        ]
    if claim.max_failures is not None:
        rows = np.flatnonzero(cases[side.case])
        uncounted = side.error[rows] & (side.outcome[rows] != 0)
        return [Count(judged[0], claim.max_failures, rows, int(uncounted.sum()))]
    return [Held(item) for item in judged]


def _bound(
    judged: Judged, group: Group, below: float, ground: Ground, blind: Mapping[int, str]
) -> Bound:
    side = ground.paired.new
    rows = np.flatnonzero(np.isin(side.case, group.cases) & ~np.isnan(side.outcome))
    return Bound(
        judged=judged,
        below=below,
        rows=rows,
        case=side.case[rows],
        by_trial=group.by_trial,
        confidence_level=ground.policy.confidence_level,
        proven=not (group.by_trial and any(case in blind for case in group.cases.tolist())),
    )
