"""How did each column go over time, and when did its level change?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from .clusters import cluster_codes
from .columns import Column, Columns, column_of, read_pair
from .facts import Skipped
from .result import ChangePoint, Series, Window
from .windows import Every, Windows, instants_of, parse_every, windows_of

if TYPE_CHECKING:
    from ..stats.change_points import Change, ChangePoints

Floats = NDArray[np.float64]
Units = NDArray[np.intp]

_LEVELS = 8  # of a column of levels, whose shares are followed
_OWN_VARIANCE_FROM = 5  # rows; a window of fewer takes that of all windows
_TELLING = 60  # windows from which on it is told whether neighbours are alike
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of one column in the windows: rates of the levels, or numbers as they are.

    `values` (n, d) has a column for each level. `of_row` is the window of each value, `units` its
    cluster.
    """

    column: str
    unit: Literal["mean", "rate"]
    labels: tuple[str, ...]
    values: Floats
    of_row: NDArray[np.intp]
    units: Units | None


@dataclass(frozen=True, slots=True)
class _Course:
    """Means of the windows that are not empty: (k, d), and what they are worth."""

    of: _Values
    counts: NDArray[np.int64]
    means: Floats
    variances: Floats  # of a row within its window, (k, d)
    pooled: Floats  # (d,)
    design_effect: float
    found: ChangePoints | None = None


def series_over_time(
    reference: Columns,
    current: Columns,
    columns: Sequence[str],
    *,
    time: str,
    every: str,
    cluster: str | None = None,
    confidence_level: float = 0.95,
    rng: int = 0,
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Follow columns over the windows of both tables together, and date their changes.

    Parameters
    ----------
    reference, current : Source
        Tables with a column `time`; rows need no order.
    columns : sequence of str
        The columns to follow: numbers by their mean, truth values by their rate, levels by the
        share of the level that moved most.
    time : str
        A column of timestamps, dates, ISO 8601 text or seconds since 1970.
    every : str
        Length of a window: ``1h``, ``1d``, ``7d``, ``1w``, ``1mo``.
    cluster : str, optional
        A column whose equal values mark rows that belong together; intervals and weights then
        know of it.
    confidence_level : float
        Of the intervals; one minus it is the level of the changes, adjusted over the columns
        (Benjamini-Hochberg).
    rng : int
        Seed of the permutations.

    Returns
    -------
    series, notes
        A series for each column that can be followed, and what should be known of them.
    """
    length = parse_every(every)
    sides = [
        instants_of(side.column(time), time, label)
        for side, label in (
            (reference, _name(reference, "reference")),
            (current, _name(current, "current")),
        )
    ]
    windows = windows_of(np.concatenate(sides), length)
    units = None if cluster is None else cluster_codes(reference, current, cluster)
    split = sides[0].size
    notes: list[str] = []

    def read(name: str) -> _Values | Skipped:
        found = column_of(read_pair(name, reference, current), primary=True)
        if isinstance(found, Skipped):
            return found
        return _values(found, windows.of_row[:split], windows.of_row[split:], units)

    courses = []
    for name in columns:
        values = read(name)
        if isinstance(values, Skipped):
            notes.append(f"{name} not followed over time: {values.reason}")
        else:
            courses.append(_course(values, windows.size))
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        courses = list(
            pool.map(lambda course: _with_changes(course, length, confidence_level, rng), courses)
        )
    notes += _notes(courses, length, cluster)
    return tuple(_series(courses, windows, confidence_level)), tuple(notes)


def _name(side: Columns, label: str) -> str:
    return str(getattr(side, "name", label))


def _values(
    column: Column,
    before: NDArray[np.intp],
    after: NDArray[np.intp],
    units: tuple[Units, Units] | None,
) -> _Values:
    sides = (column.reference, column.current)
    rows = [side.rows if side.rows is not None else slice(None) for side in sides]
    of_row = np.concatenate([before[rows[0]], after[rows[1]]])
    own = None
    if units is not None:
        own = np.concatenate([units[0][rows[0]], units[1][rows[1]]])
    values = np.concatenate([side.values for side in sides])
    if column.kind != "categorical":
        unit: Literal["mean", "rate"] = "rate" if column.kind == "boolean" else "mean"
        numbers = values.astype(np.float64)[:, None]
        return _Values(column.name, unit, (column.name,), numbers, of_row, own)
    assert column.levels is not None
    counts = np.bincount(values, minlength=len(column.levels))
    top = np.argsort(-counts, kind="stable")[: min(_LEVELS, np.count_nonzero(counts))]
    if top.size == 2:  # the share of one says that of the other
        top = top[1:]
    labels = tuple(f"{column.name} = {column.levels[int(code)].as_py()}" for code in top)
    shares = (values[:, None] == top).astype(np.float64)
    return _Values(column.name, "rate", labels, shares, of_row, own)


def _course(of: _Values, n_windows: int) -> _Course:
    """Means of the windows, with the variance of their rows and the pooled design effect."""
    counts = np.bincount(of.of_row, minlength=n_windows)
    width = of.values.shape[1]
    means, variances = np.full((n_windows, width), np.nan), np.full((n_windows, width), np.nan)
    pooled, clustered, independent = np.zeros(width), 0.0, 0.0
    there = counts > 0
    cells, groups = None, 0
    if of.units is not None:
        keys = of.of_row * (int(of.units.max()) + 1) + of.units
        cells = np.unique(keys, return_inverse=True)[1]
        groups = int(cells.max()) + 1
    free = max(of.values.shape[0] - int(there.sum()), 1)
    for number, values in enumerate(of.values.T):
        centre = float(values.mean())
        sums = np.bincount(of.of_row, values - centre, n_windows)
        means[there, number] = centre + sums[there] / counts[there]
        rest = values - means[of.of_row, number]
        squares = np.bincount(of.of_row, rest**2, n_windows)
        variances[there, number] = squares[there] / np.maximum(counts[there] - 1, 1)
        pooled[number] = squares.sum() / free
        if cells is not None:
            total = np.bincount(cells, rest, groups)
            clustered += float((total**2).sum()) * groups / max(groups - int(there.sum()), 1)
            independent += float(squares.sum())
    effect = max(clustered / independent, 1.0) if independent > 0 else 1.0
    return _Course(of, counts, means, variances, pooled, effect)


def _with_changes(course: _Course, every: Every, confidence_level: float, rng: int) -> _Course:
    from ..stats.change_points import MIN_WINDOWS, change_points

    there = np.flatnonzero(course.counts)
    if there.size < MIN_WINDOWS:
        return course
    found = change_points(
        course.means[there],
        course.counts[there] / course.design_effect,
        variance=course.pooled,
        period=every.season,
        positions=there,
        level=1 - confidence_level,
        rng=np.random.SeedSequence(rng),
    )
    return replace(course, found=found)


def _notes(courses: Sequence[_Course], every: Every, cluster: str | None) -> list[str]:
    from ..stats.change_points import MIN_WINDOWS

    notes = []
    short = [course.of.column for course in courses if course.found is None]
    if short:
        notes.append(
            f"fewer than {MIN_WINDOWS} windows of {every} hold values of {_some(short)}: no date "
            "of change is looked for; take shorter windows"
        )
    seasonal = [c.of.column for c in courses if c.found is not None and c.found.season]
    if seasonal:
        notes.append(f"a season of {every.season} windows of {every} is left out of account in "
                     f"the dates of change of {_some(seasonal)}")  # fmt: skip
    alike = [
        f"{course.of.column} ({course.found.neighbour_correlation:.2f})"
        for course in courses
        if course.found is not None
        and course.found.neighbour_correlation > 2 / sqrt(np.count_nonzero(course.counts))
    ]
    if alike:
        notes.append(
            f"neighbouring windows are alike in {_some(alike)}: blocks of them were permuted; a "
            "slow wave would still look like a change, and longer windows would be surer"
        )
    few = [
        course.of.column
        for course in courses
        if course.found is not None
        and course.found.changes
        and np.count_nonzero(course.counts) < _TELLING
    ]
    if few:
        notes.append(
            f"dates of change in {_some(few)} take windows as exchangeable while nothing changes: "
            f"fewer than {_TELLING} cannot show whether neighbours are alike"
        )
    spread = [course for course in courses if course.of.units is not None]
    if spread and cluster is not None:
        worst = max(course.design_effect for course in spread)
        notes.append(
            f"intervals of windows know of {cluster}: up to {worst:.1f} times the variance of "
            "independent rows; dates of change go by how much windows differ among themselves"
        )
    return notes


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _series(courses: Sequence[_Course], windows: Windows, confidence_level: float) -> list[Series]:
    from ..stats import benjamini_hochberg

    pvalues = [np.nan if course.found is None else course.found.pvalue for course in courses]
    adjusted = benjamini_hochberg(pvalues).tolist()
    result = []
    for course, pvalue in zip(courses, adjusted, strict=True):
        changes: Sequence[Change] = ()
        if course.found is not None and pvalue <= 1 - confidence_level + 1e-12:
            changes = course.found.changes
        moved = 0
        if changes:
            steps = [np.abs(np.subtract(change.after, change.before)) for change in changes]
            moved = int(np.argmax(np.max(steps, axis=0)))
        there = np.flatnonzero(course.counts)
        result.append(
            Series(
                column=course.of.labels[moved],
                unit=course.of.unit,
                windows=tuple(_windows(course, moved, windows, confidence_level)),
                change_points=tuple(
                    _change_point(change, moved, course.of.unit, pvalue, there, windows)
                    for change in changes
                ),
            )
        )
    return result


def _windows(
    course: _Course, moved: int, windows: Windows, confidence_level: float
) -> list[Window]:
    from scipy.special import stdtrit

    from ..stats import wilson_interval

    result = []
    for number, count in enumerate(course.counts.tolist()):
        value = low = high = float("nan")
        if count:
            value = float(course.means[number, moved])
            size = count / course.design_effect
            if course.of.unit == "rate":
                value = min(max(value, 0.0), 1.0)
                low, high = wilson_interval(value * size, size, confidence_level=confidence_level)
            else:
                own = count >= _OWN_VARIANCE_FROM
                variance = course.variances[number, moved] if own else course.pooled[moved]
                df = max(size - 1, 1.0) if own else max(float(course.counts.sum()) - 1, 1.0)
                half = float(stdtrit(df, (1 + confidence_level) / 2)) * sqrt(variance / size)
                low, high = value - half, value + half
        result.append(
            Window(windows.start(number), windows.start(number + 1), count, value, low, high)
        )
    return result


def _change_point(
    change: Change,
    moved: int,
    unit: Literal["mean", "rate"],
    pvalue: float,
    there: NDArray[np.intp],
    windows: Windows,
) -> ChangePoint:
    """Positions among the windows that hold values, as dates.

    A moment inside a window makes its value a mixture: so the interval begins with the window
    before the first possible cut and ends with the one after the last.
    """

    def start(position: int) -> int:
        return int(there[min(max(position, 0), there.size - 1)])

    return ChangePoint(
        at=windows.start(start(change.first)),
        low=windows.start(start(change.low - 1)),
        high=windows.start(start(change.high) + 1),
        before=_level(change.before[moved], unit),
        after=_level(change.after[moved], unit),
        pvalue=pvalue,
        until=None if change.last is None else windows.start(start(change.last)),
    )


def _level(value: float, unit: Literal["mean", "rate"]) -> float:
    """A fitted level; a season or a ramp may carry a rate beyond its ends."""
    return min(max(value, 0.0), 1.0) if unit == "rate" else value
