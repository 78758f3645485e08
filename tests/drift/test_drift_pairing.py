"""Do two versions of the same case cancel what they have in common, and is that said?"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from click.testing import CliRunner
from scipy import stats

from aiir_eval.cli.drift import drift as drift_command
from aiir_eval.drift.detecting import drift
from aiir_eval.drift.pairing import pair_rows
from aiir_eval.errors import InputError, TableError
from aiir_eval.stats.paired import paired_difference
from aiir_eval.tables.sources import open_source


def _cases(
    n: int, *, shift: float = 0.0, correlation: float = 0.8, seed: int = 1
) -> tuple[pa.Table, pa.Table]:
    """The same cases twice, the second time in another order."""
    rng = np.random.default_rng(seed)
    common, order = rng.normal(size=n), rng.permutation(n)
    sides = []
    for rows, moved in ((np.arange(n), 0.0), (order, shift)):
        own = rng.normal(size=n)
        values = np.sqrt(correlation) * common[rows] + np.sqrt(1 - correlation) * own + moved
        sides.append(
            pa.table(
                {
                    "id": rows,
                    "score": values,
                    "passed": values < 0.5,
                    "route": [f"r{code}" for code in np.digitize(values, [-1.0, 0.0, 1.0])],
                }
            )
        )
    return sides[0], sides[1]


def test_pairs_see_what_independent_rows_do_not() -> None:
    old, new = _cases(300, shift=0.15, seed=9)
    paired = {item.column: item for item in drift(old, new, key="id").columns}
    alone = {item.column: item for item in drift(old.drop(["id"]), new.drop(["id"])).columns}
    for name in ("score", "passed", "route"):
        assert paired[name].pvalue < 0.02 < alone[name].pvalue, name
    for name in ("score", "passed"):
        widths = [item[name].effect.high - item[name].effect.low for item in (paired, alone)]
        assert widths[0] < 0.75 * widths[1], name
        smallest = [item[name].minimum_detectable_effect for item in (paired, alone)]
        assert smallest[0] < 0.8 * smallest[1], name


def test_a_paired_rate_is_the_paired_difference_of_the_cases() -> None:
    old, new = _cases(400, shift=0.1)
    item = next(i for i in drift(old, new, key="id", columns="passed").columns)
    order = np.argsort(new["id"].to_numpy())
    expected = paired_difference(old["passed"].to_numpy(), new["passed"].to_numpy()[order])
    low, high = expected.confidence_interval()
    assert item.test == "mid-p McNemar test"
    assert item.pvalue == pytest.approx(expected.pvalue, rel=1e-12)
    assert (item.effect.estimate, item.effect.low, item.effect.high) == pytest.approx(
        (expected.estimate, low, high), rel=1e-12
    )


def test_a_paired_mean_agrees_with_the_paired_t_test() -> None:
    old, new = _cases(500, shift=0.06)
    item = next(i for i in drift(old, new, key="id", columns="score").columns)
    order = np.argsort(new["id"].to_numpy())
    before, after = old["score"].to_numpy(), new["score"].to_numpy()[order]
    expected = stats.ttest_rel(after, before)
    assert item.statistics["welch_t_pvalue"] == pytest.approx(expected.pvalue, abs=0.02)
    low, high = expected.confidence_interval()
    unit = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)
    assert item.effect.low == pytest.approx(low / unit, abs=0.002)
    assert item.effect.high == pytest.approx(high / unit, abs=0.002)


def test_few_pairs_are_swapped_in_every_way() -> None:
    """Seven pairs: the share of the 128 swaps whose mean difference is as large, by hand."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=7)
    y = x + rng.normal(0.5, 0.7, size=7)
    gaps = [abs(np.dot(signs, y - x)) for signs in product((-1, 1), repeat=7)]
    exact = np.mean(np.array(gaps) >= abs((y - x).sum()) - 1e-9)
    keys = np.arange(7)
    report = drift(pa.table({"id": keys, "x": x}), pa.table({"id": keys, "x": y}), key="id")
    item = next(i for i in report.columns if i.column == "x")
    assert item.statistics["welch_t_pvalue"] == pytest.approx(exact, abs=0.03)


def test_the_order_of_the_rows_changes_nothing() -> None:
    old, new = _cases(120, shift=0.2)
    shuffled = new.take(np.random.default_rng(2).permutation(120))
    assert drift(old, new, key="id").to_dict() == drift(old, shuffled, key="id").to_dict()


def test_keys_of_one_side_only_are_left_out_and_counted() -> None:
    old, new = _cases(100)
    more = new.set_column(0, "id", pa.array([*new["id"].to_pylist()[:90], *range(500, 510)]))
    report = drift(old, more, key="id")
    assert (report.n_reference, report.n_current) == (100, 100)
    text = "rows are paired by id: 90 pairs; left out, for the other side has no such key: "
    assert text + "10 in reference and 10 in current" in report.notes


def test_pairs_that_lack_a_value_on_either_side_are_left_out_of_that_column() -> None:
    old, new = _cases(200)
    holes = np.arange(200) % 4 == 0
    missing = old.set_column(1, "score", pa.array(old["score"].to_numpy(), mask=holes))
    order = np.argsort(new["id"].to_numpy())
    kept = new["score"].to_numpy()[order][~holes]
    item = next(i for i in drift(missing, new, key="id").columns if i.column == "score")
    assert item.statistics["mean_current"] == pytest.approx(kept.mean())
    assert "left out: 50 null in reference" in item.note


def test_several_columns_can_be_the_key() -> None:
    old, new = _cases(60)

    def two(table: pa.Table) -> pa.Table:
        ids = table["id"].to_numpy()
        halves = table.drop(["id"]).append_column("case", pa.array(ids // 2))
        return halves.append_column("trial", pa.array(ids % 2))

    one = drift(old, new, key="id")
    both = drift(two(old), two(new), key="case,trial")
    assert {i.column for i in both.columns} == {i.column for i in one.columns}
    pairing = pair_rows(open_source(two(old)), open_source(two(new)), ["case", "trial"])
    assert pairing.n_pairs == 60
    assert (old["id"].to_numpy()[pairing.reference] == new["id"].to_numpy()[pairing.current]).all()


def test_pairs_of_one_cluster_are_swapped_together() -> None:
    """Ten users whose cases all move together: ten observations, not two hundred."""
    rng = np.random.default_rng(8)
    users = np.repeat(np.arange(10), 20)
    moves = rng.normal(size=10)[users]
    x = rng.normal(size=200)
    old = pa.table({"id": np.arange(200), "user": users, "x": x})
    new = pa.table({"id": np.arange(200), "user": users, "x": x + moves})
    alone = next(i for i in drift(old, new, key="id").columns if i.column == "x")
    report = drift(old, new, key="id", cluster="user")
    together = next(i for i in report.columns if i.column == "x")
    expected = stats.ttest_1samp(moves.reshape(10, 20)[:, 0], 0).pvalue
    assert together.statistics["welch_t_pvalue"] == pytest.approx(expected, abs=0.08)
    assert alone.pvalue < together.pvalue
    assert any("10 clusters, 10 of them on both sides" in note for note in report.notes)


def test_a_paired_primary_must_be_worse_by_more_than_the_minimum() -> None:
    rng = np.random.default_rng(9)
    old = rng.random(2000) < 0.9
    new = np.where(rng.random(2000) < 0.05, False, old)
    tables = [pa.table({"id": np.arange(2000), "passed": side}) for side in (old, new)]
    assert drift(*tables, key="id", primary="passed").conclusion == "drift"
    assert drift(*reversed(tables), key="id", primary="passed").conclusion == "no_drift"
    loose = drift(*tables, key="id", primary="passed", min_effect={"rate": 0.06})
    assert loose.conclusion == "no_drift"


def test_too_few_pairs_are_inconclusive_whatever_the_data() -> None:
    old = pa.table({"id": range(5), "x": [1.0, 2.0, 3.0, 4.0, 5.0]})
    new = pa.table({"id": range(5), "x": [101.0, 102.0, 104.0, 104.5, 105.0]})
    assert drift(old, new, key="id").conclusion == "inconclusive"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids: ["a", "a", *ids[2:]], "rows 1 and 2 of current have the same key"),
        (lambda ids: [None, *ids[1:]], "row 1 of current has no key"),
        (lambda ids: [f"z{i}" for i in ids], "only 0 of the keys are on both sides"),
    ],
)
def test_a_key_that_names_no_case_is_an_error(change: object, message: str) -> None:
    ids = [str(i) for i in range(20)]
    old = pa.table({"id": ids, "x": np.arange(20.0)})
    new = pa.table({"id": pa.array(change(ids)), "x": np.arange(20.0)})  # type: ignore[operator]
    with pytest.raises(TableError, match=message):
        drift(old, new, key="id")


def test_rows_of_a_pair_in_two_clusters_are_an_error() -> None:
    old = pa.table({"id": range(20), "x": np.arange(20.0), "user": [0] * 10 + [1] * 10})
    new = old.set_column(2, "user", pa.array([0] * 9 + [1] * 11))
    with pytest.raises(TableError, match="row 10 of reference and its partner, row 10 of current"):
        drift(old, new, key="id", cluster="user")


def test_options_that_pairs_do_not_have_are_errors() -> None:
    old, new = _cases(30)
    with pytest.raises(InputError, match="with pairs there is no wasserstein test"):
        drift(old, new, key="id", numeric_test="wasserstein")
    with pytest.raises(InputError, match="a column of the key is nothing else"):
        drift(old, new, key="id", primary="id")


def test_the_command_pairs_rows_by_a_key(tmp_path: Path) -> None:
    paths = []
    for name, table in zip(("old.csv", "new.csv"), _cases(80), strict=True):
        paths.append(str(tmp_path / name))
        pa.csv.write_csv(table, paths[-1])
    done = CliRunner().invoke(drift_command, [*paths, "--key", "id"])
    assert done.exit_code == 0, done.output
    assert "80 pairs" in done.output
