"""The page on checks names every scorer with its parameters, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiir_eval.scorers import SCORERS, evidently, make_scorer, mlflow, parse_check

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "checks.md").read_text()
ROWS = {
    name: (parameters, example)
    for name, parameters, example in re.findall(
        r"^\| `(\w+)` \| .*? \| ([^|]*) \| `(.+)` \|$", PAGE, re.MULTILINE
    )
}


def test_the_table_is_that_of_the_registry() -> None:
    assert list(ROWS) == list(SCORERS)


@pytest.mark.parametrize("name", SCORERS)
def test_a_row_has_the_parameters_and_an_example_that_works(name: str) -> None:
    parameters, example = ROWS[name]
    fields = SCORERS[name].model_fields.items()
    assert re.findall(r"`(\w+)`", parameters) == [field.alias or key for key, field in fields]
    check = parse_check(example)
    assert check.scorer == name
    make_scorer(check)


def test_every_scorer_of_the_libraries_is_on_the_page() -> None:
    named = set(re.findall(r"`((?:mlflow|evidently)\.[A-Z][a-zA-Z]*[a-z]\w*)`", PAGE))
    assert named == {*mlflow.names(), *evidently.names()}
