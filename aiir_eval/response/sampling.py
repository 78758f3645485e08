"""How many rows of a log are affected, with how many distinct values, as a sample shows it?"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..stats.proportions import pass_rate

_SURE = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of a whole log from a sample of it: an estimate, and the interval it lies in.

    `seen` were in the sample. A `high` of None: nothing bounds it from above.
    """

    seen: int
    estimate: float
    low: int
    high: int | None
    method: str

    def to_mapping(self) -> dict[str, Any]:
        return {
            "seen": self.seen,
            "estimate": round(self.estimate, 1),
            "interval": [self.low, self.high],
            "method": self.method,
        }


def affected_rows(
    affected: ArrayLike,
    population: int,
    *,
    rows: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> Estimate:
    """Estimate how many of the rows of a log are affected, from a random sample of them.

    Parameters
    ----------
    affected : (g,) array_like
        Affected rows of the sample: of each cluster (a user), or of each row (0 or 1).
    population : int
        Rows of the whole log.
    rows : (g,) array_like, optional
        Rows of each cluster in the sample. None: every row is its own cluster.
    confidence_level : float
        Two-sided level of the interval.

    Returns
    -------
    Estimate
        None found gives an upper bound, not zero.

    Notes
    -----
    Without clusters the interval inverts the hypergeometric distribution (exact for a simple random
    sample without replacement; the finite population is in it, and a sample of everything has an
    interval of one number). With clusters the same is done to a sample and a population that are
    smaller by the design effect (CR2 by user, times the squared ratio of t to normal quantile, at
    least 1, and Kish's cluster size where fewer than 10 users differ): as good as exact for rows
    drawn one by one, and it still holds where whole users were drawn. It does not hold where the
    sample was chosen by what went wrong (complaints, alerts): that is no random sample.

    References
    ----------
    Buonaccorsi (1987), Am. Stat. 41, 215-218; Korn and Graubard (1998), Survey Methodology 24,
    193-201.

    Examples
    --------
    >>> affected_rows([0] * 300, 100_000).high
    1220
    >>> affected_rows([1, 0, 1, 0], 4).high
    2
    """
    counts = np.asarray(affected, np.int64)
    sizes = np.ones(counts.size, np.int64) if rows is None else np.asarray(rows, np.int64)
    n, found = int(sizes.sum()), int(counts.sum())
    if n == 0 or n > population:
        raise ValueError(f"a sample of {n:,} rows out of {population:,}")
    if n == population:
        return Estimate(found, found, found, found, "every row was looked at")
    effect = 1.0 if rows is None else _design_effect(counts, sizes, confidence_level)
    low, high = _hypergeometric(found / effect, n / effect, population / effect, confidence_level)
    method = "hypergeometric" if effect == 1 else f"hypergeometric, design effect {effect:.2f}"
    return Estimate(
        seen=found,
        estimate=population * found / n,
        low=max(found, floor(low * effect)),
        high=min(population - (n - found), ceil(high * effect)),
        method=f"{method} by user" if rows is not None else method,
    )


def distinct_values(frequencies: ArrayLike, rows: Estimate, n: int, population: int) -> Estimate:
    """Bound how many distinct values (users, records) the affected rows of a whole log have.

    Parameters
    ----------
    frequencies : (k,) array_like
        How many affected rows of the sample each distinct value has.
    rows : Estimate
        The affected rows of the whole log that have a value.
    n, population : int
        Rows of the sample and of the log.

    Returns
    -------
    Estimate
        `low` are those seen, `high` the upper bound of `rows` (no more values than rows). The
        estimate between them is Chao and Lin's, which is a lower bound of the true number itself.

    Notes
    -----
    A count of distinct values cannot be scaled up as one of rows can: a user who was seen twice is
    one user. The interval holds whatever the distribution is. The estimate between takes rows as
    drawn one by one; it is biased low where users differ much in how often they come, and far too
    low where whole users were drawn.

    References
    ----------
    Chao (1984), Scand. J. Statist. 11, 265-270; Chao and Lin (2012), Biometrics 68, 912-921.

    Examples
    --------
    >>> rows = affected_rows([1] * 50 + [0] * 50, 1000)
    >>> users = distinct_values([1] * 30 + [2] * 10, rows, 100, 1000)
    >>> users.seen, users.seen < users.estimate < users.high
    (40, True)
    """
    counts = np.asarray(frequencies, np.int64)
    seen = int(counts.size)
    if n == population:
        return Estimate(seen, seen, seen, seen, "every row was looked at")
    most = population if rows.high is None else max(rows.high, seen)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    total, part = int(counts.sum()), n / population
    unseen = 0.0
    if once:
        slack = total / max(total - 1, 1) * 2 * twice + part / (1 - part) * once
        unseen = once * once / slack if slack > 0 else float("inf")
    return Estimate(
        seen=seen,
        estimate=float(min(seen + unseen, most)),
        low=seen,
        high=most,
        method="at least those seen, at most the rows; estimate of Chao and Lin",
    )


def _design_effect(
    counts: NDArray[np.int64], sizes: NDArray[np.int64], confidence_level: float
) -> float:
    from scipy.special import ndtri, stdtrit

    # Every row as 0 or 1, those of a cluster together: what `pass_rate` takes.
    codes = np.repeat(np.arange(sizes.size), sizes)
    place = np.arange(codes.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    values = (place < np.repeat(counts, sizes)).astype(float)
    rate = pass_rate(values, clusters=codes, confidence_level=confidence_level)
    if sizes.max() == 1:
        return 1.0
    tail = 0.5 + confidence_level / 2
    inflation = float(stdtrit(rate.df, tail) / ndtri(tail)) ** 2 if rate.df < 1e6 else 1.0
    return float(max(1.0, min(rate.design_effect * inflation, values.size)))


def _hypergeometric(
    found: float, n: float, population: float, confidence_level: float
) -> tuple[float, float]:
    """The numbers of marked ones that a sample does not rule out; rounded outward."""
    from scipy.stats import hypergeom

    n_whole = max(1, floor(n + _SURE))
    total = max(n_whole + 1, ceil(population - _SURE))
    fewest = max(0, min(n_whole, floor(found + _SURE)))
    most = max(0, min(n_whole, ceil(found - _SURE)))
    tail = (1 - confidence_level) / 2

    def too_many(marked: int) -> bool:
        return bool(hypergeom.cdf(most, total, marked, n_whole) <= tail)

    def too_few(marked: int) -> bool:
        return bool(hypergeom.sf(fewest - 1, total, marked, n_whole) <= tail)

    low = 0 if fewest == 0 else _first(lambda marked: not too_few(marked), fewest, total)
    high = total
    if most < n_whole:
        high = _first(too_many, most, total - (n_whole - most) + 1) - 1
    return float(low), float(high)


def _first(holds: Any, low: int, high: int) -> int:
    """The first number from `low` that something holds for, as it does for all that follow."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
