"""What does one table show of a watched column, as numbers in [0, 1]?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import TableError
from ...tables import as_passed, as_text, require_columns, table_name
from ..declared import Direction
from .state import Scale, Seen, Unit, Watched

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

_MOST_POINTS = 1001
_LEAST_DAYS = 7  # that tell how much days differ
_SPREAD_LEVEL = 0.95
_REFERENCE_LEVEL = 0.99
"""How surely the mean of quiet is no worse than what the reference bounds it by."""

RATE_EFFECT, RANK_EFFECT = 0.005, 0.014
"""What is tolerated by default: of a rate or the range, and of a rank (0.05 sd of a normal)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The values of a column in one table, and the cluster of each where there are clusters."""

    values: Floats
    clusters: NDArray[np.intp] | None
    truth: bool
    n_missing: int


def measured(table: pa.Table, column: str, cluster: str | None) -> Measured:
    """Finite numbers of a column; nulls and NaN are counted, anything else is an error."""
    import pyarrow as pa

    require_columns(table, [column, *(() if cluster is None else (cluster,))])
    values = table[column]
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):  # yes, no, pass, fail
        numbers = _verdicts(table, column)
    elif (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        plain = values.cast(pa.uint8()) if pa.types.is_boolean(kind) else values
        numbers = plain.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    else:
        raise TableError(
            f"values of type {kind} are neither numbers nor truth values",
            file=table_name(table),
            field=column,
        )
    there = np.isfinite(numbers)
    if not there.any():
        raise TableError("no value is there", file=table_name(table), field=column)
    codes = None
    if cluster is not None:
        text = as_text(table, cluster)
        if text.null_count:
            raise TableError(
                "a row belongs to no cluster: the value is null",
                file=table_name(table),
                field=cluster,
            )
        codes = text.dictionary_encode().indices.to_numpy().astype(np.intp)[there]
    own = numbers[there]
    truth = bool(((own == 0) | (own == 1)).all())
    return Measured(own, codes, truth, int(numbers.size - own.size))


def _verdicts(table: pa.Table, column: str) -> Floats:
    """Texts that say pass or fail as 1 or 0, NaN where there is none."""
    import pyarrow.compute as pc

    there = pc.is_valid(table[column]).to_numpy()
    numbers = np.full(there.size, np.nan)
    if there.any():
        numbers[there] = as_passed(table.filter(pc.is_valid(table[column])), column)
    return numbers


def scale_of(found: Measured, bounds: tuple[float, float] | None, column: str) -> Scale:
    """The scale on which a column is watched, from its declared bounds or its first values."""
    if bounds is not None:
        return Scale(kind="bounded", low=bounds[0], high=bounds[1])
    if found.truth:
        return Scale(kind="rate")
    if found.values.min() >= 0 and found.values.max() <= 1:
        return Scale(kind="bounded", low=0.0, high=1.0)
    ordered = np.sort(found.values)
    if ordered.size > _MOST_POINTS:
        marks = np.rint(np.linspace(0, ordered.size - 1, _MOST_POINTS)).astype(np.intp)
        ordered = ordered[marks]
    if ordered[0] == ordered[-1]:
        raise TableError("one value throughout: there are no ranks among it", field=column)
    return Scale(kind="rank", points=ordered.tolist())


def placed(found: Measured, scale: Scale, column: str) -> tuple[Floats, int]:
    """Values on the scale, and how many were beyond the bounds and count as the bound."""
    x = found.values
    if scale.kind == "rate":
        if not found.truth:
            odd = x[(x != 0) & (x != 1)][0]
            raise TableError(f"this is watched as a rate, and holds {odd:g}", field=column)
        return x, 0
    if scale.kind == "bounded":
        beyond = int(np.count_nonzero((x < scale.low) | (x > scale.high)))
        return ((x - scale.low) / (scale.high - scale.low)).clip(0.0, 1.0), beyond
    points = np.array(scale.points)
    below = np.searchsorted(points, x, side="left")
    upto = np.searchsorted(points, x, side="right")
    return (below + upto) / (2 * points.size), 0


def shown(value: float, scale: Scale) -> float:
    """A number of the scale in the unit of the column (a rank stays a rank)."""
    return scale.low + value * (scale.high - scale.low) if scale.kind == "bounded" else value


@dataclass(frozen=True, slots=True)
class Units:
    """What is bet on: values in [0, 1] with weights in (0, 1], None for equal ones."""

    values: Floats
    weights: Floats | None


def units_of(x: Floats, clusters: NDArray[np.intp] | None, unit: Unit) -> Units:
    """Rows, or the means of clusters weighted by their size, or the mean of the whole look."""
    if unit == "looks":
        return Units(np.array([x.mean()]).clip(0.0, 1.0), None)
    if clusters is None:
        return Units(x, None)
    sizes = np.bincount(clusters).astype(np.float64)
    sums = np.bincount(clusters, x)
    there = sizes > 0
    means = (sums[there] / sizes[there]).clip(0.0, 1.0)
    return Units(means, sizes[there] / sizes.max())


def log_gains_of(x: Floats, found: Measured, watched: Watched, unit: Unit) -> list[float]:
    """What the bets that `watched` got worse make of these values."""
    from ...stats.detectors import log_gains, log_gains_of_mean

    own = units_of(turned(x, watched.direction), found.clusters, unit)
    limit = float(turned(np.array([watched.limit]), watched.direction)[0])
    if unit == "looks" and watched.between is not None:
        units = seen_of(x, found).units
        sd = sqrt(watched.variance / units + watched.between)
        known: list[float] = log_gains_of_mean(float(own.values[0]), limit, sd).tolist()
        return known
    gains: list[float] = log_gains(own.values, limit, own.weights).tolist()
    return gains


def turned(x: Floats, direction: Direction) -> Floats:
    """Values for which low is bad."""
    return x if direction == "down" else 1.0 - x


def seen_of(x: Floats, found: Measured) -> Seen:
    units = x.size if found.clusters is None else int(np.unique(found.clusters).size)
    return Seen(n=int(x.size), units=units, mean=float(np.clip(x.mean(), 0.0, 1.0)))


@dataclass(frozen=True, slots=True)
class Quiet:
    """What the reference says: its mean, its variance for one unit, and a bound of the mean.

    `between` bounds the variance of days beyond that of their rows; None where it is not known.
    """

    level: float
    variance: float
    bound: float
    between: float | None = None


def quiet_of(
    x: Floats, found: Measured, direction: Direction, days: NDArray[np.intp] | None = None
) -> Quiet:
    """The mean of the reference, and what it is no worse than, at 99% (one-sided).

    Rows that are truth values: Clopper and Pearson's bound, which is exact. Clusters and graded
    values: Wilson's or the t bound with the clustered variance. With the day of each value, the t
    bound of days that differ among themselves, where that is the lower one.
    """
    from ...stats import clopper_pearson, pass_rate

    good = turned(x, direction)
    level = float(x.mean())
    if found.clusters is None and found.truth:
        bound = clopper_pearson(
            int(good.sum()), good.size, confidence_level=_REFERENCE_LEVEL, alternative="greater"
        ).low
        variance = level * (1 - level)
    else:
        rate = pass_rate(good, clusters=found.clusters, binary=found.truth)
        bound = rate.confidence_interval(2 * _REFERENCE_LEVEL - 1).low
        variance = float(x.var()) * max(rate.design_effect, 1.0)
    if days is not None:
        bound = min(bound, _bound_of_days(good, days))
    variance = max(variance, 1e-6)
    low = float(turned(np.array([bound]), direction)[0])
    between = None if days is None else _between(good, found, days, variance)
    return Quiet(level, variance, low, between)


def _bound_of_days(x: Floats, days: NDArray[np.intp]) -> float:
    """Student's t bound of the mean of days; of days that are all alike, their mean."""
    from scipy.special import stdtrit

    means = np.bincount(days, x) / np.bincount(days)
    error = float(means.std(ddof=1)) / sqrt(means.size)
    return float(x.mean()) - float(stdtrit(means.size - 1, _REFERENCE_LEVEL)) * error


def _between(x: Floats, found: Measured, days: NDArray[np.intp], variance: float) -> float | None:
    """At most so much (95%) do days vary beyond their rows; None of fewer than a week."""
    from scipy.special import chdtri

    n = np.bincount(days).astype(np.float64)
    means = np.bincount(days, x) / n
    if means.size < _LEAST_DAYS:
        return None
    if found.clusters is not None:
        pairs = np.unique(np.stack([days, found.clusters]), axis=1)
        n = np.bincount(pairs[0]).astype(np.float64)
    own = variance * float((1 / n).mean())
    scatter = float(((means - means.mean()) ** 2).sum())
    return max(scatter / float(chdtri(means.size - 1, _SPREAD_LEVEL)) - own, 0.0)


def tolerance(scale: Scale, declared: float | None) -> float:
    """The smallest fall that matters, on the scale of [0, 1]."""
    if scale.kind == "rank":
        return RANK_EFFECT if declared is None else declared
    if declared is None:
        return RATE_EFFECT
    return declared / (scale.high - scale.low)
