"""How well does the judge agree with humans, output by output?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Codes, Floats, as_rates, cluster_codes, clustered_mean
from aiir_eval.stats.intervals import ConfidenceInterval, checked_level
from aiir_eval.stats.proportions import Rate, pass_rate

PSEUDO = 0.5
"""Clusters of labelled outputs added to each cell of judge by human, for variances only."""


@dataclass(frozen=True, slots=True)
class JudgeAgreement(Shown):
    """Agreement of a judge with human labels.

    Attributes
    ----------
    kappa, kappa_standard_error : float
        Cohen's kappa, NaN where judge and humans give one and the same verdict throughout; CR2
        by cluster.
    agreement : Rate
        Share of outputs on which both say the same.
    tpr, tnr : Rate or None
        Of what humans pass (fail), the share that the judge passes (fails); None without such
        labels.
    n_labelled : int
        Outputs with a verdict of both.
    """

    kappa: float
    kappa_standard_error: float
    agreement: Rate
    tpr: Rate | None
    tnr: Rate | None
    n_labelled: int
    n_clusters: int
    confidence_level: float
    df: float
    adjusted_kappa: float
    adjusted_error: float

    def kappa_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """Two-sided interval of kappa, never of zero width; (-1, 1) where there is no kappa."""
        level = self.confidence_level if confidence_level is None else confidence_level
        half = quantile(self.df, 0.5 + checked_level(level) / 2) * self.adjusted_error
        if np.isnan(self.kappa):
            return ConfidenceInterval(-1.0, 1.0)
        low, high = self.adjusted_kappa - half, self.adjusted_kappa + half
        return ConfidenceInterval(max(min(low, self.kappa), -1.0), min(max(high, self.kappa), 1.0))


def judge_agreement(
    judge: ArrayLike, human: ArrayLike, *, clusters: Any = None, confidence_level: float = 0.95
) -> JudgeAgreement:
    """Compare a judge with human labels: kappa, tpr and tnr, each with an interval.

    Parameters
    ----------
    judge : (n,) array_like
        The judge's verdict on every output, 0 or 1.
    human : (n,) array_like
        The human label, 0 or 1; NaN (None) where there is none, and the output is left out.
    clusters : (n,) array_like, optional
        Cluster (case, incident) of each output; None makes each its own.
    confidence_level : float
        Two-sided level of the intervals.

    Returns
    -------
    JudgeAgreement

    Raises
    ------
    ValueError
        Fewer than two labels, or values other than 0 and 1.

    Notes
    -----
    Labelled outputs are a random sample of those that the judge is used on; kappa and agreement
    depend on the share of passes among them, tpr and tnr do not. tpr, tnr and agreement: Wilson's
    interval with design effect, as `pass_rate`. Kappa: the delta method (Fleiss, Cohen and Everitt
    where outputs are independent) with CR2 and t, for the table with half an output added to each
    cell, so that full agreement of a few outputs is not certainty. Two humans also disagree: a
    kappa of 1 is not to be expected of a judge that is as good as they are.

    References
    ----------
    Cohen (1960), Educ. Psychol. Meas. 20, 37-46; Fleiss, Cohen and Everitt (1969), Psychol. Bull.
    72, 323-327.

    Examples
    --------
    >>> judge = [1] * 20 + [1] * 10 + [0] * 5 + [0] * 15
    >>> human = [1] * 20 + [0] * 10 + [1] * 5 + [0] * 15
    >>> result = judge_agreement(judge, human)
    >>> round(result.kappa, 3), result.tpr.estimate, result.tnr.estimate
    (0.4, 0.8, 0.6)
    >>> low, high = result.kappa_interval()
    >>> round(low, 2), round(high, 2)
    (0.13, 0.64)
    """
    verdicts, labels = binary_rows(judge, human, "judge", "human")
    level = checked_level(confidence_level)
    codes = cluster_codes(clusters, verdicts.size)
    there = ~np.isnan(labels)
    if there.sum() < 2:
        raise ValueError(f"human: {int(there.sum())} labels, and agreement needs at least two")
    verdicts, labels, codes = verdicts[there], labels[there], codes[there]

    def rate(chosen: Any, hits: Any) -> Rate | None:
        if not chosen.any():
            return None
        where = codes[chosen]
        return pass_rate(hits[chosen].astype(float), clusters=where, confidence_level=level)

    agreement = rate(labels >= 0, verdicts == labels)
    assert agreement is not None
    cell = (2 * verdicts + labels).astype(np.intp)
    table = np.bincount(cell, minlength=4).reshape(2, 2).astype(np.float64)
    kappa, influence = _kappa(table)
    spread = clustered_mean(influence[cell], cluster_codes(codes, codes.size))
    size = spread.cluster_size
    adjusted, influence = _kappa(table + PSEUDO * size)
    n_codes = int(codes.max()) + 1
    careful = deviations(influence[cell], codes, n_codes, influence, PSEUDO, size)
    return JudgeAgreement(
        kappa=kappa,
        kappa_standard_error=sqrt(spread.variance),
        agreement=agreement,
        tpr=rate(labels == 1, verdicts == 1),
        tnr=rate(labels == 0, verdicts == 0),
        n_labelled=labels.size,
        n_clusters=spread.n_clusters,
        confidence_level=level,
        df=spread.df,
        adjusted_kappa=adjusted,
        adjusted_error=sqrt(sum_of(careful**2)),
    )


def _kappa(table: Floats) -> tuple[float, Floats]:
    """Cohen's kappa of a table of judge by human, and the influence of an output of each cell."""
    share = table / table.sum()
    judge, human = share.sum(axis=1), share.sum(axis=0)
    observed, expected = float(np.trace(share)), float(judge @ human)
    if expected >= 1 - 1e-12:
        return nan, np.zeros(4)
    kappa = (observed - expected) / (1 - expected)
    chance = judge[None, :] + human[:, None]
    return kappa, ((np.eye(2) - (1 - kappa) * chance) / (1 - expected)).ravel()


def judged_rows(
    judge: ArrayLike, human: ArrayLike, judge_name: str, human_name: str
) -> tuple[Floats, Floats]:
    """The judge's values and the labels (NaN where there is none), checked."""
    verdicts = as_rates(judge, judge_name)
    labels = np.array(human, dtype=np.float64)
    if labels.shape != verdicts.shape:
        raise ValueError(f"{human_name}: shape {labels.shape}, and {judge_name} {verdicts.shape}")
    there = ~np.isnan(labels)
    if there.any():
        labels[there] = as_rates(labels[there], human_name)
    return verdicts, labels


def binary_rows(
    judge: ArrayLike, human: ArrayLike, judge_name: str, human_name: str
) -> tuple[Floats, Floats]:
    """The same for verdicts and labels of 0 and 1."""
    verdicts, labels = judged_rows(judge, human, judge_name, human_name)
    for values, name in ((verdicts, judge_name), (labels[~np.isnan(labels)], human_name)):
        if not np.isin(values, (0.0, 1.0)).all():
            raise ValueError(f"{name}: every value must be 0 or 1")
    return verdicts, labels


def deviations(
    values: Floats,
    codes: Codes,
    n_codes: int,
    added: Floats | None = None,
    count: float = 0.0,
    size: float = 1.0,
) -> Floats:
    """What each cluster adds to the error of the mean; squares sum to the CR2 variance.

    `count` clusters of `size` rows are added for each value of `added`; what they add comes last.
    Sums of one cluster over several means tell how these vary together.
    """
    more = np.zeros(0) if added is None else added
    total = values.size + count * size * more.size
    mean = (sum_of(values) + count * size * sum_of(more)) / total
    rows = np.lexsort((values, codes))
    own = np.bincount(codes[rows], weights=(values - mean)[rows], minlength=n_codes)
    sums = np.append(own, sqrt(count) * size * (more - mean)) / total
    shares = np.append(np.bincount(codes, minlength=n_codes), np.full(more.size, size)) / total
    leverage = 1 - shares
    alone = leverage < 1e-12  # one cluster says nothing of its own spread
    return np.asarray(np.where(alone, 0.0, sums / np.sqrt(np.where(alone, inf, leverage))))


def sum_of(values: Floats) -> float:
    """The sum, the same whatever the order of the rows."""
    return float(np.sort(values).sum())


def quantile(df: float, share: float) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, share))
