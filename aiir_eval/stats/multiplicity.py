"""What is left of several p-values once it counts that there are several?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
