"""Which rows explain a change: what did each segment bring, by its own change and by its share?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isnan, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clusters import cluster_codes
from .columns import Column, Columns, column_of, read_pair
from .facts import Skipped
from .result import ColumnDrift, Segment

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

AUTO = "auto"
_FEW_LEVELS = 20  # of a column that segments are taken from without asking
_MOST_LEVELS = 50  # told apart; the rarest beyond are one segment
_MOST_COLUMNS = 8
_MOST_TARGETS = 5  # besides the primaries
_PAIRED = 4  # so many columns to segment by are also taken two at a time
_REST = "(all others)"
_MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class _Cut:
    """A way to cut both tables into segments: the code of each row, and the segments' names."""

    by: str
    names: tuple[str, ...]
    reference: Codes
    current: Codes


@dataclass(frozen=True, slots=True)
class _Target:
    """A column whose change is to be explained: values (NaN where missing) of both sides."""

    name: str
    truth: bool
    reference: Floats
    current: Floats


def to_explain(columns: Sequence[ColumnDrift]) -> list[str]:
    """The columns whose change is worth explaining: primaries, and those that drifted most."""
    means = [each for each in columns if each.kind in ("numeric", "boolean")]
    primaries = [each.column for each in means if each.primary]
    others = sorted(
        (each for each in means if each.drifted and not each.primary),
        key=lambda each: (each.pvalue_adjusted, each.column),
    )
    return [*primaries, *(each.column for each in others[:_MOST_TARGETS])]


def segments_of_change(
    reference: Columns,
    current: Columns,
    targets: Sequence[str],
    *,
    by: Sequence[str] | None,
    names: Sequence[str] = (),
    cluster: str | None = None,
    confidence_level: float = 0.95,
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Cut the change of the mean of each target into what the segments brought.

    Parameters
    ----------
    reference, current : Source
    targets : sequence of str
        Columns of numbers or truth values whose change is to be explained.
    by : sequence of str or None
        Columns whose values are the segments. None: those of `names` with 2 to 20 values, the
        first eight of them.
    names : sequence of str
        What `by` is chosen from.
    cluster : str, optional
        A column whose equal values mark rows that belong together.
    confidence_level : float
        Of the intervals.

    Returns
    -------
    segments, notes
        The segments that are shown to have brought a part of a change come first, the largest part
        of the whole first. Notes name what could not be cut, and every reversal (Simpson's): all
        segments moved one way, and the whole the other.

    Notes
    -----
    With overall mean M, a segment's share of the rows q and its mean m (now m', q', M'), it brings
    (q + q') / 2 (m' - m) by its own change and (q' - q) ((m + m') / 2 - (M + M') / 2) by being more
    or fewer; the sum over the segments is M' - M exactly (Kitagawa, Oaxaca and Blinder with
    averaged weights). It is also a difference of two means, of 1[segment] (y - (M + M') / 2): so
    its interval and p-value are a t-test with the variance of that mean's influence, by cluster
    where there are clusters. P-values are adjusted (Benjamini-Hochberg) over all segments, columns
    and targets. A segment can explain a change without having caused it.

    References
    ----------
    Kitagawa (1955), JASA 50, 1168-1194; Das Gupta (1978), Demography 15, 99-112.
    """
    notes: list[str] = []
    if not targets:
        return (), ("no segments: no column of numbers or truth values changed",)
    pair = reference, current
    units = None if cluster is None else cluster_codes(reference, current, cluster)
    cuts = _cuts(pair, by, [name for name in names if name != cluster], targets, notes)
    found: list[Segment] = []
    for name in targets:
        target = _target(name, pair)
        if isinstance(target, Skipped):
            notes.append(f"the change of {name} is not cut into segments: {target.reason}")
            continue
        for cut in cuts:
            if name not in cut.by.split("|"):
                part = _segments(target, cut, units, confidence_level)
                found += part
                notes += _reversal(target, part)
    return tuple(_ranked(found, 1 - confidence_level)), tuple(notes)


def _target(name: str, pair: tuple[Columns, Columns]) -> _Target | Skipped:
    column = column_of(read_pair(name, *pair), primary=True)
    if isinstance(column, Skipped):
        return column
    if column.kind == "categorical":
        return Skipped(name, "it holds texts, which have no mean")
    sides = [
        _in_rows(side.values.astype(np.float64), side.rows, np.nan)
        for side in (column.reference, column.current)
    ]
    return _Target(name, column.kind == "boolean", *sides)


def _in_rows(values: NDArray[Any], rows: NDArray[np.bool_] | None, missing: float) -> NDArray[Any]:
    """Values where they stand in the table; something else where there is none."""
    if rows is None:
        return values
    result = np.full(rows.size, missing, dtype=values.dtype)
    result[rows] = values
    return result


def _cuts(
    pair: tuple[Columns, Columns],
    by: Sequence[str] | None,
    names: Sequence[str],
    targets: Sequence[str],
    notes: list[str],
) -> list[_Cut]:
    """Every way to cut: by each column, and by two where there are few."""
    singles = []
    for name in dict.fromkeys(names if by is None else by):
        if by is None and name in targets:
            continue
        cut = _cut(name, pair, limit=_FEW_LEVELS if by is None else None)
        if isinstance(cut, Skipped):
            if by is not None:
                notes.append(f"no segments by {name}: {cut.reason}")
        else:
            singles.append(cut)
    if by is None:
        singles = singles[:_MOST_COLUMNS]
        if not singles:
            notes.append(f"no segments: no column has 2 to {_FEW_LEVELS} values to cut by")
    pairs = combinations(singles, 2) if len(singles) <= _PAIRED else ()
    return [*singles, *(_crossed(*both) for both in pairs)]


def _cut(name: str, pair: tuple[Columns, Columns], *, limit: int | None) -> _Cut | Skipped:
    column = column_of(read_pair(name, *pair))
    if isinstance(column, Skipped):
        return column
    labels, left, right = _coded(column)
    counts = np.bincount(left, minlength=len(labels)) + np.bincount(right, minlength=len(labels))
    used = int(np.count_nonzero(counts))
    if limit is not None and (used > limit or column.kind == "numeric"):
        return Skipped(name, f"it has {used:,} values")
    if used > max(_MOST_LEVELS, 0.5 * counts.sum()):
        return Skipped(name, f"it has {used:,} values in {int(counts.sum()):,} rows")
    return _lumped(_Cut(name, labels, left, right), counts)


def _coded(column: Column) -> tuple[tuple[str, ...], Codes, Codes]:
    """The values of both sides as codes of their texts; a missing value is one, too."""
    sides = (column.reference, column.current)
    if column.kind == "categorical":
        assert column.levels is not None
        labels = [str(value) for value in column.levels.to_pylist()]
        codes = [_in_rows(side.values.astype(np.intp), side.rows, len(labels)) for side in sides]
    else:
        values = np.concatenate([side.values for side in sides])
        distinct, code = np.unique(values, return_inverse=True)
        if column.kind == "boolean":
            labels = ["true" if value else "false" for value in distinct]
        else:
            labels = [f"{value:g}" for value in distinct]
        size = column.reference.values.size
        codes = [
            _in_rows(part.astype(np.intp), side.rows, len(labels))
            for part, side in zip((code[:size], code[size:]), sides, strict=True)
        ]
    return (*labels, _MISSING), codes[0], codes[1]


def _lumped(cut: _Cut, counts: NDArray[np.int64]) -> _Cut:
    """Only segments that there are; the rarest beyond `_MOST_LEVELS` as one."""
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    kept = order[:_MOST_LEVELS]
    new = np.full(counts.size, kept.size, dtype=np.intp)
    new[kept] = np.arange(kept.size)
    names = [cut.names[int(code)] for code in kept]
    if order.size > kept.size:
        names.append(_REST)
    return _Cut(cut.by, tuple(names), new[cut.reference], new[cut.current])


def _crossed(one: _Cut, two: _Cut) -> _Cut:
    """Segments of both columns' values, as ids of several columns are written."""
    width = len(two.names)
    left = one.reference * width + two.reference
    right = one.current * width + two.current
    first, second = ([_escaped(name) for name in cut.names] for cut in (one, two))
    names = tuple(f"{a}|{b}" for a in first for b in second)
    counts = np.bincount(left, minlength=len(names)) + np.bincount(right, minlength=len(names))
    return _lumped(_Cut(f"{one.by}|{two.by}", names, left, right), counts)


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("|", "\\|")


def _segments(
    target: _Target, cut: _Cut, units: tuple[Codes, Codes] | None, confidence_level: float
) -> list[Segment]:
    """Every segment of one cut, p-values not yet adjusted."""
    width = len(cut.names)
    valid = ~np.isnan(target.reference), ~np.isnan(target.current)
    y = target.reference[valid[0]], target.current[valid[1]]
    if min(y[0].size, y[1].size) < 2:
        return []
    n_units = 0 if units is None else 1 + max(int(unit.max()) for unit in units)
    sides = [
        _Side.of(v, code[there], None if units is None else units[side][there], width, n_units)
        for side, (v, code, there) in enumerate(
            zip(y, (cut.reference, cut.current), valid, strict=True)
        )
    ]
    counts, means = [side.counts for side in sides], [side.means for side in sides]
    centre = (float(y[0].mean()) + float(y[1].mean())) / 2
    share = counts[1] / y[1].size - counts[0] / y[0].size
    part = sides[1].part(centre) - sides[0].part(centre)
    result = []
    for number, name in enumerate(cut.names):
        if counts[0][number] + counts[1][number] == 0:
            continue
        half = float(share[number]) / 2
        if units is None:
            brought = _independent(
                [
                    side.variance_brought(number, centre, sign * half)
                    for side, sign in zip(sides, (-1, 1), strict=True)
                ],
                [side.n for side in sides],
            )
            within = _independent(
                [side.variance_within(number, truth=target.truth) for side in sides],
                [int(side.counts[number]) for side in sides],
            )
        else:
            brought, within = _clustered(sides, number, centre, half)
        estimate = float(part[number])
        low, high = brought.interval(estimate, confidence_level)
        difference = float(means[1][number] - means[0][number])
        between = within.interval(difference, confidence_level)
        by_own = 0.0
        if not isnan(difference):
            shares = counts[0][number] / y[0].size + counts[1][number] / y[1].size
            by_own = float(shares / 2 * difference)
        result.append(
            Segment(
                by=cut.by,
                value=name,
                column=target.name,
                n_reference=int(counts[0][number]),
                n_current=int(counts[1][number]),
                difference=difference,
                low=between[0],
                high=between[1],
                pvalue=brought.pvalue(estimate),
                pvalue_adjusted=nan,
                contribution=estimate,
                contribution_low=low,
                contribution_high=high,
                within=by_own,
                mix=estimate - by_own,
            )
        )
    return result


@dataclass(frozen=True, slots=True)
class _Error:
    """The standard error of a difference of two means, and its degrees of freedom."""

    value: float
    df: float

    def interval(self, estimate: float, confidence_level: float) -> tuple[float, float]:
        from scipy.special import stdtrit

        if isnan(estimate) or isnan(self.value):
            return nan, nan
        half = float(stdtrit(self.df, (1 + confidence_level) / 2)) * self.value
        return estimate - half, estimate + half

    def pvalue(self, estimate: float) -> float:
        from scipy.special import stdtr

        if isnan(self.value) or isnan(estimate):
            return nan
        if self.value == 0:
            return 1.0 if abs(estimate) < 1e-15 else 0.0
        return float(2 * stdtr(self.df, -abs(estimate) / self.value))


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a cut, its rows in the order of the segments, which begin at `starts`."""

    values: Floats
    units: Codes | None
    starts: Codes
    counts: NDArray[np.int64]
    means: Floats  # of the segments, NaN where there is none
    mean: float
    squares: Floats  # about the segments' means, summed
    total: float  # squares about the mean of all
    by_unit: tuple[Floats, Floats] | None  # of each cluster: sum about that mean, and size

    @classmethod
    def of(
        cls, values: Floats, codes: Codes, units: Codes | None, width: int, n_units: int
    ) -> _Side:
        order = np.argsort(codes, kind="stable")
        values, codes = values[order], codes[order]
        counts = np.bincount(codes, minlength=width)
        mean = float(values.mean())
        with np.errstate(divide="ignore", invalid="ignore"):
            means = mean + np.bincount(codes, values - mean, width) / counts
        squares = np.bincount(codes, (values - means[codes]) ** 2, width).astype(np.float64)
        rest = values - mean
        starts = np.concatenate([[0], np.cumsum(counts)])
        total = float(rest @ rest)
        if units is None:
            return cls(values, None, starts, counts, means, mean, squares, total, None)
        own = units[order]
        sums = np.bincount(own, rest, n_units).astype(np.float64)
        sizes = np.bincount(own, minlength=n_units).astype(np.float64)
        return cls(values, own, starts, counts, means, mean, squares, total, (sums, sizes))

    @property
    def n(self) -> int:
        return int(self.values.size)

    def rows(self, number: int) -> slice:
        return slice(int(self.starts[number]), int(self.starts[number + 1]))

    def part(self, centre: float) -> Floats:
        """(width,) sums of value - centre over the segments, by the rows of the side."""
        return np.asarray(self.counts * np.nan_to_num(self.means - centre) / self.n)

    def variance_brought(self, number: int, centre: float, slope: float) -> float:
        """Of one row's influence: 1[segment] (value - centre) - slope (value - mean)."""
        count = int(self.counts[number])
        apart = float(self.means[number]) - centre if count else 0.0
        inside = float(self.squares[number]) if count else 0.0
        own = inside + count * apart**2
        mixed = inside + count * apart * (apart + centre - self.mean)
        middle = count * apart / self.n
        squares = own - 2 * slope * mixed + slope**2 * self.total - self.n * middle**2
        return max(squares, 0.0) / (self.n - 1)

    def variance_within(self, number: int, *, truth: bool) -> float:
        """Of one value in the segment; a rate without any has that of one more of each."""
        count = int(self.counts[number])
        if count < 2:
            return nan
        ones = round(float(self.means[number]) * count) if truth else 1
        if truth and ones in (0, count):
            rate = (ones + 1) / (count + 2)
            return rate * (1 - rate)
        return float(self.squares[number]) / (count - 1)


def _independent(variances: Sequence[float], sizes: Sequence[int]) -> _Error:
    """The error of a difference of two means (Welch)."""
    if min(sizes) < 2:
        return _Error(nan, nan)
    errors = [variance / size for variance, size in zip(variances, sizes, strict=True)]
    total = sum(errors)
    if total == 0:
        return _Error(0.0, 1.0)
    scatter = sum(error**2 / (size - 1) for error, size in zip(errors, sizes, strict=True))
    return _Error(sqrt(total), total**2 / scatter)


def _clustered(
    sides: Sequence[_Side], number: int, centre: float, half: float
) -> tuple[_Error, _Error]:
    """The errors of what a segment brought and of its own difference, by clusters.

    A cluster on both sides is one contribution.
    """
    n_units = max(side.by_unit[0].size for side in sides if side.by_unit is not None)
    brought, within = np.zeros(n_units), np.zeros(n_units)
    there, inside = np.zeros((2, n_units), dtype=np.bool_)
    for side, sign in zip(sides, (-1, 1), strict=True):
        assert side.units is not None
        assert side.by_unit is not None
        everyone, sizes = side.by_unit
        rows = side.rows(number)
        values, units = side.values[rows], side.units[rows]
        own = np.bincount(units, values - centre, n_units).astype(np.float64)
        own -= sign * half * everyone + sizes * (float((values - centre).sum()) / side.n)
        brought += sign * own / side.n
        there |= sizes > 0
        if values.size:
            within += sign * np.bincount(units, values - values.mean(), n_units) / values.size
            inside[units] = True
    few = min(int(side.counts[number]) for side in sides) < 2
    return _of_pulls(brought[there]), _Error(nan, nan) if few else _of_pulls(within[inside])


def _of_pulls(pulls: Floats) -> _Error:
    """The error of a sum of what independent clusters contribute."""
    groups = pulls.size
    if groups < 3:
        return _Error(nan, nan)
    squares = pulls**2
    total = float(squares.sum()) * groups / (groups - 1)
    if total == 0:
        return _Error(0.0, float(groups - 2))
    effective = float(squares.sum()) ** 2 / float((squares**2).sum())
    return _Error(sqrt(total), max(min(effective, groups) - 1.0, 1.0))


def _reversal(target: _Target, segments: Sequence[Segment]) -> list[str]:
    """A note where every segment moved one way, and the whole the other."""
    moved = [each.difference for each in segments if not isnan(each.difference)]
    whole = float(np.nanmean(target.current) - np.nanmean(target.reference))
    if len(moved) < 2 or whole == 0 or any(np.sign(each) != -np.sign(whole) for each in moved):
        return []
    shown = [each for each in segments if not isnan(each.low)]
    if not any(each.low > 0 or each.high < 0 for each in shown):
        return []
    words = ("fell", "rose") if whole < 0 else ("rose", "fell")
    return [
        f"reversal: {target.name} {words[0]} by {abs(whole):.3g} overall, though it {words[1]} in "
        f"every segment by {segments[0].by}; the shares of the segments changed"
    ]


def _ranked(segments: Sequence[Segment], alpha: float) -> list[Segment]:
    """Adjusted over all, the shown ones first, then by their part."""
    from ..stats import benjamini_hochberg

    adjusted = benjamini_hochberg([each.pvalue for each in segments]).tolist()
    known = [
        replace(each, pvalue_adjusted=pvalue)
        for each, pvalue in zip(segments, adjusted, strict=True)
    ]
    scale: dict[str, float] = {}
    for each in known:
        scale[each.column] = max(scale.get(each.column, 0.0), abs(each.contribution), 1e-300)
    return sorted(
        known,
        key=lambda each: (
            not each.pvalue_adjusted <= alpha,
            -abs(each.contribution) / scale[each.column],
            each.by,
            each.value,
        ),
    )
