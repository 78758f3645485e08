"""What a calibration says: false alarms attained, the power to catch losses, and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..compare.result import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..stats import ConfidenceInterval
    from .policy import Policy

Coverage = Literal["re-randomised", "losses only", "as it stands", "left out"]
"""What is done to a claim: labels swapped and losses injected; losses injected into the candidate
as it is; judged once and held; left out, since it fails or is invalid already."""

INTERVAL_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """How often something was said, with a 95% Clopper-Pearson interval."""

    count: int
    n: int

    @property
    def rate(self) -> float:
        return self.count / self.n

    def confidence_interval(self, confidence_level: float = INTERVAL_LEVEL) -> ConfidenceInterval:
        from ..stats import clopper_pearson

        return clopper_pearson(self.count, self.n, confidence_level=confidence_level)

    def to_dict(self) -> dict[str, Any]:
        low, high = self.confidence_interval()
        return {
            "rate": self.rate,
            "count": self.count,
            "n": self.n,
            "confidence_interval": [number(low), number(high)],
        }


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """What the gate says of versions that have truly lost `loss` of the pass rate (0: unchanged).

    regressed: the comparison's own conclusion, whatever the claims say.
    """

    loss: float
    failed: Share
    passed: Share
    regressed: Share

    @property
    def inconclusive(self) -> Share:
        return Share(self.failed.n - self.failed.count - self.passed.count, self.failed.n)

    def to_dict(self) -> dict[str, Any]:
        return {
            "loss": number(self.loss),
            "fail": self.failed.to_dict(),
            "inconclusive": self.inconclusive.to_dict(),
            "pass": self.passed.to_dict(),
            "regressed": self.regressed.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ClaimCalibration:
    """One claim (one level of it).

    false_alarm: how often it fails an unchanged version, where labels can be swapped. false_pass:
    how often it holds at a true loss of exactly its margin among its own cases. caught: how often
    it fails, by the losses of the curve.
    """

    name: str
    rule: str
    coverage: Coverage
    n_cases: int
    note: str = ""
    margin: float | None = None
    false_alarm: Share | None = None
    false_pass: Share | None = None
    caught: tuple[Share, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "rule": self.rule,
            "coverage": self.coverage,
            "n_cases": self.n_cases,
            "note": self.note,
            "margin": number(self.margin),
            "false_alarm": None if self.false_alarm is None else self.false_alarm.to_dict(),
            "false_pass": None if self.false_pass is None else self.false_pass.to_dict(),
            "caught": [number(share.rate) for share in self.caught],
        }


@dataclass(frozen=True)
class Calibration:
    """How often the gate errs and what it catches, measured on the user's own runs.

    points: by growing loss, the first of them without any. trial_likeness, case_likeness:
    correlation of injected losses inside a case and a cluster. notes: what is not covered, and
    what to know of the rest.
    """

    baseline: str
    candidate: str
    n_cases: int
    n_clusters: int
    n_trials: tuple[int, int]
    graded: bool
    repetitions: int
    points: Sequence[PowerPoint]
    claims: Sequence[ClaimCalibration]
    policy: Policy = field(repr=False)
    trial_likeness: float
    case_likeness: float
    seed: int
    notes: Sequence[str] = ()

    @property
    def margin(self) -> float | None:
        """The policy's margin: what is lost there must not pass."""
        return self.policy.margin

    @property
    def false_alarm(self) -> Share:
        """How often the gate fails a version that has not changed."""
        return self.points[0].failed

    def at(self, loss: float) -> PowerPoint:
        """What the gate says at one of the losses that were injected."""
        for point in self.points:
            if abs(point.loss - loss) < 1e-9:
                return point
        known = ", ".join(f"{point.loss:g}" for point in self.points)
        raise ValueError(f"loss: {loss:g} was not injected; the losses are {known}")

    @property
    def pass_at_margin(self) -> Share | None:
        """How often the gate passes a version that has truly lost the margin."""
        if self.margin is None or all(abs(p.loss - self.margin) > 1e-9 for p in self.points):
            return None
        return self.at(self.margin).passed

    def detectable(self, power: float = 0.8) -> float | None:
        """The loss that is caught with this chance, between two of the losses; None: beyond."""
        before = self.points[0]
        for point in self.points[1:]:
            low, high = before.failed.rate, point.failed.rate
            if high >= power:
                share = (power - low) / (high - low) if high > low else 0.0
                return before.loss + max(share, 0.0) * (point.loss - before.loss)
            before = point
        return None

    @property
    def sentence(self) -> str:
        """The answer in one sentence of plain English."""
        from .calibration_words import calibration_sentence

        return calibration_sentence(self)

    def to_pandas(self) -> pd.DataFrame:
        """One row a loss: rates with their intervals."""
        import pandas as pd

        rows = []
        for point in self.points:
            row: dict[str, Any] = {"loss": point.loss}
            for name, share in (
                ("fail", point.failed),
                ("inconclusive", point.inconclusive),
                ("pass", point.passed),
                ("regressed", point.regressed),
            ):
                low, high = share.confidence_interval()
                row |= {name: share.rate, f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The power curve: how often the gate fails, and passes, over the true loss."""
        from .calibration_plotting import plot_calibration

        return plot_calibration(self, ax)

    def _repr_html_(self) -> str:
        from ..reports.notebook import calibration_html

        return calibration_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir calibrate --format json``."""
        at_margin = self.pass_at_margin
        return {
            "baseline": self.baseline,
            "candidate": self.candidate,
            "n_cases": self.n_cases,
            "n_clusters": self.n_clusters,
            "n_trials": {"baseline": self.n_trials[0], "candidate": self.n_trials[1]},
            "repetitions": self.repetitions,
            "seed": self.seed,
            "policy_digest": self.policy.digest(),
            "margin": number(self.margin),
            "false_alarm": self.false_alarm.to_dict(),
            "pass_at_margin": None if at_margin is None else at_margin.to_dict(),
            "detectable": {"power": 0.8, "loss": number(self.detectable())},
            "points": [point.to_dict() for point in self.points],
            "claims": [claim.to_dict() for claim in self.claims],
            "likeness": {
                "trials": number(self.trial_likeness),
                "cases": number(self.case_likeness),
            },
            "sentence": self.sentence,
            "notes": list(self.notes),
        }
