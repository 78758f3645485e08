"""Is a metric (latency, cost, tokens, score) below its limit? A cluster bootstrap bound."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..compare.columns import Bools, Floats, Ints
from ..compare.measuring import Rng
from ..compare.pairing import Paired, SideTrials
from .judging import Ground, Judged, nothing
from .policy import Claim


def judge_metric(claim: Claim, cases: Bools, ground: Ground, rng: Rng) -> Judged:
    """The upper bound of the ratio candidate / baseline, or of the candidate's value, is below.

    A tolerated error has the largest value seen in the candidate, the smallest in the baseline (of
    a score: 1 where low scores are wanted). A value that is missing makes the claim invalid.
    """
    from ..stats import ValueBound, cluster_bootstrap_ratio, cluster_bootstrap_value
    from ..stats.paired import MIN_CLUSTERS

    metric = str(claim.metric)
    paired, level = ground.paired, ground.policy.confidence_level
    sides = [paired.new] if claim.ratio_below is None else [paired.old, paired.new]
    found = []
    for side in sides:
        values = _values(side, metric, cases, worst=side is paired.new)
        if isinstance(values, str):
            which = "candidate" if side is paired.new else "baseline"
            return nothing(claim, f"the {which} {values}")
        found.append((values, _clusters(paired, side, cases)))
    statistic: Literal["mean", "quantile"] = "mean" if claim.quantile is None else "quantile"
    bound: ValueBound  # a ratio's is one, too
    try:
        if claim.ratio_below is not None:
            limit = claim.ratio_below
            bound = cluster_bootstrap_ratio(
                found[0][0],
                found[1][0],
                clusters=(found[0][1], found[1][1]),
                statistic=statistic,
                quantile=claim.quantile,
                confidence_level=level,
                rng=rng,
            )
        else:
            limit = claim.value_below if claim.value_below is not None else np.inf
            bound = cluster_bootstrap_value(
                found[0][0],
                clusters=found[0][1],
                statistic=statistic,
                quantile=claim.quantile,
                confidence_level=level,
                rng=rng,
            )
    except ValueError as error:
        return nothing(claim, f"{metric} cannot be judged: {error}")
    enough = bound.n_clusters >= MIN_CLUSTERS
    what = "mean" if claim.quantile is None else f"{100 * claim.quantile:g}th percentile"
    kind = "ratio" if claim.ratio_below is not None else "value"
    reason = (
        f"{what} of {metric}: {kind} {bound.estimate:.4g}, at most {bound.upper:.4g} at one-sided "
        f"{100 * level:g}%; the limit is {limit:g}"
    )
    if not enough:
        reason += f"; nothing is concluded from fewer than {MIN_CLUSTERS} clusters"
    elif np.isinf(bound.estimate):
        reason += f"; the baseline's {what} is 0"
    elif np.isinf(bound.upper):
        reason += f"; {bound.n_clusters} clusters are too few to bound it from above"
        if claim.quantile is not None:  # the largest of n values must lie above the quantile
            needed = int(np.ceil(np.log(1 - level) / np.log(claim.quantile)))
            reason += f" (at least {needed} show a {what})"
    return Judged(
        name=claim.name,
        rule="metric",
        reason=reason,
        threshold=limit,
        estimate=bound.estimate,
        low=bound.lower,
        high=bound.upper,
        bound=bound.upper,
        holds=enough and bound.upper < limit,
        violation=bound.pvalue(limit, "greater") if enough else 1.0,
        n_cases=int(cases.sum()),
    )


def _values(side: SideTrials, metric: str, cases: Bools, *, worst: bool) -> Floats | str:
    """The metric of every selected trial, or what is wrong with it."""
    here = cases[side.case]
    values, error = side.numbers(metric)[here], side.error[here]
    there = np.isfinite(values) & (values >= 0)
    missing = int((~there & ~error).sum())
    if missing:
        return f"lacks {metric} in {missing:,} of {values.size:,} trials"
    if not there.any():
        return f"has no trial with {metric}"
    if metric == "score":
        values[error] = 1.0 if worst else 0.0
    else:
        extreme = values[there].max() if worst else values[there].min()
        values[error] = extreme
    return values


def _clusters(paired: Paired, side: SideTrials, cases: Bools) -> Ints:
    here = cases[side.case]
    return paired.clusters[side.case[here]]
