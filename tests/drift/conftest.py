"""Windows of observations that differ in nothing, unless a test makes them differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest


def _levels(numbers: np.ndarray) -> pa.Array:
    """Numbers as the names of levels."""
    return pa.array([f"level {number}" for number in numbers])


def _window(rng: np.random.Generator, n: int) -> pa.Table:
    """Columns of every kind: heavy tails, ties, rare truths, few and many levels."""
    common = 1 / np.arange(1, 1001)
    return pa.table(
        {
            "normal": rng.normal(size=n),
            "heavy": np.round(np.exp(1.5 * rng.normal(size=n)), 1),
            "count": rng.poisson(3, size=n),
            "half": rng.random(n) < 0.5,
            "rare": rng.random(n) < 0.97,
            "eight": _levels(rng.integers(0, 8, size=n)),
            "fifty": _levels(rng.integers(0, 50, size=n)),
            "thousand": _levels(rng.choice(1000, size=n, p=common / common.sum())),
        }
    )


def _clustered_window(
    rng: np.random.Generator, n: int, name: str, *, size: int = 10, icc: float = 0.5
) -> pa.Table:
    """Rows of the same user are alike: `size` rows a user, intraclass correlation `icc`."""

    def draws() -> np.ndarray:
        users = np.repeat(rng.normal(size=n // size), size)
        return np.sqrt(icc) * users + np.sqrt(1 - icc) * rng.normal(size=n)

    return pa.table(
        {
            "user": [f"{name}{row // size}" for row in range(n)],
            "score": draws(),
            "cost": np.round(np.exp(draws()), 1),
            "passed": draws() < 0.8,
            "route": _levels(np.digitize(draws(), [-1.0, 0.0, 1.0])),
        }
    )


@pytest.fixture(scope="session")
def window() -> Callable[..., pa.Table]:
    return _window


@pytest.fixture(scope="session")
def clustered_window() -> Callable[..., pa.Table]:
    return _clustered_window
