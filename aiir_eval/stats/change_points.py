"""When did the level of a series change, at once or little by little, and did it change at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.showing import Shown
from aiir_eval.stats.ramps import best_ramp, profile_quantile
from aiir_eval.stats.randomness import Rng, as_generator

Floats = NDArray[np.float64]

MIN_WINDOWS = 8
"""Windows below which no order of them could be called unusual with any power."""

_MIN_SEGMENT = 2
_SPELLS_FROM = 24  # windows; in shorter series looking for spells costs more than it finds
_SPELL_GRID = 16
_VALUES_AT_ONCE = 2**21
_COARSE = 32  # ends of ramps that are tried where only the noise about them is asked for
_LOST_BY_FITTING = 3.0  # windows' worth of correlation, by simulation
_PERHAPS = 3.84  # a ramp that fits so much better than a step widens the interval of its date
_LEAST_CYCLES = 4
_SEASON_LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level. Positions count windows, from 0.

    `first` is the first window of the new level (of a gradual change: the first that differs from
    the old one) and `low`, `high` bound it; `last` is the first window in which a gradual change is
    complete, None where the change is at once.
    """

    first: int
    low: int
    high: int
    last: int | None
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChangePoints(Shown):
    """`pvalue` is that of no change at any window; `changes` are empty unless it is small enough.

    `neighbour_correlation` is that of neighbouring windows about their levels; `season` says that a
    repeating pattern of `period` windows was taken out.
    """

    statistic: float
    pvalue: float
    changes: tuple[Change, ...]
    neighbour_correlation: float
    season: bool


def change_points(
    values: ArrayLike,
    counts: ArrayLike,
    *,
    variance: ArrayLike = 0.0,
    period: int | None = None,
    positions: ArrayLike | None = None,
    level: float = 0.05,
    n_resamples: int = 1999,
    rng: Rng = None,
) -> ChangePoints:
    """Test whether the level of a series ever changed, and find the windows where it did.

    Parameters
    ----------
    values : (k,) or (k, d) array_like
        The mean or rate of each window, in order of time; several columns (the shares of levels)
        share their changes.
    counts : (k,) array_like
        Rows (or effective rows) of each window, positive.
    variance : float or (d,) array_like
        Variance of one row within a window, so that windows of few rows weigh less. 0: windows
        count alike.
    period : int, optional
        Windows of a season (7 days of a week) that is taken out where the series has it.
    positions : (k,) array_like of int, optional
        Where each window stands on the calendar, in windows; by default one after the other.
    level : float
        Chance of finding a change where there is none.
    n_resamples : int
        Permutations of the windows.
    rng : Generator, SeedSequence, int or None
        Source of the permutations; None is a fixed seed.

    Returns
    -------
    ChangePoints

    Notes
    -----
    The statistic is the largest share of the series' weighted sum of squares that one cut, or one
    spell of another level, explains (a likelihood ratio of normal windows); the p-value is that of
    permuted windows. Exact where windows are exchangeable under no change, whatever their
    distribution, hence also where rows within a window are clustered. Where neighbouring windows
    are alike about their levels, blocks of neighbours are permuted, and what blocks miss of an
    autoregression is allowed for: at a level of 5% a correlation of .3 was measured to alarm in 6
    to 12% of series of 14 to 120 windows, one of .6 in 6% (120) to 26% (14). Slow
    waves longer than a block are changes to it.

    Where the test rejects, the best cut splits the series and both parts are tested anew, at
    their share of the level: so falsely divided stretches have a chance of `level` in all. Cuts
    are least-squares estimates. Neighbouring steps in one direction become one gradual change
    where a ramp fits better by BIC. `low` and `high` invert the profile of the likelihood with the
    asymptotic 95% quantile 7.35 of a two-sided random walk's maximum, scaled by the long-run
    variance where neighbours correlate.

    References
    ----------
    Sen and Srivastava (1975), Ann. Stat. 3, 98-108; Olshen et al. (2004), Biostatistics 5, 557-572
    (spells); Antoch and Huskova (2001), Stat. Probab. Lett. 53, 37-46 (permutation); Kirch (2007),
    J. Stat. Plan. Inference 137, 1828-1846 (blocks); Tecuapetla-Gomez and Munk (2017), Scand. J.
    Stat. 44, 346-368 (correlation from differences); Hansen (2000),
    Econometrica 68, 575-603 (the quantile).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rates = np.r_[rng.normal(0.95, 0.01, 40), rng.normal(0.90, 0.01, 20)]
    >>> found = change_points(rates, np.full(60, 500))
    >>> [change.first for change in found.changes], found.pvalue <= 0.01
    ([40], True)
    """
    y = np.asarray(values, dtype=np.float64)
    y = y[:, None] if y.ndim == 1 else y
    n = np.asarray(counts, dtype=np.float64)
    if y.ndim != 2 or n.shape != (len(y),):
        raise ValueError(f"values of shape {y.shape} and counts of shape {n.shape} do not fit")
    if not (np.isfinite(y).all() and np.isfinite(n).all()) or (n <= 0).any():
        raise ValueError("values and counts must be finite, counts positive: leave out the empty")
    if len(y) < MIN_WINDOWS:
        raise ValueError(f"{len(y)} windows: at least {MIN_WINDOWS} are needed")
    places = np.arange(len(y)) if positions is None else np.asarray(positions, dtype=np.intp)
    size = np.abs(y).max(axis=0)
    y = np.round(y / np.where(size > 0, size, 1.0), 12) * size  # what rounding adds is no change
    y, season = _without_season(y, places, period)
    weights = _weights(y, n, np.broadcast_to(np.asarray(variance, dtype=np.float64), y.shape[1:]))
    generator = as_generator(rng)
    statistic, pvalue = _test(y, weights, n_resamples, generator)
    cuts: list[int] = []
    if pvalue <= level:
        _split(y, weights, 0, len(y), level, n_resamples, generator, cuts, known=True)
    cuts = _refined(y, weights, sorted(cuts))
    scaled = (y - _fitted(y, weights, cuts)) * np.sqrt(weights)
    correlation = _neighbour_correlation(scaled, scaled)
    inflation = 1.0
    if correlation > 1 / sqrt(len(y)):
        inflation = (1 + correlation) / (1 - correlation)
    changes = _described(y, weights, cuts, inflation)
    return ChangePoints(statistic, pvalue, changes, correlation, season)


def _without_season(y: Floats, places: NDArray[np.intp], period: int | None) -> tuple[Floats, bool]:
    """The series without a repeating pattern, where there is one.

    The pattern is the median of each phase about the running mean of a whole period: a change of
    level touches few values of each phase.
    """
    from scipy.special import fdtrc

    if period is None or period < 2 or len(y) < _LEAST_CYCLES * period:
        return y, False
    kernel = np.ones(period) / period
    padded = np.pad(y, ((period // 2, (period - 1) // 2), (0, 0)), mode="edge")
    trend = np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)
    rest = y - trend
    inner = slice(period // 2, len(y) - (period - 1) // 2)
    rest, phase = rest[inner], (places % period)
    pattern = np.zeros((period, y.shape[1]))
    for number in range(period):
        own = rest[phase[inner] == number]
        if len(own) < 2:
            return y, False
        pattern[number] = np.median(own, axis=0)
    pattern -= pattern.mean(axis=0)
    within = rest - pattern[phase[inner]]
    free = len(rest) - period
    explained = (rest**2).sum(axis=0) - (within**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(explained / (period - 1) / ((within**2).sum(axis=0) / free))
    there = fdtrc(period - 1, free, np.maximum(ratio, 0)) <= _SEASON_LEVEL / y.shape[1]
    return y - np.where(there, pattern[phase], 0.0), bool(there.any())


def _weights(y: Floats, n: Floats, variance: Floats) -> Floats:
    """1 / variance of each window's value, up to a factor, for each column.

    The variance is that of its rows and one between windows; the latter from neighbours, so that a
    change of level does not count as noise.
    """
    weights = np.ones_like(y)
    for column, own in enumerate(variance):
        if own <= 0:
            continue
        rows = own / n
        excess = np.diff(y[:, column]) ** 2 / 2 - (rows[1:] + rows[:-1]) / 2
        between = max(float(np.sort(excess)[: max(len(excess) - 3, 1)].mean()), 0.0)
        weights[:, column] = 1 / (between + rows)
    return np.asarray(weights / weights.mean(axis=0))


def _test(
    y: Floats, weights: Floats, n_resamples: int, generator: np.random.Generator
) -> tuple[float, float]:
    """The largest gain of any cut or spell in any column, and its p-value by permuted windows."""
    centre = (y * weights).sum(axis=0) / weights.sum(axis=0)
    residuals = (y - centre) * np.sqrt(weights)
    residuals[np.abs(y - centre) <= 1e-9 * np.abs(y).max(axis=0)] = 0.0
    residuals = residuals / np.maximum(np.abs(residuals).max(axis=0), 1e-300)
    observed = float(_largest(residuals[None], weights)[0])
    block, captured = _block(residuals)
    hits, step = 0, max(_VALUES_AT_ONCE // residuals.size, 1)
    for start in range(0, n_resamples, step):
        order = _orders(len(y), block, min(step, n_resamples - start), generator)
        hits += int(np.sum(_largest(residuals[order], weights) >= observed * captured * (1 - 1e-9)))
    return observed, (hits + 1) / (n_resamples + 1)


def _largest(residuals: Floats, weights: Floats) -> Floats:
    """(b,) the largest share of its squares that one cut or spell explains in (b, k, d) series."""
    best = np.zeros(len(residuals))
    for column in range(residuals.shape[2]):
        clock = weights[:, column]
        steps = residuals[:, :, column] * np.sqrt(clock)
        sums, time = np.cumsum(steps, axis=1), np.cumsum(clock)
        end = sums[:, -1:]
        squares = (residuals[:, :, column] ** 2).sum(axis=1) - end[:, 0] ** 2 / time[-1]
        bridge = sums - end * (time / time[-1])
        cuts = slice(_MIN_SEGMENT - 1, clock.size - _MIN_SEGMENT)
        scale = time[-1] / (time * (time[-1] - time) + 1e-300)
        gain = (bridge[:, cuts] ** 2 * scale[cuts]).max(axis=1)
        begin, end_ = _spells(clock.size)
        if begin.size:
            length = time[end_] - time[begin]
            spell = (bridge[:, end_] - bridge[:, begin]) ** 2
            spell *= time[-1] / (length * (time[-1] - length))
            np.maximum(gain, spell.max(axis=1), out=gain)
        np.maximum(best, gain / np.maximum(squares, 1e-12 * gain.max() + 1e-300), out=best)
    return best


def _spells(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Ends of the spells that are looked at: inside the series, on a grid."""
    if size < _SPELLS_FROM:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    marks = np.unique(np.rint(np.linspace(0, size, _SPELL_GRID + 1)).astype(np.intp))[1:-1] - 1
    begin, end = (ends.ravel() for ends in np.meshgrid(marks, marks, indexing="ij"))
    length = end - begin
    kept = (length >= max(3, size / 10)) & (length <= 0.7 * size)
    return begin[kept], end[kept]


def _block(residuals: Floats) -> tuple[int, float]:
    """How many neighbours to keep together: 1 unless they are alike.

    And the share of the long-run variance of an autoregression that blocks so long keep.
    """
    size = len(residuals)
    correlation = _neighbour_correlation(residuals, _about_one_change(residuals))
    if correlation <= 0.6 / sqrt(size):
        return 1, 1.0
    correlation = min(correlation + 0.35 / sqrt(size), 0.9)  # the smaller of two estimates
    block = max(1, min(ceil(1 + 6 * correlation), size // 10))
    lags = np.arange(1, block)
    kept = 1 + 2 * float(((1 - lags / block) * correlation**lags).sum())
    return block, kept * (1 - correlation) / (1 + correlation)


def _neighbour_correlation(residuals: Floats, about_levels: Floats) -> float:
    """The lag-1 correlation of an autoregression whose level may change, the largest of a column.

    The smaller of two estimates. One from differences: E (y[k+1] - y[k])^2 = 2 v (1 - r) and
    E (y[k+2] - y[k])^2 = 2 v (1 - r^2), so their ratio is 1 + r; the largest squares, which
    changes make, are left out (a change makes twice as many in the latter). One from what is left
    about estimated levels, put right for the estimating.
    """
    near, far = (
        np.sort((residuals[lag:] - residuals[:-lag]) ** 2, axis=0)[: -2 - lag].mean(axis=0)
        for lag in (1, 2)
    )
    by_steps = np.divide(far, near, out=np.ones_like(far), where=near > 0) - 1
    squares = (about_levels**2).sum(axis=0)
    products = (about_levels[1:] * about_levels[:-1]).sum(axis=0)
    by_levels = np.divide(products, squares, out=np.zeros_like(far), where=squares > 0)
    by_levels += _LOST_BY_FITTING / len(residuals)
    return float(np.clip(np.minimum(by_steps, by_levels).max(), 0.0, 0.9))


def _about_one_change(residuals: Floats) -> Floats:
    """What is left of each column about its best step or ramp."""
    left = np.empty_like(residuals)
    equal = np.ones((len(residuals), 1))
    for column in range(residuals.shape[1]):
        own = residuals[:, [column]]
        rest = own - _fitted(own, equal, [_best_cut(own, equal)])
        ramp = best_ramp(own[:, 0], equal[:, 0], grid=_COARSE)
        if ramp is not None and ramp.left < float((rest**2).sum()):
            rest = own - ramp.fitted(own[:, 0], equal[:, 0])[:, None]
        left[:, column] = rest[:, 0]
    return left


def _orders(size: int, block: int, count: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """(count, size) random orders of blocks of neighbours, beginning anywhere on the circle."""
    if block == 1:
        return np.argsort(generator.random((count, size)), axis=1)
    blocks = np.arange(size) // block
    keys = generator.random((count, int(blocks[-1]) + 1))[:, blocks]
    begin = generator.integers(0, size, size=(count, 1))
    return np.asarray((np.argsort(keys, axis=1, kind="stable") + begin) % size)


def _split(
    y: Floats,
    weights: Floats,
    low: int,
    high: int,
    level: float,
    n_resamples: int,
    generator: np.random.Generator,
    cuts: list[int],
    *,
    known: bool = False,
) -> None:
    """Cut a stretch where it changed, and its parts in turn."""
    if high - low < MIN_WINDOWS:
        return
    own, clock = y[low:high], weights[low:high]
    if not known and _test(own, clock, n_resamples, generator)[1] > level * (high - low) / len(y):
        return
    cut = low + _best_cut(own, clock)
    cuts.append(cut)
    _split(y, weights, low, cut, level, n_resamples, generator, cuts)
    _split(y, weights, cut, high, level, n_resamples, generator, cuts)


def _gains(y: Floats, weights: Floats) -> Floats:
    """(k - 1,) what each cut takes off the weighted sum of squares, in units of its noise."""
    total = np.zeros(len(y) - 1)
    for values, clock in zip(y.T, weights.T, strict=True):
        time, sums = np.cumsum(clock), np.cumsum((values - values.mean()) * clock)
        bridge = sums[:-1] - sums[-1] * time[:-1] / time[-1]
        gain = bridge**2 * time[-1] / (time[:-1] * (time[-1] - time[:-1]))
        scale = np.median(np.diff(values) ** 2 * clock[1:]) + 1e-3 * gain.max() + 1e-300
        total += gain / scale if y.shape[1] > 1 else gain
    return total


def _best_cut(y: Floats, weights: Floats) -> int:
    """The window before which one cut is best, at least two windows from both ends."""
    gains = _gains(y, weights)
    inner = slice(_MIN_SEGMENT - 1, len(y) - _MIN_SEGMENT)
    return int(np.argmax(gains[inner])) + _MIN_SEGMENT


def _refined(y: Floats, weights: Floats, cuts: Sequence[int]) -> list[int]:
    """Each cut anew, between its neighbours."""
    result = list(cuts)
    for number in range(len(result)):
        low = result[number - 1] if number else 0
        high = result[number + 1] if number + 1 < len(result) else len(y)
        if high - low >= 2 * _MIN_SEGMENT:
            result[number] = low + _best_cut(y[low:high], weights[low:high])
    return result


def _fitted(y: Floats, weights: Floats, cuts: Sequence[int]) -> Floats:
    fitted = np.empty_like(y)
    for low, high in _between(cuts, len(y)):
        own = slice(low, high)
        fitted[own] = (y[own] * weights[own]).sum(axis=0) / weights[own].sum(axis=0)
    return fitted


def _between(cuts: Sequence[int], size: int) -> list[tuple[int, int]]:
    return list(zip([0, *cuts], [*cuts, size], strict=True))


def _described(
    y: Floats, weights: Floats, cuts: Sequence[int], inflation: float
) -> tuple[Change, ...]:
    """The cuts as changes, each run of cuts in one direction as a ramp where that fits better.

    Of several columns the one that moved most decides.
    """
    if not cuts:
        return ()
    bounds = [0, *cuts, len(y)]
    steps = np.diff([_mean(y, weights, *pair) for pair in _between(cuts, len(y))], axis=0)
    moved = int(
        np.argmax((np.abs(steps) / (np.abs(np.diff(y, axis=0)).mean(axis=0) + 1e-300)).sum(axis=0))
    )
    one, clock = y[:, [moved]], weights[:, [moved]]
    changes: list[Change] = []
    for run in _runs(np.sign(steps[:, moved])):
        low, high = bounds[run[0]], bounds[run[-1] + 2]
        inner = [bounds[number + 1] - low for number in run]
        ramp = best_ramp(one[low:high, 0], clock[low:high, 0], inflation)
        gain = 0.0
        if ramp is not None:
            gain = _gain(one[low:high], clock[low:high], inner, ramp.left) / inflation
        if ramp is not None and gain > _enough(len(inner), high - low):
            before, after = zip(
                *(
                    ramp.levels(y[low:high, column], weights[low:high, column])
                    for column in range(y.shape[1])
                ),
                strict=True,
            )
            changes.append(
                Change(
                    low + ramp.first,
                    low + ramp.low,
                    low + ramp.high,
                    low + ramp.last,
                    before,
                    after,
                )
            )
            continue
        for number in run:
            low, cut, high = bounds[number : number + 3]
            least, most = _near(one[low:high], clock[low:high], cut - low, inflation)
            if ramp is not None and len(run) == 1 and gain > _PERHAPS:
                least, most = min(least, ramp.low), max(most, ramp.high)
            before, after = (
                tuple(_mean(y, weights, *pair).tolist()) for pair in ((low, cut), (cut, high))
            )
            changes.append(Change(cut, low + least, low + most, None, before, after))
    return tuple(changes)


def _gain(y: Floats, weights: Floats, cuts: Sequence[int], left: float) -> float:
    """Twice the log likelihood ratio of a ramp that leaves so much to these cuts."""
    stairs = float((weights * (y - _fitted(y, weights, cuts)) ** 2).sum())
    tiny = 1e-12 * float((weights * y**2).sum()) + 1e-300
    return len(y) * (log(stairs + tiny) - log(left + tiny))


def _enough(n_cuts: int, size: int) -> float:
    """What BIC asks of a ramp (two levels, two ends) in the place of a level for each stair.

    In the place of a single step it asks three times as much: there are many ramps to choose from,
    and most changes of a system are at once.
    """
    return (3 if n_cuts == 1 else 3 - 2 * n_cuts) * log(size)


def _runs(directions: NDArray[np.float64]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number, direction in enumerate(directions):
        if number and direction == directions[number - 1]:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _mean(y: Floats, weights: Floats, low: int, high: int) -> Floats:
    return np.asarray((y[low:high] * weights[low:high]).sum(axis=0) / weights[low:high].sum(axis=0))


def _near(y: Floats, weights: Floats, cut: int, inflation: float) -> tuple[int, int]:
    """The first and the last cut that is not much worse than this one."""
    gains = _gains(y, weights)
    noise = _noise(y, weights, _fitted(y, weights, [cut]), 2)
    allowed = (
        np.flatnonzero(gains >= gains[cut - 1] - profile_quantile(len(y)) * noise * inflation) + 1
    )
    return int(min(allowed[0], cut)), int(max(allowed[-1], cut))


def _noise(y: Floats, weights: Floats, fitted: Floats, parameters: int) -> float:
    free = max(len(y) - parameters, 1)
    return float((weights * (y - fitted) ** 2).sum()) / free
