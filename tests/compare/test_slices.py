"""Which slices a comparison shows, and that they are adjusted for being many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_runs import case, suite_run, table_run

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison, Slice
from aiir_eval.errors import InputError
from aiir_eval.stats import benjamini_hochberg, mcnemar


def by(comparison: Comparison, key: str) -> dict[str, Slice]:
    return {item.value: item for item in comparison.slices if item.by == key}


def test_every_key_of_a_case_that_tells_cases_apart_is_a_slice() -> None:
    cases = [
        case(
            f"c{i:02}",
            **{"class": "hallucination" if i % 2 else "unsafe_action"},
            origin="incident" if i < 20 else "control",
            tags=["long"] if i % 3 == 0 else ["long", "short"] if i % 3 == 1 else [],
            expected="yes" if i < 30 else "no",
            by={"language": "en" if i < 10 else "fr", "same": "x"},
        )
        for i in range(40)
    ]
    runs = [
        suite_run(
            name, cases, lambda this, t, n=number: ("x" * n, {"ok": this.id > "c05" or n == 1})
        )
        for number, name in enumerate(("old", "new"), 1)
    ]
    comparison = compare(*runs, margin=0.05)
    assert {item.by for item in comparison.slices} == {
        "class", "origin", "tag", "expected", "language",
    }  # fmt: skip
    assert by(comparison, "origin")["incident"].n_cases == 20
    assert by(comparison, "origin")["incident"].difference == pytest.approx(-6 / 20)
    assert by(comparison, "origin")["control"].difference == 0
    assert (
        by(comparison, "tag")["long"].n_cases == 27 and by(comparison, "tag")["short"].n_cases == 13
    )


def test_the_pvalues_of_all_slices_are_adjusted_together() -> None:
    n = 120
    topic = [str(i % 4) for i in range(n)]
    old = [1] * n
    new = [int(not (i % 4 == 0 and i < 60)) for i in range(n)]
    comparison = compare(
        *(table_run(name, ok, by={"topic": topic}) for name, ok in (("old", old), ("new", new)))
    )
    raw = [item.pvalue for item in comparison.slices]
    assert [item.pvalue_adjusted for item in comparison.slices] == pytest.approx(
        benjamini_hochberg(raw).tolist()
    )
    slices = by(comparison, "topic")
    assert slices["0"].pvalue == pytest.approx(mcnemar(15, 0).pvalue)
    assert slices["0"].conclusion == "regressed"
    assert slices["1"].conclusion == "inconclusive"


def test_a_slice_that_is_significant_alone_need_not_be_among_many() -> None:
    n = 20 * 12
    topic = [f"{i % 20:02}" for i in range(n)]
    old = [1] * n
    new = [int(not (i % 20 == 3 and i < 120)) for i in range(n)]  # 6 of 12 cases of one topic
    comparison = compare(
        *(table_run(name, ok, by={"topic": topic}) for name, ok in (("old", old), ("new", new)))
    )
    item = by(comparison, "topic")["03"]
    assert item.pvalue < 0.05 < item.pvalue_adjusted
    assert item.conclusion == "inconclusive"


def test_keys_with_one_level_or_a_level_for_each_case_are_no_slices() -> None:
    n = 30
    columns = {
        "one": ["x"] * n,
        "each": [str(i) for i in range(n)],
        "many": [str(i // 1) for i in range(n)],
    }
    old, new = (table_run(name, [1] * n, by=columns) for name in ("old", "new"))
    assert compare(old, new).slices == []
    asked = compare(old, new, by=["each"])
    assert {item.by for item in asked.slices} == {"each"} and len(asked.slices) == n


def test_tiny_slices_are_shown_and_conclude_nothing() -> None:
    n = 40
    size = ["tiny"] * 3 + ["large"] * (n - 3)
    old, new = (
        table_run(name, ok, by={"size": size})
        for name, ok in (("old", [1] * n), ("new", [0] * 3 + [1] * (n - 3)))
    )
    tiny = by(compare(old, new, margin=0.05), "size")["tiny"]
    assert tiny.n_cases == 3 and tiny.difference == -1
    assert tiny.pvalue_adjusted == 1 and tiny.conclusion == "inconclusive"


def test_a_key_can_be_asked_for_and_an_unknown_one_is_refused() -> None:
    cluster = [f"g{i // 2}" for i in range(60)]
    old, new = (table_run(name, [1] * 60, cluster=cluster) for name in ("old", "new"))
    assert {item.by for item in compare(old, new).slices} == set()
    assert len(by(compare(old, new, by=["cluster"]), "cluster")) == 30
    with pytest.raises(InputError, match="no case has the key 'topic'"):
        compare(old, new, by=["topic"])


def test_a_key_that_differs_between_the_sides_is_no_slice() -> None:
    old = table_run("old", [1] * 40, by={"model": ["v1"] * 20 + ["v1b"] * 20})
    new = table_run("new", [1] * 40, by={"model": ["v2"] * 20 + ["v2b"] * 20})
    comparison = compare(old, new, margin=0.2)
    assert comparison.comparable and comparison.slices == []


def test_incidents_that_are_the_classes_over_again_are_shown_once() -> None:
    classes = ("hallucination", "unsafe_action", "quality_drift")

    def keys(incidents: int) -> set[str]:
        cases = [
            case(f"c{i:02}", incident_id=f"INC-{i % incidents}", **{"class": classes[i % 3]})
            for i in range(36)
        ]
        runs = [
            suite_run(name, cases, lambda this, t, n=name: (n + this.id, {"ok": True}))
            for name in ("old", "new")
        ]
        return {item.by for item in compare(*runs).slices}

    assert keys(3) == {"class"}
    assert keys(6) == {"class", "incident_id"}


def overlapping(n: int, keys: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Keys that split the cases nearly alike, so that their slices are correlated."""
    base = np.arange(n) % 2
    return {
        f"k{key}": np.where(rng.random(n) < 0.1, 1 - base, base).astype(str).tolist()
        for key in range(keys)
    }


def both_ways(old: list[int], new: list[int], by: dict[str, list[str]]) -> list[Comparison]:
    runs = [table_run(name, ok, by=by) for name, ok in (("old", old), ("new", new))]
    return [compare(*runs, margin=0.1, adjust=adjust) for adjust in ("bh", "max-t")]


def test_max_t_adjusts_the_same_slices_by_their_joint_distribution() -> None:
    rng = np.random.default_rng(6)
    by_ = overlapping(200, 6, rng)
    new = [int(not (i % 2 == 0 and i < 26)) for i in range(200)]
    bh, joint = both_ways([1] * 200, new, by_)
    assert len(bh.slices) == len(joint.slices) == 12
    for one, other in zip(bh.slices, joint.slices, strict=True):
        same = {"pvalue_adjusted": 0.0, "conclusion": "inconclusive"}
        assert replace(one, **same) == replace(other, **same)
        assert other.pvalue <= other.pvalue_adjusted <= 1
    assert bh.to_dict().keys() == joint.to_dict().keys()
    assert bh.to_dict()["slices"][0].keys() == joint.to_dict()["slices"][0].keys()
    assert replace(bh, slices=[], findings=[]) == replace(joint, slices=[], findings=[])
    worst = min(joint.slices, key=lambda item: item.pvalue)
    assert worst.conclusion == "regressed"
    # six copies of one question cost far less than six questions
    assert worst.pvalue_adjusted < 12 * worst.pvalue


def test_max_t_tests_no_slice_that_bh_does_not() -> None:
    kind = ["rare"] * 5 + ["many"] * 95
    bh, joint = both_ways([1] * 100, [0] * 5 + [1] * 95, {"kind": kind})
    for comparison in (bh, joint):
        assert by(comparison, "kind")["rare"].pvalue_adjusted == 1
        assert by(comparison, "kind")["rare"].conclusion == "inconclusive"
    still = both_ways([1] * 100, [1] * 100, {"kind": kind})[1]
    assert [item.pvalue_adjusted for item in still.slices] == [1.0, 1.0]


def test_an_unknown_adjustment_is_an_error() -> None:
    run = table_run("old", [1] * 20)
    with pytest.raises(InputError, match="bh or max-t"):
        compare(run, run, aa=True, adjust="none")  # type: ignore[arg-type]


@pytest.mark.slow
def test_max_t_holds_the_chance_of_any_false_slice_where_slices_are_correlated() -> None:
    rng = np.random.default_rng(9)
    runs, any_ = 200, {"bh": 0, "max-t": 0}
    for _ in range(runs):
        by_ = overlapping(80, 8, rng)
        cases = rng.random(80) < 0.5  # exchangeable versions: a case flips either way alike
        ups = rng.random(80) < 0.5
        old = np.where(cases, ups, True).astype(int).tolist()
        new = np.where(cases, ~ups, True).astype(int).tolist()
        for name, comparison in zip(any_, both_ways(old, new, by_), strict=True):
            any_[name] += any(item.pvalue_adjusted <= 0.05 for item in comparison.slices)
    assert any_["max-t"] / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert any_["max-t"] > 0  # it is not idle
