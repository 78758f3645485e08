"""How often does a report cry drift where nothing changed? (seeded simulations)"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift

Window = Callable[..., pa.Table]
REPETITIONS = 120


def at_most(level: float) -> float:
    """`level` and three Monte Carlo standard errors."""
    return level + 3 * np.sqrt(level * (1 - level) / REPETITIONS)


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 1000])
def test_unchanged_tables_drift_in_at_most_five_percent(window: Window, n: int) -> None:
    rng = np.random.default_rng(n)
    alarms = 0
    each: dict[str, list[float]] = {}
    for _ in range(REPETITIONS):
        report = drift(window(rng, n), window(rng, n))
        alarms += report.conclusion == "drift"
        for column in report.columns:
            each.setdefault(column.column, []).append(column.pvalue)
    assert alarms / REPETITIONS <= at_most(0.05)
    for name, pvalues in each.items():
        assert np.mean(np.array(pvalues) <= 0.05) <= at_most(0.06), name


@pytest.mark.slow
@pytest.mark.parametrize("n", [100])
def test_unchanged_clusters_drift_in_at_most_five_percent(clustered_window: Window, n: int) -> None:
    rng = np.random.default_rng(n)
    alarms = sum(
        drift(
            clustered_window(rng, n, "a"), clustered_window(rng, n, "b"), cluster="user"
        ).conclusion
        == "drift"
        for _ in range(REPETITIONS)
    )
    assert alarms / REPETITIONS <= at_most(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "power"), [(200, 0.38), (1000, 0.90), (10_000, 0.995)])
def test_a_pass_rate_that_falls_from_90_to_85_is_seen(n: int, power: float) -> None:
    rng = np.random.default_rng(n)
    seen = sum(
        drift(
            pa.table({"passed": rng.random(n) < 0.90}),
            pa.table({"passed": rng.random(n) < 0.85}),
            primary="passed",
        ).conclusion
        == "drift"
        for _ in range(REPETITIONS)
    )
    assert seen / REPETITIONS >= power - 3 * np.sqrt(power * (1 - power) / REPETITIONS)


@pytest.mark.slow
def test_an_unchanged_primary_drifts_in_at_most_five_percent() -> None:
    rng = np.random.default_rng(3)
    seen = sum(
        drift(
            pa.table({"passed": rng.random(300) < 0.9}),
            pa.table({"passed": rng.random(300) < 0.9}),
            primary="passed",
        ).conclusion
        == "drift"
        for _ in range(REPETITIONS)
    )
    assert seen / REPETITIONS <= at_most(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("n", [50])
def test_unchanged_pairs_drift_in_at_most_five_percent(n: int) -> None:
    rng = np.random.default_rng(n)
    alarms = 0
    for _ in range(REPETITIONS):
        common = rng.normal(size=n)
        sides = []
        for _side in range(2):
            values = (common + rng.normal(size=n)) / np.sqrt(2)
            sides.append(
                pa.table(
                    {
                        "id": np.arange(n),
                        "cost": np.exp(values).round(1),
                        "passed": values < 1.5,
                        "route": [f"r{code}" for code in np.digitize(values, [-1, 0, 1])],
                    }
                )
            )
        alarms += drift(*sides, key="id").conclusion == "drift"
    assert alarms / REPETITIONS <= at_most(0.05)
