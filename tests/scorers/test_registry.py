"""Making scorers: by name, from other packages, from functions; and checks on a command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from aiir_eval.errors import InputError
from aiir_eval.scorers import (
    SCORERS,
    Answer,
    Check,
    Judgement,
    Scorer,
    ScoringError,
    make_scorer,
    needs_expected,
    parse_check,
    parse_checks,
    registry,
)

EXAMPLES: dict[str, dict[str, Any]] = {
    "equals": {},
    "choice": {"options": ["yes", "no"]},
    "contains": {"value": "a"},
    "not_contains": {"value": "a"},
    "regex": {"pattern": "a"},
    "not_regex": {"pattern": "a"},
    "numeric": {},
    "json_schema": {"schema": {}},
    "tool_called": {"tool": "a"},
    "tool_not_called": {"tool": "a"},
    "canary": {"value": "ORCHID-7731"},
}


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_has_a_version_and_says_whether_it_needs_expected(name: str) -> None:
    scorer = make_scorer(Check(name, name, EXAMPLES[name]))
    assert isinstance(scorer, Scorer)
    assert scorer.version
    assert needs_expected(scorer) == (name in ("equals", "choice", "numeric"))


@pytest.mark.parametrize("name", SCORERS)
def test_an_unknown_parameter_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(InputError, match=r"ignore_caps.*no such parameter.*it takes"):
        make_scorer(Check(name, "c", {**EXAMPLES[name], "ignore_caps": True}))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (Check("contian", "c"), "did you mean contains"),
        (Check("contains", "c"), "give exactly one of value, any or all: none is given"),
        (Check("contains", "c", {"value": "a", "any": ["b"]}), "value and any are given"),
        (Check("contains", "c", {"value": ""}), "contained in every output"),
        (Check("contains", "c", {"value": 1.1}), "not text.*quotes"),
        (Check("regex", "c"), "pattern: check c: this parameter is required"),
        (Check("regex", "c", {"pattern": "("}), "not a regular expression"),
        (Check("choice", "c", {"options": ["yes", "Yes."]}), "different words"),
        (Check("choice", "c", {"options": ["a", "b"], "value": "c"}), "none of the options"),
    ],
)
def test_wrong_parameters_say_what_is_wrong(check: Check, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_scorer(check)


def test_every_problem_of_a_check_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        make_scorer(Check("numeric", "n", {"tolerance": -1, "pick": "middle", "foo": 1}))
    assert {problem.field for problem in caught.value.problems} == {"tolerance", "pick", "foo"}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    (tmp_path / "my_scorers.py").write_text(
        "def polite(answer, word='please'):\n"
        "    return word in answer.output, 'looked for ' + word\n"
        "def half(answer):\n    return 0.5\n"
        "def wrong(answer):\n    return 'good'\n"
        "def broken(answer):\n    return 1 / 0\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    yield "my_scorers"
    sys.modules.pop("my_scorers", None)


def test_a_function_runs_only_when_named(module: str) -> None:
    check = Check(f"python:{module}:polite", "polite")
    with pytest.raises(InputError, match=r"type: --allow-scorer python:my_scorers:polite"):
        make_scorer(check)
    with pytest.raises(InputError):
        make_scorer(check, allow_python=["python:my_scorers:half"])
    assert module not in sys.modules
    scorer = make_scorer(check, allow_python=["python:my_scorers:polite"])
    assert scorer(Answer("yes please")) == Judgement(1.0, True, "looked for please")
    assert not scorer(Answer("yes")).passed
    assert str(Path.cwd()) not in sys.path


def test_what_a_function_returns(module: str) -> None:
    def made(function: str, **parameters: Any) -> Scorer:
        name = f"python:{module}:{function}"
        return make_scorer(Check(name, name, parameters), allow_python=[name])

    assert made("half")(Answer("")).score == 0.5
    assert not made("half")(Answer("")).passed
    assert made("polite", word="thanks")(Answer("thanks")).passed
    with pytest.raises(ScoringError, match="returned 'good'"):
        made("wrong")(Answer(""))
    with pytest.raises(ScoringError, match="ZeroDivisionError"):
        made("broken")(Answer(""))
    for function in ("absent", "number"):
        with pytest.raises(InputError, match=r"has no absent|is not a function"):
            made(function)
    with pytest.raises(InputError, match="cannot be called"):
        made("polite", wrod="x")


def test_the_version_of_a_function_is_that_of_its_code(module: str, tmp_path: Path) -> None:
    name = f"python:{module}:half"
    one = make_scorer(Check(name, name), allow_python=[name]).version
    (tmp_path / "my_scorers.py").write_text("def half(answer):\n    return 0.6\n")
    sys.modules.pop(module)
    assert make_scorer(Check(name, name), allow_python=[name]).version != one


def test_an_installed_package_may_offer_scorers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shout:
        version = "7"

        def __init__(self, *, loud: bool = True) -> None:
            self.loud = loud

        def __call__(self, answer: Answer) -> Judgement:
            return Judgement.of(answer.output.isupper() is self.loud, "case")

    class Point:
        def load(self) -> Any:
            return Shout

    monkeypatch.setattr(registry, "_offered", lambda: {"shout": Point(), "equals": Point()})
    assert make_scorer(Check("shout", "s"))(Answer("HEY")).passed
    assert make_scorer(Check("equals", "e", {"value": "a"})).version == SCORERS["equals"].version
    with pytest.raises(InputError, match="laud"):
        make_scorer(Check("shout", "s", {"laud": True}))


@pytest.mark.parametrize(
    ("spec", "check"),
    [
        ("equals", Check("equals", "equals")),
        ("contains:value=90", Check("contains", "contains", {"value": "90"})),
        ("contains:value=a: b, c = d", Check("contains", "contains", {"value": "a: b, c = d"})),
        ("contains:value='no'", Check("contains", "contains", {"value": "no"})),
        ("contains:any=[a b, c]", Check("contains", "contains", {"any": ["a b", "c"]})),
        ("equals:value=42", Check("equals", "equals", {"value": 42})),
        ("equals:value=a: b", Check("equals", "equals", {"value": "a: b"})),
        ("equals:value='42'", Check("equals", "equals", {"value": "42"})),
        ("equals:value=# no comment", Check("equals", "equals", {"value": "# no comment"})),
        ("numeric:tolerance=0.01", Check("numeric", "numeric", {"tolerance": 0.01})),
        ("regex:pattern={2,}", Check("regex", "regex", {"pattern": "{2,}"})),
        ("contains:name=x", Check("contains", "x")),
        (
            "{scorer: contains, name: a, value: b, ignore_case: false}",
            Check("contains", "a", {"value": "b", "ignore_case": False}),
        ),
        ("python:mod:fn", Check("python:mod:fn", "python:mod:fn")),
        ("python:mod:fn:word=x", Check("python:mod:fn", "python:mod:fn", {"word": "x"})),
        (
            'json_schema:schema={"type": "object"}',
            Check("json_schema", "json_schema", {"schema": {"type": "object"}}),
        ),
    ],
)  # fmt: skip
def test_a_check_on_the_command_line(spec: str, check: Check) -> None:
    assert parse_check(spec) == check
    assert Check.from_mapping(check.to_mapping()) == check


@pytest.mark.parametrize("spec", ["", "contains:value", "contains: =x", "{scorer: ", "{value: a}"])
def test_a_check_that_cannot_be_read_is_refused(spec: str) -> None:
    with pytest.raises(InputError):
        parse_check(spec)


def test_a_second_parameter_is_not_taken_for_text() -> None:
    with pytest.raises(InputError, match="takes one parameter") as caught:
        parse_check("contains:value=foo,ignore_case=true")
    assert "{scorer: contains, value: ..., ignore_case: ...}" in str(caught.value)
    said = parse_check("contains:value='foo,ignore_case=true'").parameters["value"]
    assert said == "foo,ignore_case=true"


def test_checks_from_a_file(tmp_path: Path) -> None:
    one, two, bad = (tmp_path / name for name in ("one.yaml", "two.yaml", "bad.yaml"))
    one.write_text("scorer: contains\nvalue: a\n")
    two.write_text("- {scorer: contains, value: a}\n- {scorer: equals}\n")
    bad.write_text("- {scorer: contains, value: a}\n- {value: b}\n- 7\n")
    assert parse_check(f"@{one}") == Check("contains", "contains", {"value": "a"})
    assert [check.scorer for check in parse_checks(f"@{two}")] == ["contains", "equals"]
    with pytest.raises(InputError, match="2 checks where one is wanted"):
        parse_check(f"@{two}")
    with pytest.raises(InputError) as caught:
        parse_checks(f"@{bad}")
    assert [problem.line for problem in caught.value.problems] == [2, 3]
    with pytest.raises(InputError, match="no such file"):
        parse_checks(f"@{tmp_path}/absent.yaml")
