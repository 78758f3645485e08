"""Texts as codes, and the outputs of two runs: each text looked at once, nothing lost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from aiir_eval.compare.columns import text_codes
from aiir_eval.compare.outputs import outputs_of


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "a", "b", "c"],  # as a run writes what belongs to a case
        ["c", "a", "b", "a"],
        ["b", None, "a", None, "b"],
        [None, None],
        ["only"],
        [],
    ],
)
def test_codes_point_at_the_sorted_levels(texts: list[str | None]) -> None:
    column = pa.chunked_array([pa.array(texts[:1], pa.string()), pa.array(texts[1:], pa.string())])
    codes, levels = text_codes(column)
    assert levels == sorted({text for text in texts if text is not None})
    assert [None if code < 0 else levels[code] for code in codes] == texts


def test_every_trial_gets_what_is_told_of_its_own_output() -> None:
    old = pa.chunked_array([["yes", None], ["no", ""]])
    new = pa.chunked_array([["no", "yes", "maybe", None]])
    outputs = outputs_of(old, new)
    assert sorted(outputs.texts.to_pylist()) == ["", "maybe", "no", "yes"]
    assert [side.tolist() for side in outputs.recorded] == [
        [True, False, True, True],
        [True, True, True, False],
    ]
    told = outputs.told(lambda texts: pc.equal(texts, "yes"))
    assert [side.tolist() for side in told] == [
        [True, False, False, False],
        [False, True, False, False],
    ]
    lengths = outputs.measured(pc.utf8_length)
    np.testing.assert_array_equal(lengths[0], [3, np.nan, 2, 0])
    np.testing.assert_array_equal(lengths[1], [2, 3, 5, np.nan])


def test_runs_without_a_trial_said_nothing() -> None:
    empty = pa.chunked_array([], pa.string())
    outputs = outputs_of(empty, empty)
    assert outputs.old.size == outputs.new.size == len(outputs.texts) == 0
    assert [side.size for side in outputs.told(lambda texts: pc.equal(texts, ""))] == [0, 0]
