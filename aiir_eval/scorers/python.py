"""A function of the user's own as a scorer: `python:module:function`, only when allowed by name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..user_code import load_function, module_digests
from . import mlflow
from .consent import require_named
from .protocol import Answer, Judgement, Scorer, ScoringError

PREFIX = "python:"


@dataclass(frozen=True, slots=True)
class PythonScorer:
    """Calls a function with the answer; its version is the digest of the module's file."""

    name: str
    function: Callable[..., Any]
    version: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    needs_expected: bool = False

    def __call__(self, answer: Answer) -> Judgement:
        try:
            result = self.function(answer, **self.parameters)
        except (Exception, SystemExit) as error:
            raise ScoringError(f"{self.name} raised {type(error).__name__}: {error}") from error
        return _judgement(result, self.name)


def _judgement(result: Any, name: str) -> Judgement:
    if isinstance(result, Judgement):
        return result
    outcome, reason = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
    if type(outcome).__name__ in ("bool", "bool_") and isinstance(reason, str):
        return Judgement.of(bool(outcome), reason or f"{name} says {bool(outcome)}")
    if isinstance(outcome, int | float) and math.isfinite(outcome) and 0 <= outcome <= 1:
        score = float(outcome)
        return Judgement(score, score == 1.0, str(reason) or f"{name} says {score:g}")
    raise ScoringError(
        f"{name} returned {result!r:.80}; return True or False, a number in [0, 1] (1 passes), "
        "(outcome, reason) or a Judgement"
    )


def python_scorer(
    name: str, parameters: Mapping[str, Any], *, allow_python: Collection[str]
) -> Scorer:
    """The function named ``python:module:function``, if `allow_python` names it too.

    Parameters of the check are passed to it by keyword. It may also be a scorer written for MLflow,
    which takes those of `mlflow.NAME`. Raises `InputError`.
    """
    path = name.removeprefix(PREFIX)
    module_name, _, function_name = path.partition(":")
    if not module_name or not function_name:
        raise InputError(f"{name!r} does not name a function", hint="python:module:function")
    require_named(name, allow_python, "is code")
    function, module = load_function(path, [Path.cwd()])
    version = module_digests(module, function)["module"][:16]
    if mlflow.is_scorer(function):
        return mlflow.of_object(name, function, parameters, version)
    try:
        inspect.signature(function).bind(None, **parameters)
    except TypeError as error:
        raise InputError(
            f"{name} cannot be called with an answer and {dict(parameters)}: {error}"
        ) from None
    except ValueError:
        pass  # a builtin without a signature
    return PythonScorer(name, function, version, dict(parameters))
