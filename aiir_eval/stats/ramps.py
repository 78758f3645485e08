"""Did a level change little by little, and from when on?"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_VALUES_AT_ONCE = 2**21


@dataclass(frozen=True, slots=True)
class Ramp:
    """A level, a straight way to another one, and that other level. Positions count windows.

    `first` is the first window that differs from the old level, `low` and `high` bound it, and
    `last` is the first one at the new level. `left` is the weighted sum of squares about it.
    """

    first: int
    low: int
    high: int
    last: int
    left: float

    def fitted(self, values: Floats, weights: Floats) -> Floats:
        """The ramp itself."""
        before, after = self.levels(values, weights)
        shape = ramp_shapes(np.array([[self.first - 1], [self.last]]), values.size)[0]
        return np.asarray(before + (after - before) * shape)

    def levels(self, values: Floats, weights: Floats) -> tuple[float, float]:
        """The old and the new level of a series that changes at these times."""
        shape = ramp_shapes(np.array([[self.first - 1], [self.last]]), values.size)[0]
        total = weights.sum()
        middle, mean = (shape * weights).sum() / total, (values * weights).sum() / total
        spread = (weights * (shape - middle) ** 2).sum()
        slope = float((weights * (shape - middle) * (values - mean)).sum() / spread)
        before = float(mean - slope * middle)
        return before, before + slope


def best_ramp(
    values: Floats, weights: Floats, inflation: float = 1.0, *, grid: int = 128
) -> Ramp | None:
    """The ramp of at least two windows that leaves least; None in fewer than four windows.

    Parameters
    ----------
    values, weights : (k,) ndarray
        The values of windows, and the reciprocals of their variances up to a factor.
    inflation : float
        Long-run variance over variance, where neighbouring windows correlate.
    grid : int
        Positions of each end that are tried at first; then all around the best ones.

    Notes
    -----
    `low` and `high` hold every onset that was tried whose profile likelihood is not much worse.
    """
    size = values.size
    stride = ceil(size / grid)
    coarse = np.arange(0, size, stride)
    firsts, lasts = np.meshgrid(coarse, coarse, indexing="ij")
    pairs = np.stack([firsts.ravel(), lasts.ravel()])[:, (lasts - firsts).ravel() >= 2]
    if size < 4 or pairs.shape[1] == 0:
        return None
    left = _left_over(values, weights, pairs)
    first, last = (int(end) for end in pairs[:, np.argmin(left)])
    if stride > 1:
        near = np.arange(-stride, stride + 1)
        firsts, lasts = np.meshgrid(first + near, last + near, indexing="ij")
        fine = np.stack([firsts.ravel(), lasts.ravel()])
        fine = fine[:, (fine[1] - fine[0] >= 2) & (fine[0] >= 0) & (fine[1] < size)]
        pairs = np.concatenate([pairs, fine], axis=1)
        left = np.concatenate([left, _left_over(values, weights, fine)])
        first, last = (int(end) for end in pairs[:, np.argmin(left)])
    smallest = float(left.min())
    tolerance = profile_quantile(size) * smallest / max(size - 4, 1) * inflation
    allowed = pairs[0, left <= smallest + tolerance] + 1
    return Ramp(first + 1, int(allowed.min()), int(allowed.max()), last, smallest)


def profile_quantile(size: int) -> float:
    """The 95% quantile of twice the log likelihood ratio of the best cut to the true one.

    From P(x) = (1 - exp(-x / 2))^2, with the t quantile in place of the normal one for the noise
    that was estimated.
    """
    from scipy.special import stdtrit

    widening = float(stdtrit(max(size - 3, 2), 0.975)) / 1.959964
    return -2 * log(1 - sqrt(0.95)) * widening**2


def ramp_shapes(pairs: NDArray[np.intp], size: int) -> Floats:
    """(m, size): 0 up to and with the first window of each pair, 1 from its second one on."""
    windows = np.arange(size)
    width = np.maximum(pairs[1] - pairs[0], 1)
    return np.asarray(np.clip((windows - pairs[0][:, None]) / width[:, None], 0.0, 1.0))


def _left_over(y: Floats, weights: Floats, pairs: NDArray[np.intp]) -> Floats:
    """(m,) weighted sum of squares about the best ramp between each pair of windows."""
    total = weights.sum()
    centred = y - (weights * y).sum() / total
    result = np.full(pairs.shape[1], inf)
    step = max(_VALUES_AT_ONCE // y.size, 1)
    for start in range(0, pairs.shape[1], step):
        shape = ramp_shapes(pairs[:, start : start + step], y.size)
        middle = shape @ weights / total
        spread = (shape**2) @ weights - total * middle**2
        together = shape @ (weights * centred)
        explained = np.divide(together**2, spread, out=np.zeros_like(spread), where=spread > 1e-12)
        result[start : start + step] = float((weights * centred**2).sum()) - explained
    return np.asarray(np.maximum(result, 0.0))
