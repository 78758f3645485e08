"""Can rows be told to be new by a classifier that has not seen them?

A sample of both sides is split into folds, whole clusters at a time. A kernel ridge classifier
learns on all but one fold what distinguishes the sides and scores the rows of that one; the area
under the ROC curve (AUC) within folds says how well: .5 is chance. Its p-value is that of dealing
the labels anew and learning again: the scores are a fixed linear map of the labels, so a thousand
refits are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .facts import TestedFacts
from .result import ColumnKind, Effect

if TYPE_CHECKING:
    from .clusters import ClusterDesign

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
ROWS = 1000  # sampled a side
_FOLDS = 5
_LEAST_ROWS = 20  # a side, or clusters where rows have such
_FIRST_LOOK = 199  # relabellings after which a p-value above .1 is good enough
_AT_ONCE = 500
_NO_BETTER = 0.5
_SMALLEST = 0.015  # an AUC beyond .5; a normal distribution moved by .05 sd gives .514
_WORTH_SEEING = 0.1
_COPIES = 5  # equal rows up to so many are held out together
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Draw:
    """How rows may be drawn and relabelled: what the tests of whole rows need of the analysis.

    `alpha` is the level of the report, `family` about how many columns share it.
    """

    design: ClusterDesign | None = None
    alpha: float = 0.05
    family: int = 1
    seed: int = 0

    @property
    def n_resamples(self) -> int:
        """As many as the smallest adjusted p-value needs."""
        return int(min(max(4 * self.family / self.alpha, 999), 4999))

    def generator(self, name: str) -> np.random.Generator:
        """A stream of its own for each column, whatever the order of the columns."""
        key = [self.seed, *name.encode()]
        return np.random.default_rng(np.random.SeedSequence(key))


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of both sides, the folds they are in, and the labels dealt to them.

    The first `reference.size` rows are those of the reference. `is_current` is (B + 1, n): first as
    observed, then as dealt anew. `clusters` number the rows that belong together.
    """

    reference: Rows
    current: Rows
    folds: Rows
    clusters: Rows
    is_current: NDArray[np.bool_]

    @property
    def n(self) -> int:
        return self.reference.size + self.current.size

    def taken_from(self, n_reference: int, n_current: int) -> str:
        """What was looked at, in words; empty where it was everything."""
        if self.reference.size == n_reference and self.current.size == n_current:
            return ""
        return f"from a sample of {self.reference.size:,} and {self.current.size:,} rows"


@dataclass(frozen=True, slots=True)
class Classified:
    """How well held-out rows were told apart; `scores` are higher for rows that look new."""

    auc: float
    low: float
    high: float
    null_error: float
    pvalue: float
    n_resamples: int
    scores: Floats


def draw_sample(
    reference: Rows,
    current: Rows,
    draw: Draw,
    name: str,
    *,
    contents: Callable[[Rows, Rows], Sequence[Hashable]] | None = None,
) -> Sample | str:
    """Sample up to 1,000 of the rows given for each side; a reason where there are too few.

    `contents` gives what the sampled rows hold: a row and its few copies are held out together, for
    a copy with the other label would teach the wrong one.
    """
    generator = draw.generator(name)
    chosen = [
        np.sort(generator.choice(side, ROWS, replace=False)) if side.size > ROWS else side
        for side in (reference, current)
    ]
    if min(side.size for side in chosen) < _LEAST_ROWS:
        return f"fewer than {_LEAST_ROWS} rows on a side"
    sizes = chosen[0].size, chosen[1].size
    if draw.design is None:
        folds = np.concatenate([_dealt(size, generator) for size in sizes])
        if contents is not None:
            folds = _with_copies(folds, contents(*chosen))
        labels = _relabelled(folds, sizes, draw.n_resamples, generator)
        return Sample(chosen[0], chosen[1], folds, np.arange(sum(sizes)), labels)
    design = draw.design
    n_pairs = design.labels.n_pairs
    units = np.concatenate([design.reference[chosen[0]], design.current[chosen[1]]])
    clusters = np.where(units < 2 * n_pairs, units % max(n_pairs, 1), units - n_pairs)
    sort = np.zeros(int(clusters.max()) + 1, dtype=np.intp)  # in both, in reference, in current
    sort[clusters[sizes[0] :]] = 2
    sort[clusters[: sizes[0]]] = 1
    sort[clusters[units < 2 * n_pairs]] = 0
    fold_of = np.zeros(sort.size, dtype=np.intp)
    present = np.unique(clusters)
    if present.size < 2 * _LEAST_ROWS:
        return f"fewer than {2 * _LEAST_ROWS} clusters: too few to hold some out"
    for kind in range(3):
        own = present[sort[present] == kind]
        fold_of[own] = _dealt(own.size, generator)
    labels = ~design.labels.is_reference[: draw.n_resamples + 1, units]
    return Sample(chosen[0], chosen[1], fold_of[clusters], clusters, labels)


def _dealt(size: int, generator: np.random.Generator) -> Rows:
    """Folds of equal size at random."""
    return generator.permutation(np.arange(size) % _FOLDS)


def _with_copies(folds: Rows, contents: Sequence[Hashable]) -> Rows:
    """Folds in which few rows of equal contents are in that of the first one."""
    rows_of: dict[Hashable, list[int]] = {}
    for row, content in enumerate(contents):
        rows_of.setdefault(content, []).append(row)
    folds = folds.copy()
    for rows in rows_of.values():
        if 1 < len(rows) <= _COPIES:
            folds[rows] = folds[rows[0]]
    return folds


def _relabelled(
    folds: Rows, sizes: tuple[int, int], n_resamples: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Labels dealt anew within each fold, so that every fold keeps its share of both."""
    observed = np.repeat([False, True], sizes)
    labels = np.tile(observed, (n_resamples + 1, 1))
    for fold in range(_FOLDS):
        rows = np.flatnonzero(folds == fold)
        own = labels[1:, rows]
        labels[1:, rows] = generator.permuted(own, axis=1)
    return labels


def classify(kernel: Floats, sample: Sample, *, confidence_level: float = 0.95) -> Classified:
    """Tell the sides apart on held-out rows.

    Parameters
    ----------
    kernel : (n, n) ndarray
        How alike any two rows of the sample are; positive semidefinite.

    Notes
    -----
    The permutation is exact: each relabelling learns anew. It stops after 199 where the p-value is
    at least .1. The variance is DeLong's, summed over clusters (Obuchowski 1997); near
    chance it is that of the relabellings, where that is more. The interval is Wilson's for as many
    rows as have that variance, never of zero width. It is about this classifier; a better one, or
    more rows, may tell more.

    References
    ----------
    Lopez-Paz and Oquab (2017), ICLR (classifier two-sample tests); DeLong, DeLong and Clarke-
    Pearson (1988), Biometrics 44, 837-845; Obuchowski (1997), Biometrics 53, 567-578.
    """
    maps = _score_maps(kernel, sample.folds)
    observed = _scores(maps, sample, sample.is_current[:1])
    auc = auc_of(observed[0], sample)
    drawn: list[Floats] = []
    total, beyond = len(sample.is_current) - 1, 0
    start, stop = 1, min(1 + _FIRST_LOOK, total + 1)
    while start < stop:
        labels = sample.is_current[start:stop]
        found = _auc(_scores(maps, sample, labels), sample, labels)
        drawn.append(found)
        beyond += int(np.count_nonzero(found >= auc - 1e-9))
        if beyond >= 0.1 * (_FIRST_LOOK + 1) and stop == 1 + _FIRST_LOOK:
            break
        start, stop = stop, min(stop + _AT_ONCE, total + 1)
    null = np.concatenate(drawn)
    null_error = max(float(null.std()), 1e-6)
    low, high = _auc_interval(auc, null_error, observed[0], sample, confidence_level)
    return Classified(
        auc,
        low,
        high,
        null_error,
        (beyond + 1) / (null.size + 1),
        null.size,
        observed[0],
    )


def auc_of(scores: Floats, sample: Sample) -> float:
    """How well scores of the rows tell the sides apart, as they were observed, within folds."""
    return float(_auc(scores[None, :], sample, sample.is_current[:1])[0])


def _score_maps(kernel: Floats, folds: Rows) -> list[tuple[Rows, Rows, Floats]]:
    """For each fold: its rows, the others, and the map from labels of those to scores of these."""
    from scipy.linalg import cho_factor, cho_solve

    means = kernel.mean(axis=0)
    centred = kernel - means - means[:, None] + means.mean()
    penalty = max(float(np.trace(centred)) / len(centred), 1e-12)
    maps = []
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        within = centred[np.ix_(outside, outside)]
        within.flat[:: outside.size + 1] += penalty
        factor = cho_factor(within, overwrite_a=True, check_finite=False)
        weights = cho_solve(factor, centred[np.ix_(outside, inside)], check_finite=False).T
        maps.append((inside, outside, weights))
    return maps


def _scores(
    maps: list[tuple[Rows, Rows, Floats]], sample: Sample, labels: NDArray[np.bool_]
) -> Floats:
    """Held-out scores, (relabellings, n)."""
    scores = np.empty(labels.shape)
    for inside, outside, weights in maps:
        target = labels[:, outside].astype(np.float64)
        target -= target.mean(axis=1, keepdims=True)
        scores[:, inside] = target @ weights.T
    return np.round(scores, 10)  # equal rows have equal scores, whatever the rounding


def _auc(scores: Floats, sample: Sample, labels: NDArray[np.bool_]) -> Floats:
    """Share of the pairs of a new and an old row, within folds, that are in the right order."""
    from scipy.stats import rankdata

    right, pairs = np.zeros(len(labels)), np.zeros(len(labels))
    for fold in np.unique(sample.folds):
        rows = sample.folds == fold
        ranks, new = rankdata(scores[:, rows], axis=1), labels[:, rows]
        n_new = new.sum(axis=1)
        right += (ranks * new).sum(axis=1) - n_new * (n_new + 1) / 2
        pairs += n_new * (new.shape[1] - n_new)
    result = np.full(len(labels), _NO_BETTER)
    np.divide(right, pairs, out=result, where=pairs > 0)
    return result


def _auc_interval(
    auc: float, null_error: float, scores: Floats, sample: Sample, confidence_level: float
) -> tuple[float, float]:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    is_current = sample.is_current[0]
    pulls, pairs = np.zeros(sample.n), 0.0
    for fold in np.unique(sample.folds):
        old = np.flatnonzero((sample.folds == fold) & ~is_current)
        new = np.flatnonzero((sample.folds == fold) & is_current)
        if min(old.size, new.size) == 0:
            continue
        both = rankdata(np.concatenate([scores[old], scores[new]]))
        over = both[old.size :] - rankdata(scores[new])  # old rows below each new one
        under = both[: old.size] - rankdata(scores[old])  # new rows below each old one
        pulls[new] += over - auc * old.size
        pulls[old] += new.size - under - auc * new.size
        pairs += old.size * new.size
    by_cluster = np.bincount(sample.clusters, pulls) / pairs
    # Another sample to learn from would change what is learned, where there is little to learn.
    # DeLong does not see that; relabellings do.
    variance = float((by_cluster**2).sum())
    far = max(auc - _NO_BETTER, 0.0) / null_error
    variance += max(null_error**2 - variance, 0.0) * exp(-(far**2) / 2)
    size = float(min(sample.reference.size, sample.current.size))
    if 0 < auc < 1 and variance > 0:
        size = auc * (1 - auc) / variance
    z = float(ndtri((1 + confidence_level) / 2))
    centre = (auc + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z * sqrt(auc * (1 - auc) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def tested_facts(
    name: str,
    kind: ColumnKind,
    found: Classified,
    sample: Sample,
    draw: Draw,
    *,
    n: tuple[int, int],
    test: str,
    note: str,
) -> TestedFacts:
    """The row of a report for a classifier's test."""
    from scipy.special import ndtri

    level = draw.alpha / max(draw.family, 1)
    reach = float(ndtri(1 - level) + ndtri(_POWER))
    return TestedFacts(
        name=name,
        kind=kind,
        n=n,
        test=test,
        statistic=found.auc,
        pvalue=found.pvalue,
        effect=Effect("auc", found.auc, found.low, found.high),
        smallest=_NO_BETTER + _SMALLEST,
        minimum_detectable_effect=min(_NO_BETTER + reach * found.null_error, 1.0),
        worth_seeing=_NO_BETTER + _WORTH_SEEING,
        statistics={
            "auc": found.auc,
            "n_resamples": float(found.n_resamples),
            "rows_reference": float(sample.reference.size),
            "rows_current": float(sample.current.size),
        },
        note="; ".join(part for part in (note, sample.taken_from(*n)) if part),
    )


def median_distance_kernel(points: Floats) -> Floats:
    """exp(-d^2 / median d^2) of the distances between rows (the median heuristic)."""
    squares = (points**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0)
    middle = float(np.median(apart[np.triu_indices_from(apart, 1)]))
    if middle <= 0:
        middle = float(apart.mean()) or 1.0
    result: Floats = np.exp(-apart / middle)
    return result
