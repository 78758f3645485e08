"""What would the tests have shown had whole clusters been labelled at random?

A unit is a cluster's rows on one side. A cluster that is on one side only keeps its rows together
when the labels "reference" and "current" are dealt anew; a cluster on both sides keeps or swaps
them, so what its two halves have in common cancels (a paired design, as far as there are pairs).
Above 4,096 units, clusters of the same sort are joined into units of equal numbers of clusters:
that is as valid, and a few thousand units are as good as millions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, lgamma, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TableError
from ..stats.drift_tests import cauchy_combination
from .columns import Column, Columns, Side
from .facts import Spread

Floats = NDArray[np.float64]
_MAX_UNITS = 4096
_THRESHOLDS = 64  # where the permuted KS distance looks; its observed value looks there too
_LABELS_AT_ONCE = 2**21


@dataclass(frozen=True, slots=True)
class ClusterDesign:
    """Which unit each row belongs to, and the relabellings of the units.

    `is_reference` is (n_resamples + 1, n_units); its first row is what was observed. The first
    2 x `n_pairs` units are the reference halves, then the current halves, of the pairs.
    """

    reference: NDArray[np.intp]
    current: NDArray[np.intp]
    is_reference: NDArray[np.bool_]
    n_pairs: int
    n_clusters: tuple[int, int, int]  # in reference only, in current only, in both
    smallest_pvalue: float

    @property
    def n_units(self) -> int:
        return int(self.is_reference.shape[1])

    def __str__(self) -> str:
        left, right, both = self.n_clusters
        return f"{left + right + both:,} clusters, {both:,} of them on both sides"

    def units(self, column: Column) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The unit of each value of a column, on both sides."""
        return _kept(self.reference, column.reference), _kept(self.current, column.current)

    def mean_pvalues(self, column: Column) -> dict[str, float]:
        """Permutation p-values of the difference of means: two-sided, less, greater."""
        gaps = self._mean_gaps(column)
        return {
            "two-sided": _pvalue(np.abs(gaps)),
            "less": _pvalue(-gaps),
            "greater": _pvalue(gaps),
        }

    def numeric_pvalues(self, column: Column) -> dict[str, float]:
        """Permutation p-values of the means, of the KS distance, and of both combined.

        The combination is calibrated by the same relabellings, so it is exact too.
        """
        means, distances = np.abs(self._mean_gaps(column)), self._ks_distances(column)
        ranks = np.stack([_rank_pvalues(means), _rank_pvalues(distances)])
        combined = np.asarray(cauchy_combination(ranks))
        return {
            "mean": float(ranks[0, 0]),
            "ks": float(ranks[1, 0]),
            "combined": _pvalue(-combined),
        }

    def count_pvalue(self, column: Column, groups: NDArray[np.intp]) -> float:
        """Permutation p-value of chi-square; `groups` says to which column a level belongs."""
        width = int(groups.max()) + 1
        left, right = self.units(column)
        cells = np.concatenate(
            [
                left * width + groups[column.reference.values.astype(np.intp)],
                right * width + groups[column.current.values.astype(np.intp)],
            ]
        )
        counts = np.bincount(cells, minlength=self.n_units * width).astype(np.float32)
        features = counts.reshape(self.n_units, width)
        pooled = features.sum(axis=0, dtype=np.float64)
        total = pooled.sum()
        used = pooled > 0

        def statistic(sums: Floats) -> Floats:
            n = sums.sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                expected = n[:, None] * (pooled / total)
                square = ((sums - expected)[:, used] ** 2 / pooled[used]).sum(axis=1)
                result: Floats = square * total**2 / (n * (total - n))
            return result

        return _pvalue(self._over_relabellings(features, statistic))

    def mean_spread(self, column: Column) -> Spread:
        """The design effect of the difference of means of a numeric or boolean column."""
        left = column.reference.values - column.reference.values.mean()
        right = column.current.values - column.current.values.mean()
        units = self.units(column)
        pulls = np.bincount(units[1], right / right.size, self.n_units).astype(np.float64)
        pulls -= np.bincount(units[0], left / left.size, self.n_units)
        independent = float(left @ left) / left.size**2 + float(right @ right) / right.size**2
        return self._spread(pulls[:, None], independent, column)

    def count_spread(self, column: Column, groups: NDArray[np.intp]) -> Spread:
        """The design effect of the shares of the levels, averaged over levels."""
        width = int(groups.max()) + 1
        units = self.units(column)
        pulls = np.zeros((self.n_units, width))
        independent = 0.0
        for side, unit, sign in (
            (column.reference, units[0], -1),
            (column.current, units[1], 1),
        ):
            level = groups[side.values.astype(np.intp)]
            cells = np.bincount(unit * width + level, minlength=self.n_units * width)
            counts = cells.reshape(self.n_units, width).astype(np.float64)
            share = counts.sum(axis=0) / side.n
            pulls += sign * (counts - counts.sum(axis=1, keepdims=True) * share) / side.n
            independent += float((share * (1 - share)).sum()) / side.n
        return self._spread(pulls, independent, column)

    def _spread(self, pulls: Floats, independent: float, column: Column) -> Spread:
        """Clustered over independent variance; never below 1, for a gain is not to be counted."""
        pairs = self.n_pairs
        observed = self.is_reference[0]
        singles = np.arange(self.n_units) >= 2 * pairs
        parts = [pulls[:pairs] + pulls[pairs : 2 * pairs]]
        parts += [pulls[singles & observed], pulls[singles & ~observed]]
        total, scatter = 0.0, 0.0
        for part in parts:
            size = len(part)
            if size == 0:
                continue
            if size == 1:  # one cluster tells nothing of its variance: it counts as one row
                return Spread(float(max(column.reference.n, column.current.n)), 1.0)
            variance = float((part**2).sum()) * size / (size - 1)
            total += variance
            scatter += variance**2 / (size - 1)
        df = total**2 / scatter if scatter > 0 else float(max(self.n_units - pairs - 1, 1))
        effect = total / independent if independent > 0 else 1.0
        return Spread(max(effect, 1.0), df)

    def _mean_gaps(self, column: Column) -> Floats:
        left, right = self.units(column)
        unit = np.concatenate([left, right])
        values = np.concatenate([column.reference.values, column.current.values]).astype(np.float64)
        values -= values.mean()
        features = np.column_stack(
            [
                np.bincount(unit, minlength=self.n_units).astype(np.float64),
                np.bincount(unit, values, self.n_units),
            ]
        )
        count, total = features.sum(axis=0)

        def statistic(sums: Floats) -> Floats:
            with np.errstate(divide="ignore", invalid="ignore"):
                result: Floats = (total - sums[:, 1]) / (count - sums[:, 0])
                return result - sums[:, 1] / sums[:, 0]

        return self._over_relabellings(features, statistic)

    def _ks_distances(self, column: Column) -> Floats:
        left, right = self.units(column)
        unit = np.concatenate([left, right])
        values = np.concatenate([column.reference.values, column.current.values]).astype(np.float64)
        marks = np.linspace(0, values.size - 1, _THRESHOLDS + 2)[1:-1].astype(np.intp)
        at = np.unique(np.sort(values)[marks])
        width = at.size + 1
        cells = unit * width + np.searchsorted(at, values, side="left")
        counts = np.bincount(cells, minlength=self.n_units * width).reshape(-1, width)
        features = np.cumsum(counts, axis=1).astype(np.float32)  # last column: all of a unit
        total = features.sum(axis=0, dtype=np.float64)

        def statistic(sums: Floats) -> Floats:
            rest = total - sums
            with np.errstate(divide="ignore", invalid="ignore"):
                gaps = np.abs(sums / sums[:, -1:] - rest / rest[:, -1:])
            result: Floats = gaps.max(axis=1)
            return result

        return self._over_relabellings(features, statistic)

    def _over_relabellings(self, features: NDArray[Any], statistic: Any) -> Floats:
        """`statistic` of the sums over the reference units, for each relabelling."""
        parts = []
        step = max(_LABELS_AT_ONCE // self.n_units, 1)
        for start in range(0, len(self.is_reference), step):
            labels = self.is_reference[start : start + step].astype(features.dtype)
            parts.append(statistic((labels @ features).astype(np.float64)))
        return np.concatenate(parts)


def cluster_design(
    reference: Columns, current: Columns, column: str, *, n_resamples: int, rng: int
) -> ClusterDesign:
    """Deal the labels of whole clusters anew, `n_resamples` times."""
    codes = _cluster_codes(reference, current, column)
    n_clusters = int(max(side.max() for side in codes)) + 1
    present = [np.bincount(side, minlength=n_clusters) > 0 for side in codes]
    both = present[0] & present[1]
    only = present[0] & ~both, present[1] & ~both
    joined = -(-(2 * int(both.sum()) + sum(int(part.sum()) for part in only)) // _MAX_UNITS)
    unit_of = np.zeros((2, n_clusters), dtype=np.intp)

    n_pairs = _number(unit_of[0], both, 0, joined)
    unit_of[1][both] = unit_of[0][both] + n_pairs
    n_left = _number(unit_of[0], only[0], 2 * n_pairs, joined)
    n_right = _number(unit_of[1], only[1], 2 * n_pairs + n_left, joined)

    generator = np.random.default_rng(np.random.SeedSequence(rng))
    labels = np.zeros((n_resamples + 1, 2 * n_pairs + n_left + n_right), dtype=np.bool_)
    keep = generator.random((n_resamples + 1, n_pairs)) < 0.5
    keep[0] = True
    labels[:, :n_pairs], labels[:, n_pairs : 2 * n_pairs] = keep, ~keep
    singles = labels[:, 2 * n_pairs :]
    singles[:, :n_left] = True
    generator.permuted(singles[1:], axis=1, out=singles[1:])
    return ClusterDesign(
        unit_of[0][codes[0]],
        unit_of[1][codes[1]],
        labels,
        n_pairs,
        (int(only[0].sum()), int(only[1].sum()), int(both.sum())),
        _smallest_pvalue(n_pairs, n_left, n_right, n_resamples),
    )


def _cluster_codes(
    reference: Columns, current: Columns, column: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The cluster of each row as a number, in the order of the clusters' names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..tables import as_text

    sides = [
        as_text(pa.table({column: side.column(column)}), column) for side in (reference, current)
    ]
    for side, label in zip(sides, ("reference", "current"), strict=True):
        if side.null_count:
            row = pc.index(side.is_null(), True).as_py() + 1
            raise TableError(
                f"row {row} of {label} belongs to no cluster: the value is null",
                field=column,
                hint="leave such rows out, or give each its own cluster",
            )
    encoded = pa.chunked_array(sides).dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    codes = rank[encoded.indices.to_numpy()]
    return codes[: len(sides[0])], codes[len(sides[0]) :]


def _number(units: NDArray[np.intp], clusters: NDArray[np.bool_], first: int, joined: int) -> int:
    """Number the units of some clusters from `first` on; gives how many units there are."""
    count = int(clusters.sum())
    units[clusters] = first + np.arange(count) // joined
    return -(-count // joined)


def _kept(units: NDArray[np.intp], side: Side) -> NDArray[np.intp]:
    return units if side.rows is None else units[side.rows]


def _pvalue(statistics: Floats) -> float:
    """Share of the relabellings, the observed one among them, that are as extreme as it."""
    observed = statistics[0]
    if np.isnan(observed):
        return 1.0
    return float(np.mean(np.isnan(statistics) | (statistics >= observed - _slack(statistics))))


def _rank_pvalues(statistics: Floats) -> Floats:
    """The p-value each relabelling would have, had it been the observed one."""
    values = np.nan_to_num(statistics, nan=inf)
    below = np.searchsorted(np.sort(values), values - _slack(statistics), side="left")
    result: Floats = (values.size - below) / values.size
    return result


def _slack(statistics: Floats) -> float:
    """What rounding may add to a statistic: ties must stay ties whatever the order of the rows."""
    finite = np.abs(statistics[np.isfinite(statistics)])
    return 1e-9 * float(finite.max()) if finite.size else 0.0


def _smallest_pvalue(n_pairs: int, n_left: int, n_right: int, n_resamples: int) -> float:
    """The smallest two-sided p-value these clusters could ever give."""
    choices = lgamma(n_left + n_right + 1) - lgamma(n_left + 1) - lgamma(n_right + 1)
    mirrored = 2 if n_left == n_right else 1  # the labels exchanged: the same two-sided statistic
    exact = exp(min(log(mirrored) - choices - n_pairs * log(2), 0.0))
    return max(exact, 1 / (n_resamples + 1))
