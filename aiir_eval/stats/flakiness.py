"""Which cases do not always end the same way, and how often do k trials succeed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.showing import Shown
from aiir_eval.stats.clustering import Floats, as_values, cluster_codes
from aiir_eval.stats.intervals import checked_level
from aiir_eval.stats.multiplicity import benjamini_hochberg
from aiir_eval.stats.proportions import Rate, pass_rate

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FlakyCases(Shown):
    """Which cases are flaky; arrays hold one value a case, in the order given.

    Attributes
    ----------
    flaky : (n,) ndarray of bool
        Shown to end the rarer way more often than `tolerance`, with a false discovery rate of at
        most 1 - confidence_level.
    mixed : (n,) ndarray of bool
        Seen to end both ways.
    rarer_rate : (n,) ndarray
        Share of the trials that ended the rarer way, in [0, 0.5].
    rarer_bound : (n,) ndarray
        Upper bound of that share at confidence_level, each case for itself: how flaky a case may
        be though it was not seen to. Shares above it make so few rarer endings, of either kind,
        too unlikely (Clopper-Pearson counts one kind: a coin's bound would miss twice as often).
    pvalue, pvalue_adjusted : (n,) ndarray
        NaN where the trials are too few to show anything.
    disagreement : Rate or None
        Chance that two trials of one case end differently, over the cases; None with one trial
        each.
    """

    flaky: Bools
    mixed: Bools
    rarer_rate: Floats
    rarer_bound: Floats
    pvalue: Floats
    pvalue_adjusted: Floats
    disagreement: Rate | None
    tolerance: float
    confidence_level: float


@dataclass(frozen=True, slots=True)
class ChangedCases(Shown):
    """Which cases changed their pass rate; arrays hold one value a case, in the order given.

    Attributes
    ----------
    changed : (n,) ndarray of bool
        Shown to differ, with a false discovery rate of at most 1 - confidence_level.
    difference : (n,) ndarray
        Candidate minus baseline pass rate of the case.
    pvalue, pvalue_adjusted : (n,) ndarray
        Fisher's exact test, two-sided; the adjusted one is NaN where no outcome of so many trials
        and passes could have shown a change.
    """

    changed: Bools
    difference: Floats
    pvalue: Floats
    pvalue_adjusted: Floats
    confidence_level: float


def pass_at_k(
    passes: ArrayLike,
    trials: ArrayLike,
    k: int,
    *,
    clusters: Any = None,
    confidence_level: float = 0.95,
) -> Rate:
    """Estimate pass@k, the chance that at least one of k trials of a case passes.

    Parameters
    ----------
    passes : (n,) array_like
        Trials of each case that passed.
    trials : (n,) array_like or int
        Trials of each case, at least k.
    k : int
        Trials that one is allowed.
    clusters : (n,) array_like, optional
        Cluster (incident) of each case; None makes every case its own.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.

    Returns
    -------
    Rate
        Mean over cases, with an interval for the population of cases.

    Raises
    ------
    ValueError
        A case has fewer than k trials, or more passes than trials.

    Notes
    -----
    1 - C(n - c, k) / C(n, k) for c of n trials passed: unbiased, where 1 - (1 - c / n)^k is not.
    The interval is `pass_rate`'s over these case values (Wilson with design effect). Trials must
    be independent draws; more of them make a case's value less noisy, only more cases make the
    interval narrow.

    References
    ----------
    Chen et al. (2021), "Evaluating large language models trained on code", arXiv:2107.03374.

    Examples
    --------
    >>> rate = pass_at_k([0, 1, 2, 4], 4, k=2)
    >>> round(rate.estimate, 4)
    0.5833
    """
    passed, tried = _counts(passes, trials)
    values = 1 - _all_of(tried - passed, tried, k)
    return pass_rate(values, clusters=clusters, confidence_level=confidence_level)


def pass_hat_k(
    passes: ArrayLike,
    trials: ArrayLike,
    k: int,
    *,
    clusters: Any = None,
    confidence_level: float = 0.95,
) -> Rate:
    """Estimate pass^k, the chance that all of k trials of a case pass.

    Parameters
    ----------
    passes : (n,) array_like
        Trials of each case that passed.
    trials : (n,) array_like or int
        Trials of each case, at least k.
    k : int
        Trials that must all pass.
    clusters : (n,) array_like, optional
        Cluster (incident) of each case; None makes every case its own.
    confidence_level : float
        Two-sided level of `.confidence_interval()`.

    Returns
    -------
    Rate
        Mean over cases, with an interval for the population of cases.

    Raises
    ------
    ValueError
        A case has fewer than k trials, or more passes than trials.

    Notes
    -----
    C(c, k) / C(n, k) for c of n trials passed: unbiased. As `pass_at_k` otherwise; pass^1 is the
    pass rate.

    References
    ----------
    Yao, Shinn, Razavi and Narasimhan (2024), "tau-bench", arXiv:2406.12045.

    Examples
    --------
    >>> rate = pass_hat_k([0, 1, 2, 4], 4, k=2)
    >>> round(rate.estimate, 4)
    0.2917
    """
    passed, tried = _counts(passes, trials)
    values = _all_of(passed, tried, k)
    return pass_rate(values, clusters=clusters, confidence_level=confidence_level)


def flaky_cases(
    passes: ArrayLike,
    trials: ArrayLike,
    *,
    tolerance: float = 0.01,
    clusters: Any = None,
    confidence_level: float = 0.95,
) -> FlakyCases:
    """Find the cases that neither always pass nor always fail.

    Parameters
    ----------
    passes : (n,) array_like
        Trials of each case that passed.
    trials : (n,) array_like or int
        Trials of each case.
    tolerance : float
        Share of trials, in [0, 0.5), that may end the rarer way without a case being flaky: what
        the harness itself gets wrong. 0: every case seen to end both ways is flaky.
    clusters : (n,) array_like, optional
        Cluster of each case, for `disagreement`.
    confidence_level : float
        1 - the false discovery rate, and level of the bounds.

    Returns
    -------
    FlakyCases

    Notes
    -----
    Binomial test of each case against a rarer ending in `tolerance` of the trials: the chance of
    so many or more (the worse of the two directions, which needs no correction), adjusted by
    Benjamini and Hochberg over the cases with trials enough to show anything. Assumes independent
    trials: not being flagged is no proof of stability, and `rarer_bound` says how little it may
    be. A cached answer looks stable and is one trial.

    References
    ----------
    Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57, 289-300; Clopper and Pearson (1934),
    Biometrika 26, 404-413.

    Examples
    --------
    >>> result = flaky_cases([10, 10, 9, 6, 0], 10)
    >>> result.flaky.tolist(), result.mixed.tolist()
    ([False, False, False, True, False], [False, False, True, True, False])
    >>> float(result.rarer_bound[0].round(3))
    0.259
    """
    from scipy.special import bdtrc

    passed, tried = _counts(passes, trials)
    if not 0 <= tolerance < 0.5:
        raise ValueError(f"tolerance: {tolerance} is not in [0, 0.5)")
    checked_level(confidence_level)
    alpha = 1 - confidence_level
    rarer = np.minimum(passed, tried - passed)

    def at_least(count: Floats) -> Floats:
        tail = bdtrc(np.maximum(count - 1, 0).astype(np.intp), tried.astype(np.intp), tolerance)
        return np.asarray(np.where(count > 0, tail, 1.0))

    pvalue = np.where(at_least(tried // 2) <= alpha, at_least(rarer), np.nan)
    adjusted = benjamini_hochberg(pvalue)
    twice = tried >= 2
    disagreement = None
    if twice.any():
        some, of = passed[twice], tried[twice]
        disagreement = pass_rate(
            2 * some * (of - some) / (of * (of - 1)),
            clusters=cluster_codes(clusters, passed.size)[twice],
            confidence_level=confidence_level,
        )
    return FlakyCases(
        flaky=adjusted <= alpha,
        mixed=rarer > 0,
        rarer_rate=rarer / tried,
        rarer_bound=_rarer_bound(rarer, tried, alpha),
        pvalue=pvalue,
        pvalue_adjusted=adjusted,
        disagreement=disagreement,
        tolerance=tolerance,
        confidence_level=confidence_level,
    )


def _rarer_bound(rarer: Floats, tried: Floats, alpha: float) -> Floats:
    """Shares above it show at most so many rarer endings with a chance of at most alpha.

    Clopper and Pearson's bound at what the other direction, where the usual ending is the rarer
    one, leaves of alpha. That is too much until the bound is found: each step is on the safe side.
    """
    from scipy.special import bdtrc, betaincinv

    bound = np.full(rarer.size, 0.5)
    for _ in range(5):
        other = bdtrc((tried - rarer - 1).astype(np.intp), tried.astype(np.intp), bound)
        left = np.maximum(alpha - other, 0.0)
        bound = np.minimum(betaincinv(rarer + 1, tried - rarer, 1 - left), 0.5)
    return np.asarray(bound)


def changed_cases(
    baseline_passes: ArrayLike,
    baseline_trials: ArrayLike,
    candidate_passes: ArrayLike,
    candidate_trials: ArrayLike,
    *,
    confidence_level: float = 0.95,
) -> ChangedCases:
    """Find the cases whose pass rate changed, and not only the luck of their trials.

    Parameters
    ----------
    baseline_passes, candidate_passes : (n,) array_like
        Trials of each case that passed, on either side; paired by position.
    baseline_trials, candidate_trials : (n,) array_like or int
        Trials of each case on either side.
    confidence_level : float
        1 - the false discovery rate.

    Returns
    -------
    ChangedCases

    Notes
    -----
    Fisher's exact test of each case, adjusted by Benjamini and Hochberg over the cases that could
    have shown a change at all, given their trials and passes in total (Tarone, Gilbert): a case
    that always passed on both sides costs the others nothing. Assumes independent trials. With
    fewer than about 8 trials a side hardly a change of one case can be shown; the change of all
    together is `paired_difference`'s to find.

    References
    ----------
    Gilbert (2005), J. R. Stat. Soc. C 54, 143-158; Tarone (1990), Biometrics 46, 515-522;
    Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57, 289-300.

    Examples
    --------
    >>> result = changed_cases([10, 10, 9, 10], 10, [10, 1, 8, 0], 10)
    >>> result.changed.tolist(), result.difference.round(2).tolist()
    ([False, True, False, True], [0.0, -0.9, -0.1, -1.0])
    """
    before, tried_before = _counts(baseline_passes, baseline_trials)
    after, tried_after = _counts(candidate_passes, candidate_trials)
    if before.size != after.size:
        raise ValueError(f"the baseline has {before.size} cases, the candidate {after.size}")
    checked_level(confidence_level)
    alpha = 1 - confidence_level
    tables = np.stack([before, tried_before, after, tried_after], axis=1).astype(np.intp)
    distinct, which = np.unique(tables, axis=0, return_inverse=True)
    tested = np.array([_fisher(*table) for table in distinct.tolist()])[which.ravel()]
    pvalue, smallest = tested[:, 0], tested[:, 1]
    share = next(k for k in range(1, before.size + 1) if (smallest <= alpha / k).sum() <= k)
    adjusted = benjamini_hochberg(np.where(smallest <= alpha / share, pvalue, np.nan))
    return ChangedCases(
        changed=adjusted <= alpha,
        difference=after / tried_after - before / tried_before,
        pvalue=pvalue,
        pvalue_adjusted=adjusted,
        confidence_level=confidence_level,
    )


def _counts(passes: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    """Passes and trials of each case as whole numbers, checked."""
    passed = as_values(passes, "passes")
    tried = np.asarray(trials, dtype=np.float64)
    tried = np.full(passed.size, tried) if tried.ndim == 0 else as_values(tried, "trials")
    if tried.size != passed.size:
        raise ValueError(f"passes: {passed.size} cases, and trials: {tried.size}")
    bad = (passed != np.rint(passed)) | (tried != np.rint(tried))
    bad |= (passed < 0) | (passed > tried) | (tried < 1)
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(
            f"case {at}: {passed[at]:g} passes of {tried[at]:g} trials; whole numbers are needed, "
            "0 <= passes <= trials and at least one trial"
        )
    return passed, tried


def _all_of(hits: Floats, trials: Floats, k: int) -> Floats:
    """C(hits, k) / C(trials, k): the chance that k trials drawn from those made are all hits."""
    if k < 1:
        raise ValueError(f"k: {k} is not positive")
    if k > trials.min():
        at = int(trials.argmin())
        raise ValueError(f"case {at} has {trials[at]:g} trials, and k = {k} needs at least {k}")
    share = np.ones(hits.size)
    for drawn in range(k):
        share *= np.maximum(hits - drawn, 0) / (trials - drawn)
    return share


def _fisher(before: int, tried_before: int, after: int, tried_after: int) -> tuple[float, float]:
    """Fisher's two-sided p-value, and the smallest that these margins allow."""
    from scipy.special import gammaln

    passed = before + after
    cells = np.arange(max(0, passed - tried_after), min(passed, tried_before) + 1)

    def log_choose(n: Any, k: Any) -> Any:
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    log_chance = log_choose(tried_before, cells) + log_choose(tried_after, passed - cells)
    chance = np.exp(log_chance - log_choose(tried_before + tried_after, passed))
    seen = chance[cells == before][0]

    def as_rare_as(level: float) -> float:
        return float(min(chance[chance <= level * (1 + 1e-7)].sum(), 1.0))

    return as_rare_as(seen), as_rare_as(float(chance.min()))
