"""Do clusters count as what they are: one observation each, not many?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.clusters import cluster_design
from aiir_eval.drift.columns import Column, read_column
from aiir_eval.drift.detecting import drift
from aiir_eval.errors import TableError

Window = Callable[..., pa.Table]


def test_rows_of_one_cluster_do_not_count_as_many(clustered_window: Window) -> None:
    rng = np.random.default_rng(11)
    naive = robust = 0
    for _ in range(60):
        old = clustered_window(rng, 200, "a", icc=0.9)
        new = clustered_window(rng, 200, "b", icc=0.9)
        columns = ["score", "passed"]
        naive += drift(old, new, columns=columns).conclusion == "drift"
        robust += drift(old, new, columns=columns, cluster="user").conclusion == "drift"
    assert naive > 20
    assert robust <= 9  # 5% of 60 is 3


def test_a_change_of_all_clusters_is_seen(clustered_window: Window) -> None:
    rng = np.random.default_rng(12)
    old, new = clustered_window(rng, 2000, "a"), clustered_window(rng, 2000, "b")
    new = new.set_column(1, "score", pa.array(new["score"].to_numpy() + 0.8))
    report = drift(old, new, cluster="user")
    assert [item.column for item in report.columns if item.drifted] == ["score"]
    assert "user" not in {item.column for item in report.columns}
    assert any("400 clusters, 0 of them on both sides" in note for note in report.notes)


def test_few_clusters_are_relabelled_in_every_way() -> None:
    """Six against six clusters: the p-value is the share of the 924 relabellings, by hand."""
    rng = np.random.default_rng(13)
    values, users = rng.normal(size=36), np.repeat(np.arange(12), 3)
    values[:18] += 0.7
    old = pa.table({"x": values[:18], "user": users[:18]})
    new = pa.table({"x": values[18:], "user": users[18:]})
    sums = values.reshape(12, 3).sum(axis=1)
    gaps = [abs(2 * sums[list(chosen)].sum() - sums.sum()) for chosen in combinations(range(12), 6)]
    exact = np.mean(np.array(gaps) >= abs(2 * sums[:6].sum() - sums.sum()) - 1e-9)
    design = cluster_design(old, new, "user", n_resamples=9999, rng=0)
    column = read_column("x", old, new)
    assert isinstance(column, Column)
    pvalues = design.of_rate(column).pvalues
    assert pvalues["two-sided"] == pytest.approx(exact, abs=0.015)
    assert pvalues["less"] < pvalues["greater"]


def test_clusters_on_both_sides_are_compared_with_themselves() -> None:
    """Users differ widely, each gets a little slower: only a paired test can see it."""
    rng = np.random.default_rng(14)
    users = rng.normal(0, 5, size=100)
    old = pa.table({"x": users + rng.normal(0, 0.3, 100), "user": np.arange(100)})
    new = pa.table({"x": users + 0.5 + rng.normal(0, 0.3, 100), "user": np.arange(100)})
    other = new.set_column(1, "user", pa.array(np.arange(100, 200)))
    assert drift(old, new, cluster="user").columns[0].pvalue < 0.01
    assert drift(old, other, cluster="user").columns[0].pvalue > 0.1


def test_too_few_clusters_are_inconclusive_whatever_the_data() -> None:
    rng = np.random.default_rng(15)
    old = pa.table({"x": rng.normal(0, 1, 100), "day": np.repeat([1, 2], 50)})
    new = pa.table({"x": rng.normal(9, 1, 100), "day": np.repeat([3, 4], 50)})
    report = drift(old, new, cluster="day")
    assert report.conclusion == "inconclusive"
    assert any("too few clusters: no p-value can fall below 0.33" in text for text in report.notes)


def test_a_single_cluster_gives_no_precision() -> None:
    rng = np.random.default_rng(16)
    tables = [pa.table({"x": rng.normal(0, 1, 50), "day": [day] * 50}) for day in (1, 2)]
    effect = drift(*tables, cluster="day").columns[0].effect
    assert effect.high - effect.low > 4


def test_the_interval_covers_the_truth_with_clusters(clustered_window: Window) -> None:
    rng = np.random.default_rng(17)
    covered = {"score": 0, "passed": 0}
    for _ in range(100):
        old, new = clustered_window(rng, 400, "a"), clustered_window(rng, 400, "b")
        for item in drift(old, new, cluster="user", columns=list(covered)).columns:
            covered[item.column] += item.effect.low <= 0 <= item.effect.high
    assert min(covered.values()) >= 88


def test_more_clusters_than_units_are_joined_and_still_seen() -> None:
    rng = np.random.default_rng(18)
    n = 12_000
    old = pa.table({"x": rng.normal(0, 1, n), "user": np.arange(n) // 2})
    new = pa.table({"x": rng.normal(0.2, 1, n), "user": n + np.arange(n) // 2})
    design = cluster_design(old, new, "user", n_resamples=99, rng=0)
    assert design.labels.n_units <= 4096
    assert drift(old, new, cluster="user").conclusion == "drift"


def test_the_same_seed_gives_the_same_pvalues(clustered_window: Window) -> None:
    rng = np.random.default_rng(19)
    old, new = clustered_window(rng, 200, "a"), clustered_window(rng, 200, "b")
    first, second, other = (drift(old, new, cluster="user", rng=seed) for seed in (1, 1, 2))
    assert first.to_dict() == second.to_dict()
    assert first.to_dict() != other.to_dict()


def test_clusters_may_be_whole_numbers_on_one_side_and_text_on_the_other() -> None:
    rng = np.random.default_rng(20)
    users = np.arange(60) // 3
    old = pa.table({"x": rng.normal(size=60), "user": users})
    new = pa.table({"x": rng.normal(size=60), "user": [str(user) for user in users]})
    report = drift(old, new, cluster="user")
    assert any("20 clusters, 20 of them on both sides" in note for note in report.notes)


def test_a_row_without_a_cluster_is_an_error_that_names_it() -> None:
    table = pa.table({"x": [1.0, 2.0, 4.0], "user": ["a", None, "b"]})
    with pytest.raises(TableError, match="row 2 of reference belongs to no cluster"):
        drift(table, table, cluster="user")


def test_a_few_clusters_on_one_side_only_do_not_blur_many_pairs() -> None:
    rng = np.random.default_rng(21)
    users = rng.normal(size=200)[np.arange(400) // 2]
    old = pa.table({"x": users + 0.1 * rng.normal(size=400), "user": np.arange(400) // 2})
    new = pa.table({"x": users + 0.1 * rng.normal(size=400), "user": np.arange(400) // 2})
    extra = pa.table({"x": [0.3, 0.2], "user": [900, 900]})
    effect = drift(old, pa.concat_tables([new, extra]), cluster="user").columns[0].effect
    assert effect.high - effect.low < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("sides", [((100, 10), (20, 2)), ((60, 20), (60, 2))])
def test_windows_of_other_length_do_not_look_like_drift(
    sides: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    """Users write fewer rows in a shorter window; the same users in the second case."""
    rng = np.random.default_rng(22)
    alarms, runs = 0, 100
    for _ in range(runs):
        tables = []
        for number, (users, rows) in enumerate(sides):
            user = np.repeat(np.arange(users), rows)
            values = rng.normal(size=users)[user] + rng.normal(size=user.size)
            start = 0 if sides[0][0] == sides[1][0] else 1000 * number
            tables.append(pa.table({"x": values, "passed": values < 1, "user": user + start}))
        report = drift(*tables, cluster="user", min_effect=0)
        alarms += report.conclusion == "drift"
    assert alarms / runs <= 0.06 + 2.5 * np.sqrt(0.06 * 0.94 / runs)


@pytest.mark.parametrize("unit", [1e-300, 1e-25, 1e19, 1e155, 1e300])
@pytest.mark.parametrize("options", [{}, {"cluster": "user"}, {"key": "row"}])
@pytest.mark.filterwarnings("error")
def test_the_unit_of_a_column_changes_nothing(unit: float, options: dict[str, str]) -> None:
    rng = np.random.default_rng(15)
    users, rows = np.repeat(np.arange(600), 2), np.arange(1200)
    old = rng.normal(size=1200)
    new = old + 0.3 * rng.normal(0.1, 1, size=1200)
    found = []
    for scale in (1.0, unit):
        sides = [
            pa.table({"x": values * scale, "user": users, "row": rows}) for values in (old, new)
        ]
        found.append(drift(*sides, columns=["x"], **options).columns[0])  # type: ignore[arg-type]
    plain, scaled = found
    assert scaled.pvalue == pytest.approx(plain.pvalue, rel=1e-9)
    assert scaled.effect.estimate == pytest.approx(plain.effect.estimate, rel=1e-9)
    assert scaled.effect.low == pytest.approx(plain.effect.low, rel=1e-9)
    assert scaled.minimum_detectable_effect == pytest.approx(plain.minimum_detectable_effect)


@pytest.mark.parametrize("outlier", [5.0, 1e154, 1e300])
def test_one_pair_that_differs_is_no_change_of_a_thousand(outlier: float) -> None:
    """Kept or swapped, it is as extreme: what rounding leaves of the others must not decide."""
    values = np.random.default_rng(16).normal(size=1000)
    changed = values.copy()
    changed[7] = outlier
    sides = [pa.table({"x": side, "row": np.arange(1000)}) for side in (values, changed)]
    assert drift(*sides, key="row").columns[0].pvalue == 1.0
