"""Did vectors move: are those of one side told apart from those of the other, and where?"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .classifying import (
    ROWS,
    Draw,
    Floats,
    Sample,
    classify,
    draw_sample,
    median_distance_kernel,
    tested_facts,
)
from .columns import Pair
from .facts import Skipped, TestedFacts
from .result import Effect

if TYPE_CHECKING:
    import pyarrow as pa

_NAMED_DIMENSIONS = 3
_NAMED_ROWS = 3
_AT_ONCE = 500


def is_vector(kind: pa.DataType) -> bool:
    """Whether values are lists of floating-point numbers."""
    import pyarrow.types as types

    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(listed and types.is_floating(kind.value_type))


def compared(pair: Pair, draw: Draw) -> TestedFacts | Skipped:
    """Maximum mean discrepancy of both sides, and how well held-out rows are told apart.

    Notes
    -----
    Unbiased MMD^2 with a Gaussian kernel whose width is the median distance, on a sample of rows;
    the p-value is that of relabelling (whole clusters, where there are such). Its size has no unit,
    so the effect is the AUC of a classifier with the same kernel. Rows that are null, or hold a
    number that is not finite, are left out.

    References
    ----------
    Gretton et al. (2012), J. Mach. Learn. Res. 13, 723-773.
    """
    lengths = [_length(side) for side in (pair.reference, pair.current)]
    if None in lengths:
        return Skipped(pair.name, "its lists differ in length within a side: no vectors")
    if lengths[0] != lengths[1]:
        return Skipped(
            pair.name, f"its vectors had {lengths[0]} dimensions and have {lengths[1]} now"
        )
    if lengths[0] == 0:
        return Skipped(pair.name, "its vectors are empty")
    there = [np.flatnonzero(side.is_valid().to_numpy()) for side in (pair.reference, pair.current)]
    generator = draw.generator(f"{pair.name}, finite")
    rows = [
        _finite_rows(side, own, generator)
        for side, own in zip((pair.reference, pair.current), there, strict=True)
    ]

    def vectors(old: NDArray[np.intp], new: NDArray[np.intp]) -> Floats:
        return np.concatenate([_vectors(pair.reference, old), _vectors(pair.current, new)])

    sample = draw_sample(
        rows[0],
        rows[1],
        draw,
        pair.name,
        contents=lambda old, new: [vector.tobytes() for vector in vectors(old, new)],
    )
    if isinstance(sample, str):
        return Skipped(pair.name, sample)
    points = vectors(sample.reference, sample.current)
    if (points == points[0]).all():
        return Skipped(pair.name, "one vector throughout")
    kernel = median_distance_kernel(points - points.mean(axis=0))
    found = classify(kernel, sample, confidence_level=1 - draw.alpha)
    distance, pvalue, interval = discrepancy(kernel, sample, alpha=draw.alpha)
    note = ""
    if pvalue <= draw.alpha:
        note = _where(points, found.scores, sample)
    facts = tested_facts(
        pair.name,
        "embedding",
        found,
        sample,
        draw,
        n=(there[0].size, there[1].size),
        test="MMD, permutation",
        note=note,
    )
    size = sqrt(max(distance, 0.0))
    return replace(
        facts,
        statistic=distance,
        pvalue=pvalue,
        effects=(Effect("mmd", size, interval[0], interval[1]),),
        statistics={
            **facts.statistics,
            "mmd2": distance,
            "auc_pvalue": found.pvalue,
            "dimensions": float(points.shape[1]),
        },
    )


def discrepancy(
    kernel: Floats, sample: Sample, *, alpha: float = 0.05
) -> tuple[float, float, tuple[float, float]]:
    """Unbiased MMD^2, its permutation p-value, and an interval of the MMD.

    The interval is normal: the variance where the sides differ (of the witness function, summed
    over clusters) and that of the relabellings.
    """
    from scipy.special import ndtri

    off = kernel - np.diag(np.diag(kernel))
    total = float(off.sum())
    values = []
    for start in range(0, len(sample.is_current), _AT_ONCE):
        new = sample.is_current[start : start + _AT_ONCE].astype(np.float64)
        m = new.sum(axis=1)
        n = sample.n - m
        to_new = new @ off
        within_new = (to_new * new).sum(axis=1)
        across = to_new.sum(axis=1) - within_new
        within_old = total - within_new - 2 * across
        with np.errstate(divide="ignore", invalid="ignore"):
            value = within_new / (m * (m - 1)) + within_old / (n * (n - 1)) - 2 * across / (m * n)
        values.append(value)
    drawn = np.concatenate(values)
    observed = float(drawn[0])
    beyond = np.isnan(drawn[1:]) | (drawn[1:] >= observed - 1e-12)
    pvalue = float(beyond.sum() + 1) / drawn.size
    is_new = sample.is_current[0]
    n, m = int((~is_new).sum()), int(is_new.sum())
    witness = kernel[:, is_new].mean(axis=1) - kernel[:, ~is_new].mean(axis=1)
    pulls = np.where(is_new, witness - witness[is_new].mean(), 0.0) / m
    pulls -= np.where(is_new, 0.0, witness - witness[~is_new].mean()) / n
    by_cluster = np.bincount(sample.clusters, pulls)
    variance = 4 * float((by_cluster**2).sum()) + float(np.nanvar(drawn[1:]))
    half = float(ndtri(1 - alpha / 2)) * sqrt(variance)
    low, high = (sqrt(max(observed + way * half, 0.0)) for way in (-1, 1))
    return observed, pvalue, (low, high)


def _where(points: Floats, scores: Floats, sample: Sample) -> str:
    """The dimensions whose mean moved most, and the current rows that look newest."""
    n = sample.reference.size
    spread = points.std(axis=0)
    moved = points[n:].mean(axis=0) - points[:n].mean(axis=0)
    by_sd = np.divide(moved, spread, out=np.zeros_like(moved), where=spread > 0)
    first = np.argsort(-np.abs(by_sd), kind="stable")[:_NAMED_DIMENSIONS]
    dimensions = ", ".join(f"{i} ({by_sd[i]:+.2f} sd)" for i in first)
    newest = np.argsort(-scores[n:], kind="stable")[:_NAMED_ROWS]
    rows = ", ".join(f"{sample.current[i] + 1:,}" for i in newest)
    return f"dimensions that moved most: {dimensions}; current rows that look newest: {rows}"


def _length(values: pa.ChunkedArray) -> int | None:
    """The length that all lists have; None where they differ."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_fixed_size_list(values.type):
        return int(values.type.list_size)
    ends = pc.min_max(pc.list_value_length(values)).as_py()
    return int(ends["min"]) if ends["min"] == ends["max"] else None


def _finite_rows(
    values: pa.ChunkedArray, rows: NDArray[np.intp], generator: np.random.Generator
) -> NDArray[np.intp]:
    """Up to twice as many rows as are sampled, those left out that hold NaN or infinity."""
    if rows.size > 2 * ROWS:
        rows = np.sort(generator.choice(rows, 2 * ROWS, replace=False))
    return rows[np.isfinite(_vectors(values, rows)).all(axis=1)]


def _vectors(values: pa.ChunkedArray, rows: NDArray[np.intp]) -> Floats:
    import pyarrow as pa
    import pyarrow.compute as pc

    taken = values.take(pa.array(rows))
    numbers = pc.list_flatten(taken).cast(pa.float64()).to_numpy()
    points: Floats = numbers.reshape(len(rows), -1)
    return points
