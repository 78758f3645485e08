"""What are the mean and the variance of numbers that are never seen together?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf, ldexp, nan, sqrt

import numpy as np
from numpy.typing import NDArray

_PLAIN_RANGE = (1e-120, 1e140)  # where squares neither vanish nor overflow


_IN_CACHE = 1 << 14


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and sum of squares, kept as exact rationals.

    Addition is exact, so it is associative and commutative to the last bit, and a variance loses
    nothing to cancellation however far the numbers lie from zero. What is rounded is only the sum
    over one batch, relative to the spread inside that batch (some 1e-15).
    """

    n: int = 0
    total: Fraction = Fraction(0)
    squares: Fraction = Fraction(0)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """NaN of no numbers."""
        return _rounded(self.total / self.n) if self.n else nan

    @property
    def variance(self) -> float:
        """Sample variance; NaN of fewer than two numbers."""
        return max(_rounded(self._variance), 0.0) if self.n > 1 else nan

    @property
    def sd(self) -> float:
        """Root of the variance, also where that is beyond doubles; NaN of fewer than two."""
        if self.n < 2:
            return nan
        exact = self._variance
        if exact <= 0:
            return 0.0
        shift = (exact.numerator.bit_length() - exact.denominator.bit_length()) // 2
        return ldexp(sqrt(exact / Fraction(4) ** shift), shift)

    @property
    def _variance(self) -> Fraction:
        return (self.squares - self.total**2 / self.n) / (self.n - 1)


def moments_of(values: NDArray[np.float64]) -> Moments:
    """The moments of finite numbers, of any size."""
    if values.size == 0:
        return Moments()
    largest = max(abs(float(values.max())), abs(float(values.min())))
    shift = 0
    if largest and not _PLAIN_RANGE[0] < largest < _PLAIN_RANGE[1]:
        shift = int(np.frexp(largest)[1])  # a power of two: dividing by it rounds nothing
        values = np.ldexp(values, -shift)
    centre = float(values.mean())
    sums, squares = [], []
    for start in range(0, values.size, _IN_CACHE):
        apart = values[start : start + _IN_CACHE] - centre
        sums.append(apart.sum())
        squares.append(np.einsum("i,i->", apart, apart))  # no thread of BLAS beside ours
    off, scatter = Fraction(float(np.sum(sums))), Fraction(float(np.sum(squares)))
    n, middle = values.size, Fraction(centre)
    unit = Fraction(2) ** shift
    total = n * middle + off
    return Moments(n, total * unit, (scatter + middle * (total + off)) * unit**2)


def _rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
