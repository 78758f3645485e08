"""Is a change found that is there? (seeded simulations)"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
REPETITIONS = 200

SHIFTS: dict[str, Draw] = {
    "normal": lambda rng, n: (rng.normal(size=n), rng.normal(0.2, 1, size=n)),
    "heavy tails": lambda rng, n: (
        rng.standard_t(3, size=n),
        rng.standard_t(3, size=n) + 0.2 * np.sqrt(3),
    ),
    "lognormal": lambda rng, n: (
        np.exp(rng.normal(size=n)),
        np.exp(rng.normal(size=n)) + 0.2 * 2.16,
    ),
    "rounded": lambda rng, n: (
        rng.normal(size=n).round(1),
        rng.normal(0.2, 1, size=n).round(1),
    ),
    "counts": lambda rng, n: (rng.poisson(3, n), rng.poisson(3 + 0.2 * np.sqrt(3), n)),
}


@pytest.mark.slow
@pytest.mark.parametrize("law", SHIFTS)
def test_a_shift_is_found_as_often_as_by_the_better_of_two_tests(law: str) -> None:
    rng = np.random.default_rng(31)
    found = []
    for _ in range(REPETITIONS):
        old, new = SHIFTS[law](rng, 300)
        column = drift(pa.table({"x": old}), pa.table({"x": new})).columns[0]
        alone = (column.statistics["welch_t_pvalue"], column.statistics["ks_pvalue"])
        found.append(np.array([column.pvalue, *alone]) <= 0.05)
    ours, *others = np.array(found).T
    best = max(others, key=np.sum)
    noise = np.std(best.astype(float) - ours) / np.sqrt(REPETITIONS)  # of the same tables
    assert best.mean() - ours.mean() <= 0.03 + 2 * noise


@pytest.mark.slow
def test_the_minimum_detectable_effect_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(32)
    n = 400
    user = np.arange(n) // 10

    def users(moved: float, start: int) -> pa.Table:
        shared = np.repeat(rng.normal(size=n // 10), 10)
        values = np.sqrt(0.5) * (shared + rng.normal(size=n)) + moved
        return pa.table({"x": values, "user": user + start})

    def cases(moved: float, common: np.ndarray) -> pa.Table:
        values = np.sqrt(0.7) * common + np.sqrt(0.3) * rng.normal(size=n)
        return pa.table({"x": values + moved, "id": np.arange(n)})

    def rates(moved: float) -> pa.Table:
        return pa.table({"x": rng.random(n) < 0.3 + moved})

    def by_user(moved: float) -> tuple[pa.Table, pa.Table]:
        return users(0.0, 0), users(moved, 1000)

    def by_key(moved: float) -> tuple[pa.Table, pa.Table]:
        common = rng.normal(size=n)
        return cases(0.0, common), cases(moved, common)

    draws: dict[str, tuple[Callable[[float], tuple[pa.Table, pa.Table]], dict[str, str]]] = {
        "rates": (lambda moved: (rates(0.0), rates(moved)), {}),
        "clusters": (by_user, {"cluster": "user"}),
        "pairs": (by_key, {"key": "id"}),
    }
    for name, (draw, options) in draws.items():
        reported = [
            drift(*draw(0.0), **options).columns[0].minimum_detectable_effect for _ in range(9)
        ]
        size = float(np.median(reported))
        found = [drift(*draw(size), **options).columns[0].pvalue <= 0.05 for _ in range(60)]
        assert np.mean(found) == pytest.approx(0.8, abs=0.05 + 0.10), name  # and two errors
