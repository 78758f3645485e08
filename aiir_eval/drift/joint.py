"""Did the columns change together, in what one of them says of another as well?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classifying import (
    Draw,
    Floats,
    Sample,
    auc_of,
    classify,
    draw_sample,
    median_distance_kernel,
    tested_facts,
)
from .columns import Columns, Pair, column_of
from .facts import Skipped, TestedFacts

ALL_COLUMNS = "all columns"
_NAMED = 3
_LEAST_LOSS = 0.01  # of the AUC, for a column to be named


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How alike the rows of a sample are in one column; centred, 1 on average for a row itself."""

    column: str
    kernel: Floats


def all_columns(
    names: Sequence[str], reference: Columns, current: Columns, n: tuple[int, int], draw: Draw
) -> TestedFacts | Skipped:
    """The classifier two-sample test of rows.

    Parameters
    ----------
    names : sequence of str
        Columns of numbers, truths or levels. A missing value is a value of its own.
    n : (int, int)
        Rows of both sides.

    Notes
    -----
    The kernel sums over the columns (Gaussian in normal scores, equality of levels) and over all
    pairs of columns (the product of theirs), both with the same weight: a correlation that turns
    while each column stays as it was is seen. Which columns drive it is how much the AUC falls
    when a column's held-out values are shuffled.

    References
    ----------
    Lopez-Paz and Oquab (2017), ICLR; Breiman (2001), Mach. Learn. 45, 5-32 (shuffled columns).
    """
    rows = np.arange(n[0]), np.arange(n[1])
    sample = draw_sample(*rows, draw, ALL_COLUMNS)
    if isinstance(sample, str):
        return Skipped(ALL_COLUMNS, sample)
    likenesses = []
    for name in names:
        kernel = _kernel_of(name, reference, current, sample)
        if kernel is not None:
            likenesses.append(_Likeness(name, kernel))
    if len(likenesses) < 2:
        return Skipped(ALL_COLUMNS, "fewer than two columns can be tested together")
    alike = np.mean([part.kernel for part in likenesses], axis=0)
    found = classify(_with_pairs(alike), sample, confidence_level=1 - draw.alpha)
    note = ""
    if found.pvalue <= draw.alpha:
        note = _driven_by(likenesses, alike, sample, draw)
    return tested_facts(
        ALL_COLUMNS,
        "joint",
        found,
        sample,
        draw,
        n=n,
        test="classifier of rows, held out",
        note=note,
    )


def _with_pairs(alike: Floats) -> Floats:
    """Likeness in single columns, and in pairs of columns."""
    result: Floats = alike + alike**2
    return result


def _kernel_of(name: str, reference: Columns, current: Columns, sample: Sample) -> Floats | None:
    """Likeness in one column; None where the sampled values do not differ."""
    import pyarrow as pa

    sides = [
        side.column(name).take(pa.array(rows))
        for side, rows in ((reference, sample.reference), (current, sample.current))
    ]
    column = column_of(Pair(name, *sides))
    if isinstance(column, Skipped):
        return None
    there = np.concatenate(
        [
            np.ones(len(values), dtype=np.bool_) if side.rows is None else side.rows
            for values, side in zip(sides, (column.reference, column.current), strict=True)
        ]
    )
    values = np.concatenate([column.reference.values, column.current.values])
    kernel = np.zeros((sample.n, sample.n))
    kernel[np.ix_(there, there)] = (
        median_distance_kernel(_normal_scores(values)[:, None])
        if column.kind == "numeric"
        else values[:, None] == values
    )
    kernel[np.ix_(~there, ~there)] = 1.0
    means = kernel.mean(axis=0)
    kernel -= means + means[:, None] - means.mean()
    size = float(np.trace(kernel)) / sample.n
    return kernel / size if size > 1e-9 else None


def _normal_scores(values: NDArray[np.float64]) -> Floats:
    """Ranks as quantiles of the normal distribution; ties share theirs."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores: Floats = ndtri((rankdata(values) - 0.5) / values.size)
    return scores


def _driven_by(likenesses: Sequence[_Likeness], alike: Floats, sample: Sample, draw: Draw) -> str:
    """The columns whose held-out values matter most to the classifier."""
    from scipy.linalg import solve

    is_current = sample.is_current[0]
    generator = draw.generator(f"{ALL_COLUMNS}, shuffled")
    kernel = _with_pairs(alike)
    penalty = float(np.trace(kernel)) / sample.n
    plain = np.zeros(sample.n)
    shuffled = np.zeros((len(likenesses), sample.n))
    for fold in np.unique(sample.folds):
        inside, outside = np.flatnonzero(sample.folds == fold), np.flatnonzero(sample.folds != fold)
        target = is_current[outside] - is_current[outside].mean()
        within = kernel[np.ix_(outside, outside)] + penalty * np.eye(outside.size)
        weights = solve(within, target, assume_a="pos")
        across = alike[np.ix_(inside, outside)]
        plain[inside] = _with_pairs(across) @ weights
        others = generator.permutation(inside)
        for i, part in enumerate(likenesses):
            moved = part.kernel[np.ix_(others, outside)] - part.kernel[np.ix_(inside, outside)]
            shuffled[i, inside] = _with_pairs(across + moved / len(likenesses)) @ weights
    best = auc_of(plain, sample)
    losses = [best - auc_of(scores, sample) for scores in shuffled]
    named = [i for i in np.argsort(losses)[::-1][:_NAMED] if losses[i] >= _LEAST_LOSS]
    texts = [f"{likenesses[i].column} (without it {best - losses[i]:.2f})" for i in named]
    return "driven by " + ", ".join(texts) if texts else "driven by no column alone"
