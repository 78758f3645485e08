"""What do whole clusters say of a column: how much wider are intervals, how rare is its change?

A unit is a cluster's rows on one side. A cluster that is on one side only keeps its rows together
when the labels "reference" and "current" are dealt anew; a cluster on both sides keeps or swaps
them, so what its two halves have in common cancels (a paired design, as far as there are pairs).
Above 2,048 units, clusters of the same sort are joined into units of equal numbers of clusters:
that is as valid, and two thousand units are as good as millions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import TableError
from ..stats.clustering import cr2_variance
from ..stats.drift_tests import cauchy_combination
from ..stats.relabelling import Relabelling, relabelling
from .columns import Column, Columns, Side
from .facts import Clustered, Spread

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
_MAX_UNITS = 2048
_THRESHOLDS = 64  # where the permuted KS distance looks; its observed value looks there too


@dataclass(frozen=True, slots=True)
class ClusterDesign:
    """Which unit each row belongs to, and the relabellings of the units.

    `paired`: row i of one side belongs to row i of the other, in every column.
    """

    reference: Codes
    current: Codes
    labels: Relabelling
    n_clusters: tuple[int, int, int]  # in reference only, in current only, in both
    paired: bool = False

    @property
    def smallest_pvalue(self) -> float:
        return self.labels.smallest_pvalue

    def __str__(self) -> str:
        left, right, both = self.n_clusters
        return f"{left + right + both:,} clusters, {both:,} of them on both sides"

    def of_rate(self, column: Column) -> Clustered:
        """P-values of the difference of rates (of means): two-sided, less, greater."""
        return self.rate_from(self._means(column))

    def rate_from(self, sums: UnitTotals) -> Clustered:
        """`of_rate`, from sums over the rows of each unit."""
        return self._clustered(sums, self._mean_pvalues(self._gaps(sums)))

    def of_numbers(self, column: Column) -> Clustered:
        """P-values of the means, of the KS distance, and of both combined.

        The combination is calibrated by the same relabellings, so it is as exact as they are.
        """
        return self.numbers_from(self._means(column), self._cumulative(column))

    def numbers_from(self, means: UnitTotals, shares: UnitTotals) -> Clustered:
        """`of_numbers`, from sums of the values, and of how many are up to some thresholds."""
        gaps = self._gaps(means)
        distances = self.labels.statistics(shares.sizes, shares.residuals, _largest)
        ranks = np.stack([self.labels.pvalues(np.abs(gaps)), self.labels.pvalues(distances)])
        combined = -np.asarray(cauchy_combination(ranks))
        pvalues = self._mean_pvalues(gaps)
        pvalues["ks"] = float(ranks[1, 0])
        pvalues["combined"] = self.labels.pvalue(combined)
        return self._clustered(means, pvalues, shape=self._spread(shares))

    def of_levels(self, column: Column, groups: Codes) -> Clustered:
        """P-value of chi-square; `groups` says to which column a level belongs.

        Paired rows: each level's difference is measured by how often it changes within pairs,
        as McNemar's test and Stuart and Maxwell's do.
        """
        sums = self._levels(column, groups)
        if self.paired:
            left, right = (groups[side.values] for side in (column.reference, column.current))
            moved = left != right
            width = sums.totals.shape[1]
            weight = np.bincount(left[moved], minlength=width).astype(np.float64)
            weight += np.bincount(right[moved], minlength=width)
        else:
            weight = sums.totals.sum(axis=0)
        return self.levels_from(sums, weight)

    def levels_from(self, sums: UnitTotals, weight: Floats) -> Clustered:
        """`of_levels`, from counts of the levels, each measured by its `weight`."""
        scaled = sums.residuals[:, weight > 0] / np.sqrt(weight[weight > 0])
        if not scaled.size:
            return self._clustered(sums, {"levels": 1.0})
        squares = self.labels.statistics(sums.sizes, scaled, _sum_of_squares)
        return self._clustered(sums, {"levels": self.labels.pvalue(squares)})

    def _clustered(
        self, sums: UnitTotals, pvalues: dict[str, float], *, shape: Spread | None = None
    ) -> Clustered:
        by = "permutation within pairs" if self.paired else "cluster permutation"
        return Clustered(self._spread(sums), pvalues, shape, self.labels.smallest_pvalue, by)

    def _gaps(self, sums: UnitTotals) -> Floats:
        return self.labels.statistics(sums.sizes, sums.residuals, _only)

    def _mean_pvalues(self, gaps: Floats) -> dict[str, float]:
        return {
            "two-sided": self.labels.pvalue(np.abs(gaps)),
            "less": self.labels.pvalue(-gaps),
            "greater": self.labels.pvalue(gaps),
        }

    def _means(self, column: Column) -> UnitTotals:
        sides = [np.asarray(side.values, np.float64) for side in (column.reference, column.current)]
        # no test or ratio hangs on the unit; in this one squares neither overflow nor vanish
        largest = max(float(np.abs(values).max(initial=0.0)) for values in sides)
        sides = [np.ldexp(values, -int(np.frexp(largest)[1])) for values in sides]
        centre = (sides[0].sum() + sides[1].sum()) / (sides[0].size + sides[1].size)
        sides = [values - centre for values in sides]
        units = self._units(column)
        totals = sum(
            np.bincount(unit, values, self.labels.n_units)
            for unit, values in zip(units, sides, strict=True)
        )
        independent = sum(float(values.var()) / values.size for values in sides)
        return UnitTotals(self._sizes(units), np.asarray(totals)[:, None], independent)

    def _cumulative(self, column: Column) -> UnitTotals:
        """Values up to each of some thresholds, every mark of equal shares of all values."""
        sides = [column.reference.values, column.current.values]
        values = np.concatenate(sides)
        marks = np.linspace(0, values.size - 1, _THRESHOLDS + 2)[1:-1].astype(np.intp)
        at = np.unique(np.partition(values, np.unique(marks))[marks])
        if at.size > 1:
            at = at[:-1] if at[-1] == values.max() else at  # nothing lies beyond the largest
        codes = [np.searchsorted(at, side, side="left") for side in sides]
        counts = self._counts(self._units(column), codes, at.size + 1)
        return self.totals_of_counts(np.cumsum(counts, axis=1)[:, :-1], counts.sum(axis=1))

    def _levels(self, column: Column, groups: Codes) -> UnitTotals:
        codes = [groups[side.values] for side in (column.reference, column.current)]
        counts = self._counts(self._units(column), codes, int(groups.max()) + 1)
        return self.totals_of_counts(counts, counts.sum(axis=1))

    def _counts(self, units: tuple[Codes, Codes], codes: list[Codes], width: int) -> Floats:
        counts = sum(
            np.bincount(unit * width + code, minlength=self.labels.n_units * width)
            for unit, code in zip(units, codes, strict=True)
        )
        return np.asarray(counts, np.float64).reshape(self.labels.n_units, width)

    def totals_of_counts(self, totals: Floats, sizes: Floats) -> UnitTotals:
        """Counts of k kinds of rows in each unit, and the variance they would have alone."""
        independent = 0.0
        observed = self.labels.is_reference[0]
        for side in (observed, ~observed):
            n = sizes[side].sum()
            shares = totals[side].sum(axis=0) / n
            independent += float((shares * (1 - shares)).sum()) / n
        return UnitTotals(sizes, totals, independent)

    def _spread(self, sums: UnitTotals) -> Spread:
        """Clustered over independent variance, both summed over the k values.

        Never below 1, for a gain is not to be counted on; but pairs of rows are there for it.
        """
        pairs, observed = self.labels.n_pairs, self.labels.is_reference[0]
        pulls, shares = np.empty_like(sums.totals), np.empty_like(sums.sizes)
        rows = []
        for side, sign in ((observed, -1), (~observed, 1)):
            sizes = sums.sizes[side]
            mean = sums.totals[side].sum(axis=0) / sizes.sum()
            pulls[side] = sign * (sums.totals[side] - sizes[:, None] * mean) / sizes.sum()
            shares[side] = sizes / sizes.sum()
            rows.append(float(sizes.sum()))
        alone = np.arange(observed.size) >= 2 * pairs
        parts = [
            (
                pulls[:pairs] + pulls[pairs : 2 * pairs],
                (shares[:pairs] + shares[pairs : 2 * pairs]) / 2,
            )
        ]
        parts += [(pulls[alone & side], shares[alone & side]) for side in (observed, ~observed)]
        total, scatter = 0.0, 0.0
        for pull, share in parts:
            there = share > 0
            if not there.any():
                continue
            if share.max() > 1 - 1e-9:  # one unit tells nothing of its variance: it is one row
                return Spread(max(rows), 1.0)
            squares = (pull[there] ** 2).sum(axis=1)
            variance, df = cr2_variance(squares, share[there], total=1.0)
            total += variance
            scatter += variance**2 / df
        df = total**2 / scatter if scatter > 0 else max(self.labels.n_units - pairs - 1.0, 1.0)
        effect = total / sums.independent if sums.independent > 0 else 1.0
        least = 1 / self.n_clusters[2] if self.paired else 1.0
        return Spread(max(effect, least), df)

    def _units(self, column: Column) -> tuple[Codes, Codes]:
        """The unit of each value of a column, on both sides."""
        return _kept(self.reference, column.reference), _kept(self.current, column.current)

    def _sizes(self, units: tuple[Codes, Codes]) -> Floats:
        count = sum(np.bincount(unit, minlength=self.labels.n_units) for unit in units)
        return np.asarray(count, np.float64)


@dataclass(frozen=True, slots=True)
class UnitTotals:
    """Rows of each unit and sums of k values over them, (n_units,) and (n_units, k).

    `independent` is the variance of the differences of means, were rows independent, summed
    over k.
    """

    sizes: Floats
    totals: Floats
    independent: float

    @property
    def residuals(self) -> Floats:
        """Sums of the values less their mean over all rows."""
        mean = self.totals.sum(axis=0) / self.sizes.sum()
        result: Floats = self.totals - self.sizes[:, None] * mean
        return result


def cluster_design(
    reference: Columns, current: Columns, column: str, *, n_resamples: int, rng: int
) -> ClusterDesign:
    """Deal the labels of whole clusters anew, `n_resamples` times."""
    codes = cluster_codes(reference, current, column)
    return design_of(*codes, n_resamples=n_resamples, rng=rng)


def design_of(
    reference: Codes, current: Codes, *, n_resamples: int, rng: int, paired: bool = False
) -> ClusterDesign:
    """The design of rows whose clusters are numbered from 0 on, alike on both sides."""
    codes = reference, current
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
    return ClusterDesign(
        unit_of[0][reference],
        unit_of[1][current],
        relabelling(n_pairs, n_left, n_right, n_resamples=n_resamples, rng=generator),
        (int(only[0].sum()), int(only[1].sum()), int(both.sum())),
        paired,
    )


def cluster_codes(reference: Columns, current: Columns, column: str) -> tuple[Codes, Codes]:
    """The cluster of each row as a number, in the order of the clusters' names."""
    return label_codes(
        reference,
        current,
        column,
        problem="belongs to no cluster: the value is null",
        hint="leave such rows out, or give each its own cluster",
    )


def label_codes(
    reference: Columns, current: Columns, column: str, *, problem: str, hint: str
) -> tuple[Codes, Codes]:
    """The value of a column in each row as a number, in the order of the values as text.

    `problem` and `hint` are said of a row without a value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..tables import as_text

    sides = [
        as_text(pa.table({column: side.column(column)}), column) for side in (reference, current)
    ]
    for side, label in zip(sides, ("reference", "current"), strict=True):
        if side.null_count:
            row = pc.index(side.is_null(), True).as_py() + 1
            raise TableError(f"row {row} of {label} {problem}", field=column, hint=hint)
    encoded = pa.chunked_array(sides).dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    codes = rank[encoded.indices.to_numpy()]
    return codes[: len(sides[0])], codes[len(sides[0]) :]


def _number(units: Codes, clusters: NDArray[np.bool_], first: int, joined: int) -> int:
    """Number the units of some clusters from `first` on; gives how many units there are."""
    count = int(clusters.sum())
    units[clusters] = first + np.arange(count) // joined
    return -(-count // joined)


def _kept(units: Codes, side: Side) -> Codes:
    return units if side.rows is None else units[side.rows]


def _only(gaps: Floats) -> Floats:
    return gaps[:, 0]


def _largest(gaps: Floats) -> Floats:
    result: Floats = np.abs(gaps).max(axis=1)
    return result


def _sum_of_squares(gaps: Floats) -> Floats:
    result: Floats = np.einsum("ij,ij->i", gaps, gaps)
    return result
