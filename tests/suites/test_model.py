"""Suites on disk: what is read back, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiir_eval.errors import DocumentError
from aiir_eval.suites.model import Case, Suite, load_suite, save_suite

CHECK = "{scorer: contains, value: a}"
HEAD = "schema: aiir/suite/1\nname: s\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text(HEAD + text)
    return path


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(text=TEXTS, expected=VALUES, large=st.booleans())
def test_what_is_saved_is_read_back(tmp_path_factory, text, expected, large) -> None:  # type: ignore[no-untyped-def]
    case = Case(
        id="a", input=text, expected=expected, checks=[{"scorer": "contains", "value": "a"}]
    )
    suite = Suite(name="s", cases=[case], cases_file="cases.jsonl" if large else None)
    path = tmp_path_factory.mktemp("suites") / "suite.yaml"
    save_suite(suite, path)
    loaded = load_suite(path)
    assert loaded.cases == suite.cases
    assert loaded.digest() == suite.digest()


def test_a_large_suite_keeps_its_cases_in_a_file_of_their_own(tmp_path: Path) -> None:
    check = {"scorer": "contains", "value": "a"}
    cases = [Case(id=str(number), input="?", checks=[check]) for number in range(500)]
    save_suite(Suite(name="s", cases=cases), tmp_path / "big.yaml")
    assert len((tmp_path / "big.cases.jsonl").read_text().splitlines()) == 500
    assert load_suite(tmp_path / "big.yaml").cases == cases


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f"cases:\n- {{id: a, input: x, checks: [{CHECK}], colour: red}}\n", 4, "unknown field"),
        ("cases:\n- {id: a, input: x, checks: []}\n", 4, "at least 1 item"),
        (f"cases:\n- {{id: a, input: x, checks: [{CHECK}, {CHECK}]}}\n", 4, "two checks are named"),
        ("cases:\n- {id: a, input: x, checks: [{value: a}]}\n", 4, "names its scorer"),
        (f"cases:\n- id: a\n  checks: [{CHECK}]\n", 4, "this field is required"),
        (f"trials: 0\ncases:\n- {{id: a, input: x, checks: [{CHECK}]}}\n", 3, "at least 1"),
        (f"cases:\n- {{id: a, input: x, origin: near, checks: [{CHECK}]}}\n", 4, "Input should be"),
        ("cases: []\n", 3, "the suite has no case"),
        ("cases_file: ../other.jsonl\n", 3, "must lie in the folder"),
    ],
)
def test_a_suite_that_cannot_be_used_says_where(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        load_suite(write(tmp_path, text))
    problem = caught.value.problems[0]
    assert message in problem.message
    assert (problem.file, problem.line) == (str(tmp_path / "suite.yaml"), line)


def test_duplicate_ids_are_refused(tmp_path: Path) -> None:
    cases = f"- {{id: a, input: x, checks: [{CHECK}]}}\n" * 2
    with pytest.raises(DocumentError, match="stand twice: 'a'"):
        load_suite(write(tmp_path, f"cases:\n{cases}"))
    line = '{"id": "a", "input": "x", "checks": [{"scorer": "equals"}]}\n'
    (tmp_path / "cases.jsonl").write_text(line * 2)
    with pytest.raises(DocumentError, match=r"cases.jsonl:2: id: .*stands on line 1"):
        load_suite(write(tmp_path, "cases_file: cases.jsonl\n"))


def test_trials_follow_the_origin_unless_overridden() -> None:
    checks = [{"scorer": "contains", "value": "a"}]
    case = Case(id="a", input="x", origin="incident", checks=checks)
    suite = Suite(name="s", cases=[case], trials={"incident": 60})
    assert suite.trials_of(case) == 60
    assert suite.trials_of(case.model_copy(update={"origin": "control"})) == 1
    assert suite.trials_of(case, override=3) == 3
