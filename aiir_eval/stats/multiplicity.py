"""What is left of several p-values once it counts that there are several?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.clustering import as_values, cluster_codes
from aiir_eval.stats.randomness import Rng, as_generator

BLOCK = 1 << 20  # signs held at a time, so that memory does not grow with n_resamples


def benjamini_hochberg(pvalues: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values to control the false discovery rate (Benjamini-Hochberg).

    Parameters
    ----------
    pvalues : (m,) array_like
        P-values in [0, 1]. NaN marks a test that was not made: it stays NaN and is not counted.

    Returns
    -------
    (m,) ndarray
        Adjusted p-values in the order given; those at or below q are discoveries at rate q.

    Notes
    -----
    Assumes independent or positively dependent tests (slices of one suite are, in practice).
    Under arbitrary dependence the rate can rise by a factor of log(m).

    References
    ----------
    Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, float("nan"), 0.03])
    array([0.03, 0.04,  nan, 0.04])
    """
    p, tested, order, adjusted = _ranked(pvalues)
    m = tested.sum()
    scaled = p[order] * m / np.arange(1, m + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def holm(pvalues: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values to control the chance of any false rejection (Holm's step-down).

    Parameters
    ----------
    pvalues : (m,) array_like
        P-values in [0, 1]. NaN stays NaN and is not counted.

    Returns
    -------
    (m,) ndarray
        Adjusted p-values in the order given.

    Notes
    -----
    Valid under any dependence between the tests.

    References
    ----------
    Holm (1979), Scand. J. Stat. 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03])
    array([0.03, 0.06,  nan, 0.06])
    """
    p, tested, order, adjusted = _ranked(pvalues)
    m = tested.sum()
    scaled = p[order] * np.arange(m, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def max_t(
    differences: ArrayLike,
    members: ArrayLike,
    *,
    clusters: Any = None,
    n_resamples: int = 9999,
    rng: Rng = None,
) -> NDArray[np.float64]:
    """Adjust the sign-flip tests of overlapping slices by their joint distribution.

    Parameters
    ----------
    differences : (n,) array_like
        Candidate minus baseline, one a case.
    members : (m, n) array_like of bool
        Which cases each of the m slices holds.
    clusters : (n,) array_like, optional
        Cluster of each case; a cluster flips as one, in all slices at once.
    n_resamples : int
        Random flips, the same for all slices.
    rng : Generator, SeedSequence, int or None
        Source of the flips; None is a fixed seed.

    Returns
    -------
    (m,) ndarray
        Adjusted two-sided p-values, NaN for a slice without cases. They control the chance of
        any false rejection, as Holm's do, and are smaller where slices are correlated.

    Notes
    -----
    Step-down maximum of |sum| / root of the summed squares of the cluster sums, which flips leave
    as it is. Exact under exchangeable versions; a smallest p-value of 1 / (n_resamples + 1).

    References
    ----------
    Westfall and Young (1993), Resampling-Based Multiple Testing; Romano and Wolf (2005), JASA
    100, 94-108.

    Examples
    --------
    >>> differences = np.array([-1.0] * 12 + [0.0] * 20 + [1.0, -1.0] * 4)
    >>> first = np.arange(40) < 20
    >>> adjusted = max_t(differences, [first, ~first, first], rng=1)
    >>> bool(adjusted[0] == adjusted[2] < 0.01 < adjusted[1])
    True
    """
    values = as_values(differences, "differences")
    inside = np.asarray(members, dtype=bool)
    if inside.ndim != 2 or inside.shape[1] != values.size:
        raise ValueError(f"members: expected (slices, {values.size}), got shape {inside.shape}")
    codes = cluster_codes(clusters, values.size)
    order = np.lexsort((values, codes))
    if inside.shape[0] == 0:
        return np.empty(0)
    totals = np.stack([np.bincount(codes[order], (values * row)[order]) for row in inside], axis=1)
    totals = totals[np.lexsort(totals.T)]
    spread = np.sqrt((totals**2).sum(axis=0))
    scaled = np.divide(totals, spread, out=np.zeros_like(totals), where=spread > 0)
    scaled = scaled[scaled.any(axis=1)]  # clusters without any difference flip to nothing
    seen = np.abs(scaled.sum(axis=0))
    rank = np.argsort(-seen, kind="stable")
    hits, generator = np.zeros(seen.size), as_generator(rng)
    rows = max(8, BLOCK // max(scaled.shape[0], 1))
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        signs = 2.0 * generator.integers(0, 2, size=(size, scaled.shape[0]), dtype=np.int8) - 1.0
        drawn = np.abs(signs @ scaled[:, rank])
        largest = np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]
        hits += (largest >= seen[rank] - 1e-9).sum(axis=0)
    adjusted = np.empty(seen.size)
    adjusted[rank] = np.maximum.accumulate((hits + 1) / (n_resamples + 1))
    adjusted[~inside.any(axis=1)] = np.nan
    return adjusted


def _ranked(
    pvalues: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp], NDArray[np.float64]]:
    p = np.asarray(pvalues, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"pvalues: expected one dimension, got shape {p.shape}")
    tested = ~np.isnan(p)
    if np.any((p[tested] < 0) | (p[tested] > 1)):
        raise ValueError("pvalues: every value must lie in [0, 1] or be NaN")
    where = np.flatnonzero(tested)
    order = where[np.argsort(p[where], kind="stable")]
    return p, tested, order, np.full(p.shape, np.nan)
