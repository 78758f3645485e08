"""A register is a data frame too."""

from __future__ import annotations

from aiir_eval.incidents.loading import load_register
from aiir_eval.shipped import shipped


def test_a_register_is_a_frame_of_one_row_an_incident() -> None:
    register = load_register(shipped("incidents_corpus"))
    frame = register.to_pandas()
    assert list(frame["id"]) == list(register.incidents)
    first = next(iter(register.incidents.values()))
    row = frame.iloc[0]
    assert (row["class"], row["status"], row["cases"]) == (
        first.class_,
        first.status,
        len(first.cases),
    )
