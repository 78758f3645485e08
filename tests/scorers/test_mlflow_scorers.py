"""MLflow's scorers as checks, called with a trial as MLflow's own evaluation would give it."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from command_line import saying
from servers import Call, ChatServer, chat_server, completion, error

import aiir_eval as aiir
from aiir_eval.cli import invoke
from aiir_eval.errors import InputError
from aiir_eval.scorers import (
    Answer,
    Check,
    Judgement,
    Scorer,
    ScoringError,
    make_scorer,
    mlflow,
    needs_expected,
)
from aiir_eval.suites import Suite, save_suite
from aiir_eval.tool_calls import ToolCall

__all__ = ["chat_server"]

JUDGE = "openai:/judge-1"
SUM = ToolCall("sum", {"a": 2, "b": 2})
ANSWER = Answer(
    "It is 4.",
    [SUM],
    expected="four",
    input="How much is 2+2?",
    context=[{"id": "sums", "text": "two and two is four"}, {"id": "cats", "text": "cats purr"}],
    tools=[{"name": "sum", "description": "adds", "parameters": None, "result": None}],
)
TALK = Answer(
    "You are Ada.",
    input=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "I am Ada."},
        {"role": "assistant", "content": "Hello Ada."},
        {"role": "user", "content": "Who am I?"},
    ],
)


def made(name: str, **parameters: Any) -> Scorer:
    return make_scorer(Check(name, "c", parameters), allow_python=[name])


def says(result: str, rationale: str = "I looked") -> Any:
    return completion(json.dumps({"result": result, "rationale": rationale}))


@pytest.fixture
def judge(
    chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[ChatServer]:
    """A model that says yes, where MLflow looks for it.

    Nothing may be written meanwhile, and no other machine be looked for.
    """
    looked_for = []
    look_up = socket.getaddrinfo

    def watched(host: Any, *others: Any, **more: Any) -> Any:
        if host not in ("127.0.0.1", "localhost"):
            looked_for.append(host)
        return look_up(host, *others, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    monkeypatch.setenv("OPENAI_API_BASE", chat_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-key")
    monkeypatch.chdir(tmp_path)
    chat_server.answer = [says("yes")]
    yield chat_server
    assert not list(tmp_path.glob("mlflow*")), "MLflow made a store"
    assert not looked_for


def test_scorers_without_a_model_judge_as_mlflow_does() -> None:
    short = made("mlflow.ResponseLength", max_length=8)
    assert short(ANSWER).passed and not short(Answer("It is four.")).passed
    assert short.version == f"mlflow {version('mlflow')}"
    private = make_scorer(Check("mlflow.PIIDetection", "c", {"pii_types": ["email"]}))
    said = private(Answer("write to ada@example.com"))
    assert said == Judgement(0.0, False, "no: Detected PII: email")
    assert private(ANSWER).passed
    assert made("mlflow.RegexMatch", pattern="IS 4", case_insensitive=True)(ANSWER).passed
    inverted = make_scorer(Check("mlflow.PIIDetection", "c", {"equals": "no"}))
    assert inverted(Answer("ada@example.com")).passed and not inverted(ANSWER).passed


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (Check("mlflow.Corectness", "c"), "did you mean mlflow.Correctness"),
        (Check("mlflow.zzz", "c"), r"there are mlflow.Completeness, .*mlflow.UserFrustration"),
        (Check("mlflow.Safety", "c"), r"asks a model, and none is named.*OPENAI_API_KEY"),
        (Check("mlflow.Safety", "c", {"model": "gpt-4o"}), "'gpt-4o' names none"),
        (Check("mlflow.Guidelines", "c", {"model": JUDGE}), "guidelines: .* required"),
        (Check("mlflow.Safety", "c", {"modle": JUDGE}), r"no such parameter \(it takes .*model"),
        (Check("mlflow.Safety", "c", {"model": JUDGE, "extra_headers": {}}), "no such parameter"),
        (Check("mlflow.RegexMatch", "c", {"pattern": 4}), "not text.*quotes"),
        (Check("mlflow.ResponseLength", "c", {"min_length": 9, "max_length": 1}), "max_length"),
        (Check("mlflow.UserFrustration", "c", {"model": JUDGE}), "one_of.*resolved, unresolved"),
        (Check("mlflow.PIIDetection", "c", {"at_least": 2, "at_most": 1}), "below at_least"),
        (Check("mlflow.PIIDetection", "c", {"at_least": 2, "equals": "x"}), "not several"),
        (Check("mlflow.PIIDetection", "c", {"expectations": "x"}), "expectations is a mapping"),
        (Check("mlflow.ragas.BleuScore", "c"), "needs the package ragas.*pip install ragas"),
        (Check("mlflow.phoenix.Toxicity", "c"), "pip install arize-phoenix-evals"),
        (Check("mlflow.ragass.BleuScore", "c"), "did you mean mlflow.ragas.BleuScore"),
    ],
)
def test_a_check_that_cannot_be_made_says_what_to_write(check: Check, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_scorer(check, allow_python=[check.scorer])


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (Check("mlflow.Safety", "c", {"model": JUDGE}), "asks a model"),
        (Check("mlflow.RegexMatch", "c", {"pattern": "a"}), "cannot be stopped.*the scorer regex"),
        (Check("mlflow.ragas.BleuScore", "c"), "is code of ragas"),
    ],
)
def test_a_suite_does_not_decide_what_asks_a_model(check: Check, why: str) -> None:
    with pytest.raises(InputError, match=f"{why}|--allow-scorer {check.scorer}") as caught:
        make_scorer(check, allow_python=["mlflow.Correctness"])
    assert f"type: --allow-scorer {check.scorer}" in str(caught.value)


@pytest.mark.server
def test_a_judge_sees_the_trial_and_is_believed(judge: ChatServer) -> None:
    correct = made("mlflow.Correctness", model=JUDGE)
    assert needs_expected(correct)
    assert correct(ANSWER) == Judgement(1.0, True, "yes: I looked")
    asked = judge.calls[0]
    assert asked.headers["authorization"] == "Bearer sk-the-key"
    assert asked.body["model"] == "judge-1"
    assert all(text in asked.last for text in ("It is 4.", "four", "How much is 2+2?"))
    judge.answer = [says("no", "it is\nfive")]
    assert correct(ANSWER) == Judgement(0.0, False, "no: it is five")
    made("mlflow.Equivalence", model=JUDGE, inference_params={"temperature": 0})(ANSWER)
    assert judge.calls[-1].body["temperature"] == 0
    facts = made("mlflow.Correctness", model=JUDGE, expectations={"expected_facts": ["a fact"]})
    assert not needs_expected(facts)
    facts(Answer("It is 4.", input="?"))
    assert "a fact" in judge.calls[-1].last


@pytest.mark.server
@pytest.mark.parametrize(
    "answer", [says("maybe"), says("unknown"), completion("no JSON"), error(400, "no such model")]
)
def test_a_judge_that_does_not_judge_is_an_error_of_the_trial(
    judge: ChatServer, answer: Any
) -> None:
    judge.answer = [answer]
    with pytest.raises(ScoringError):
        made("mlflow.Safety", model=JUDGE)(ANSWER)


@pytest.mark.server
def test_every_scorer_of_mlflow_judges_a_trial(judge: ChatServer) -> None:
    """Of a text, or of a conversation, as the scorer reads it; each with one question at least."""
    more: dict[str, dict[str, Any]] = {
        "mlflow.Guidelines": {"guidelines": "be nice"},
        "mlflow.ConversationalGuidelines": {"guidelines": ["be nice"]},
        "mlflow.RegexMatch": {"pattern": "4"},
        "mlflow.ResponseLength": {"min_length": 1},
        "mlflow.UserFrustration": {"one_of": ["none", "yes"]},
    }
    alone = {"mlflow.RegexMatch", "mlflow.ResponseLength", "mlflow.PIIDetection"}
    assert len(mlflow.names()) >= 24
    for name in mlflow.names():
        judge.calls.clear()
        judge.answer = [says("none" if name == "mlflow.UserFrustration" else "yes")]
        scorer = made(name, **more.get(name, {}), **({} if name in alone else {"model": JUDGE}))
        talk = "Conversation" in name or name in {
            "mlflow.UserFrustration",
            "mlflow.KnowledgeRetention",
        }
        assert scorer(TALK if talk else ANSWER).passed, name
        assert bool(judge.calls) == (name not in alone), name
        if talk:
            asked = "".join(call.body["messages"][-1]["content"] for call in judge.calls)
            asked += "".join(str(call.body["messages"]) for call in judge.calls)
            assert all(text in asked for text in ("I am Ada.", "Hello Ada.", "Who am I?")), name


@pytest.mark.server
def test_passages_are_judged_one_by_one_and_a_share_may_be_enough(judge: ChatServer) -> None:
    def relevant(call: Call) -> Any:
        return says("yes" if "two and two" in call.last else "no", "as it is")

    judge.answer = relevant
    every = made("mlflow.RetrievalRelevance", model=JUDGE)(ANSWER)
    assert (every.score, every.passed) == (0.5, False)
    some = made("mlflow.RetrievalRelevance", model=JUDGE, at_least=0.5)(ANSWER)
    assert (some.score, some.passed) == (0.5, True)
    with pytest.raises(ScoringError, match="the case has no `context`"):
        made("mlflow.RetrievalRelevance", model=JUDGE)(Answer("a", input="b"))


@pytest.mark.server
def test_tool_calls_are_compared_without_a_model(judge: ChatServer) -> None:
    check = Check("mlflow.ToolCallCorrectness", "c", {"should_exact_match": True})
    scorer = make_scorer(check)
    assert needs_expected(scorer)
    wanted = [{"name": "sum", "arguments": {"a": 2, "b": 2}}]
    assert scorer(Answer("4", [SUM], expected=wanted)).passed
    assert scorer(Answer("4", [SUM], expected={"expected_tool_calls": [{"name": "sum"}]})).passed
    assert not scorer(Answer("4", expected=wanted)).passed
    other = [ToolCall("sum", {"a": 2, "b": 3})]
    assert not scorer(Answer("4", other, expected=wanted)).passed
    strange = [{"name": "sum", "description": 7, "parameters": {"properties": 5}}]
    assert not scorer(Answer("4", input="?", tools=strange, expected=wanted)).passed
    assert not judge.calls
    with pytest.raises(InputError, match="none is named"):
        make_scorer(Check("mlflow.ToolCallCorrectness", "c", {"should_exact_match": "no"}))
    with pytest.raises(ScoringError, match="no tools, and none is called"):
        made("mlflow.ToolCallEfficiency", model=JUDGE)(Answer("4", input="?"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "my_judges.py").write_text(
        "from mlflow.entities import Feedback\n"
        "from mlflow.genai.scorers import scorer\n\n"
        "@scorer\n"
        "def named(inputs, outputs, expectations):\n"
        "    said = inputs['messages'][-1]['content'], expectations['expected_response']\n"
        "    return Feedback(value=all(word in outputs for word in said), rationale='looked')\n\n"
        "@scorer\n"
        "def length(outputs):\n    return len(outputs)\n\n"
        "@scorer\n"
        "def spans(trace):\n"
        "    return [Feedback(name=span.name, value=True) for span in trace.data.spans]\n\n"
        "@scorer\n"
        "def silent(outputs):\n    return None\n\n"
        "@scorer\n"
        "def broken(outputs):\n    return Feedback(error=ValueError('no idea'))\n"
    )
    monkeypatch.chdir(tmp_path)
    yield "python:my_judges:"
    sys.modules.pop("my_judges", None)


def test_a_scorer_written_for_mlflow_is_named_as_python(written: str) -> None:
    with pytest.raises(InputError, match="--allow-scorer"):
        make_scorer(Check(f"{written}named", "n"))
    named = made(f"{written}named")
    assert named(Answer("2+2 is 4", input="2+2", expected="4")) == Judgement(
        1.0, True, "yes: looked"
    )
    assert not named(Answer("2+2 is 5", input="2+2", expected="4")).passed
    assert len(named.version) == 16
    assert made(f"{written}length", at_most=8)(ANSWER).passed
    assert not made(f"{written}length", at_most=7)(ANSWER).passed
    assert made(f"{written}spans")(ANSWER).reason.count("yes") == 4
    for name, message in [
        ("length", r"gave 8: say what passes, at_least: NUMBER"),
        ("silent", "said nothing"),
        ("broken", "no idea"),
    ]:
        with pytest.raises(ScoringError, match=message):
            made(f"{written}{name}")(ANSWER)
    with pytest.raises(InputError, match="takes no word"):
        made(f"{written}length", word="x")


def suite_of(n: int, **check: Any) -> Suite:
    cases = [
        {"id": f"c{i}", "input": f"{i}?", "expected": "x", "checks": [check]} for i in range(n)
    ]
    return Suite.model_validate({"name": "judged", "cases": cases})


@pytest.mark.server
def test_judges_work_beside_the_trials_and_their_version_is_recorded(judge: ChatServer) -> None:
    """Twelve judgements of 0.2 s each, eight at a time."""
    judge.answer = [completion(json.dumps({"result": "yes", "rationale": ""}), delay_s=0.2)]
    suite = suite_of(12, scorer="mlflow.Safety", model=JUDGE)
    target = saying("it is")
    made("mlflow.Safety", model=JUDGE)(ANSWER)  # MLflow loads its providers at the first question
    started = time.perf_counter()
    run = aiir.run(suite, target=target, allow_python=["mlflow.Safety"])
    assert time.perf_counter() - started < 12 * 0.2
    assert run.trials["passed"].to_pylist() == [True] * 12
    assert run.manifest.scorer_versions == {
        "mlflow.Safety": made("mlflow.Safety", model=JUDGE).version
    }
    judge.answer = [error(400, "no")]
    run = aiir.run(suite, target=target, allow_python=["mlflow.Safety"])
    assert all(
        "the check 'mlflow.Safety' failed" in text for text in run.trials["error"].to_pylist()
    )
    with pytest.raises(InputError, match=r"--allow-scorer mlflow\.Safety"):
        aiir.run(suite, target=target)


@pytest.mark.server
def test_aiir_yaml_names_a_judge_for_good(judge: ChatServer) -> None:
    Path("aiir.yaml").write_text("scorers: [mlflow.Safety, evidently.RegExp]\n")
    suite = suite_of(1, scorer="mlflow.Safety", model=JUDGE)
    assert aiir.run(suite, target=saying("it is")).trials["passed"].to_pylist() == [True]
    Path("aiir.yaml").write_text("scorers: [Safety]\n")
    with pytest.raises(InputError, match=r"python:module:function, mlflow\.NAME or evidently"):
        aiir.run(suite, target=saying("it is"))


@pytest.mark.server
def test_recorded_answers_are_judged_from_the_command_line(judge: ChatServer) -> None:
    Path("said.csv").write_text("n,said\nc0,good\nc1,bad\n")
    judge.answer = lambda call: says("no" if "bad" in call.last else "yes")
    save_suite(suite_of(2, scorer="mlflow.Safety", model=JUDGE), "suite.yaml")
    table = [
        "import",
        "table",
        "said.csv",
        "--id",
        "n",
        "--output",
        "said",
        "--suite",
        "suite.yaml",
    ]
    assert invoke([*table, "-o", "run"]) == 2
    assert invoke([*table, "-o", "run", "--allow-scorer", "mlflow.Safety"]) == 0
    assert aiir.load_run("run").trials["passed"].to_pylist() == [True, False]
    judge.answer = [error(400, "no such model")]
    assert invoke([*table, "-o", "other", "--allow-scorer", "mlflow.Safety"]) == 0
    assert "every trial errored" in aiir.load_run("other").manifest.problems[0]
