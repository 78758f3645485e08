"""MLflow's scorers as checks: `mlflow.NAME`, and what users wrote for MLflow themselves.

They are called with the trial as MLflow's own evaluation would give it: inputs, outputs,
expectations, and a trace or a session of traces where they read one, made in memory.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

from .. import telemetry
from ..errors import InputError
from .bounds import FAILS, PASSES, Bounds, split
from .consent import require_named
from .naming import require_known, unknown
from .protocol import Answer, Check, Judgement, ScoringError
from .text import visible
from .traces import inputs_of, session_of, trace_of

PREFIX = "mlflow."
TIMEOUT_S = 60.0  # of one judgement by a model, retries included; `timeout` overrides
FRAMEWORKS = {  # the packages whose metrics MLflow wraps: mlflow.FRAMEWORK.METRIC
    "deepeval": "deepeval",
    "google_adk": "google-adk",
    "guardrails": "guardrails-ai",
    "phoenix": "arize-phoenix-evals",
    "ragas": "ragas",
    "trulens": "trulens",
}
_OURS = ("expectations", *Bounds.model_fields)
# Fields of MLflow's scorers that a check may not set: its name is its own, and what goes into the
# head of a request is a secret, which has no place in a file.
_NOT_TAKEN = {"name", "description", "aggregations", "required_columns", "extra_headers"}
_NOT_TAKEN |= {"last_turn_scorer"}
_RESPONSE, _CALLS = "expected_response", "expected_tool_calls"
_PLAIN = {"ExpectationsGuidelines": "guidelines", "ToolCallCorrectness": _CALLS}
_PRECISION = "/precision"
_STATED = {_RESPONSE, "expected_facts", "expected_output", "guidelines", _CALLS}


@dataclass(frozen=True, slots=True)
class MlflowScorer:
    """A scorer of MLflow behind our protocol.

    `plain` names the expectation that an expected value of the case states when it does not name
    one itself; `waits` is true where a judgement asks a model.
    """

    name: str
    scorer: Any
    version: str
    bounds: Bounds
    expectations: Mapping[str, Any] | None = None
    plain: str = _RESPONSE
    needs_expected: bool = False
    waits: bool = False
    unit: bool = False

    def __call__(self, answer: Answer) -> Judgement:
        visible(answer.output)  # raises where it is too long to be judged
        try:
            said = self.scorer.run(**self._given(answer))
        except ScoringError:
            raise
        except (Exception, SystemExit) as error:
            kind = "" if type(error).__name__ == "MlflowException" else f"{type(error).__name__}: "
            raise ScoringError(f"{self.name}: {kind}{error}") from error
        values = list(_values(said, self.name))
        if not values:
            raise ScoringError(f"{self.name} said nothing of this answer")
        if values[0][0].endswith(_PRECISION):  # the mean over passages; the others are theirs
            because = "; ".join(why for _, _, why in values[1:])
            return self.bounds.judge(values[0][1], because, unit=True)
        parts = [self.bounds.judge(value, why, unit=self.unit) for _, value, why in values]
        score = sum(part.score for part in parts) / len(parts)
        passed = all(part.passed for part in parts)
        return Judgement(score, passed, "; ".join(part.reason for part in parts))

    def _given(self, answer: Answer) -> dict[str, Any]:
        expectations = self._expectations(answer)
        given = {
            "inputs": inputs_of(answer),
            "outputs": answer.output,
            "expectations": expectations,
        }
        if self.scorer.is_session_level_scorer:
            return {"session": session_of(answer), "expectations": expectations}
        if not _reads_trace(self.scorer):
            return given
        kind = type(self.scorer).__name__
        if kind.startswith("Retrieval") and not answer.context:
            raise ScoringError(f"{self.name} judges passages, and the case has no `context`")
        expected = (expectations or {}).get(_CALLS) or []
        named = [
            str(call["name"]) for call in expected if isinstance(call, dict) and "name" in call
        ]
        if kind.startswith("ToolCall") and not (answer.tools or answer.tool_calls or named):
            raise ScoringError(
                f"{self.name} judges calls: the case has no tools, and none is called"
            )
        return {**given, "trace": trace_of(answer, also=named)}

    def _expectations(self, answer: Answer) -> dict[str, Any] | None:
        expected, stated = answer.expected, {}
        if isinstance(expected, Mapping) and _STATED & set(expected):
            stated = dict(expected)
        elif isinstance(expected, list) and self.plain in _PLAIN.values():
            stated = {self.plain: expected}
        elif expected is not None:
            text = expected if isinstance(expected, str) else json.dumps(expected)
            others = dict(expected) if isinstance(expected, Mapping) else {}
            stated = {**others, _RESPONSE if self.plain == _CALLS else self.plain: text}
        return {**stated, **(self.expectations or {})} or None


def scorer_of(check: Check, *, allowed: Collection[str]) -> MlflowScorer:
    """The scorer of MLflow that a check names, with the check's parameters.

    Those that ask a model, match a pattern of the suite's, or belong to another package run only
    when `allowed` names them. Raises `InputError`, or pydantic's ValidationError.
    """
    telemetry.opt_out()
    name = check.scorer.removeprefix(PREFIX)
    bounds, parameters = split(check.parameters)
    expectations = parameters.pop("expectations", None)
    if expectations is not None and not isinstance(expectations, Mapping):
        raise ValueError("expectations is a mapping, such as {expected_facts: [...]}")
    if "." in name:
        return _framework_scorer(check.scorer, parameters, bounds, expectations, allowed)
    if name not in _builtin():
        raise unknown("MLflow has no scorer", check.scorer, names())
    kind = _builtin()[name]
    fields = {key: field for key, field in kind.model_fields.items() if key not in _NOT_TAKEN}
    required = {key for key, field in fields.items() if field.is_required()}
    require_known(
        check.scorer, parameters, takes=[*fields], required=required, ours=["expectations"]
    )
    exact = parameters.get("should_exact_match") is True  # MLflow reads "no" as false, too
    waits = "model" in kind.model_fields and not exact
    model = str(parameters.get("model", ""))
    if waits and ":/" not in model and model != "databricks":
        raise InputError(
            f"check {check.name}: {check.scorer} asks a model, and "
            + (f"{model!r} names none" if model else "none is named"),
            hint="model: PROVIDER:/MODEL, such as openai:/gpt-4o-mini; its key and address are "
            "read from the environment (OPENAI_API_KEY, OPENAI_API_BASE)",
        )
    scorer = _made(kind, {"timeout": TIMEOUT_S if waits else 0, **parameters})
    values = [str(value) for value in get_args(scorer.feedback_value_type)]
    if not (bounds.declared or set(values) <= PASSES | FAILS):
        raise InputError(
            f"check {check.name}: which value of {check.scorer} passes?",
            hint=f"write one_of: [...] with those of {', '.join(values)} that do",
        )
    if waits:
        require_named(check.scorer, allowed, "asks a model")
    elif "pattern" in kind.model_fields:
        require_named(
            check.scorer,
            allowed,
            "matches a pattern that cannot be stopped",
            instead="; or use the scorer regex, which has a time limit",
        )
    return MlflowScorer(
        check.scorer,
        scorer,
        f"mlflow {version('mlflow')}",
        bounds,
        expectations,
        _PLAIN.get(name, _RESPONSE),
        expectations is None and _needs_expectations(scorer),
        waits,
    )


def of_object(name: str, found: Any, parameters: Mapping[str, Any], digest: str) -> MlflowScorer:
    """A scorer that the user wrote for MLflow (`@scorer`, a subclass, a judge) and named."""
    bounds, rest = split(parameters)
    expectations = rest.pop("expectations", None)
    if rest:
        raise InputError(
            f"{name} is a scorer of MLflow and takes no {', '.join(sorted(rest))}",
            hint=f"a check of it takes {', '.join(_OURS)}",
        )
    return MlflowScorer(name, found, digest, bounds, expectations, waits=True)


def is_scorer(found: Any) -> bool:
    """Whether an object is a scorer of MLflow; does not import MLflow to find out."""
    module = sys.modules.get("mlflow.genai.scorers.base")
    return module is not None and isinstance(found, module.Scorer)


def names() -> list[str]:
    """The scorers that MLflow brings along, as checks name them."""
    return [f"{PREFIX}{name}" for name in sorted(_builtin())]


@cache
def _builtin() -> Mapping[str, Any]:
    telemetry.opt_out()
    from mlflow.genai import scorers
    from mlflow.genai.scorers.builtin_scorers import BuiltInScorer

    found = {name: getattr(scorers, name) for name in scorers.__all__}
    return {
        name: kind
        for name, kind in found.items()
        if isinstance(kind, type) and issubclass(kind, BuiltInScorer)
    }


def _framework_scorer(
    name: str,
    parameters: dict[str, Any],
    bounds: Bounds,
    expectations: Mapping[str, Any] | None,
    allowed: Collection[str],
) -> MlflowScorer:
    """A metric of a package that MLflow wraps; whatever it does, the user has named it."""
    framework, _, metric = name.removeprefix(PREFIX).partition(".")
    if framework not in FRAMEWORKS:
        known = [f"{PREFIX}{package}.{metric}" for package in FRAMEWORKS]
        raise unknown("MLflow has no scorer", name, known)
    require_named(name, allowed, f"is code of {framework}, which may ask a model")
    package = FRAMEWORKS[framework]
    try:
        module = importlib.import_module(f"mlflow.genai.scorers.{framework}")
        scorer = module.get_scorer(metric, **parameters)
        installed = version(package)
    except (ImportError, PackageNotFoundError) as error:
        raise InputError(
            f"{name} needs the package {package}: {error}", hint=f"pip install {package}"
        ) from None
    except Exception as error:
        raise InputError(f"{name} cannot be made: {error}") from None
    stated = f"mlflow {version('mlflow')}, {package} {installed}"
    return MlflowScorer(
        name, scorer, stated, bounds, expectations, "expected_output", waits=True, unit=True
    )


def _made(kind: Any, parameters: Mapping[str, Any]) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return kind(**parameters)
    except MlflowException as error:
        raise ValueError(str(error)) from None


def _needs_expectations(scorer: Any) -> bool:
    from mlflow.genai.scorers.builtin_scorers import MissingColumnsException

    try:
        scorer.validate_columns({"inputs", "outputs", "trace", "session"})
    except MissingColumnsException:
        return True
    return False


def _reads_trace(scorer: Any) -> bool:
    """MLflow's own say so; of others, those that have a parameter of that name."""
    required = getattr(scorer, "required_columns", None)
    if required is not None:
        return "trace" in required
    return "trace" in inspect.signature(scorer.__call__).parameters


def _values(said: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    """What a scorer returned, as (name, value, why); raises `ScoringError` for its errors."""
    for item in said if isinstance(said, list) else [] if said is None else [said]:
        if not hasattr(item, "rationale"):
            yield "", item, ""
        elif item.error is not None:
            raise ScoringError(f"{name}: {item.error.error_message or item.error.error_code}")
        else:
            yield str(item.name), item.feedback.value, " ".join(str(item.rationale or "").split())
