"""The gate never says pass where data are missing: rows removed, doubled, damaged, renamed."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_runs import case, suite_run, table_run

from aiir_eval.compare.comparing import compare
from aiir_eval.errors import InputError
from aiir_eval.gate.gating import GRAVITY, gate
from aiir_eval.gate.policy import Policy
from aiir_eval.gate.result import VerdictName
from aiir_eval.runs.model import Run, trial_schema

QUIET = settings(max_examples=40, suppress_health_check=list(HealthCheck))

POLICY = Policy.model_validate(
    {
        "claims": [
            {"name": "fixed", "select": {"origin": "incident"}, "failure_rate_below": 0.7},
            {"name": "no loss", "non_inferior": {"margin": 0.3}},
            {"name": "few", "select": {"tag": "watched"}, "max_failures": 1},
            {"name": "fast", "metric": "latency_s", "ratio_below": 3.0},
        ]
    }
)
TOLERANT = POLICY.model_copy(update={"max_error_rate": 0.5})

CASES = [
    *(case(f"INC-{i}.t", incident_id=f"INC-{i}", origin="incident") for i in range(2)),
    *(case(f"c{i:02}", tags=["watched"] if i < 5 else []) for i in range(24)),
]


def made(name: str, failing: frozenset[int], trials: int) -> Run:
    def say(this, trial):  # type: ignore[no-untyped-def]
        number = CASES.index(this)
        passed = number not in failing and not (name == "old" and this.origin == "incident")
        return f"{name} {number} {trial}", {"ok": passed}

    return suite_run(name, CASES, say, trials=trials)


def verdict_of(old: Run, new: Run, policy: Policy = POLICY) -> VerdictName:
    return gate(compare(old, new, margin=0.3), policy).verdict


def rows_of(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run.trials.to_pylist()
    return rows


def with_rows(run: Run, rows: list[dict[str, Any]]) -> Run:
    return replace(run, trials=pa.Table.from_pylist(rows, schema=trial_schema()))


PASSING = {
    "check": "ok", "scorer": "contains", "version": "1", "score": 1.0, "passed": True, "reason": "",
}  # fmt: skip
DAMAGE: dict[str, Any] = {
    "case_id": st.sampled_from([None, "c00", "c23", "someone else"]),
    "origin": st.sampled_from(["incident", "adjacent", None]),
    "incident_id": st.sampled_from(["INC-0", "INC-1", "INC-7"]),
    "class": st.just("hallucination"),
    "cluster": st.sampled_from(["c00", "nowhere"]),
    "tags": st.sampled_from([["watched"], ["other"], []]),
    "expected": st.just("something"),
    "trial": st.sampled_from([0, 1, 7, -3, None]),
    "passed": st.sampled_from([True, False, None]),
    "checks": st.sampled_from([[], [PASSING], [{**PASSING, "check": "other"}]]),
    "score": st.sampled_from([float("nan"), float("inf"), -1.0, 2.0]),
    "error": st.sampled_from(["Timeout", ""]),
    "latency_s": st.sampled_from([None, float("nan"), -1.0]),
}


@st.composite
def tampering(draw: st.DrawFn) -> tuple[Run, Run, Run, Run]:
    """Two runs, and the same with rows of one side removed, doubled or damaged."""
    trials = draw(st.sampled_from([1, 3, 4]))
    few = st.frozensets(st.integers(0, len(CASES) - 1), max_size=6)
    sides = {name: made(name, draw(few), trials) for name in ("old", "new")}
    side = draw(st.sampled_from(["old", "new"]))
    rows = rows_of(sides[side])
    # What one would tamper with: the failures of the candidate, the passes of the baseline.
    telling = [at for at, row in enumerate(rows) if row["passed"] == (side == "old")]
    pool = draw(st.sampled_from([telling or list(range(len(rows))), list(range(len(rows)))]))
    chosen = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=12, unique=True))
    action = draw(st.sampled_from(["remove", "double", "renumber", "gloss over", "damage"]))
    if action == "remove":
        rows = [row for at, row in enumerate(rows) if at not in chosen]
    elif action == "double":
        rows += [dict(rows[at]) for at in chosen]
    elif action == "renumber":  # a copy under a trial number of its own
        rows += [{**rows[at], "trial": 50 + at} for at in chosen]
    elif action == "gloss over":
        for at in chosen:
            rows[at] = {**rows[at], "passed": side == "new", "score": float(side == "new")}
    else:
        column = draw(st.sampled_from(["passed", "checks", *sorted(DAMAGE)]))
        for at in chosen:
            rows[at] = {**rows[at], column: draw(DAMAGE[column])}
    tampered = {**sides, side: with_rows(sides[side], rows)}
    return sides["old"], sides["new"], tampered["old"], tampered["new"]


def test_untouched_runs_pass_so_that_there_is_something_to_lose() -> None:
    assert verdict_of(made("old", frozenset(), 3), made("new", frozenset({9}), 3)) == "pass"


@QUIET
@given(tampering(), st.sampled_from([POLICY, TOLERANT]))
def test_rows_removed_doubled_or_damaged_never_give_a_better_verdict(
    runs: tuple[Run, Run, Run, Run], policy: Policy
) -> None:
    old, new, worse_old, worse_new = runs
    before = verdict_of(old, new, policy)
    try:
        after = verdict_of(worse_old, worse_new, policy)
    except InputError:
        return
    same = worse_old.trials.equals(old.trials) and worse_new.trials.equals(new.trials)
    assert GRAVITY[after] >= GRAVITY[before], (before, after)
    assert same or after != "pass" or before == "pass"


@QUIET
@given(st.data())
def test_a_removed_or_doubled_row_is_always_invalid(data: st.DataObject) -> None:
    trials = data.draw(st.integers(1, 3))
    runs = {name: made(name, frozenset(), trials) for name in ("old", "new")}
    side = data.draw(st.sampled_from(["old", "new"]))
    rows = rows_of(runs[side])
    at = data.draw(st.integers(0, len(rows) - 1))
    rows = data.draw(st.sampled_from([rows[:at] + rows[at + 1 :], [*rows, rows[at]]]))
    runs[side] = with_rows(runs[side], rows)
    assert verdict_of(runs["old"], runs["new"]) == "invalid"


@QUIET
@given(st.data())
def test_rows_missing_or_doubled_in_a_table_are_noticed(data: st.DataObject) -> None:
    n, trials = 30, data.draw(st.integers(1, 3))
    ids = [f"c{i:02}" for i in range(n) for _ in range(trials)]
    number = list(range(trials)) * n
    ok = {
        name: [data.draw(st.integers(0, 9)) > 0 or name == "old" for _ in ids]
        for name in ("old", "new")
    }
    side = data.draw(st.sampled_from(["old", "new"]))
    at = data.draw(st.integers(0, len(ids) - 1))
    keep = [i for i in range(len(ids)) if i != at]
    if data.draw(st.booleans()):
        keep = [*range(len(ids)), at]
    runs = {}
    for name in ("old", "new"):
        rows = keep if name == side else range(len(ids))
        runs[name] = table_run(
            name,
            [ok[name][i] for i in rows],
            ids=[ids[i] for i in rows],
            trial=[number[i] for i in rows],
        )
    assert gate(compare(runs["old"], runs["new"])).verdict == "invalid"


@QUIET
@given(st.data())
def test_the_order_of_rows_and_the_names_of_clusters_do_not_matter(data: st.DataObject) -> None:
    n = 40
    ok = {
        name: data.draw(st.lists(st.booleans(), min_size=n, max_size=n)) for name in ("old", "new")
    }
    cluster = [f"g{i // 3:02}" for i in range(n)]
    names = data.draw(st.permutations(sorted(set(cluster))))
    renamed = dict(zip(sorted(set(cluster)), names, strict=True))
    orders = {name: data.draw(st.permutations(range(n))) for name in ("old", "new")}

    def decided(order: dict[str, list[int]], called: dict[str, str]) -> dict[str, Any]:
        runs = [
            table_run(
                name,
                [ok[name][i] for i in order[name]],
                ids=[f"c{i:02}" for i in order[name]],
                cluster=[called[cluster[i]] for i in order[name]],
            )
            for name in ("old", "new")
        ]
        found = gate(compare(*runs, margin=0.05)).to_dict()
        del found["evidence"]
        return found

    plain = decided({"old": list(range(n)), "new": list(range(n))}, {g: g for g in renamed})
    assert decided(orders, renamed) == plain


@QUIET
@given(st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_a_data_file_that_was_changed_after_the_run_cannot_be_read(at: int, junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new"
        table_run("new", [1] * 40, out=path)
        whole = (path / "trials.parquet").read_bytes()
        place = at % len(whole)
        damaged = whole[:place] + junk + whole[place + len(junk) :]
        (path / "trials.parquet").write_bytes(damaged)
        old = table_run("old", [1] * 40)
        if damaged == whole:
            assert compare(old, path).comparable
            return
        with pytest.raises(InputError, match=r"trials\.parquet"):
            compare(old, path)
