"""Is a value missing more often on one side?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift

N = 400


def table(missing: float, seed: int, *, values: object = None) -> pa.Table:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=N) if values is None else values
    return pa.table({"x": pa.array(numbers, mask=rng.random(N) < missing), "y": rng.normal(size=N)})


def row(report: object, name: str) -> object:
    (found,) = [item for item in report.columns if item.column == name]
    return found


def test_more_nulls_are_a_change_of_a_rate() -> None:
    report = drift(table(0.02, 1), table(0.2, 2))
    found = row(report, "x is missing")
    assert found.kind == "boolean"
    assert found.drifted
    assert found.statistics["rate_current"] == pytest.approx(0.2, abs=0.06)
    assert not row(report, "x").drifted
    assert report.conclusion == "drift"


def test_a_column_without_a_missing_value_has_no_such_row() -> None:
    report = drift(table(0, 1), table(0, 2))
    assert [item.column for item in report.columns] == ["x", "y"]


def test_nan_is_missing_and_infinity_is_not() -> None:
    old, new = np.arange(float(N)), np.arange(float(N))
    new[:150], old[:9] = np.nan, np.inf
    report = drift(pa.table({"x": old}), pa.table({"x": new}))
    found = row(report, "x is missing")
    assert found.drifted
    assert found.statistics["rate_reference"] == 0
    assert found.statistics["rate_current"] == pytest.approx(150 / N)


def test_a_column_that_became_null_throughout_has_drifted() -> None:
    report = drift(table(0, 1), table(1, 2))
    assert row(report, "x is missing").drifted
    assert any("every value is null in current" in note for note in report.notes)


def test_null_throughout_on_both_sides_is_no_row() -> None:
    report = drift(table(1, 1), table(1, 2))
    assert [item.column for item in report.columns] == ["y"]


@pytest.mark.parametrize("dictionary", [False, True])
def test_missing_levels_count_in_a_dictionary_or_not(dictionary: bool) -> None:
    def levels(missing: int) -> pa.Array:
        values = pa.array([None if i < missing else f"r{i % 3}" for i in range(N)])
        return values.dictionary_encode() if dictionary else values

    report = drift(pa.table({"x": levels(0)}), pa.table({"x": levels(60)}))
    assert row(report, "x is missing").drifted
    assert not row(report, "x").drifted


def test_clusters_count_for_missing_values_too() -> None:
    rng = np.random.default_rng(3)

    def clustered(share: float, name: str) -> pa.Table:
        gone = np.repeat(rng.random(N // 20) < share, 20)  # a user's rows are missing together
        users = [f"{name}{i // 20}" for i in range(N)]
        return pa.table({"x": pa.array(rng.normal(size=N), mask=gone), "user": users})

    old, new = clustered(0.2, "a"), clustered(0.45, "b")
    naive, aware = drift(old, new), drift(old, new, cluster="user")
    assert row(naive, "x is missing").pvalue < 1e-3
    assert row(aware, "x is missing").pvalue > 0.01
