"""The blast radius: what a failure touched, counted exactly, or bounded by a sample."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy.stats import hypergeom

from aiir_eval.errors import InputError
from aiir_eval.incidents.loading import load_register
from aiir_eval.incidents.model import Incident
from aiir_eval.response import blast_radius
from aiir_eval.response.fast_checks import failing, portable
from aiir_eval.response.reach import Reach
from aiir_eval.response.reach_view import reach_markdown, render_reach
from aiir_eval.response.sampling import affected_rows, distinct_values
from aiir_eval.scorers import Answer
from aiir_eval.scorers.containing import Contains, NotContains
from aiir_eval.scorers.equality import Equals
from aiir_eval.scorers.matching import NotRegex, Regex
from aiir_eval.shipped import shipped

CASE = {
    "name": "trigger",
    "input": "Is there a refund?",
    "checks": [
        {"scorer": "not_contains", "name": "no-promise", "value": "90 days"},
        {"scorer": "contains", "name": "declines", "value": "not"},
    ],
    "bad": [{"output": "Within 90 days."}, {"output": "Yes, of course."}, {"output": "Sure"}],
    "good": [{"output": "There is not."}, {"output": "It is not possible"}],
}


def incident(*cases: dict[str, Any]) -> Incident:
    record = {
        "id": "INC-1",
        "title": "A refund was promised",
        "class": "hallucination",
        "system": "desk",
        "model": "m",
        "prompt_version": "1",
        "data_source": "d",
        "user_population": "u",
        "triggering_input": "i",
        "observed_output": "o",
        "downstream_impact": "d",
        "containment_decision": "c",
        "remediation_owner": "r",
        "psf_domains": ["PSF-2"],
        "regression": {"cases": list(cases or [CASE])},
    }
    return Incident.model_validate(record)


def log(n: int = 1000) -> pd.DataFrame:
    """Every tenth answer promises; a user asks five times; a decision is every fourth row."""
    rows = range(n)
    return pd.DataFrame(
        {
            "time": pd.date_range("2026-11-01", periods=n, freq="15min", tz="UTC"),
            "version": ["v1" if i < n // 2 else "v2" for i in rows],
            "user": [f"u{i // 5}" for i in rows],
            "decision": [f"d{i}" if i % 4 == 0 else None for i in rows],
            "record": [f"r{i % 7}" for i in rows],
            "message": [f"m{i}" for i in rows],
            "system": [json.dumps(["crm", "mail"]) if i % 20 == 0 else "crm" for i in rows],
            "input": ["What is open?"] * n,
            "output": [f"Claim it within 90  DAYS, {i}" if i % 10 == 0 else f"Soon, {i}."
                       for i in rows],
        }
    )  # fmt: skip


def numbers(reach: Reach) -> dict[str, int | None]:
    return {kind: found and found.seen for kind, found in reach.counts.items()}


def test_counts_are_those_that_pandas_gives() -> None:
    table = log()
    reach = blast_radius(incident(), table)
    bad = table[table.output.str.contains("90  DAYS")]
    assert reach.rows.seen == len(bad) == 100
    assert numbers(reach) == {
        "users": bad.user.nunique(),
        "decisions": bad.decision.nunique(),
        "records": bad.record.nunique(),
        "messages": bad.message.nunique(),
        "downstream_systems": 2,
    }
    assert list(reach.systems) == ["crm", "mail"]
    by_day = bad.groupby(bad.time.dt.strftime("%Y-%m-%d"))
    assert {part.value: part.rows for part in reach.by_day} == by_day.size().to_dict()
    assert {p.value: p.counts["users"] for p in reach.by_day} == by_day.user.nunique().to_dict()
    assert {part.value: part.rows for part in reach.by_version} == {"v1": 50, "v2": 50}
    assert not reach.sampled
    json.dumps(reach.to_mapping())


@pytest.mark.parametrize("kind", ["parquet", "folder", "csv", "jsonl", "sql", "two logs"])
def test_every_kind_of_log_gives_the_same(kind: str, tmp_path: Path) -> None:
    table = log()
    logs: Any = tmp_path / f"log.{kind}"
    if kind == "csv":
        table.to_csv(logs, index=False)
    elif kind == "jsonl":
        table.assign(time=table.time.astype(str)).to_json(logs, orient="records", lines=True)
    elif kind == "folder":
        for version, part in table.groupby("version"):
            (logs / f"version={version}").mkdir(parents=True)
            part.drop(columns="version").to_parquet(logs / f"version={version}" / "0.parquet")
    else:
        table.to_parquet(logs := tmp_path / "log.parquet", row_group_size=130)
    if kind == "sql":
        logs = f"sql:SELECT * FROM '{logs}'"
    if kind == "two logs":
        logs = [table.iloc[:333], table.iloc[333:]]
    expected, found = blast_radius(incident(), table), blast_radius(incident(), logs)
    assert found.to_mapping() == expected.to_mapping()


def test_a_check_that_asks_for_something_counts_for_its_own_input_alone() -> None:
    table = pa.table(
        {
            "input": ["What is open?", "is there a   REFUND?", "Is there a refund?", "Other"],
            "output": ["All day", "Yes, of course", "There is not", "within 90 days, not more"],
        }
    )
    reach = blast_radius(incident(), table)
    assert reach.rows.seen == 2
    assert reach.by_check == {"trigger:no-promise": 1, "trigger:declines": 1}
    every = blast_radius(incident(), table, checks=["declines"])
    assert every.rows.seen == 2  # the first two: the last says "not"
    without = blast_radius(incident(), table.drop_columns(["input"]))
    assert without.rows.seen == 1
    assert any("declines" in note for note in without.notes)


def test_tool_calls_are_looked_at_where_the_log_has_them() -> None:
    case = {
        **CASE,
        "checks": [{"scorer": "tool_not_called", "tool": "refund"}],
        "bad": [{"tool_calls": [{"name": "refund", "arguments": {"n": n}}]} for n in range(3)],
    }
    calls = ['[{"name": "refund", "arguments": "{}"}]', "[]", None, "no json",
             '[{"function": {"name": "refund", "arguments": {}}}]']  # fmt: skip
    table = pa.table({"output": ["Done"] * 5, "tool_calls": calls})
    reach = blast_radius(incident(case), table)
    assert (reach.rows.seen, reach.unjudged) == (2, 1)
    assert "1 rows could not be judged and may be affected, too" in reach.notes
    with pytest.raises(InputError, match="no check of INC-1 can say anything"):
        blast_radius(incident(case), table.select(["output"]))


def test_a_predicate_says_it_too_row_by_row() -> None:
    reach = blast_radius(incident(), log(), where="version = 'v2' AND decision IS NOT NULL")
    assert numbers(reach)["decisions"] == 125
    assert blast_radius(incident(), log(), where="version = 'v3'").rows.seen == 0
    for bad in ("row_number() OVER () = 1", "user IN (SELECT 1)", "nothing = 1", "1"):
        with pytest.raises(InputError):
            blast_radius(incident(), log(), where=bad)


def test_rows_on_other_questions_are_told_and_can_be_left_out() -> None:
    table = log()
    reach = blast_radius(incident(), table)
    assert any(note.startswith("100 affected rows have another input") for note in reach.notes)
    fewer = blast_radius(incident(), table, among="version = 'v2' AND record = 'r0'")
    expected = table[(table.version == "v2") & (table.record == "r0") & (table.index % 10 == 0)]
    assert fewer.rows.seen == len(expected) > 0
    assert "among rows where version = 'v2'" in fewer.method
    assert "trigger:no-promise" in render_reach(reach)
    table["input"] = "Is there a refund?"
    assert not any("another input" in note for note in blast_radius(incident(), table).notes)


def test_a_period_counts_rows_in_it() -> None:
    table = log()
    begin = datetime(2026, 11, 2, tzinfo=UTC)
    reach = blast_radius(incident(), table, start=begin, end=datetime(2026, 11, 3, tzinfo=UTC))
    assert reach.rows.seen == sum(i % 10 == 0 for i in range(96, 192))
    assert reach.to_record().interval == "2026-11-02T00:00:00Z/2026-11-03T00:00:00Z"
    table.loc[:9, "time"] = pd.NaT
    assert "10 rows have no time" in " ".join(blast_radius(incident(), table, start=begin).notes)


@pytest.mark.parametrize("name", ["affected.parquet", "affected.csv"])
def test_affected_rows_are_written_with_the_check_that_failed(name: str, tmp_path: Path) -> None:
    table = log(100)
    table.loc[0, "output"] = "=90 days"
    blast_radius(incident(), table, out=tmp_path / name)
    path = tmp_path / name
    rows = pd.read_parquet(path) if name.endswith("parquet") else pd.read_csv(path)
    assert len(rows) == 10
    assert set(rows.checks) == {"trigger:no-promise"}
    assert list(rows.row_id[:2]) == ["log 1#1", "log 1#11"]
    assert rows.output[0] == ("=90 days" if name.endswith("parquet") else "'=90 days")


def test_a_log_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiir_eval.response.log_reading._BATCH_ROWS", 64)
    pq.write_table(pa.Table.from_pandas(log()), tmp_path / "log.parquet", row_group_size=100)
    found = blast_radius(incident(), tmp_path / "log.parquet")
    assert found.to_mapping() == blast_radius(incident(), log()).to_mapping()


def test_a_sample_gives_bounds_that_hold_the_truth() -> None:
    table = log(20_000)
    whole = blast_radius(incident(), table)
    part = blast_radius(incident(), table, sample=4_000, rng=3)
    assert part.sampled
    assert part.rows.low <= whole.rows.seen <= (part.rows.high or 0)
    for kind in ("users", "decisions", "records", "messages"):
        bounds, truth = part.counts[kind], whole.counts[kind]
        assert bounds is not None
        assert truth is not None
        assert bounds.high is not None
        assert bounds.low <= truth.seen <= bounds.high
    assert "cannot be" in " ".join(part.notes)
    assert "upper bounds" in str(part.to_record().method)
    json.dumps(part.to_mapping())


def test_none_found_in_a_sample_is_no_zero() -> None:
    table = log(400)
    table["output"] = "Soon"
    reach = blast_radius(incident(), table, sampled_from=100_000)
    assert reach.rows.seen == 0
    assert reach.rows.high is not None
    assert reach.rows.high > 100_000 * 3 / 400 / 2
    assert reach.to_record().users == reach.rows.high


def test_a_sample_of_everything_is_a_count() -> None:
    assert blast_radius(incident(), log(100), sample=100).rows.high == 10
    assert affected_rows([1, 0, 0], 3).high == 1


@pytest.mark.parametrize(("found", "n", "total"), [(0, 30, 200), (3, 30, 200), (30, 30, 90)])
def test_the_interval_of_rows_is_the_hypergeometric_one(found: int, n: int, total: int) -> None:
    estimate = affected_rows([1] * found + [0] * (n - found), total)
    held = [
        marked
        for marked in range(total + 1)
        if hypergeom.cdf(found, total, marked, n) > 0.025
        and hypergeom.sf(found - 1, total, marked, n) > 0.025
    ]
    assert (estimate.low, estimate.high) == (held[0], held[-1])


@pytest.mark.parametrize("unit", ["row", "user"])
@pytest.mark.parametrize("share", [0.004, 0.05])
def test_intervals_cover_whether_rows_or_users_were_drawn(unit: str, share: float) -> None:
    rng = np.random.default_rng(11)
    sizes = rng.geometric(0.2, 1500)
    codes = np.repeat(np.arange(sizes.size), sizes)
    # Failures come by user: half of the rows of few users.
    prone = rng.random(sizes.size) < 2 * share
    bad = prone[codes] & (rng.random(codes.size) < 0.5)
    truth, held, distinct = int(bad.sum()), 0, 0
    n_users = np.unique(codes[bad]).size
    for _ in range(300):
        if unit == "row":
            rows = rng.choice(codes.size, 1200, replace=False)
        else:
            rows = np.flatnonzero(np.isin(codes, rng.choice(sizes.size, 250, replace=False)))
        users, where = np.unique(codes[rows], return_inverse=True)
        counts = np.bincount(where, weights=bad[rows]).astype(int)
        estimate = affected_rows(counts, codes.size, rows=np.bincount(where))
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
        seen = distinct_values(counts[counts > 0], estimate, rows.size, codes.size)
        assert seen.high is not None
        distinct += seen.low <= n_users <= seen.high
        assert users.size
    assert held / 300 > 0.93
    assert distinct / 300 > 0.93


TEXTS = pa.array(
    ["".join(np.random.default_rng(i).choice(list("abAB1_-.,'\n\t\x1c\x0b$ "), i % 13))
     for i in range(1500)]
)  # fmt: skip


@pytest.mark.parametrize("ignore_case", [True, False])
@pytest.mark.parametrize(
    "pattern",
    [r"a\b", r"(?:a|b)+1", r"a{2,3}b?", r"[^\s]a", r"\s+b", r"\S\S1", r"^a.b", r"[a-b]+?\.",
     r"(a|b1)*_", r"\d\w", r"\W\W", "a'b", r"\$", r"a\nb?", r"[\sa]1", r"[^ab\s]\t"],
)  # fmt: skip
def test_patterns_find_the_same_in_a_column_as_one_by_one(pattern: str, ignore_case: bool) -> None:
    scorers = [kind(pattern=pattern, ignore_case=ignore_case) for kind in (Regex, NotRegex)]
    for scorer in scorers:
        fails = failing(scorer, TEXTS)
        assert fails is not None
        assert fails.tolist() == [not scorer(Answer(text)).passed for text in TEXTS.to_pylist()]


@pytest.mark.parametrize(
    "scorer",
    [Contains(value="a b"), Contains(any=["a b", "1-"]), Contains(all=["a", "B"]),
     Contains(value="A", ignore_case=False), NotContains(any=["b.", "ünï"]),
     Equals(value="a b"), Equals(value="A", ignore_case=True)],
    ids=repr,
)  # fmt: skip
def test_texts_are_found_the_same_in_a_column_as_one_by_one(scorer: Any) -> None:
    fails = failing(scorer, TEXTS)
    assert fails is not None
    assert fails.tolist() == [not scorer(Answer(text)).passed for text in TEXTS.to_pylist()]


@pytest.mark.parametrize(
    "pattern",
    ["a$", "(?x) a", "a++", "(?=a)", "a{e<=1}", "(?i)a", "a**", r"(a)\1", "é", "(?P<n>a)", "[[a]"],
)
def test_what_another_library_reads_otherwise_is_left_to_the_scorer(pattern: str) -> None:
    assert portable(pattern) is None


def test_text_that_is_no_ascii_is_judged_by_the_scorer() -> None:
    outputs = ["90\u00a0days", "9\u200b0 days", "９０ days", "ninety days"]
    assert blast_radius(incident(), pa.table({"output": outputs})).rows.seen == 3


def test_hostile_text_is_shown_harmless() -> None:
    table = log(100).assign(version="\x1b[31m|<b>", system="\x1b]0;x\x07")
    reach = blast_radius(incident(), table)
    for told in (render_reach(reach), reach_markdown(reach)):
        assert "\x1b" not in told
        assert "<b>" not in reach_markdown(reach)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": {"user": "customer"}}, "no column 'customer'"),
        ({"checks": ["none"]}, "no check 'none'"),
        ({"sample": 5, "sampled_from": 900}, "not both"),
        ({"sampled_from": 9}, "no sample of 9"),
        ({"where": "true", "checks": ["declines"]}, "not both"),
        ({"columns": {"output": "user", "wrong": "x"}}, "'wrong' is none of"),
    ],
)
def test_what_cannot_be_done_is_said(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        blast_radius(incident(), log(50), **options)


CORPUS = load_register(shipped("incidents_corpus")).incidents


@pytest.mark.parametrize("id_", sorted(CORPUS))
def test_rows_that_say_what_the_record_says_are_affected_and_good_ones_are_not(id_: str) -> None:
    rows = [
        {
            "input": case.input if isinstance(case.input, str) else case.input[-1].content,
            "output": each.output,
            "tool_calls": json.dumps([call.model_dump() for call in each.tool_calls]),
            "bad": bad,
        }
        for case in CORPUS[id_].cases
        for bad, behaviours in ((True, case.bad), (False, case.good))
        for each in behaviours
    ]
    table = pa.Table.from_pylist(rows)
    assert blast_radius(CORPUS[id_], table).by_check
    n_bad = sum(row["bad"] for row in rows)
    good = table.filter(pc.invert(table["bad"]))
    for part, wanted in ((table.filter(table["bad"]), n_bad), (good, 0)):
        assert blast_radius(CORPUS[id_], part).rows.seen == wanted
