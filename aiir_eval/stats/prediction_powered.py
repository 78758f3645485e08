"""What would humans have said of all outputs, if the judge helps where they have not looked?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Codes, Floats, cluster_codes, clustered_mean
from aiir_eval.stats.intervals import ConfidenceInterval, checked_level
from aiir_eval.stats.judges import (
    PSEUDO,
    deviations,
    judged_rows,
    quantile,
    sum_of,
)
from aiir_eval.stats.paired import NonInferiority
from aiir_eval.stats.proportions import _wilson
from aiir_eval.stats.score_interval import lower_bound, score

Kind = Literal["rate", "difference", "graded rate", "graded difference"]

CELLS = {
    "rate": ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)),
    "difference": ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)),
}
"""Human and judge of the labels that are added for the variance: `PSEUDO` of each."""


@dataclass(frozen=True, slots=True)
class PredictionPowered(Shown):
    """A rate or difference as humans would measure it, from judged and from labelled outputs.

    Attributes
    ----------
    estimate, standard_error : float
        Corrected for the judge's errors and kept in [0, 1] (a difference in [-1, 1]); CR2 by
        cluster.
    power_tuning : float
        Weight of the judge in [0, 1]: 0 uses the labels alone, 1 trusts it as far as that goes.
    uncorrected, human_only : float
        What the judge says of all outputs, and humans of the labelled ones.
    n_judged, n_labelled : int
        Outputs with a verdict of the judge, and those with a label too.
    n_effective : float
        Independent labels that would carry as much.
    """

    estimate: float
    standard_error: float
    power_tuning: float
    uncorrected: float
    human_only: float
    method: str
    confidence_level: float
    n_judged: int
    n_labelled: int
    n_effective: float
    df: float
    discordance: float
    kind: Kind

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """Two-sided interval, never of zero width."""
        level = self._level(confidence_level)
        t = quantile(self.df, 0.5 + level / 2)
        if self.kind.startswith("graded") and self.standard_error > 0:
            low, high = self.estimate - t * self.standard_error, t * self.standard_error
            least = 0.0 if self.kind == "graded rate" else -1.0
            return ConfidenceInterval(max(low, least), min(self.estimate + high, 1.0))
        if self.kind.endswith("rate"):
            return _wilson(self.estimate, self.n_effective, t)
        loss, gain = self._shares()
        return ConfidenceInterval(
            lower_bound(loss, gain, self.n_effective, t),
            -lower_bound(gain, loss, self.n_effective, t),
        )

    def non_inferiority(
        self, margin: float, confidence_level: float | None = None
    ) -> NonInferiority:
        """One-sided test that the loss, as humans would see it, is smaller than `margin`."""
        from scipy.special import stdtr

        if self.kind.endswith("rate"):
            raise ValueError("non-inferiority is of a difference, and this is one version's rate")
        if not 0 <= margin < 1:
            raise ValueError(f"margin: {margin} is not in [0, 1)")
        level = self._level(confidence_level)
        loss, gain = self._shares()
        statistic = score(loss, gain, -margin) * sqrt(self.n_effective)
        lower = lower_bound(loss, gain, self.n_effective, quantile(self.df, level))
        pvalue = float(stdtr(self.df, -statistic))
        return NonInferiority(margin, pvalue, lower, lower > -margin, level)

    def _shares(self) -> tuple[float, float]:
        """Losses and gains that agree with the estimate."""
        return (self.discordance - self.estimate) / 2, (self.discordance + self.estimate) / 2

    def _level(self, confidence_level: float | None) -> float:
        return checked_level(
            self.confidence_level if confidence_level is None else confidence_level
        )


def prediction_powered_rate(
    judge: ArrayLike,
    human: ArrayLike,
    *,
    clusters: Any = None,
    binary: bool = True,
    power_tuning: float | None = None,
    confidence_level: float = 0.95,
) -> PredictionPowered:
    """Estimate a pass rate as humans see it, from a judge on all outputs and labels on some.

    Parameters
    ----------
    judge : (n,) array_like
        The judge's verdict or score on every output, in [0, 1].
    human : (n,) array_like
        The human label, in [0, 1]; NaN (None) where there is none.
    clusters : (n,) array_like, optional
        Cluster (case, incident) of each output; None makes each its own.
    binary : bool
        Humans pass or fail: Wilson's score interval. False for graded labels: t.
    power_tuning : float, optional
        Weight of the judge in [0, 1]; None: the one that makes the variance smallest.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.

    Returns
    -------
    PredictionPowered

    Raises
    ------
    ValueError
        Fewer than two labels, no output without a label, values outside [0, 1].

    Notes
    -----
    Labelled mean + power_tuning * (judge's mean of the unlabelled - its mean of the labelled).
    Unbiased for any judge, good or bad, if the labelled outputs are a random sample of all; it
    fails where labels were sought for suspicious ones (then `rogan_gladen_rate`). A useless judge
    gets a weight near 0 and does no harm; one that agrees well is worth many labels.

    Wilson's interval with rate * (1 - rate) / variance cases and t quantiles. For that variance
    half a label is added to each cell of human by judge (Agresti and Min), so that a judge never
    seen to err is not taken for perfect. The normal interval of the reference covers 35 to 93%
    at rates of 95 to 99% with 50 to 100 labels; this one 92% or more.

    References
    ----------
    Angelopoulos, Duchi and Zrnic (2023), "PPI++: efficient prediction-powered inference",
    arXiv:2311.01453; Agresti and Min (2005), Stat. Med. 24, 729-740.

    Examples
    --------
    >>> judge = [1, 1, 0, 1, 1, 0, 1, 1] * 25
    >>> human = ([1, 1, 0, 0, 1, 0, 1, 1] + [None] * 8) * 12 + [None] * 8
    >>> result = prediction_powered_rate(judge, human)
    >>> round(result.uncorrected, 3), round(result.human_only, 3), round(result.estimate, 3)
    (0.75, 0.625, 0.625)
    """
    verdicts, labels = judged_rows(judge, human, "judge", "human")
    return _prediction_powered(
        verdicts,
        labels,
        cluster_codes(clusters, verdicts.size),
        "rate" if binary else "graded rate",
        power_tuning,
        checked_level(confidence_level),
    )


def prediction_powered_difference(
    judge_baseline: ArrayLike,
    judge_candidate: ArrayLike,
    human_baseline: ArrayLike,
    human_candidate: ArrayLike,
    *,
    clusters: Any = None,
    binary: bool = True,
    power_tuning: float | None = None,
    confidence_level: float = 0.95,
) -> PredictionPowered:
    """Estimate a paired difference as humans see it, candidate minus baseline.

    Parameters
    ----------
    judge_baseline, judge_candidate : (n,) array_like
        The judge on each case's output of either version, in [0, 1]; paired by position.
    human_baseline, human_candidate : (n,) array_like
        Human labels, in [0, 1]; a case counts as labelled where both sides are, NaN elsewhere.
    clusters : (n,) array_like, optional
        Cluster of each case; None makes each its own.
    binary : bool
        Humans pass or fail: Tango's score interval. False for graded labels: t.
    power_tuning : float, optional
        Weight of the judge in [0, 1]; None: the one that makes the variance smallest.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.

    Returns
    -------
    PredictionPowered
        With `.non_inferiority(margin)`.

    Notes
    -----
    `prediction_powered_rate` on differences: a judge that errs alike on both versions cancels
    out, one that favours a version is corrected by the labels. Labelled cases must be a random
    sample. The interval is Tango's with discordance / variance cases and t quantiles, the
    variance with half a label more in each discordant cell.

    References
    ----------
    Angelopoulos, Duchi and Zrnic (2023), arXiv:2311.01453; Tango (1998), Stat. Med. 17, 891-908.

    Examples
    --------
    >>> labelled = [0, 1, 1, 0, 1] * 20, [1, 1, 1, 0, 1] * 20
    >>> judged = [0, 1, 1, 1, 1] * 100, [1, 1, 1, 1, 1] * 100
    >>> human = [list(side) + [None] * 400 for side in labelled]
    >>> result = prediction_powered_difference(*judged, *human)
    >>> round(result.estimate, 3), result.non_inferiority(0.05).holds
    (0.2, True)
    """
    before, labels_before = judged_rows(
        judge_baseline, human_baseline, "judge_baseline", "baseline"
    )
    after, labels_after = judged_rows(
        judge_candidate, human_candidate, "judge_candidate", "candidate"
    )
    if before.size != after.size:
        raise ValueError(f"the baseline has {before.size} cases, the candidate {after.size}")
    return _prediction_powered(
        after - before,
        labels_after - labels_before,
        cluster_codes(clusters, before.size),
        "difference" if binary else "graded difference",
        power_tuning,
        checked_level(confidence_level),
    )


def _prediction_powered(
    judge: Floats, human: Floats, codes: Codes, kind: Kind, tuning: float | None, level: float
) -> PredictionPowered:
    there = ~np.isnan(human)
    n, others = int(there.sum()), int((~there).sum())
    if n < 2:
        raise ValueError(f"human: {n} labels, and the correction needs at least two")
    if tuning is not None and not 0 <= tuning <= 1:
        raise ValueError(f"power_tuning: {tuning} is not in [0, 1]")
    labels, seen, unseen = human[there], judge[there], judge[~there]
    human_mean, seen_mean = sum_of(labels) / n, sum_of(seen) / n
    weight = 0.0
    if others:
        weight = _power_tuning(labels - human_mean, seen - seen_mean, judge, others)
        weight = weight if tuning is None else tuning
    of_unseen = weight * sum_of(unseen) / others if others else 0.0
    estimate = human_mean - weight * seen_mean + of_unseen
    estimate = min(max(estimate, 0.0 if kind.endswith("rate") else -1.0), 1.0)

    residuals = labels - weight * seen
    labelled = clustered_mean(residuals, cluster_codes(codes[there], n))
    n_codes, size = int(codes.max()) + 1, labelled.cluster_size
    from_judge = np.zeros(n_codes)
    if others:
        from_judge = deviations(weight * unseen, codes[~there], n_codes)
    variance = sum_of((deviations(residuals, codes[there], n_codes) + from_judge) ** 2)
    discordance = max(sum_of(np.abs(labels)) / n, abs(estimate))
    if kind in CELLS:
        cells = np.array(CELLS[kind])
        added = cells[:, 0] - weight * cells[:, 1]
        careful = deviations(residuals, codes[there], n_codes, added, PSEUDO, size)
        careful[:n_codes] += from_judge
        total = n + PSEUDO * size * len(cells)
        least = 2 * PSEUDO * size / total
        if kind == "rate":
            typical = (sum_of(residuals) + PSEUDO * size * sum_of(added)) / total + of_unseen
            typical = min(max(typical, least), 1 - least)
            spread = typical * (1 - typical)
        else:
            discordance = max(sum_of(np.abs(labels)) / total + least, abs(estimate))
            spread = max(discordance - estimate**2, least)
        effective = spread / sum_of(careful**2)
    else:
        spread = float(np.sort(labels).var(ddof=1))
        effective = spread / variance if variance > 0 else float(labelled.n_clusters)
    return PredictionPowered(
        estimate=estimate,
        standard_error=sqrt(variance),
        power_tuning=weight,
        uncorrected=sum_of(judge) / judge.size,
        human_only=human_mean,
        method="PPI++, "
        + ("t interval" if kind not in CELLS else "Wilson" if kind == "rate" else "Tango"),
        confidence_level=level,
        n_judged=judge.size,
        n_labelled=n,
        n_effective=effective,
        df=labelled.df,
        discordance=discordance,
        kind=kind,
    )


def _power_tuning(labels: Floats, seen: Floats, judge: Floats, others: int) -> float:
    """Weight of the judge with the smallest variance, from centred labels and verdicts."""
    n = labels.size
    spread = float(np.sort(judge).var(ddof=1))
    if spread <= 1e-15:
        return 0.0
    together = sum_of(labels * seen) / n
    return min(max(together / ((1 + n / others) * spread), 0.0), 1.0)
