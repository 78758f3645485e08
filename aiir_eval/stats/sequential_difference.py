"""What did looking at pairs block by block show, however often it was looked at?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.stats.betting import PRIOR_CLUSTERS, PRIOR_VARIANCE
from aiir_eval.stats.intervals import ConfidenceInterval
from aiir_eval.stats.paired import (
    MIN_CLUSTERS,
    Conclusion,
    NonInferiority,
    PairedDifference,
    conclude,
    paired_difference,
)
from aiir_eval.stats.sequential import SequentialTest

CAP = 2
"""Times the fixed design after which an open test is given up."""

POWER = 0.8
"""Of the fixed design."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialDifference(PairedDifference):
    """A paired difference of data that were looked at while they came in.

    Rates, flips and sizes are as in `PairedDifference`. Interval, p-values and non-inferiority
    hold at every look together, at the level and margin they were made with and no other.

    Attributes
    ----------
    low, high : float
        The confidence sequence at the last look.
    lower_bound : float
        The one-sided bound behind non-inferiority.
    margin, margin_pvalue : float
        The margin that was bet on, and 1 / the largest evidence of non-inferiority.
    n_looks : int
    most_cases : int
        Cases at the cap: see `clusters_at_cap`.
    """

    low: float
    high: float
    lower_bound: float
    margin: float
    margin_pvalue: float
    n_looks: int
    most_cases: int

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """The confidence sequence at the last look, at its own level."""
        self._only(confidence_level)
        return ConfidenceInterval(self.low, self.high)

    def non_inferiority(
        self, margin: float, confidence_level: float | None = None
    ) -> NonInferiority:
        """Whether a loss of `margin` was excluded at any look; its own margin and level only."""
        self._only(confidence_level)
        if margin != self.margin:
            raise ValueError(f"margin: the bets were made with {self.margin}, not {margin}")
        holds = self.margin_pvalue <= 1 - self.confidence_level + 1e-12
        return NonInferiority(
            margin,
            self.margin_pvalue,
            self.lower_bound,
            holds and self.n_clusters >= MIN_CLUSTERS,
            self.confidence_level,
        )

    def cases_needed(self, margin: float | None = None, power: float = 0.8) -> int | None:
        """Cases at most that a sequential test takes: the cap. None beyond it, or at no margin."""
        return self.most_cases if margin is not None and self.most_cases > self.n_cases else None

    def conclusion(self, margin: float | None = None, pvalue: float | None = None) -> Conclusion:
        """The table of `PairedDifference`, by what was shown at any look."""
        return conclude(self, margin, pvalue)

    def _only(self, confidence_level: float | None) -> None:
        if confidence_level not in (None, self.confidence_level):
            raise ValueError(
                f"confidence_level: the sequence was made at {self.confidence_level}, "
                f"not {confidence_level}"
            )


def clusters_at_cap(
    margin: float, *, confidence_level: float, n_clusters: int, spread: float, kish: float = 1.0
) -> int:
    """Clusters after which a test that is still open is given up: twice the fixed design.

    Parameters
    ----------
    margin, confidence_level : float
        Of the test.
    n_clusters : int
        Clusters seen so far.
    spread : float
        Mean square of their differences, weighted. It is shrunken as in the bets (`Betting`).
    kish : float
        What unequal weights w cost: n sum(w^2) / sum(w)^2.

    Notes
    -----
    The fixed design: one-sided, power 0.8 where there is no difference (`cases_needed`). That its
    spread is seen in the same data is no fault: a betting test may be ended for any reason.

    Examples
    --------
    >>> clusters_at_cap(0.05, confidence_level=0.95, n_clusters=1000, spread=0.1)
    554
    """
    from aiir_eval.stats.planning import cases_needed

    known = n_clusters * spread + PRIOR_CLUSTERS * PRIOR_VARIANCE
    half = known / (n_clusters + PRIOR_CLUSTERS) / 2
    fixed = cases_needed(
        margin=margin, power=POWER, confidence_level=confidence_level, p_loss=half, p_gain=half
    )
    return ceil(CAP * fixed * kish)


def sequential_difference(
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    looks: ArrayLike,
    clusters: Any = None,
    shares: ArrayLike | None = None,
    margin: float = 0.05,
    confidence_level: float = 0.95,
) -> SequentialDifference:
    """The paired difference of cases that were looked at block by block.

    Parameters
    ----------
    baseline, candidate : (n,) array_like
        Mean over a case's trials, in [0, 1]; paired by position.
    looks : (n,) array_like of int
        The look at which each case came in; a cluster comes in at one look.
    clusters : (n,) array_like, optional
        Cluster of each case; None makes every case its own.
    shares : (n,) array_like, optional
        By how much more a case's cluster counts than one of the same size, above 0.
    margin : float
        The loss that is tolerated: the unit of the bets.
    confidence_level : float
        Of the two-sided interval, and of one-sided tests.

    Returns
    -------
    SequentialDifference
        `estimate` is the weighted mean of the clusters; `pvalue` is one-sided, of the direction
        of the estimate: 1 / the largest evidence (e-value) of it at any look.

    Notes
    -----
    `SequentialTest` on the cluster means, weighted by size and share, the bets frozen in a block.

    References
    ----------
    Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86, 1-27.

    Examples
    --------
    >>> seen = sequential_difference([1] * 200, [1] * 200, looks=range(200), margin=0.05)
    >>> seen.conclusion(margin=0.05)
    'non_inferior'
    >>> seen.low > -0.06
    True
    """
    before, after = (np.asarray(values, dtype=np.float64) for values in (baseline, candidate))
    fixed = paired_difference(
        before, after, clusters=clusters, confidence_level=confidence_level, n_resamples=1
    )
    at = np.asarray(looks)
    labels = np.arange(before.size) if clusters is None else np.asarray(clusters)
    weights = np.ones(before.size) if shares is None else np.asarray(shares, dtype=np.float64)
    codes = np.unique(labels, return_inverse=True)[1]
    size = np.bincount(codes)
    means = np.bincount(codes, after - before) / size
    weight = np.bincount(codes, weights)
    weight = weight / weight.max()
    look = np.zeros(size.size, dtype=at.dtype)
    look[codes] = at
    test = SequentialTest(margin, confidence_level=confidence_level)
    mirror = SequentialTest(margin, confidence_level=confidence_level)
    shown = loss = gain = 1.0
    order = np.unique(look)
    for number in order.tolist():
        here = np.flatnonzero(look == number)
        test.update_block(means[here], weight[here])
        mirror.update_block(-means[here], weight[here])
        shown, loss = max(shown, test.e_non_inferiority), max(loss, test.e_loss)
        gain = max(gain, mirror.e_loss)
    low, high = test.confidence_interval(confidence_level)
    bound = test.confidence_interval(max(2 * confidence_level - 1, 1e-9)).low
    estimate = test.estimate
    n = size.size
    cap = clusters_at_cap(
        margin,
        confidence_level=confidence_level,
        n_clusters=n,
        spread=float((weight * means * means).sum() / weight.sum()),
        kish=float(n * (weight**2).sum() / weight.sum() ** 2),
    )
    return SequentialDifference(
        **{
            **asdict(fixed),
            "estimate": estimate,
            "pvalue": 1 / (loss if estimate < 0 else gain),
            "pvalue_exact": None,
            "method": "betting confidence sequence; one-sided e-process at every look",
        },
        low=low,
        high=high,
        lower_bound=bound,
        margin=margin,
        margin_pvalue=1 / shown,
        n_looks=int(order.size),
        most_cases=round(cap * before.size / n),
    )
