"""What is the true rate, given how often the judge errs on passes and on fails?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Codes, Floats, cluster_codes
from aiir_eval.stats.intervals import ConfidenceInterval, checked_level
from aiir_eval.stats.judges import binary_rows, deviations, quantile, sum_of

PSEUDO = 1.0
"""Passes, and fails, that the judge gives in addition to the labelled outputs of either kind."""


@dataclass(frozen=True, slots=True)
class RoganGladen(Shown):
    """A rate or difference corrected by the judge's own error rates.

    Attributes
    ----------
    estimate, standard_error : float
        The estimate is kept in [0, 1] (a difference in [-1, 1]); CR2 by cluster. NaN and infinite
        where the judge was no better than chance on the labelled outputs.
    uncorrected : float
        What the judge says.
    tpr, tnr : float
        Of what humans pass (fail), the share that the judge passes (fails); of the candidate for
        a difference.
    """

    estimate: float
    standard_error: float
    uncorrected: float
    tpr: float
    tnr: float
    method: str
    confidence_level: float
    n_judged: int
    n_labelled: int
    df: float
    moments: tuple[float, float, float, float, float] | None

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """Two-sided interval; all of [0, 1] where the judge may be no better than chance."""
        level = self.confidence_level if confidence_level is None else confidence_level
        t = quantile(self.df, 0.5 + checked_level(level) / 2)
        if self.moments is None:
            if isnan(self.estimate):
                return ConfidenceInterval(-1.0, 1.0)
            half = t * self.standard_error
            return ConfidenceInterval(
                max(self.estimate - half, -1.0), min(self.estimate + half, 1.0)
            )
        # Fieller: rates r with (excess - r * youden)^2 <= t^2 * variance of (excess - r * youden)
        excess, youden, v_excess, v_youden, covariance = self.moments
        square = youden**2 - t * t * v_youden
        if square <= 0 or isnan(self.estimate):
            return ConfidenceInterval(0.0, 1.0)
        middle = excess * youden - t * t * covariance
        root = sqrt(max(middle**2 - square * (excess**2 - t * t * v_excess), 0.0))
        low, high = (middle - root) / square, (middle + root) / square
        return ConfidenceInterval(
            max(min(low, self.estimate), 0.0), min(max(high, self.estimate), 1.0)
        )


def rogan_gladen_rate(
    judge: ArrayLike,
    human: ArrayLike,
    *,
    clusters: Any = None,
    representative: bool = True,
    confidence_level: float = 0.95,
) -> RoganGladen:
    """Correct a judge's pass rate by the error rates that it shows on labelled outputs.

    Parameters
    ----------
    judge : (n,) array_like
        The judge's verdict on every output, 0 or 1.
    human : (n,) array_like
        The human label, 0 or 1; NaN (None) where there is none.
    clusters : (n,) array_like, optional
        Cluster (case, incident) of each output; None makes each its own.
    representative : bool
        The labelled outputs are a random sample of all. False: they only show the judge's errors
        (a set with as many fails as passes, an older set), and the rate is of the others.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.

    Returns
    -------
    RoganGladen

    Raises
    ------
    ValueError
        No label of one kind, or values other than 0 and 1.

    Notes
    -----
    (judge's rate + tnr - 1) / (tpr + tnr - 1). Assumes that the judge errs equally often on
    labelled and other outputs of the same true label, whatever the share of fails among the
    labelled: this is what prediction-powered inference cannot do, which is the better choice for
    a random sample of labels. It fails where errors depend on the kind of output.

    Fieller's interval with t quantiles, one pass and one fail added to the labelled of either
    kind (as Lang and Reiczigel do), and the judge's rate with z^2 / 2 more of both.

    References
    ----------
    Rogan and Gladen (1978), Am. J. Epidemiol. 107, 71-76; Lang and Reiczigel (2014), Prev. Vet.
    Med. 113, 13-22; Fieller (1954), J. R. Stat. Soc. B 16, 175-185.

    Examples
    --------
    >>> judge = [1] * 23 + [0] * 127 + [1] * 96 + [0] * 4 + [1] * 11 + [0] * 89
    >>> human = [None] * 150 + [1] * 100 + [0] * 100
    >>> result = rogan_gladen_rate(judge, human, representative=False)
    >>> result.tpr, result.tnr, round(result.uncorrected, 3), round(result.estimate, 3)
    (0.96, 0.89, 0.153, 0.051)
    """
    verdicts, labels = binary_rows(judge, human, "judge", "human")
    codes = cluster_codes(clusters, verdicts.size)
    level = checked_level(confidence_level)
    side = _error_rates(verdicts, labels, codes, representative)
    critical = quantile(side.df, 0.5 + level / 2)
    adjusted = _error_rates(
        verdicts, labels, codes, representative, pseudo=PSEUDO, critical=critical
    )
    excess, youden = adjusted.excess, adjusted.youden
    return RoganGladen(
        estimate=_in_range(side.rate),
        standard_error=side.standard_error(),
        uncorrected=side.judged,
        tpr=side.tpr,
        tnr=side.tnr,
        method="Rogan-Gladen, Fieller interval",
        confidence_level=level,
        n_judged=side.n_judged,
        n_labelled=side.n_labelled,
        df=side.df,
        moments=(
            excess,
            youden,
            sum_of(adjusted.of_excess**2),
            sum_of(adjusted.of_youden**2),
            sum_of(adjusted.of_excess * adjusted.of_youden),
        ),
    )


def rogan_gladen_difference(
    judge_baseline: ArrayLike,
    judge_candidate: ArrayLike,
    human_baseline: ArrayLike,
    human_candidate: ArrayLike,
    *,
    clusters: Any = None,
    representative: bool = True,
    confidence_level: float = 0.95,
) -> RoganGladen:
    """Correct a judge's paired difference by its error rates on either version.

    Parameters
    ----------
    judge_baseline, judge_candidate : (n,) array_like
        The judge's verdict on each case's output of either version, 0 or 1; paired by position.
    human_baseline, human_candidate : (n,) array_like
        Human labels, 0 or 1; NaN (None) where there is none, on either side by itself.
    clusters : (n,) array_like, optional
        Cluster of each case; None makes each its own.
    representative : bool
        As for `rogan_gladen_rate`.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.

    Returns
    -------
    RoganGladen
        The difference candidate minus baseline.

    Notes
    -----
    The difference of two `rogan_gladen_rate`, each with the judge's error rates on that version
    (a judge may favour one), and a variance that knows the pairs: delta method, t quantiles, one
    pass and one fail added to the labelled of either kind. Wide where few outputs of a version
    were labelled a fail; prefer `prediction_powered_difference` for a random sample of labels.

    References
    ----------
    Rogan and Gladen (1978), Am. J. Epidemiol. 107, 71-76; Lang and Reiczigel (2014), Prev. Vet.
    Med. 113, 13-22.

    Examples
    --------
    >>> truth = [[1, 1, 0, 1, 0] * 20, [1, 1, 1, 1, 0] * 20]
    >>> lenient = [[1, 1, 0, 1, 1] * 60, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0] * 30]
    >>> human = [side + [None] * 200 for side in truth]
    >>> result = rogan_gladen_difference(*lenient, *human)
    >>> round(result.uncorrected, 3), round(result.estimate, 3)
    (0.1, 0.2)
    """
    before, labels_before = binary_rows(
        judge_baseline, human_baseline, "judge_baseline", "human_baseline"
    )
    after, labels_after = binary_rows(
        judge_candidate, human_candidate, "judge_candidate", "human_candidate"
    )
    if before.size != after.size:
        raise ValueError(f"the baseline has {before.size} cases, the candidate {after.size}")
    codes = cluster_codes(clusters, before.size)
    level = checked_level(confidence_level)
    old = _error_rates(before, labels_before, codes, representative)
    new = _error_rates(after, labels_after, codes, representative)
    df = min(old.df, new.df)
    critical = quantile(df, 0.5 + level / 2)
    careful = [
        _error_rates(verdicts, labels, codes, representative, pseudo=PSEUDO, critical=critical)
        for verdicts, labels in ((before, labels_before), (after, labels_after))
    ]
    variance = inf
    if min(side.youden for side in (old, new, *careful)) > 0:
        n_clusters = int(codes.max()) + 1
        one, two = (side.influence() for side in careful)
        added = one[n_clusters:] ** 2 + two[n_clusters:] ** 2  # what is added is not paired
        variance = sum_of((two - one)[:n_clusters] ** 2) + sum_of(added)
    return RoganGladen(
        estimate=_in_range(new.rate) - _in_range(old.rate),
        standard_error=sqrt(variance),
        uncorrected=new.judged - old.judged,
        tpr=new.tpr,
        tnr=new.tnr,
        method="Rogan-Gladen on either version, delta method",
        confidence_level=level,
        n_judged=new.n_judged,
        n_labelled=min(old.n_labelled, new.n_labelled),
        df=df,
        moments=None,
    )


@dataclass(frozen=True, slots=True)
class _ErrorRates:
    """A judge's rate and error rates, with what each cluster adds to the errors of both.

    excess = judge's rate - false passes, youden = tpr - false passes; their ratio is the rate.
    """

    judged: float
    tpr: float
    tnr: float
    of_excess: Floats
    of_youden: Floats
    n_judged: int
    n_labelled: int
    df: float

    @property
    def excess(self) -> float:
        return self.judged + self.tnr - 1

    @property
    def youden(self) -> float:
        return self.tpr + self.tnr - 1

    @property
    def rate(self) -> float:
        return self.excess / self.youden if self.youden > 0 else nan

    def influence(self) -> Floats:
        """What each cluster adds to the error of the rate."""
        return (self.of_excess - self.rate * self.of_youden) / self.youden

    def standard_error(self) -> float:
        return sqrt(sum_of(self.influence() ** 2)) if self.youden > 0 else inf


def _error_rates(
    judge: Floats,
    human: Floats,
    codes: Codes,
    representative: bool,
    *,
    pseudo: float = 0.0,
    critical: float = 0.0,
) -> _ErrorRates:
    """Rates with `pseudo` passes and fails added to the labels, critical^2 / 2 to the judge's."""
    n_codes = int(codes.max()) + 1
    there = ~np.isnan(human)
    of_rate = np.ones(judge.size, bool) if representative else ~there
    if not of_rate.any():
        raise ValueError("judge: no output without a label, of which the rate could be estimated")
    means, parts = [], []
    for number, (chosen, added) in enumerate(
        ((of_rate, critical**2 / 2), (human == 1, pseudo), (human == 0, pseudo))
    ):
        values = judge[chosen]
        if values.size == 0:
            kind = "pass" if number == 1 else "fail"
            raise ValueError(
                f"human: no label is a {kind}, so the judge's errors on it are unknown"
            )
        means.append((sum_of(values) + added) / (values.size + 2 * added))
        sums = deviations(values, codes[chosen], n_codes, np.array([1.0, 0.0]), added)
        part = np.zeros(n_codes + 6)
        part[:n_codes], part[n_codes + 2 * number :][:2] = sums[:n_codes], sums[n_codes:]
        parts.append(part)
    judged, tpr, false_passes = means
    return _ErrorRates(
        judged=judged,
        tpr=tpr,
        tnr=1 - false_passes,
        of_excess=parts[0] - parts[2],
        of_youden=parts[1] - parts[2],
        n_judged=int(of_rate.sum()),
        n_labelled=int(there.sum()),
        df=max(np.unique(codes[there]).size - 1.0, 1.0),
    )


def _in_range(rate: float) -> float:
    return rate if isnan(rate) else min(max(rate, 0.0), 1.0)
