"""How far does the mean over clustered cases vary, whatever rows and clusters are called?

Rows are summed in an order fixed by their values alone, so a shuffled table or renamed clusters
give the same bits, not only the same digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def as_values(values: ArrayLike, name: str) -> Floats:
    """One-dimensional, non-empty, finite floats, or a ValueError that names the argument."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name}: no values")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{name}: value {array[bad]} at position {bad} is not a finite number")
    return array


def as_rates(values: ArrayLike, name: str) -> Floats:
    """Values of [0, 1]."""
    array = as_values(values, name)
    if array.min() < -1e-9 or array.max() > 1 + 1e-9:
        raise ValueError(f"{name}: values must lie in [0, 1]")
    return array.clip(0.0, 1.0)


def cluster_codes(clusters: Any, n: int) -> Codes:
    """Integer codes 0..G-1 of cluster labels; None makes every case its own cluster."""
    if clusters is None:
        return np.arange(n)
    labels = clusters if hasattr(clusters, "__array__") else list(clusters)
    if len(labels) != n:
        raise ValueError(f"clusters: {len(labels)} labels for {n} cases")
    if not isinstance(labels, list):
        array = np.asarray(labels)
        if array.dtype.kind in "biu":
            return _integer_codes(array)
        labels = array.tolist()
    if any(label is None or label != label for label in labels):
        raise ValueError("clusters: a label is missing (None or NaN)")
    codes: dict[Any, int] = {}
    return np.fromiter((codes.setdefault(label, len(codes)) for label in labels), np.intp, n)


def _integer_codes(labels: NDArray[Any]) -> Codes:
    """Rank of each integer label among those there are, without sorting where they are dense."""
    if labels.dtype.kind == "b" or labels.min() < 0 or labels.max() > 4 * labels.size:
        return np.unique(labels, return_inverse=True)[1].astype(np.intp)
    there = np.bincount(labels) > 0
    ranks: Codes = np.cumsum(there, dtype=np.intp) - 1
    return np.take(ranks, labels)


def cluster_totals(values: Floats, codes: Codes) -> tuple[Floats, Floats]:
    """Sum and number of the values of each cluster, clusters ordered by (number, sum)."""
    n_clusters = int(codes.max()) + 1
    if n_clusters == values.size:
        return np.sort(values), np.ones(values.size)
    totals = _sums(values, codes, n_clusters)
    sizes = np.bincount(codes, minlength=n_clusters).astype(np.float64)
    if np.ptp(sizes) == 0:
        return np.sort(totals), sizes
    order = np.lexsort((totals, sizes))
    return np.asarray(totals[order], dtype=np.float64), sizes[order]


def _sums(values: Floats, codes: Codes, n_clusters: int) -> Floats:
    """Sum of each cluster, the same whatever the order of the rows.

    Sums of whole numbers below 2^53 are exact in any order, so each value is taken apart into
    whole numbers of a coarse and of a fine unit; what is left of it is less than what rounding
    takes. After Demmel and Nguyen (2015), IEEE Trans. Comput. 64, 2060-2070.
    """
    largest = float(np.abs(values).max())
    if largest * values.size < 2**53 and np.array_equal(values, np.rint(values)):
        return np.bincount(codes, values, n_clusters).astype(np.float64)
    exponent = int(np.frexp(largest)[1])
    scaled = np.ldexp(values, -exponent)  # within -1 and 1
    bits = 52 - values.size.bit_length()
    coarse = np.rint(scaled * 2.0**bits)
    fine = np.rint((scaled - coarse * 2.0**-bits) * 2.0 ** (2 * bits))
    high, low = (np.bincount(codes, part, n_clusters) for part in (coarse, fine))
    sums: Floats = np.ldexp(high * 2.0**-bits + low * 2.0 ** (-2 * bits), exponent)
    return sums


FEW_NONZERO = 10
"""Below so many clusters that differ, an estimated design effect is noise."""


@dataclass(frozen=True, slots=True)
class ClusteredMean:
    """A mean over cases with its cluster-robust variance.

    variance is CR2 (unbiased when cases are independent and equally spread), df its Satterthwaite
    degrees of freedom, kurtosis the excess one of cluster residuals over root size, cluster_size
    Kish's effective size sum(n_g^2) / n. One cluster says nothing of its own spread: variance 0
    with df 1.
    """

    estimate: float
    variance: float
    df: float
    kurtosis: float
    n: int
    n_clusters: int
    cluster_size: float
    totals: Floats
    sizes: Floats

    def design_effect(self, independent_variance: float, n_nonzero: int) -> tuple[float, float]:
        """Variance over that of independent single trials, and its degrees of freedom.

        With fewer than FEW_NONZERO nonzero clusters the variance is itself hardly known: the
        effect is then at least Kish's cluster size. Otherwise the degrees of freedom also answer
        for heavy tails of the cluster sums (2 / (2 / df + kurtosis / G), from the variance of a
        sample variance) and for clusters that do not differ and so tell nothing of the spread.
        """
        effect = self.variance / independent_variance if independent_variance > 0 else 0.0
        if n_nonzero < FEW_NONZERO or effect == 0:
            return max(effect, self.cluster_size), self.df
        heavy = 2 / (2 / self.df + max(self.kurtosis, 0.0) / self.n_clusters)
        return effect, min(heavy, n_nonzero - 1)


def clustered_mean(values: Floats, codes: Codes) -> ClusteredMean:
    """Mean of the values with CR2 variance and Satterthwaite degrees of freedom by cluster.

    Notes
    -----
    For an intercept alone the CR2 adjustment of a cluster is the scalar 1 / sqrt(1 - n_g / n), and
    the eigenvalues behind the degrees of freedom have closed power sums. Equal clusters give
    G / (G - 1) times CR0 and G - 1 degrees of freedom.

    References
    ----------
    Bell and McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky and Tipton (2018),
    J. Bus. Econ. Stat. 36, 672-683.
    """
    totals, sizes = cluster_totals(values, codes)
    n = values.size
    mean = float(totals.sum() / n)
    if np.ptp(values) == 0:
        mean = float(values[0])
    squares = float((sizes**2).sum())
    if sizes.size == 1:
        return ClusteredMean(mean, 0.0, 1.0, 0.0, n, 1, float(n), totals, sizes)
    residuals = totals - sizes * mean
    residuals[np.abs(residuals) < 1e-12 * sizes] = 0.0
    spread, df = cr2_variance(residuals**2, sizes)
    variance = spread / n**2
    level = residuals**2 / (1.0 - sizes / n) / sizes
    kurtosis = sizes.size * float((level**2).sum()) / float(level.sum()) ** 2 - 3 if variance else 0
    return ClusteredMean(mean, variance, df, kurtosis, n, sizes.size, squares / n, totals, sizes)


def cr2_variance(
    squares: Floats, sizes: Floats, *, total: float | None = None
) -> tuple[float, float]:
    """Variance of a sum of cluster residuals whose mean is estimated, and its Satterthwaite df.

    squares are the squared residual sums of clusters, in any unit; sizes their rows, or anything in
    proportion to them. The mean was estimated from `total` rows, by default just these, which must
    be more than any one cluster has.

    Examples
    --------
    >>> cr2_variance(np.array([1.0, 1.0, 1.0, 1.0]), np.ones(4))
    (5.333333333333333, 3.0)
    """
    n = float(sizes.sum())
    total = n if total is None else total
    leverage = 1.0 - sizes / total
    weights = sizes**2 / leverage
    apart = float(weights.sum() ** 2 - (weights**2).sum()) / total**2
    df = n**2 / (float((sizes**2).sum()) + apart)
    return float((squares / leverage).sum()), df
