"""What a plan says: designs of cases and trials with their power, advice, and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .result import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..stats.assuming import Assumptions
    from ..stats.bounding import BoundDesign

Goal = Literal["non_inferior", "regressed", "improved"]


@dataclass(frozen=True, slots=True)
class Design:
    """So many trials of each case, and what they need or reach.

    n_cases: cases in all that reach the power asked for; None where no number does. `power` and
    `minimum_detectable_effect` are those of the plan's own number of cases where one was given,
    else of n_cases. trial_share: of the squared standard error, what more trials would remove.
    """

    n_trials: int
    n_cases: int | None
    n_clusters: int | None
    power: float
    minimum_detectable_effect: float
    trial_share: float

    @property
    def trials_a_side(self) -> int | None:
        """Trials to run of each version."""
        return None if self.n_cases is None else self.n_cases * self.n_trials

    def to_dict(self) -> dict[str, Any]:
        return {
            "trials": self.n_trials,
            "cases": self.n_cases,
            "clusters": self.n_clusters,
            "trials_a_side": self.trials_a_side,
            "power": number(self.power),
            "minimum_detectable_effect": number(self.minimum_detectable_effect),
            "trial_share": number(self.trial_share),
        }


@dataclass(frozen=True)
class Plan:
    """How many cases and trials settle the question.

    goal: what is to be shown; None where only a failure rate is to be bounded. notes: where each
    assumption comes from.
    """

    goal: Goal | None
    margin: float | None
    power: float
    confidence_level: float
    assumptions: Assumptions | None
    designs: Sequence[Design]
    cases: int | None
    bound: BoundDesign | None
    notes: Sequence[str] = ()
    seed: int = field(default=0, repr=False)

    @property
    def cheapest(self) -> Design | None:
        """The design with the fewest trials in all; of equals, the one with fewer cases."""
        found = [design for design in self.designs if design.n_cases is not None]
        return min(found, key=lambda d: (d.trials_a_side or 0, d.n_cases or 0), default=None)

    @property
    def sentence(self) -> str:
        """The answer in one sentence of plain English."""
        from .design_words import plan_sentence

        return plan_sentence(self)

    @property
    def advice(self) -> str:
        """Whether more cases or more trials would help; empty where neither was asked."""
        from .design_words import plan_advice

        return plan_advice(self)

    def to_pandas(self) -> pd.DataFrame:
        """One row a design."""
        import pandas as pd

        return pd.DataFrame([design.to_dict() for design in self.designs])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power over the number of cases, a line for each number of trials."""
        from .design_plotting import plot_plan

        return plot_plan(self, ax)

    def _repr_html_(self) -> str:
        from ..reports.notebook import plan_html

        return plan_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir plan --format json``."""
        versions, bound = self.assumptions, self.bound
        return {
            "goal": self.goal,
            "margin": number(self.margin),
            "power": number(self.power),
            "confidence_level": number(self.confidence_level),
            "assumptions": None
            if versions is None
            else {
                "pass_rate": number(versions.pass_rate),
                "discordance": None if versions.spread else number(versions.discordance),
                "spread": number(versions.spread),
                "difference": number(versions.difference),
                "trial_noise": number(versions.trial_noise),
                "icc": number(versions.icc),
                "cluster_size": number(versions.cluster_size),
            },
            "cases": self.cases,
            "designs": [design.to_dict() for design in self.designs],
            "cheapest": None if self.cheapest is None else self.cheapest.to_dict(),
            "failure_rate_bound": None
            if bound is None
            else {
                "below": number(bound.below),
                "failure_rate": number(bound.failure_rate),
                "trials": bound.n_trials,
                "failures_allowed": bound.failures,
                "power": number(bound.power),
            },
            "sentence": self.sentence,
            "advice": self.advice,
            "notes": list(self.notes),
        }
