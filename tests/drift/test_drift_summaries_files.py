"""Is a saved summary the summary, and is one that is damaged or foreign refused?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import aiir_eval as aiir
from aiir_eval.drift.summaries.levels import Caps
from aiir_eval.drift.summaries.scanning import choose_edges, summarise_source
from aiir_eval.errors import DocumentError, InputError, TableError
from aiir_eval.tables.sources import open_source

Window = Callable[..., pa.Table]


def full_table(rng: np.random.Generator, n: int) -> pa.Table:
    values = rng.standard_cauchy(n)
    values[:4] = [np.nan, np.inf, 1e9, -0.0]
    return pa.table(
        {
            "x": pa.array(values, mask=rng.random(n) < 0.1),
            "count": rng.integers(0, 5, n),
            "ok": rng.random(n) < 0.5,
            "route": pa.array(rng.choice(["a", "ä", "", "日本 \n"], n), mask=rng.random(n) < 0.1),
            "many": [f"level {i}" for i in rng.integers(0, 300, n)],
            "day": pa.array(np.arange(n)).cast(pa.timestamp("s")),
            "nothing": pa.nulls(n),
            "user": [f"user {i}" for i in rng.integers(0, 50, n)],
        }
    )


@pytest.fixture
def table() -> pa.Table:
    return full_table(np.random.default_rng(0), 2000)


@pytest.mark.parametrize("caps", [Caps(), Caps(named=50), Caps(named=50, keyed=90, bucket_bits=5)])
def test_a_saved_summary_reads_back_as_it_was(table: pa.Table, tmp_path: Path, caps: Caps) -> None:
    source = open_source(table)
    names = [name for name in table.column_names if name != "user"]
    edges = choose_edges(source, names)
    made = summarise_source(source, names, edges, cluster="user", caps=caps)
    made.save(tmp_path / "one.json")
    read = aiir.load_summary(tmp_path / "one.json")
    read.save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert str(read) == str(made)
    assert set(read.columns) == set(names)


def test_a_summary_of_a_summary_file_gives_the_same_report(table: pa.Table, tmp_path: Path) -> None:
    new = full_table(np.random.default_rng(1), 1500)
    made = aiir.summarize(table, cluster="user")
    made.save(tmp_path / "old.json")
    for cluster in (None, "user"):
        first = aiir.drift(made, new, cluster=cluster).to_dict()
        assert aiir.drift(str(tmp_path / "old.json"), new, cluster=cluster).to_dict() == first


def test_days_merge_to_their_week_in_any_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    tables = [full_table(rng, n) for n in (500, 900, 700)]
    days = [aiir.summarize(tables[0], cluster="user")]
    days += [aiir.summarize(each, like=days[0]) for each in tables[1:]]
    week = days[0].merge(days[1], days[2])
    days[2].merge(days[0]).merge(days[1]).save(tmp_path / "week.json")
    other = aiir.load_summary(tmp_path / "week.json")
    whole = aiir.summarize(pa.concat_tables(tables), like=days[0])
    assert week.n_rows == other.n_rows == whole.n_rows == 2100
    new = full_table(rng, 1800)
    reports = [aiir.drift(side, new, cluster="user").to_pandas() for side in (week, other, whole)]
    for found in reports[:2]:
        for name in ("pvalue", "effect_estimate", "effect_low", "effect_high"):
            assert list(found[name]) == pytest.approx(list(reports[2][name]), rel=1e-9, abs=1e-12)


def test_a_column_that_is_null_one_day_merges_with_its_other_days() -> None:
    one = aiir.summarize(pa.table({"x": [1.0, 2.0, 4.0], "s": ["a", "b", "a"]}))
    gone = aiir.summarize(pa.table({"x": pa.nulls(2), "s": pa.nulls(2)}), like=one)
    for both in (one.merge(gone), gone.merge(one)):
        assert both.columns["x"].n == 3
        assert both.columns["x"].n_null == 2
        assert both.columns["s"].n_null == 2


CANNOT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "edges": ({}, {}, "counted at other edges"),
    "columns": ({"columns": "x"}, {"columns": "count"}, "columns that .* do not share: count, x"),
    "clusters": ({"cluster": "user"}, {}, "other clusters: user and none"),
}


@pytest.mark.parametrize("name", CANNOT)
def test_summaries_made_differently_are_not_merged(table: pa.Table, name: str) -> None:
    first, second, message = CANNOT[name]
    new = full_table(np.random.default_rng(3), 400)
    with pytest.raises(InputError, match=message):
        aiir.summarize(table, **first).merge(aiir.summarize(new, **second))


def test_a_column_that_changed_its_type_is_not_merged() -> None:
    one, two = (
        aiir.summarize(pa.table({"x": [1.0, 2.0]})),
        aiir.summarize(pa.table({"x": ["a", "b"]})),
    )
    with pytest.raises(InputError, match="its type changed from double to string"):
        one.merge(two)


def edited(content: dict[str, Any], *path: Any, value: Any) -> dict[str, Any]:
    inner: Any = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return content


BROKEN: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "another schema": (("schema",), "aiir/drift/1", "no summary of a table"),
    "an unknown field": (("extra",), 1, "unknown field"),
    "no rows": (("n_rows",), 0, "n_rows"),
    "rows that do not add up": (("n_rows",), 1999, "do not add up to the rows"),
    "packed text that is none": (("columns", "x", "edges", "data"), "%%%", "columns.x"),
    "an array that is cut": (("columns", "x", "edges", "data"), "eJw=", "columns.x"),
    "a length that is wrong": (("columns", "x", "edges", "shape"), [3], "columns.x"),
    "a length beyond reason": (("columns", "x", "edges", "shape"), [2**40], "numbers"),
    "edges and counts of two lengths": (("columns", "x", "below"), None, "columns.x"),
    "counts below zero": (("columns", "x", "n_null"), -1, "n_null"),
    "a sum that is none": (("columns", "x", "moments", "total"), "1.5", "total"),
    "a sum over zero": (("columns", "x", "moments", "total"), "1/0", "columns.x"),
    "a level with no count": (("columns", "route", "named", "a"), 0, "named"),
    "a level too often": (("columns", "route", "named", "a"), 7, "do not add up"),
    "missing sums": (("columns", "x", "moments"), {}, "required"),
    "clusters out of order": (("units", "x", "keys"), None, "units.x"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_damaged_summary_is_refused_and_the_field_named(
    table: pa.Table, tmp_path: Path, name: str
) -> None:
    path, value, message = BROKEN[name]
    file = tmp_path / "summary.json"
    aiir.summarize(table, cluster="user").save(file)
    content = json.loads(file.read_text())
    if value is None:  # an array from elsewhere in the file
        value = content["columns"]["count"]["upto"]
    file.write_text(json.dumps(edited(content, *path, value=value)))
    with pytest.raises(DocumentError, match=message):
        aiir.load_summary(file)


def test_a_summary_that_is_cut_off_is_refused(table: pa.Table, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    aiir.summarize(table).save(file)
    file.write_text(file.read_text()[:-500])
    with pytest.raises(DocumentError, match="not valid JSON"):
        aiir.drift(file, table)


@pytest.mark.parametrize("seed", range(5))
def test_a_byte_that_changed_never_gives_another_answer_silently(
    table: pa.Table, tmp_path: Path, seed: int
) -> None:
    file = tmp_path / "summary.json"
    aiir.summarize(table, columns="x,many").save(file)
    text = file.read_text()
    rng = np.random.default_rng(seed)
    packed = text.index('"data": "', int(rng.integers(0, len(text) // 2))) + 20
    at = packed + int(rng.integers(0, 50))
    file.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    with pytest.raises(DocumentError, match=r"damaged.*summarise it again"):
        aiir.load_summary(file)


def test_what_cannot_be_summarised_is_an_error(table: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="there is no column 'nope'"):
        aiir.summarize(table, columns="nope")
    with pytest.raises(TableError, match="there is no column 'nope'"):
        aiir.summarize(table, cluster="nope")
    with pytest.raises(TableError, match="no such file"):
        aiir.summarize(tmp_path / "nowhere.parquet")
    with pytest.raises(InputError, match="no column to summarise"):
        aiir.summarize(table.select(["user"]), cluster="user")


def test_a_summary_shows_itself_and_hides_no_markup(table: pa.Table) -> None:
    named = table.rename_columns(["<script>", *table.column_names[1:]])
    summary = aiir.summarize(named)
    assert repr(summary) == "TableSummary(2,000 rows, 8 columns)"
    assert "route: levels" in str(summary)
    html = summary._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert list(summary.to_pandas()["column"]) == list(summary.columns)


def test_levels_too_many_to_name_are_counted_and_compared() -> None:
    rng = np.random.default_rng(4)
    names = np.char.add("level ", np.arange(120_000).astype(str))
    old = pa.concat_tables([pa.table({"level": names})] * 4)
    summary = aiir.summarize(old)
    state = summary.columns["level"]
    assert state.levels.form == "keyed"  # type: ignore[union-attr]
    assert state.levels.n_counted == 120_000  # type: ignore[union-attr]
    assert state.n == old.num_rows
    new = pa.table({"level": names[rng.integers(0, 120_000, 60_000)]})
    (found,) = aiir.drift(summary, new).columns
    assert not found.drifted
    (moved,) = aiir.drift(summary, pa.table({"level": names[rng.integers(0, 9, 60_000)]})).columns
    assert moved.drifted
