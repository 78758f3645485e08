"""Evidently's descriptors as checks: the values are Evidently's, what passes the check says."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from command_line import saying
from servers import ChatServer, chat_server, completion, error

import aiir_eval as aiir
from aiir_eval.errors import InputError
from aiir_eval.scorers import (
    Answer,
    Check,
    Judgement,
    Scorer,
    ScoringError,
    evidently,
    make_scorer,
    needs_expected,
)
from aiir_eval.suites import Suite, lint_suite, suite_from_table

__all__ = ["chat_server"]

TEXTS = [
    "It is 4. Or is it?",
    "?",
    '{"price": 4, "note": "see https://example.com"}',
    "x = 4",
    "IT IS FOUR\nby my count",
]
PLAIN = {"lemmatize": False}
# Every descriptor that works from the text alone, and a parameter set of it.
OFFLINE: dict[str, dict[str, Any]] = {
    "BeginsWith": {"prefix": "it", "case_sensitive": False},
    "Contains": {"items": ["4", "price"], "mode": "all"},
    "ContainsLink": {},
    "DoesNotContain": {"items": ["4"]},
    "EndsWith": {"suffix": "?"},
    "ExactMatch": {},
    "ExcludesWords": {"words_list": ["four"], **PLAIN},
    "IncludesWords": {"words_list": ["four", "is"], "mode": "all", **PLAIN},
    "IsValidJSON": {},
    "IsValidPython": {},
    "ItemMatch": {},
    "ItemNoMatch": {"columns": ["output", "input"]},
    "JSONMatch": {},
    "JSONSchemaMatch": {"expected_schema": {"price": "int"}, "validate_types": True},
    "NonLetterCharacterPercentage": {"at_most": 30},
    "RegExp": {"reg_exp": r"\d"},
    "SentenceCount": {"at_least": 2},
    "TextLength": {"at_least": 1, "at_most": 10},
    "TextMatch": {"match_items": "expected", "match_type": "not_contains"},
    "TriggerWordsPresent": {"words_list": ["price"], **PLAIN},
    "WordCount": {"equals": 2},
    "WordMatch": PLAIN,
    "WordNoMatch": PLAIN,
    "WordsPresence": {"words_list": ["is"], "mode": "includes_any", **PLAIN},
}
EXPECTED = "4"


def made(name: str, **parameters: Any) -> Scorer:
    scorer = f"evidently.{name}"
    return make_scorer(Check(scorer, "c", parameters), allow_python=[scorer])


def test_values_are_those_of_evidently_on_a_whole_table() -> None:
    import pandas as pd
    from evidently import DataDefinition, Dataset

    columns = {"output": TEXTS, "input": ["is"] * len(TEXTS), "expected": [EXPECTED] * len(TEXTS)}
    for name, parameters in OFFLINE.items():
        scorer = made(name, **parameters)
        dataset = Dataset.from_pandas(
            pd.DataFrame(columns),
            DataDefinition(text_columns=list(columns)),
            descriptors=[scorer.descriptor],  # type: ignore[attr-defined]
        )
        whole = dataset.as_dataframe().iloc[:, -1].tolist()
        judged = [scorer(Answer(text, expected=EXPECTED, input="is")) for text in TEXTS]
        low, high = parameters.get("at_least", 0), parameters.get("at_most", 1e9)
        for value, said in zip(whole, judged, strict=True):
            if isinstance(value, bool):
                assert said == Judgement.of(value, "yes" if value else "no"), name
            elif "equals" in parameters:
                assert said.passed == (value == parameters["equals"]), name
            else:
                assert said.passed == (low <= value <= high), name
        assert scorer.version == f"evidently {version('evidently')}"
        assert needs_expected(scorer) == (
            name
            in {"ExactMatch", "ItemMatch", "JSONMatch", "TextMatch", "WordMatch", "WordNoMatch"}
        ), name


def test_every_descriptor_is_a_check_or_says_what_it_needs() -> None:
    """None is silently left out: it works offline, asks a model, or names the missing part."""
    from evidently import descriptors

    assert {f"evidently.{name}" for name in OFFLINE} <= set(evidently.names())
    for name in sorted(set(descriptors.__all__) - set(OFFLINE)):
        with pytest.raises(InputError) as caught:
            made(name, **({"alias": "x"} if name == "HuggingFace" else {}))
        assert any(
            words in str(caught.value)
            for words in (
                "judges no answer",
                "pip install",
                "nltk.downloader",
                "its categories are",
                "template: evidently.LLMEval: this parameter is required",
            )
        ), (name, str(caught.value))


def test_bounds_and_the_tests_of_evidently_say_what_passes() -> None:
    short = made("WordCount", at_most=3)
    assert short(Answer("one two three")) == Judgement(1.0, True, "3 is within the bounds")
    assert short(Answer("a b c d")) == Judgement(0.0, False, "4 is above 3")
    assert made("WordCount", one_of=[1, 3])(Answer("one two three")).reason == "is 3"
    assert made("ContainsLink", equals=False)(Answer("no link")).passed
    tested = made("TextLength", tests=[{"gte": 2}, {"not_eq": 4}])
    assert tested(Answer("abc")).passed
    assert tested(Answer("abcd")) == Judgement(0.0, False, "4 is not not_eq 4")
    assert made("WordCount", column_name="input", at_least=2)(Answer("", input="two words")).passed
    said = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "words"}]
    assert made("Contains", column_name="input", items="user: two")(Answer("", input=said)).passed
    assert made("ItemMatch")(Answer("a b", expected=["b", "z"])).passed
    assert made("JSONMatch")(Answer('{"b": 1, "a": 2}', expected={"a": 2, "b": 1})).passed
    assert made("Contains", column_name="context", items="x")(
        Answer("", context=[{"text": "x"}])
    ).passed


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("TextLenght", {}, "did you mean evidently.TextLength"),
        ("Zzz", {}, r"there are evidently.BERTScore, .*evidently.WordsPresence"),
        ("TextLength", {}, "gives a number: which one passes.*at_least: NUMBER"),
        ("TextLength", {"at_least": "2"}, "at_least"),
        ("TextLength", {"at_most": 1, "tests": [{"gte": 2}]}, "not both"),
        ("TextLength", {"tests": [{"bigger": 2}]}, "such as {gte: 10}"),
        ("TextLength", {"column_name": "answer"}, "no column 'answer': there are output, input"),
        ("TextLength", {"limit": 2}, r"no such parameter \(it takes column_name, tests"),
        ("Contains", {}, "items: evidently.Contains: this parameter is required"),
        ("Contains", {"items": ["a"], "mode": "some"}, "mode: .*'any' or 'all'"),
        ("Contains", {"items": ["a"], "at_least": 2}, "no number: write equals"),
        ("ItemMatch", {"columns": ["output"]}, "exactly 2 columns"),
        ("JSONSchemaMatch", {"expected_schema": {"a": "integer"}}, "names types"),
        ("CustomDescriptor", {}, "write the function as python:module:function"),
        ("DeclineLLMEval", {}, "its categories are DECLINE, OK"),
        ("LLMEval", {"provider": "openai", "model": "m", "template": "x"}, "template is a mapping"),
        ("IncludesWords", {"words_list": ["a"]}, "wordnet.*nltk.downloader.*lemmatize: false"),
    ],
)
def test_a_check_that_cannot_be_made_says_what_to_write(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        made(name, **parameters)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("DeclineLLMEval", {"equals": "OK"}),
        ("RegExp", {"reg_exp": "(a|aa)+$"}),
        ("TextMatch", {"match_items": ["(a|aa)+$"], "match_type": "regex"}),
    ],
)
def test_a_suite_does_not_decide_what_asks_a_model_or_never_ends(
    name: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=f"--allow-scorer evidently.{name}"):
        make_scorer(Check(f"evidently.{name}", "c", parameters))


def test_what_a_case_lacks_is_an_error_of_the_trial() -> None:
    with pytest.raises(ScoringError, match="the case has none"):
        made("ExactMatch")(Answer("a"))
    with pytest.raises(ScoringError, match="`context`, and the case has none"):
        made("Contains", column_name="context", items="x")(Answer("a"))


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Word lists come from this folder; to look for newer ones elsewhere is an error."""
    import nltk

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("looks for word lists on the network")

    monkeypatch.setattr(nltk, "download", refuse)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    return tmp_path


def test_word_lists_are_read_from_disk(no_download: Path) -> None:
    with pytest.raises(InputError, match=r"python -m nltk\.downloader vader_lexicon"):
        made("Sentiment", at_least=0)
    (no_download / "sentiment").mkdir()
    with zipfile.ZipFile(no_download / "sentiment" / "vader_lexicon.zip", "w") as lexicon:
        lexicon.writestr(
            "vader_lexicon/vader_lexicon.txt", "lovely\t3.0\t0.5\t[3]\nawful\t-3.0\t0.5\t[-3]"
        )
    kind = made("Sentiment", at_least=0.2)
    assert kind(Answer("a lovely rug")).passed and not kind(Answer("an awful rug")).passed


def test_words_are_lemmatised_without_a_look_at_the_network(no_download: Path) -> None:
    """A WordNet of one noun, and an English of two words."""
    wordnet, english = no_download / "corpora" / "wordnet", no_download / "corpora" / "words"
    wordnet.mkdir(parents=True)
    for kind in ("noun", "verb", "adj", "adv"):
        (wordnet / f"{kind}.exc").write_text("")
        (wordnet / f"data.{kind}").write_text("")
        (wordnet / f"index.{kind}").write_text("rug n 1 0 1 0 00000001  \n" * (kind == "noun"))
    for name in ("cntlist.rev", "index.sense"):
        (wordnet / name).write_text("")
    (wordnet / "lexnames").write_text("00\tnoun.Tops\t1\n")
    english.mkdir()
    (english / "en").write_text("a\nrug\n")
    (english / "en-basic").write_text("a\n")
    assert made("IncludesWords", words_list=["rug"])(Answer("Rugs, rugs!")).passed
    unknown = made("OOVWordsPercentage", at_most=50)
    assert unknown(Answer("a zzyx")).reason == "50 is within the bounds"
    assert not unknown(Answer("zzyx rugs qqq")).passed


@pytest.fixture
def judge(chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ChatServer:
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-key")
    monkeypatch.chdir(tmp_path)
    chat_server.answer = [says("OK")]
    return chat_server


def says(category: str, **more: Any) -> Any:
    return completion(json.dumps({"category": category, "reasoning": "I\nlooked", **more}))


@pytest.mark.server
def test_a_model_judges_and_the_check_says_which_category_passes(judge: ChatServer) -> None:
    helpful = made("DeclineLLMEval", model="judge-1", equals="ok")
    assert helpful(Answer("Here you are.")) == Judgement(1.0, True, "is 'OK': I looked")
    asked = judge.calls[0]
    assert asked.body["model"] == "judge-1" and "Here you are." in asked.last
    assert asked.headers["authorization"] == "Bearer sk-the-key"
    judge.answer = [says("DECLINE")]
    assert helpful(Answer("No.")) == Judgement(0.0, False, "is 'DECLINE', not 'ok': I looked")
    judge.answer = [says("UNKNOWN")]
    with pytest.raises(ScoringError, match="could not decide"):
        helpful(Answer("No."))
    judge.answer = [error(400, "no such model")]
    with pytest.raises(ScoringError, match="no such model"):
        helpful(Answer("No."))


@pytest.mark.server
def test_a_judge_that_hangs_is_given_up(judge: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidently, "TIMEOUT_S", 0.2)
    judge.answer = [completion("late", delay_s=1.0)]
    with pytest.raises(ScoringError, match=r"no judgement within 0\.2 s"):
        made("DeclineLLMEval", equals="OK")(Answer("Here you are."))


@pytest.mark.server
def test_a_criterion_of_ones_own(judge: ChatServer) -> None:
    template = {
        "criteria": "Is it about rugs?",
        "target_category": "RUG",
        "non_target_category": "OTHER",
    }
    about = made("LLMEval", provider="openai", model="judge-1", template=template, equals="RUG")
    judge.answer = [says("RUG")]
    assert about(Answer("a rug")).passed
    assert "Is it about rugs?" in str(judge.calls[0].body)
    several = {"criteria": "Which?", "category_criteria": {"A": "is a", "B": "is b"}}
    which = made("LLMEval", provider="openai", model="m", template=several, one_of=["A", "B"])
    judge.answer = [says("B")]
    assert which(Answer("b")).passed
    right = made("CorrectnessLLMEval", equals="CORRECT")
    judge.answer = [says("CORRECT")]
    assert right(Answer("four", expected="the number four")).passed
    assert "the number four" in str(judge.calls[-1].body)


@pytest.mark.server
def test_a_run_with_checks_of_both_libraries(judge: ChatServer) -> None:
    Path("sums.csv").write_text("n,question,answer\n1,2+2?,4\n2,3+3?,6\n")
    checks = [
        "evidently.ExactMatch",
        "evidently.WordCount:at_most=1",
        "mlflow.ResponseLength:max_length=3",
        "{scorer: evidently.DeclineLLMEval, model: judge-1, equals: OK}",
    ]
    suite = suite_from_table("sums.csv", id="n", input="question", expected="answer", checks=checks)
    named = ["evidently.DeclineLLMEval"]
    assert not lint_suite(suite, allow_python=named)
    assert any("asks a model" in item.message for item in lint_suite(suite))
    run = aiir.run(suite, target=saying("4"), allow_python=named)
    assert run.trials["passed"].to_pylist() == [True, False]
    ours = f"evidently {version('evidently')}"
    assert run.manifest.scorer_versions == {
        "evidently.DeclineLLMEval": ours,
        "evidently.ExactMatch": ours,
        "evidently.WordCount": ours,
        "mlflow.ResponseLength": f"mlflow {version('mlflow')}",
    }
    with pytest.raises(InputError, match="compares with the expected answer"):
        suite_from_table("sums.csv", id="n", input="question", checks=checks[:1])
    Path("said.csv").write_text("n,said\n1,4\n2,6\n")
    again = aiir.import_table("said.csv", id="n", output="said", suite=suite, allow_python=named)
    assert again.trials["passed"].to_pylist() == [True, True]


def test_a_check_with_an_unknown_parameter_is_found_by_lint() -> None:
    case = {"id": "a", "input": "?", "checks": [{"scorer": "evidently.TextLength", "atmost": 3}]}
    suite = Suite.model_validate({"name": "s", "cases": [case]})
    assert "no such parameter" in lint_suite(suite)[0].message
