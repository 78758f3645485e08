"""What do the tables of the drift benchmark hold? Two draws of one law, unless told to differ.

Sixteen columns of numbers (normal, heavy-tailed, lognormal, skewed; every other one rounded, so
that it has ties) and four of text with 10, 50, 200 and 1,000 levels, the last two with a long tail
of rare levels. With clusters, rows of one cluster share a normal draw in every column: the
intraclass correlation of the underlying scale is `icc`, whatever the law of the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
LEVELS = (10, 50, 200, 1000)
FLOATS = tuple(f"float_{i:02d}" for i in range(16))
TEXTS = tuple(f"text_{levels}" for levels in LEVELS)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Rows of users: `size` a user on average, geometric where `uneven`.

    `size_current` differs where users write more or fewer rows in the current window. `shared` is
    the share of the users that is on both sides. Where `informative`, users with many rows have
    higher values.
    """

    size: int = 10
    icc: float = 0.5
    uneven: bool = False
    size_current: int | None = None
    shared: float = 0.0
    informative: bool = False


def tables(
    n: int,
    seed: int | Sequence[int],
    *,
    clusters: Clusters | None = None,
    missing: float = 0.0,
    keyed: float = 0.0,
) -> tuple[pa.Table, pa.Table]:
    """A reference and a current table of `n` rows that differ by chance alone.

    Parameters
    ----------
    n : int
        Rows a side.
    seed : int or sequence of int
    clusters : Clusters, optional
        Adds a column `user`, and makes rows of one user alike.
    missing : float
        Share of the values that are null, in every column.
    keyed : float
        Above 0: adds a column `id` with the same values on both sides, in another order; rows of
        one id correlate by so much, and belong to one user.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    rows = _user_rows(n, clusters, rng)
    users = 1 + max(int(side.max()) for side in rows) if clusters else 0
    busy = sum(np.bincount(side, minlength=users) for side in rows) if clusters else None
    order = rng.permutation(n)
    if clusters and keyed:
        rows = rows[0], rows[0][order]
    sides: list[dict[str, pa.Array]] = [{}, {}]
    for number, name in enumerate([*FLOATS, *TEXTS]):
        shared = None if clusters is None else _users(users, busy, clusters, rng)
        common = rng.normal(size=n)
        for side, columns in enumerate(sides):
            scale = rng.normal(size=n)
            if keyed:
                same = common[order] if side else common
                scale = np.sqrt(keyed) * same + np.sqrt(1 - keyed) * scale
            if shared is not None and clusters is not None:
                scale = np.sqrt(clusters.icc) * shared[rows[side]] + (
                    np.sqrt(1 - clusters.icc) * scale
                )
            gone = rng.random(n) < missing if missing else None
            columns[name] = _column(number, scale, gone)
    if clusters:
        for side, columns in enumerate(sides):
            columns["user"] = pa.array(rows[side])
    if keyed:
        for side, columns in enumerate(sides):
            columns["id"] = pa.array(order if side else np.arange(n))
    return pa.table(sides[0]), pa.table(sides[1])


def numbers(law: str, scale: Floats) -> Floats:
    """Values with the ranks of a standard normal `scale`, of another law."""
    if law == "normal":
        return scale
    if law == "student":  # 3 degrees of freedom
        return np.asarray(special.stdtrit(3, special.ndtr(scale)), dtype=np.float64)
    if law == "lognormal":
        return np.exp(scale)
    if law == "exponential":
        return np.asarray(-special.log_ndtr(-scale), dtype=np.float64)
    raise ValueError(f"no such law: {law}")


LAWS = ("normal", "student", "lognormal", "exponential")


def _column(number: int, scale: Floats, gone: NDArray[np.bool_] | None) -> pa.Array:
    if number < len(FLOATS):
        values = numbers(LAWS[number % len(LAWS)], scale)
        if number // len(LAWS) % 2:  # half of each law is rounded
            values = np.round(values, 1 if number < len(FLOATS) // 2 else 0)
        return pa.array(values, mask=gone)
    levels = LEVELS[number - len(FLOATS)]
    weights = np.ones(levels) if levels <= 50 else 1 / np.arange(1, levels + 1)
    ends = np.cumsum(weights) / weights.sum()
    codes = np.minimum(np.searchsorted(ends, special.ndtr(scale)), levels - 1)
    names = pa.array([f"level {code}" for code in range(levels)])
    return names.take(pa.array(codes, mask=gone))


def _users(
    users: int, busy: NDArray[np.intp], clusters: Clusters, rng: np.random.Generator
) -> Floats:
    """What all rows of a user have in common."""
    own = rng.normal(size=users)
    if not clusters.informative:
        return own
    ranks = special.ndtri((np.argsort(np.argsort(busy)) + 0.5) / users)
    return np.asarray(np.sqrt(0.5) * (own + ranks), dtype=np.float64)


def _user_rows(
    n: int, clusters: Clusters | None, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The user of each row on both sides; the first users are on both."""
    if clusters is None:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    sides = []
    for size in (clusters.size, clusters.size_current or clusters.size):
        sizes = rng.geometric(1 / size, size=n) if clusters.uneven else np.full(n, size)
        sides.append(np.repeat(np.arange(n), sizes)[:n])
    left, right = sides
    common = round(clusters.shared * (1 + min(left[-1], right[-1])))
    return left, np.where(right < common, right, right - common + left[-1] + 1)


def rates(
    n: int, seed: int | Sequence[int], *, rate: float = 0.9, change: float = 0.0
) -> tuple[pa.Table, pa.Table]:
    """Primaries: `passed` at `rate` (current: plus `change`), `resolved` at a half, a latency."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    sides = [
        pa.table(
            {
                "passed": rng.random(n) < chance,
                "resolved": rng.random(n) < 0.5,
                "latency_s": np.exp(rng.normal(size=n)),
            }
        )
        for chance in (rate, rate + change)
    ]
    return sides[0], sides[1]
