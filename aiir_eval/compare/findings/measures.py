"""Did answers get longer, slower or dearer? Ratios by case, typical and with an interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, log

import numpy as np

from ..columns import Floats
from ..pairing import Paired
from ..result import Finding, FindingCode
from .seen import Candidate, Seen

LEAST_RATIO = 1.2  # what is worth a word, either way
LEAST_COST_RATIO = 1.1  # money adds up


@dataclass(frozen=True, slots=True)
class _Measure:
    code: FindingCode
    of: Callable[[Paired], tuple[Floats, Floats]]
    least: float
    up: str
    down: str
    thing: str


def find(seen: Seen) -> Iterator[Candidate]:
    for measure in _MEASURES:
        yield from _shift(seen, measure)


def _shift(seen: Seen, measure: _Measure) -> Iterator[Candidate]:
    """A t test (CR2 variance by cluster) of the mean log ratio, case by case."""
    from scipy.special import stdtr, stdtrit

    from ...stats.clustering import cluster_codes, clustered_mean
    from ...stats.paired import MIN_CLUSTERS

    sides = []
    for side, values in zip(seen.paired.sides, measure.of(seen.paired), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where((values > 0) & ~side.error, np.log(values), np.nan)
        sides.append(side.case_means(logs))
    there = ~np.isnan(sides[0]) & ~np.isnan(sides[1])
    if not there.any():
        return
    ratios = sides[1][there] - sides[0][there]
    clusters = cluster_codes(seen.paired.clusters[there], ratios.size)
    mean = clustered_mean(ratios, clusters)
    if mean.n_clusters < MIN_CLUSTERS or mean.estimate == 0:
        return
    error = mean.variance**0.5
    pvalue = 2 * float(stdtr(mean.df, -abs(mean.estimate) / error)) if error > 0 else 0.0
    reach = float(stdtrit(mean.df, 1 - seen.alpha / 2)) * error
    ratio = exp(mean.estimate)
    interval = [exp(mean.estimate - reach), exp(mean.estimate + reach)]
    yield Candidate(
        Finding(
            measure.code,
            "info",
            f"{measure.thing} {_change(ratio, measure)}, case by case: {ratio:.3g} times what it "
            f"was ({100 * seen.confidence_level:g}% interval {interval[0]:.3g} to "
            f"{interval[1]:.3g}).",
            {
                "ratio": ratio,
                "confidence_interval": interval,
                "n_cases": int(ratios.size),
                "baseline": exp(float(sides[0][there].mean())),
                "candidate": exp(float(sides[1][there].mean())),
            },
        ),
        pvalue=pvalue,
        large_enough=abs(mean.estimate) >= log(measure.least),
    )


def _change(ratio: float, measure: _Measure) -> str:
    if ratio >= 1:
        return f"is {100 * (ratio - 1):,.0f}% {measure.up}"
    return f"is {100 * (1 - ratio):.0f}% {measure.down}"


def _length(paired: Paired) -> tuple[Floats, Floats]:
    """Characters, plus one, so that an empty answer has a length too."""
    import pyarrow.compute as pc

    return paired.outputs.measured(lambda texts: pc.add(pc.utf8_length(texts), 1))


def _recorded(column: str) -> Callable[[Paired], tuple[Floats, Floats]]:
    return lambda paired: (paired.old.numbers(column), paired.new.numbers(column))


_MEASURES = (
    _Measure("length_shift", _length, LEAST_RATIO, "longer", "shorter", "The typical answer"),
    _Measure(
        "latency_shift",
        _recorded("latency_s"),
        LEAST_RATIO,
        "slower",
        "faster",
        "The typical answer",
    ),
    _Measure(
        "cost_shift",
        _recorded("cost_usd"),
        LEAST_COST_RATIO,
        "dearer",
        "cheaper",
        "The typical answer",
    ),
)
