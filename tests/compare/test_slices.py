"""Which slices a comparison shows, and that they are adjusted for being many."""

from __future__ import annotations

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
