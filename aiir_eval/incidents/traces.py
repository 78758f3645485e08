"""What an MLflow trace says of one interaction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InputError
from ..telemetry import opt_out
from .interactions import (
    Interaction,
    as_context,
    as_input,
    as_moment,
    as_output,
    parsed,
    plain_data,
)
from .regression import ToolUse

_PASSWORD = re.compile(r"(?<=://)[^/\s@]*@")  # of a URI: user:password@
_INPUT_KEYS = ("question", "query", "input", "prompt", "message", "request", "user_input", "text")


def read_trace(trace_id: str, tracking_uri: str | None = None) -> Interaction:
    """A trace by its id, from the tracking store at a URI (MLflow's own default where none)."""
    opt_out()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        trace = MlflowClient(tracking_uri).get_trace(trace_id, display=False)
    except MlflowException as error:
        where = tracking_uri or "the default tracking store"
        reason = str(error).splitlines()[0]
        raise InputError(
            _PASSWORD.sub("", f"the trace {trace_id!r} cannot be read from {where}: {reason}"),
            hint="name the store that holds it, such as sqlite:///mlflow.db",
        ) from None
    return interaction_of(trace)


def interaction_of(trace: Any) -> Interaction:
    """What a trace, as MLflow's client gives it, says of its interaction."""
    trace_id = str(trace.info.trace_id)
    spans = list(trace.data.spans)
    root = next((span for span in spans if span.parent_id is None), spans[0] if spans else None)
    notes = {**trace.info.trace_metadata, **trace.info.tags}
    calls = [
        ToolUse(name=span.name, arguments=_arguments(span.inputs))
        for span in spans
        if span.span_type == "TOOL"
    ]
    passages = [
        passage
        for span in spans
        if span.span_type == "RETRIEVER"
        for passage in as_context(span.outputs)
    ]
    return Interaction(
        source=f"mlflow:{trace_id}",
        row_id=trace_id,
        input=_question(root.inputs if root is not None else parsed(trace.data.request)),
        output=as_output(root.outputs if root is not None else parsed(trace.data.response)),
        tool_calls=calls,
        context=list({passage.id: passage for passage in passages}.values()),
        occurred_at=as_moment(trace.info.request_time),
        fields={key: text for key, text in _fields(notes, spans) if text},
    )


def _question(inputs: Any) -> Any:
    """The question among a root span's inputs: messages, a field of that name, or the only text."""
    if isinstance(inputs, Mapping):
        if "messages" in inputs:
            return as_input(inputs)
        for key in _INPUT_KEYS:
            if isinstance(inputs.get(key), str | list):
                return as_input(inputs[key])
        only = list(inputs.values())
        if len(only) == 1:
            return as_input(only[0])
    return as_input(inputs)


def _arguments(inputs: Any) -> dict[str, Any]:
    return plain_data(dict(inputs)) if isinstance(inputs, Mapping) else {}


def _fields(notes: Mapping[str, str], spans: list[Any]) -> Iterator[tuple[str, str | None]]:
    """Texts for fields of the record, where the trace has them."""
    yield "system", notes.get("system") or notes.get("mlflow.traceName")
    models = (span.attributes.get("mlflow.llm.model") for span in spans)
    yield "model", notes.get("model") or next((str(model) for model in models if model), None)
    yield "prompt_version", notes.get("prompt_version") or _linked_prompts(notes)
    version = notes.get("deployment_version") or notes.get("mlflow.source.git.commit")
    yield "deployment_version", version
    yield "user_population", notes.get("user_population")
    retrievers = sorted({span.name for span in spans if span.span_type == "RETRIEVER"})
    yield "retrieval_corpus", notes.get("retrieval_corpus") or ", ".join(retrievers)
    providers = (span.attributes.get("mlflow.llm.provider") for span in spans)
    yield "vendor", notes.get("vendor") or next((str(name) for name in providers if name), None)


def _linked_prompts(notes: Mapping[str, str]) -> str | None:
    """Prompts of MLflow's registry that the trace used, as ``name/version``."""
    try:
        prompts = json.loads(notes.get("mlflow.linkedPrompts", "[]"))
        return ", ".join(f"{prompt['name']}/{prompt['version']}" for prompt in prompts) or None
    except (ValueError, TypeError, KeyError):
        return None
