"""Evidently's descriptors as checks: `evidently.NAME`.

A descriptor computes a column of a table; here the table is one row with the columns `output`,
`input`, `expected` and `context`, and what it computes is judged by the bounds of the check.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from threading import Thread
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from .. import telemetry
from ..errors import InputError
from .bounds import HINT, Bounds, plain, split
from .consent import require_named
from .naming import require_known, unknown
from .protocol import Answer, Check, Judgement, ScoringError
from .text import visible

PREFIX = "evidently."
TIMEOUT_S = 60.0  # of one judgement by a model
COLUMNS = ("output", "input", "expected", "context")
# Which column a parameter names when the check does not say.
_COLUMN_OF: Mapping[str, Any] = {
    "column_name": "output",
    "columns": ["output", "expected"],
    "first_column": "output",
    "second_column": "expected",
    "target_output": "expected",
    "context": "context",
    "contexts": "context",
    "question": "input",
    "input": "input",
}
_OWN_COLUMN = {"ContextQualityLLMEval": {"column_name": "context"}}
_NOT_TAKEN = {"alias", "tests", "feature_type"}
_INSTEAD = {  # what does not judge an answer, and what does
    "BinaryClassificationLLMEval": "write LLMEval, with a template",
    "ColumnTest": "write at_least, at_most, equals or one_of on the descriptor itself",
    "CustomColumnDescriptor": "write the function as python:module:function",
    "CustomDescriptor": "write the function as python:module:function",
    "HuggingFace": "its metrics are of whole tables; write a function as python:module:function",
    "LLMJudge": "write LLMEval, with a template",
    "MulticlassClassificationLLMEval": "write LLMEval, with a template",
    "OpenAI": "write LLMEval, with a template",
    "TestSummary": "every check of a case must hold anyway",
}
# Numbers that lie in [0, 1], more being better.
_UNIT = {"BERTScore", "ContextRelevance", "SemanticSimilarity"}
_FETCHES = {*_UNIT, "HuggingFaceToxicity"}
_PACKAGES = {
    "BERTScore": "transformers",
    "ContextRelevance": "sentence-transformers",
    "HuggingFaceToxicity": "evaluate",
    "IsValidSQL": "sqlvalidator",
    "SemanticSimilarity": "sentence-transformers",
}
_WORDNET = "corpora/wordnet"
_NLTK = {
    "Sentiment": ["sentiment/vader_lexicon"],
    "OOVWordsPercentage": [_WORDNET, "corpora/words"],
}
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


@dataclass(frozen=True, slots=True)
class EvidentlyScorer:
    """A descriptor of Evidently behind our protocol; `waits` is true where it asks a model."""

    name: str
    descriptor: Any
    version: str
    bounds: Bounds
    columns: tuple[str, ...]
    tests: tuple[tuple[str, Any], ...] = ()
    waits: bool = False
    unit: bool = False

    @property
    def needs_expected(self) -> bool:
        return "expected" in self.columns

    def __call__(self, answer: Answer) -> Judgement:
        visible(answer.output)  # raises where it is too long to be judged
        value, because = self.value(answer)
        if not self.tests:
            return self.bounds.judge(value, because, unit=self.unit)
        failed = [said for said, condition in self.tests if not condition.check(value)]
        said = f"{value} is not {' and not '.join(failed)}" if failed else f"{value}"
        return Judgement.of(not failed, f"{said}: {because}" if because else said)

    def value(self, answer: Answer) -> tuple[Any, str]:
        """What the descriptor computes, and a model's reason for it."""
        import pandas as pd
        from evidently import DataDefinition, Dataset
        from evidently.legacy.core import ColumnType
        from evidently.legacy.options.base import Options

        row = {column: [_cell(answer, column, self.name)] for column in self.columns}
        kinds = DataDefinition(text_columns=list(row))
        try:
            dataset = Dataset.from_pandas(pd.DataFrame(row), kinds)
            compute = partial(self.descriptor.generate_data, dataset, Options())
            made = _in_time(compute) if self.waits else compute()
        except (Exception, SystemExit) as error:
            raise ScoringError(f"{self.name}: {type(error).__name__}: {error}") from error
        columns = list(made.values()) if isinstance(made, dict) else [made]
        texts = [column.data.iloc[0] for column in columns if column.type == ColumnType.Text]
        found = [column for column in columns if column.type != ColumnType.Text] or columns
        numbers = [column for column in found if column.type == ColumnType.Numerical]
        best = numbers[0] if numbers and (self.bounds.numeric or self.tests) else found[0]
        because = "" if len(columns) == 1 or not texts else " ".join(str(texts[0]).split())
        return best.data.iloc[0], because


def scorer_of(check: Check, *, allowed: Collection[str]) -> EvidentlyScorer:
    """The descriptor that a check names, with the check's parameters.

    Those that ask a model, fetch one, or match a pattern of the suite's run only when `allowed`
    names them. Raises `InputError`, or pydantic's ValidationError.
    """
    name = check.scorer.removeprefix(PREFIX)
    make = _descriptors().get(name)
    if name in _INSTEAD:
        raise InputError(f"{check.scorer} judges no answer", hint=_INSTEAD[name])
    if make is None:
        raise unknown("Evidently has no descriptor", check.scorer, names())
    bounds, parameters = split(check.parameters)
    tests = _tests(parameters.pop("tests", None), bounds)
    takes = inspect.signature(make).parameters
    stated = [key for key in takes if key not in _NOT_TAKEN]
    empty = {key for key in stated if takes[key].default is inspect.Parameter.empty}
    require_known(
        check.scorer,
        parameters,
        takes=stated,
        required=empty - set(_COLUMN_OF),
        ours=["tests"],
    )
    columns = _columns(takes, parameters, name)
    asks = "provider" in takes or name in _FETCHES
    given = {**columns, **{key: _given(key, value, takes) for key, value in parameters.items()}}
    if "alias" in takes and takes["alias"].default is inspect.Parameter.empty:
        given["alias"] = name
    _require_parts(check.scorer, name, parameters)
    try:
        descriptor = make(**given)
        _keep_offline(descriptor, name)
    except Exception as error:
        raise InputError(f"check {check.name}: {check.scorer} cannot be made: {error}") from None
    used = tuple(column for column in COLUMNS if column in _named(columns, parameters))
    scorer = EvidentlyScorer(
        check.scorer,
        descriptor,
        f"evidently {version('evidently')}",
        bounds,
        used,
        tests,
        asks,
        name in _UNIT,
    )
    if asks:
        _require_a_bound(check, descriptor, declared=bounds.declared or bool(tests))
        require_named(check.scorer, allowed, "asks a model")
    elif name == "RegExp" or parameters.get("match_type") == "regex":
        why = "matches a pattern that cannot be stopped"
        instead = "; or use the scorer regex, which has a time limit"
        require_named(check.scorer, allowed, why, instead=instead)
    else:
        _try(check, scorer)
    return scorer


def _in_time(compute: Callable[[], Any]) -> Any:
    """What a computation gives; raises `TimeoutError` after `TIMEOUT_S`.

    In a thread of its own, which also keeps it from the event loop that may run in this one.
    """
    end: Future[Any] = Future()

    def work() -> None:
        try:
            end.set_result(compute())
        except BaseException as error:
            end.set_exception(error)

    Thread(target=work, daemon=True).start()
    try:
        return end.result(TIMEOUT_S)
    except TimeoutError:
        if end.done():
            raise
        raise TimeoutError(f"no judgement within {TIMEOUT_S:g} s") from None


def names() -> list[str]:
    """The descriptors that can be checks, as checks name them."""
    return [f"{PREFIX}{name}" for name in sorted(_descriptors())]


@cache
def _descriptors() -> Mapping[str, Callable[..., Any]]:
    telemetry.opt_out()
    from evidently import descriptors

    every = set(descriptors.__all__) - set(_INSTEAD)
    return {name: getattr(descriptors, name) for name in every}


def _columns(
    takes: Mapping[str, inspect.Parameter], parameters: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """The columns for the parameters that name one, those of the check where it states them."""
    columns = {key: _COLUMN_OF[key] for key in takes if key in _COLUMN_OF}
    columns |= _OWN_COLUMN.get(name, {})
    columns |= {key: value for key, value in parameters.items() if key in columns}
    if isinstance(parameters.get("match_items"), str):
        columns["match_items"] = parameters["match_items"]
    others = parameters.get("additional_columns")
    for column in [*_named(columns, {}), *(others.values() if isinstance(others, dict) else [])]:
        if column not in COLUMNS:
            raise ValueError(f"there is no column {column!r}: there are {', '.join(COLUMNS)}")
    return columns


def _named(columns: Mapping[str, Any], parameters: Mapping[str, Any]) -> set[str]:
    values = [*columns.values(), *(parameters.get("additional_columns") or {}).values()]
    return {name for value in values for name in ([value] if isinstance(value, str) else value)}


def _given(key: str, value: Any, takes: Mapping[str, inspect.Parameter]) -> Any:
    """A parameter as Evidently takes it: one word for a list of words, types by their names."""
    wanted = takes[key].annotation
    if isinstance(value, str) and get_args(wanted) == (str,) and get_origin(wanted) is list:
        return [value]
    if key == "expected_schema":
        if not isinstance(value, Mapping) or not set(value.values()) <= set(_TYPES):
            raise ValueError(f"expected_schema names types: {{price: float}}; {', '.join(_TYPES)}")
        return {field: _TYPES[kind] for field, kind in value.items()}
    if key == "template":
        return _template(value)
    if key == "uncertainty":
        from evidently.llm.templates import Uncertainty

        return Uncertainty(value)
    if key in _COLUMN_OF:
        return value
    try:
        return TypeAdapter(wanted).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(f"{key}: {error.errors(include_url=False)[0]['msg']}") from None


def _template(value: Any) -> Any:
    from evidently.llm.templates import (
        BinaryClassificationPromptTemplate,
        MulticlassClassificationPromptTemplate,
    )

    if not isinstance(value, Mapping):
        raise TypeError(
            "template is a mapping: {criteria: ..., target_category: BAD, non_target_category: "
            "GOOD}, or {criteria: ..., category_criteria: {NAME: WHAT IT MEANS}}"
        )
    several = "category_criteria" in value
    kind = MulticlassClassificationPromptTemplate if several else BinaryClassificationPromptTemplate
    return kind(**{"include_reasoning": True, **value})


def _tests(stated: Any, bounds: Bounds) -> tuple[tuple[str, Any], ...]:
    """Evidently's own conditions on a value, ``[{gte: 10}, {lte: 100}]``, each with its words."""
    if stated is None:
        return ()
    telemetry.opt_out()
    from evidently import tests

    if bounds.declared:
        raise ValueError("give tests, or at_least, at_most, equals or one_of: not both")
    found = []
    known = sorted(name for name in tests.__all__ if name != "Reference")
    for item in stated if isinstance(stated, list) else [stated]:
        if not isinstance(item, Mapping) or len(item) != 1 or next(iter(item)) not in known:
            raise ValueError(f"a test is {{NAME: VALUE}}, such as {{gte: 10}}; {', '.join(known)}")
        (name, value), *_ = item.items()
        condition = getattr(tests, name)(value).for_descriptor().condition
        found.append((f"{name} {value}", condition))
    return tuple(found)


def _require_parts(scorer: str, name: str, parameters: Mapping[str, Any]) -> None:
    """Raise where a package or word list is missing that Evidently would fetch, or fail without."""
    from importlib.util import find_spec

    package = _PACKAGES.get(name)
    if package is not None and find_spec(package.replace("-", "_")) is None:
        raise InputError(f"{scorer} needs the package {package}", hint=f"pip install {package}")
    lemmatizes = parameters.get("lemmatize", "lemmatize" in _defaults_true(name))
    lists = _NLTK.get(name) or ([_WORDNET] if lemmatizes else [])
    missing = [path.partition("/")[2] for path in lists if not _has_nltk(path)]
    if missing:
        instead = ", or write lemmatize: false" if name not in _NLTK else ""
        raise InputError(
            f"{scorer} needs word lists of NLTK: {', '.join(missing)}",
            hint=f"python -m nltk.downloader {' '.join(missing)}{instead}",
        )


def _keep_offline(descriptor: Any, name: str) -> None:
    """Load the word lists from disk: Evidently would look for newer ones on the network first."""
    if name == "Sentiment":
        from nltk.sentiment.vader import SentimentIntensityAnalyzer  # type: ignore[import-untyped]

        descriptor.feature._sid = SentimentIntensityAnalyzer()
    elif name == "OOVWordsPercentage":
        from nltk.corpus import words  # type: ignore[import-untyped]
        from nltk.stem.wordnet import WordNetLemmatizer  # type: ignore[import-untyped]

        descriptor.feature._lem = WordNetLemmatizer()
        descriptor.feature._eng_words = set(words.words())
    elif getattr(descriptor, "lemmatize", False):
        from evidently.descriptors.text_match import TextMatchProcessor
        from nltk.stem.wordnet import WordNetLemmatizer

        TextMatchProcessor._lem = WordNetLemmatizer()


def _defaults_true(name: str) -> set[str]:
    takes = inspect.signature(_descriptors()[name]).parameters
    return {key for key, parameter in takes.items() if parameter.default is True}


def _has_nltk(path: str) -> bool:
    import nltk  # type: ignore[import-untyped]

    for found in (path, f"{path}.zip"):
        try:
            nltk.data.find(found)
        except (LookupError, OSError):
            continue
        return True
    return False


def _require_a_bound(check: Check, descriptor: Any, *, declared: bool) -> None:
    if declared:
        return
    template = getattr(getattr(descriptor, "feature", None), "template", None)
    categories = [
        getattr(template, key, None) for key in ("target_category", "non_target_category")
    ]
    listed = [str(item) for item in categories if item]
    listed = listed or [str(item) for item in getattr(template, "category_criteria", {})]
    says = f"its categories are {', '.join(listed)}" if listed else f"write {HINT}"
    raise InputError(f"check {check.name}: which value of {check.scorer} passes?", hint=says)


def _try(check: Check, scorer: EvidentlyScorer) -> None:
    """Judge a row of no meaning, so that what can never work is told before any trial."""
    probe = Answer("a b", expected="a", input="a", context=[{"id": "1", "text": "a"}])
    try:
        value, _ = scorer.value(probe)
        number = isinstance(plain(value), float)
        if number and not (scorer.bounds.declared or scorer.tests):
            message = f"check {check.name}: {check.scorer} gives a number: which one passes?"
            raise InputError(message, hint=f"write {HINT}")
        if not scorer.tests:
            scorer.bounds.judge(value)
    except ScoringError as error:
        raise InputError(f"check {check.name}: {error}") from None


def _cell(answer: Answer, column: str, name: str) -> Any:
    if column == "output":
        return answer.output
    if column == "context":
        passages = [str(passage.get("text", "")) for passage in answer.context]
        if not passages:
            raise ScoringError(f"{name} reads the passages of `context`, and the case has none")
        return passages if name == f"{PREFIX}ContextRelevance" else "\n\n".join(passages)
    value = answer.input if column == "input" else answer.expected
    if value is None:
        raise ScoringError(f"{name} compares with `expected`, and the case has none")
    if isinstance(value, str):
        return value
    if column == "input":
        return "\n\n".join(f"{message['role']}: {message['content']}" for message in value)
    words = isinstance(value, list) and name.endswith("Match") and name != f"{PREFIX}JSONMatch"
    return value if words else json.dumps(value, ensure_ascii=False)
