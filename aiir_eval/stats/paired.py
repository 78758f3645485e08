"""Did the candidate do worse than the baseline on the same cases, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import (
    FEW_NONZERO,
    ClusteredMean,
    Floats,
    as_rates,
    as_values,
    cluster_codes,
    clustered_mean,
)
from aiir_eval.stats.intervals import ConfidenceInterval, checked_level
from aiir_eval.stats.planning import smallest_settling
from aiir_eval.stats.randomness import Rng
from aiir_eval.stats.score_interval import lower_bound, score
from aiir_eval.stats.sign_flip import mcnemar, sign_flip

Conclusion = Literal["improved", "non_inferior", "regressed", "inconclusive"]

MIN_CLUSTERS = 6
"""Below so many clusters nothing is concluded: five fair coins agree once in sixteen."""

FEW_CLUSTERS = 30
"""Below so many clusters any skewness of their sums beyond SKEWED matters."""

SKEWED = 1.0
"""Sample skewness of the cluster sums beyond which a symmetric null is a poor picture."""

SKEWED_MEAN = 0.3
"""Skewness of the mean (that of the sums over the root of their number) at which one tail of 2.5%
becomes 5%: phi(z) (2 z^2 + 1) / 6 of it is added to the tail at z (Hall 1992, section 2.6)."""


@dataclass(frozen=True, slots=True)
class NonInferiority(Shown):
    """Is the loss smaller than `margin`? `holds` exactly when `lower_bound` > -margin."""

    margin: float
    pvalue: float
    lower_bound: float
    holds: bool
    confidence_level: float


@dataclass(frozen=True, slots=True)
class Equivalence(Shown):
    """Are loss and gain both smaller than `margin`? `pvalue` is the larger of the two tests."""

    margin: float
    pvalue: float
    holds: bool
    confidence_level: float


@dataclass(frozen=True, slots=True)
class PairedDifference(Shown):
    """Mean over cases of candidate minus baseline, with everything that follows from it.

    Attributes
    ----------
    estimate : float
        Mean difference, in [-1, 1]; negative is a loss.
    standard_error : float
        CR2 by cluster; 0 when all differences agree (no interval relies on that).
    pvalue, pvalue_exact : float, float or None
        Two-sided test of no change: mid-p (or Monte Carlo), and the exact p-value where there is
        one.
    method : str
        Interval and test that were used.
    n_effective, design_effect : float
        Independent cases that carry as much as n_cases = n_effective * design_effect. Below 1
        where trials average out noise.
    df, score_df : float
        Degrees of freedom of the variance (Satterthwaite; clusters - 1 when clusters are of one
        size), and of the design effect in the score statistic.
    broke, fixed : int
        Cases whose mean fell, and rose.
    p_loss, p_gain : float
        Mean of max(-d, 0) and max(d, 0) over the cases' differences d.
    unseen : float
        Relative excess of the design effect of differences that were not seen but that a
        hypothesis needs; 0 with single trials, and without clusters.
    skewness : float
        Sample skewness of the cluster sums; 0 for single trials without clusters, where a mean of
        zero leaves none.
    """

    estimate: float
    standard_error: float
    pvalue: float
    pvalue_exact: float | None
    method: str
    confidence_level: float
    n_cases: int
    n_clusters: int
    n_nonzero_clusters: int
    n_effective: float
    design_effect: float
    df: float
    score_df: float
    broke: int
    fixed: int
    p_loss: float
    p_gain: float
    skewness: float
    binary: bool
    cluster_size: float
    unseen: float = 0.0

    @property
    def skewed(self) -> bool:
        """Are the cluster sums too skewed for their number?

        The test of no change then speaks of exchangeable versions, not of the mean alone: rare
        large changes one way may hide behind many small ones the other way. Below 30 clusters any
        clear skewness (above 1) counts, beyond them what the mean still has of it (above .3).
        """
        most = SKEWED_MEAN * sqrt(self.n_clusters)
        return abs(self.skewness) > (SKEWED if self.n_clusters < FEW_CLUSTERS else most)

    def confidence_interval(self, confidence_level: float | None = None) -> ConfidenceInterval:
        """Two-sided interval of the difference; never of zero width."""
        tail = (1 - self._level(confidence_level)) / 2
        return ConfidenceInterval(
            self._one_sided(self.p_loss, self.p_gain, tail, by_score=self.binary),
            -self._one_sided(self.p_gain, self.p_loss, tail, by_score=self.binary),
        )

    def non_inferiority(
        self, margin: float, confidence_level: float | None = None
    ) -> NonInferiority:
        """One-sided test that the loss is smaller than `margin` (0 <= margin < 1)."""
        level = self._level(confidence_level)
        pvalue = self._margin_pvalue(self.p_loss, self.p_gain, _margin(margin))
        lower = self._one_sided(self.p_loss, self.p_gain, 1 - level, by_score=True)
        return NonInferiority(margin, pvalue, lower, lower > -margin, level)

    def equivalence(self, margin: float, confidence_level: float | None = None) -> Equivalence:
        """Two one-sided tests that the difference lies in (-margin, margin)."""
        level = self._level(confidence_level)
        no_loss = self._margin_pvalue(self.p_loss, self.p_gain, _margin(margin))
        no_gain = self._margin_pvalue(self.p_gain, self.p_loss, margin)
        pvalue = max(no_loss, no_gain)
        return Equivalence(margin, pvalue, pvalue < 1 - level, level)

    def minimum_detectable_effect(self, power: float = 0.8) -> float:
        """Smallest true difference that the two-sided test would find with this `power`.

        (t_{1 - alpha/2} + t_{power}) x SE. Where no spread was seen the SE is the one the interval
        implies: half its width / t. It explains an inconclusive result, it overrides no test.
        """
        from scipy.special import stdtrit

        if not 0.5 <= power < 1:
            raise ValueError(f"power: {power} is not in [0.5, 1)")
        t = float(stdtrit(self.df, 0.5 + self.confidence_level / 2))
        error = self.standard_error
        if error == 0:
            low, high = self.confidence_interval()
            error = (high - low) / (2 * t)
        return min((t + float(stdtrit(self.df, power))) * error, 1.0)

    def cases_needed(self, margin: float | None = None, power: float = 0.8) -> int | None:
        """Cases in total that would settle the question if the observed rates were the truth.

        Settled: non-inferiority at `margin`, or the difference itself, is shown (the smaller
        number). More cases of the same kind: same trials, same cluster sizes. Subtract n_cases
        for "how many more". None where no number would do.
        """
        try:
            return smallest_settling(
                margin=margin,
                power=power,
                confidence_level=self.confidence_level,
                p_loss=self.p_loss,
                p_gain=self.p_gain,
                design_effect=self.design_effect,
                cluster_size=self.cluster_size,
                nonzero=max(self.n_nonzero_clusters, 0.5) / self.n_clusters,
            )
        except ValueError:
            return None

    def conclusion(self, margin: float | None = None, pvalue: float | None = None) -> Conclusion:
        """What the result amounts to; `pvalue` (an adjusted one) replaces the own.

        First match wins, N being non-inferiority at `margin` and p <= 1 - confidence_level:
        better and (N or no margin): improved; N: non_inferior; worse: regressed; else
        inconclusive. Fewer than 6 clusters are always inconclusive.
        """
        return conclude(self, margin, pvalue)

    def _level(self, confidence_level: float | None) -> float:
        level = self.confidence_level if confidence_level is None else confidence_level
        if not 0 < level < 1:
            raise ValueError(f"confidence_level: {level} is not between 0 and 1")
        return level

    def _one_sided(self, loss: float, gain: float, tail: float, by_score: bool) -> float:
        """Lower bound of gain - loss; the upper one is minus that with the two exchanged."""
        from scipy.special import stdtrit

        few = self.n_nonzero_clusters < FEW_NONZERO
        bounds = []
        if by_score or few or self.standard_error == 0:
            t = -float(stdtrit(self.score_df, tail))
            bounds.append(lower_bound(loss, gain, self.n_effective, t, few, self.unseen))
        if not self.binary and self.standard_error > 0:
            t = -float(stdtrit(self.df, tail))
            bounds.append(max(gain - loss - t * self.standard_error, -1.0))
        return min(bounds)

    def _margin_pvalue(self, loss: float, gain: float, margin: float) -> float:
        from scipy.special import stdtr

        statistic = score(loss, gain, -margin, self.unseen) * sqrt(self.n_effective)
        pvalue = float(stdtr(self.score_df, -statistic))
        if not self.binary and self.standard_error > 0:
            by_t = stdtr(self.df, -(gain - loss + margin) / self.standard_error)
            pvalue = max(pvalue, float(by_t))
        return pvalue


class Comparable(Protocol):
    """What a conclusion is drawn from: tests with all cases at once, or with many looks."""

    @property
    def estimate(self) -> float: ...
    @property
    def pvalue(self) -> float: ...
    @property
    def n_clusters(self) -> int: ...
    @property
    def confidence_level(self) -> float: ...
    def non_inferiority(self, margin: float) -> NonInferiority: ...


def conclude(
    difference: Comparable, margin: float | None = None, pvalue: float | None = None
) -> Conclusion:
    """The table of `PairedDifference.conclusion`."""
    if difference.n_clusters < MIN_CLUSTERS:
        return "inconclusive"
    tested = difference.pvalue if pvalue is None else pvalue
    differs = tested <= 1 - difference.confidence_level + 1e-12
    holds = margin is not None and difference.non_inferiority(margin).holds
    if differs and difference.estimate > 0 and (holds or margin is None):
        return "improved"
    if holds:
        return "non_inferior"
    return "regressed" if differs and difference.estimate < 0 else "inconclusive"


def paired_difference(
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    clusters: Any = None,
    binary: bool = True,
    single_trial: bool = True,
    confidence_level: float = 0.95,
    n_resamples: int = 9999,
    rng: Rng = None,
) -> PairedDifference:
    """Compare two versions on the same cases.

    Parameters
    ----------
    baseline, candidate : (n,) array_like
        Mean over a case's trials of passed (0 or 1) or of a graded score, in [0, 1]; paired by
        position.
    clusters : (n,) array_like, optional
        Cluster (incident) of each case, any hashable; None makes every case its own cluster.
    binary : bool
        Trials pass or fail; False for graded scores.
    single_trial : bool
        One trial a side. With `binary` and without clusters the test is then McNemar's.
    confidence_level : float
        Level of intervals and, as 1 - alpha, of the conclusion.
    n_resamples : int
        Random sign flips where they cannot all be enumerated.
    rng : Generator, SeedSequence, int or None
        Source of the sign flips; None is a fixed seed.

    Returns
    -------
    PairedDifference

    Raises
    ------
    ValueError
        No cases, different lengths, values outside [0, 1], missing values or labels.

    Notes
    -----
    Inference is to the population of cases, clusters being independent; trials are exchangeable
    within a case and enter through its means.

    Pass or fail: Tango's score interval with n / design effect pairs and the t quantile in place
    of z, which is the same as a design effect times (t / z)^2. The design effect is the CR2
    variance of the mean over the trinomial variance p_loss + p_gain - estimate^2, both divided by
    n; with fewer than 10 nonzero clusters it is at least Kish's cluster size, for then the
    variance is itself hardly known. With more, its degrees of freedom are lowered for heavy tails
    of the cluster sums and for clusters without any difference (for 1,000 cases in clusters of 10
    this takes false passes from up to 7% to 5%).

    Trials average out the noise of a case, and that shows in the design effect. A loss that has
    not been seen need not be of that kind: it may be a whole case, or all cases of a cluster. So
    discordance that a hypothesis needs beyond the observed one counts with the design effect of
    the clusters alone, CR2 over the variance of independent case means (where few answers change
    for good, all those of a cluster together, this takes false passes from up to 9% to 6%).

    Non-inferiority inverts the same statistic. A t or a shifted sign flip is never used there:
    where differences are sparse they pass a true loss of the margin far too often. With cases as
    their own clusters and one trial the factor left is n / (n - 1) (t / z)^2, which takes the
    plain score test from up to 6% to its nominal 5%. With fewer than 10 nonzero clusters the end
    of the interval nearer to zero also gets a correction for skewness where that widens it;
    non-inferiority is untouched by it.

    What did not occur cannot be excluded: where a loss of exactly the margin hits few clusters and
    those entirely, many samples show nothing of it, and 20 clusters of 10 cases pass in up to 22%
    of runs (as any test does that has the power asked for when nothing changed).

    Graded scores: t with CR2 variance; with fewer than 10 nonzero clusters the wider of that and
    the score interval, since a t knows nothing of the losses it has not seen. Non-inferiority must
    hold by both: where losses are rare or skewed a t alone passes a true loss of the margin in 6
    to 8% of runs, the score in 3 to 5%.

    Fails: fewer than about 6 clusters (never concluded from), and the test of no change means
    exchangeable versions where few clusters are skewed (`skewed`).

    References
    ----------
    Tango (1998), Stat. Med. 17, 891-908; Bell and McCaffrey (2002), Survey Methodology 28,
    169-181; Fagerland, Lydersen and Laake (2013), BMC Med. Res. Methodol. 13:91; Laud (2017),
    Pharm. Stat. 16, 334-348 (skewness); Miller (2024), arXiv:2411.00640; Bowyer, Aitchison and
    Ivanova (2025), arXiv:2503.01747.

    Examples
    --------
    >>> before = [1] * 90 + [0] * 10
    >>> after = [1] * 78 + [0] * 20 + [1] * 2
    >>> result = paired_difference(before, after)
    >>> result.broke, result.fixed, round(result.estimate, 3), round(result.pvalue_exact, 4)
    (12, 2, -0.1, 0.0129)
    >>> result.conclusion(margin=0.02)
    'regressed'
    >>> low, high = result.confidence_interval()
    >>> round(low, 3), round(high, 3)
    (-0.184, -0.03)
    """
    before, after = as_rates(baseline, "baseline"), as_rates(candidate, "candidate")
    if before.size != after.size:
        raise ValueError(f"baseline has {before.size} cases, candidate {after.size}")
    checked_level(confidence_level)
    differences = as_values(after - before, "differences")
    differences[np.abs(differences) < 1e-12] = 0.0
    codes = cluster_codes(clusters, differences.size)
    mean = clustered_mean(differences, codes)
    ordered = np.sort(differences)
    p_loss = float(-ordered[ordered < 0].sum() / mean.n)
    p_gain = float(ordered[ordered > 0].sum() / mean.n)
    broke, fixed = int((ordered < 0).sum()), int((ordered > 0).sum())
    nonzero = int(np.count_nonzero(np.abs(mean.totals) > 1e-12))
    trinomial = max(p_loss + p_gain - (p_gain - p_loss) ** 2, 0.0) / mean.n
    effect, score_df = mean.design_effect(trinomial, nonzero)
    flips_alone = mean.n_clusters == mean.n and bool(np.all(np.abs(ordered) % 1 == 0))
    if flips_alone:
        score_df = mean.df  # the trinomial variance is known, not estimated
    if binary and single_trial and flips_alone:
        test = mcnemar(broke, fixed)
        pvalue, name = test.pvalue, "mid-p McNemar test"
        exact: float | None = test.pvalue_exact
    else:
        flips = sign_flip(differences, clusters=codes, n_resamples=n_resamples, rng=rng)
        pvalue, exact = flips.pvalue, flips.pvalue_exact
        kind = "mid-p" if flips.enumerated else f"Monte Carlo ({flips.n_resamples})"
        name = f"{kind} {'cluster ' if mean.n_clusters < mean.n else ''}sign-flip test"
    interval = "Tango score interval with design effect" if binary else "t interval, CR2 variance"
    return PairedDifference(
        estimate=mean.estimate,
        standard_error=sqrt(mean.variance),
        pvalue=pvalue,
        pvalue_exact=exact,
        method=f"{interval}; {name}",
        confidence_level=confidence_level,
        n_cases=mean.n,
        n_clusters=mean.n_clusters,
        n_nonzero_clusters=nonzero,
        n_effective=mean.n / effect,
        design_effect=effect,
        df=mean.df,
        score_df=score_df,
        broke=broke,
        fixed=fixed,
        p_loss=p_loss,
        p_gain=p_gain,
        # -1, 0 and 1 with mean zero have no skew left
        skewness=0.0 if flips_alone else _skewness(mean.totals),
        binary=binary,
        cluster_size=mean.cluster_size,
        unseen=_unseen(mean, ordered, effect) if binary else 0.0,
    )


def _margin(margin: float) -> float:
    if not 0 <= margin < 1:
        raise ValueError(f"margin: {margin} is not in [0, 1)")
    return margin


def _unseen(mean: ClusteredMean, differences: Floats, effect: float) -> float:
    """How much larger the design effect of the clusters alone is than the whole one."""
    independent = float(differences.var(ddof=1)) / mean.n if mean.n_clusters < mean.n else 0.0
    if independent == 0:
        return 0.0
    return max(mean.variance / independent / effect - 1, 0.0)


def _skewness(totals: Floats) -> float:
    centred = totals - totals.mean()
    second = float((centred**2).mean())
    return float((centred**3).mean()) / second**1.5 if second > 1e-18 else 0.0
