"""Typed columns: ids, verdicts, numbers and text; what is none of these names its row."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiir_eval.errors import TableError
from aiir_eval.tables import as_numbers, as_passed, as_text, join_id, read_table, require_columns


def table(**columns: Any) -> pa.Table:
    return read_table(pa.table(columns), name="t")


def message(function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(TableError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_an_id_of_several_columns_is_joined_and_escaped() -> None:
    rows = table(a=["x|y", "x", "p\\"], b=["z", "y|z", "|"])
    assert join_id(rows, ["a", "b"]) == ["x\\|y|z", "x|y\\|z", "p\\\\|\\|"]
    assert join_id(rows, "a") == ["x|y", "x", "p\\"]
    assert join_id(rows, "a, b") == join_id(rows, ["a", "b"])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.text("a|\\", min_size=1), st.text("a|\\", min_size=1)), min_size=1, unique=True
    )
)
def test_different_pairs_never_share_an_id(pairs: list[tuple[str, str]]) -> None:
    first, second = zip(*pairs, strict=True)
    ids = join_id(table(a=list(first), b=list(second)), ["a", "b"])
    assert len(set(ids)) == len(pairs)


def test_the_same_ids_come_out_of_csv_parquet_and_jsonl(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"i": [1, 20, 300], "f": [1.0, 0.1, 1e16], "t": ["007", "a", "é"], "b": [True, False, True]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    names = ["i", "f", "t"]
    ids = [
        join_id(read_table(tmp_path / f"t.{kind}", text_columns=names), names)
        for kind in ("csv", "parquet")
    ]
    assert ids[0] == ids[1] == ["1|1.0|007", "20|0.1|a", "300|1e+16|é"]
    for kind in ("csv", "parquet", "jsonl"):
        assert join_id(read_table(tmp_path / f"t.{kind}"), ["i", "t", "b"])[0] == "1|007|true"


def test_a_null_or_empty_id_names_its_row() -> None:
    assert "t: b: row 2: an id may not be null or empty: null" in message(
        join_id, table(a=["x", "y"], b=["z", None]), ["a", "b"]
    )
    assert "row 1: an id may not be null or empty: ''" in message(join_id, table(a=[""]), "a")
    assert "at least one column" in message(join_id, table(a=["x"]), [])


def test_many_bad_rows_are_counted_and_the_first_shown() -> None:
    text = message(join_id, table(a=pa.array([None] * 1000, pa.string())), "a")
    assert text.count("\n") == 5
    assert "995 more rows" in text


def test_a_missing_column_lists_those_there_are_and_the_nearest() -> None:
    text = message(join_id, table(instance_id=["x"], ok=[1]), "instanceid")
    assert "no column 'instanceid'; the columns are 'instance_id', 'ok'" in text
    assert "did you mean 'instance_id'?" in text


@pytest.mark.parametrize(
    "values",
    [
        [True, False],
        [1, 0],
        [1.0, 0.0],
        ["1", "0"],
        ["1.0", "0.0"],
        ["True", "FALSE"],
        ["yes", "No"],
        ["pass", "fail"],
        [" Passed ", "failed"],
        ["ok", "no"],
    ],
)
def test_a_verdict_is_read_in_every_usual_spelling(values: list[Any]) -> None:
    assert as_passed(table(v=values), "v").tolist() == [True, False]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1, 2], "2"),
        ([1.0, 0.5], "0.5"),
        ([1.0, math.nan], "nan"),
        ([True, None], "null"),
        (["yes", "maybe"], "'maybe'"),
        (["yes", ""], "''"),
        ([[1], [0]], "[1]"),
    ],
)
def test_what_is_no_verdict_is_an_error_that_names_row_and_value(
    values: list[Any], shown: str
) -> None:
    text = message(as_passed, table(v=values), "v", ids=["a", "b"])
    assert "neither pass nor fail" in text
    assert shown in text
    assert "(id 'b')" in text


def test_after_where_the_row_is_one_of_those_selected() -> None:
    rows = read_table(pa.table({"k": [1, 2, 3], "v": [1, 1, 7]}), where="k > 1")
    assert "row 2 of those `where` selects" in message(as_passed, rows, "v")


@pytest.mark.parametrize(
    "values",
    [[1, 2], [1.0, 2.0], ["1", "2.0"], [Decimal("1"), Decimal("2")], ["1", " 2 "]],
)
def test_numbers_are_read_from_any_numeric_form(values: list[Any]) -> None:
    numbers = as_numbers(table(v=values), "v")
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_a_number_that_is_not_finite_names_its_row(bad: float | None) -> None:
    text = message(as_numbers, table(v=[1.0, bad]), "v")
    assert "row 2: not a finite number" in text


def test_nulls_become_nan_only_where_they_are_allowed() -> None:
    rows = table(v=pa.array([1.0, None]))
    assert np.isnan(as_numbers(rows, "v", nulls=True)[1])
    assert "row 2" in message(as_numbers, table(v=[1.0, math.nan]), "v", nulls=True)


def test_a_text_that_is_no_number_names_its_row() -> None:
    assert "row 2: not a number: 'x'" in message(as_numbers, table(v=["1", "x"]), "v")


def test_text_is_the_same_for_the_same_value() -> None:
    day = datetime.date(2024, 2, 14)
    rows = table(i=[1], f=[1.0], b=[True], t=["x"], l=[[1, 2]], d=[day], y=[b"\xff"], n=pa.nulls(1))
    texts = {name: as_text(rows, name).to_pylist()[0] for name in rows.column_names}
    assert texts == {
        "i": "1",
        "f": "1.0",
        "b": "true",
        "t": "x",
        "l": "[1, 2]",
        "d": "2024-02-14",
        "y": "ff",
        "n": None,
    }


@pytest.mark.parametrize(("sign", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_recognised(tmp_path: Path, sign: str, word: str) -> None:
    (tmp_path / "t.csv").write_text(f"id{sign}ok\n1{sign}1\n", encoding="utf-8")
    with pytest.raises(TableError, match=f"separated by {word}"):
        require_columns(read_table(tmp_path / "t.csv"), ["id", "ok"])
