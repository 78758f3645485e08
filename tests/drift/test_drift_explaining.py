"""Segments: parts that sum to the whole, with errors that are right, and reversals that show."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from aiir_eval.drift.detecting import drift
from aiir_eval.drift.explaining import segments_of_change
from aiir_eval.drift.result import Segment
from aiir_eval.errors import TableError


class Side:
    """An Arrow table as the source of columns."""

    def __init__(self, **columns: object) -> None:
        self.table = pa.table(columns)

    def column(self, name: str) -> pa.ChunkedArray:
        return self.table[name]


def side(rng: np.random.Generator, n: int = 2000, **shift: float) -> Side:
    """Traffic of two models; the small one fails more."""
    small = rng.random(n) < shift.get("small", 0.1)
    rate = np.where(small, 0.6 + shift.get("small_gain", 0.0), 0.95 + shift.get("large_gain", 0.0))
    return Side(
        model=np.where(small, "small", "large"),
        country=rng.choice(["de", "fr", "us"], size=n),
        passed=rng.random(n) < rate,
        cost=np.exp(rng.normal(size=n)) * np.where(small, 0.1, 1.0),
        user=rng.integers(0, n // 10, size=n),
    )


def explained(
    old: Side, new: Side, target: str = "passed", **options: object
) -> tuple[list[Segment], tuple[str, ...]]:
    options.setdefault("by", ["model", "country"])
    found, notes = segments_of_change(old, new, [target], **options)  # type: ignore[arg-type]
    return list(found), notes


def one(found: list[Segment], by: str, value: str) -> Segment:
    (segment,) = [each for each in found if each.by == by and each.value == value]
    return segment


@pytest.mark.parametrize("target", ["passed", "cost"])
@pytest.mark.parametrize("cluster", [None, "user"])
def test_the_parts_of_every_cut_sum_to_the_whole(target: str, cluster: str | None) -> None:
    rng = np.random.default_rng(1)
    old, new = side(rng), side(rng, 1500, small=0.3, large_gain=-0.05)
    found, _ = explained(old, new, target, cluster=cluster)
    values = [
        each.column(target).to_numpy(zero_copy_only=False).astype(float) for each in (old, new)
    ]
    whole = values[1].mean() - values[0].mean()
    cuts = {each.by for each in found}
    assert cuts == {"model", "country", "model|country"}
    for by in cuts:
        own = [each for each in found if each.by == by]
        assert sum(each.contribution for each in own) == pytest.approx(whole, abs=1e-12)
        assert sum(each.n_reference for each in own) == 2000
        assert sum(each.n_current for each in own) == 1500
        for each in own:
            assert each.within + each.mix == pytest.approx(each.contribution, abs=1e-12)
            assert each.contribution_low < each.contribution < each.contribution_high


def test_the_segment_that_changed_comes_first_and_others_are_not_shown() -> None:
    rng = np.random.default_rng(2)
    found, _ = explained(side(rng, 5000), side(rng, 5000, small_gain=-0.3), by=["country", "model"])
    assert (found[0].by, found[0].value) == ("model", "small")
    assert found[0].pvalue_adjusted < 1e-6
    assert found[0].difference == pytest.approx(-0.3, abs=0.06)
    assert found[0].low <= -0.3 <= found[0].high
    assert abs(found[0].within) > 3 * abs(found[0].mix)
    assert one(found, "model", "large").pvalue_adjusted > 0.05


def test_traffic_that_moved_is_mix_and_no_ones_own_change() -> None:
    rng = np.random.default_rng(3)
    found, _ = explained(side(rng, 5000, small=0.01), side(rng, 5000, small=0.2))
    small = one(found, "model", "small")
    assert small.pvalue_adjusted < 1e-6
    assert small.low < 0 < small.high
    assert abs(small.mix) > 5 * abs(small.within)
    assert small.contribution < 0


def test_a_segment_on_one_side_only_is_all_mix() -> None:
    rng = np.random.default_rng(4)
    found, _ = explained(side(rng, small=0.0), side(rng, small=0.3))
    new = one(found, "model", "small")
    assert new.n_reference == 0
    assert np.isnan([new.difference, new.low, new.high]).all()
    assert new.within == 0
    assert new.mix == new.contribution < 0


def test_a_reversal_is_said() -> None:
    rng = np.random.default_rng(5)
    old, new = (
        side(rng, 6000, small=0.05),
        side(rng, 6000, small=0.5, small_gain=0.1, large_gain=0.03),
    )
    _, notes = explained(old, new)
    assert any(
        note.startswith("reversal: passed fell") and "rose in every segment by model" in note
        for note in notes
    )
    _, quiet = explained(side(rng, 6000), side(rng, 6000, small_gain=-0.2))
    assert not any(note.startswith("reversal") for note in quiet)


def test_missing_values_are_a_segment_and_missing_outcomes_are_left_out() -> None:
    old = Side(by=["a"] * 40 + [None] * 40, y=[0.0, 1.0] * 40)
    new = Side(by=["a"] * 40 + [None] * 40, y=[0.0, 1.0] * 20 + [1.0] * 30 + [None] * 10)
    found, _ = explained(old, new, "y", by=["by"])
    missing = one(found, "by", "(missing)")
    assert (missing.n_reference, missing.n_current) == (40, 30)
    assert missing.difference == pytest.approx(0.5)
    assert sum(each.contribution for each in found) == pytest.approx(50 / 70 - 0.5)


def test_columns_of_few_values_are_taken_by_default() -> None:
    rng = np.random.default_rng(6)
    found, _ = explained(
        side(rng), side(rng), by=None, names=["model", "country", "passed", "cost", "user"]
    )
    assert {each.by for each in found} == {"model", "country", "model|country"}


def test_the_rarest_values_are_one_segment() -> None:
    rng = np.random.default_rng(7)
    levels = np.minimum(rng.geometric(0.02, size=(2, 4000)), 120)
    old, new = (Side(by=[f"v{k}" for k in row], y=rng.normal(size=4000)) for row in levels)
    found, _ = explained(old, new, "y", by=["by"])
    assert len(found) == 51
    assert one(found, "by", "(all others)").n_reference > 0


def test_a_bar_in_a_value_is_escaped_in_pairs() -> None:
    rng = np.random.default_rng(8)
    old, new = (
        Side(a=rng.choice(["x|y", "x"], 100), b=rng.choice(["p", "q"], 100), y=rng.normal(size=100))
        for _ in range(2)
    )
    found, _ = explained(old, new, "y", by=["a", "b"])
    assert {each.value for each in found if each.by == "a|b"} == {
        r"x\|y|p", r"x\|y|q", "x|p", "x|q"
    }  # fmt: skip


def test_drift_explains_what_drifted_and_its_primaries() -> None:
    rng = np.random.default_rng(9)
    old, new = side(rng, 3000).table, side(rng, 3000, small=0.35).table
    report = drift(old, new, primary="passed", by="auto", columns="cost,model,country")
    assert report.conclusion == "drift"
    assert {each.column for each in report.segments} == {"passed", "cost"}
    assert all(each.column not in each.by.split("|") for each in report.segments)
    named = drift(old, new, primary="passed", by="model", columns="passed")
    assert {each.by for each in named.segments} == {"model"}
    assert drift(old, new, primary="passed").segments == ()


def test_nothing_to_explain_and_nothing_to_cut_by_are_said() -> None:
    rng = np.random.default_rng(10)
    old, new = side(rng).table, side(rng).table
    report = drift(old, new, columns="cost", by="model")
    assert report.segments == ()
    assert any("no column of numbers or truth values changed" in note for note in report.notes)
    report = drift(old, new, columns="cost", primary="cost:up", by="auto")
    assert any("no column has 2 to 20 values" in note for note in report.notes)
    with pytest.raises(TableError, match="no column 'modle'"):
        drift(old, new, by="modle")


@pytest.mark.slow
@pytest.mark.parametrize("clustered", [False, True])
def test_segments_of_no_change_are_seldom_shown(clustered: bool) -> None:
    runs, shown, covered, seen = 300, 0, 0, 0
    for seed in range(runs):
        rng = np.random.default_rng([13, seed])
        sides = []
        for _ in range(2):
            user = np.repeat(np.arange(60), 10)
            effect = rng.normal(size=60)[user] if clustered else 0.0
            by = rng.integers(0, 4, size=60)[user] if clustered else rng.integers(0, 4, size=600)
            passed = effect + rng.normal(size=600) < 1.2
            names = [f"{len(sides)}-{u}" for u in user]
            sides.append(Side(by=[f"v{k}" for k in by], y=passed, user=names))
        found, _ = explained(*sides, "y", by=["by"], cluster="user" if clustered else None)
        shown += any(each.pvalue_adjusted <= 0.05 for each in found)
        covered += sum(each.contribution_low <= 0 <= each.contribution_high for each in found)
        seen += len(found)
    assert shown <= 0.05 * runs + 3 * np.sqrt(0.05 * 0.95 * runs)
    assert covered / seen >= 0.93
