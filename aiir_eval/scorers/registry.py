"""Which scorers there are, and a scorer out of a check: SCORERS, make_scorer."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from pydantic import ValidationError

from ..documents import field_path
from ..errors import InputError, Problem
from . import evidently, mlflow
from .canary import Canary
from .containing import Contains, NotContains
from .equality import Choice, Equals
from .matching import NotRegex, Regex
from .numbers import Numeric
from .parameters import Parameters
from .protocol import Check, Scorer
from .python import PREFIX, python_scorer
from .structure import JsonSchema
from .tools import ToolCalled, ToolNotCalled

ENTRY_POINTS = "aiir_eval.scorers"

SCORERS: Mapping[str, type[Parameters]] = MappingProxyType(
    {
        "equals": Equals,
        "choice": Choice,
        "contains": Contains,
        "not_contains": NotContains,
        "regex": Regex,
        "not_regex": NotRegex,
        "numeric": Numeric,
        "json_schema": JsonSchema,
        "tool_called": ToolCalled,
        "tool_not_called": ToolNotCalled,
        "canary": Canary,
    }
)


OTHERS = ("mlflow.NAME", "evidently.NAME", "python:module:function")


def make_scorer(check: Check, *, allow_python: Collection[str] = ()) -> Scorer:
    """The scorer a check names, with the check's parameters.

    Looks among the scorers of this package, then among those that installed packages offer under
    the entry point ``aiir_eval.scorers`` (a callable that takes the parameters by keyword).
    ``mlflow.NAME`` is a scorer of MLflow, ``evidently.NAME`` a descriptor of Evidently. What a
    suite may not decide alone (``python:module:function``, scorers that ask a model or match a
    pattern without a time limit) runs only when `allow_python` names it. Raises `InputError` with
    every problem at once.
    """
    if check.scorer.startswith(PREFIX):
        return python_scorer(check.scorer, check.parameters, allow_python=allow_python)
    for library in (mlflow, evidently):
        if check.scorer.startswith(library.PREFIX):
            return _of_library(library.scorer_of, check, allow_python)
    factory: Callable[..., Scorer]
    if check.scorer in SCORERS:
        factory = SCORERS[check.scorer]
    elif check.scorer in _offered():
        factory = _offered()[check.scorer].load()
    else:
        raise _unknown(check)
    try:
        scorer = factory(**check.parameters)
    except ValidationError as error:
        raise InputError(problems=_problems(error, check, factory)) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"check {check.name}: {error}") from None
    if not isinstance(scorer, Scorer):
        raise InputError(
            f"the scorer {check.scorer} has no version or cannot be called",
            hint="its package must return something like aiir_eval.scorers.Scorer",
        )
    return scorer


def _of_library(make: Callable[..., Scorer], check: Check, allow_python: Collection[str]) -> Scorer:
    try:
        return make(check, allowed=allow_python)
    except ValidationError as error:
        raise InputError(problems=_problems(error, check, make)) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"check {check.name}: {error}") from None


def needs_expected(scorer: Scorer) -> bool:
    """Whether a scorer compares with the case's expected value."""
    return bool(getattr(scorer, "needs_expected", False))


@cache
def _offered() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _unknown(check: Check) -> InputError:
    known = [*SCORERS, *sorted(_offered()), *OTHERS]
    near = difflib.get_close_matches(check.scorer, known, n=1)
    question = f"did you mean {near[0]}? " if near else ""
    return InputError(
        f"there is no scorer {check.scorer!r}", hint=f"{question}there are {', '.join(known)}"
    )


def _problems(
    error: ValidationError, check: Check, factory: Callable[..., Scorer]
) -> list[Problem]:
    fields = getattr(factory, "model_fields", {})
    takes = ", ".join(field.alias or name for name, field in fields.items())
    problems = []
    for item in error.errors(include_url=False):
        where = field_path([part for part in item["loc"] if part in check.parameters][:1])
        message, hint = item["msg"].removeprefix("Value error, "), None
        if item["type"] == "extra_forbidden":
            message, hint = f"{check.scorer} has no such parameter", f"it takes {takes}"
        elif item["type"] == "missing":
            where, message = field_path(item["loc"]), "this parameter is required"
            hint = f"{check.scorer} takes {takes}; `name` names the check"
        elif item["type"] == "string_type" and isinstance(item["input"], int | float):
            message, hint = f"{item['input']!r} is not text", "put it in quotes"
        problem = Problem(f"check {check.name}: {message}", field=where or None, hint=hint)
        if problem not in problems:
            problems.append(problem)
    return problems
