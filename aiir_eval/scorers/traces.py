"""An answer as the trace that MLflow's scorers read: input, output, passages, tools and calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .protocol import Answer, ScoringError

_START = 1_700_000_000_000_000_000  # nanoseconds: no scorer reads the time, all need an order
_TURN = 1_000_000_000
_STEP = 1_000_000


def trace_of(answer: Answer, *, turn: int = 0, also: Sequence[str] = ()) -> Any:
    """An `mlflow.entities.Trace` of an answer, made in memory: no store is asked or written.

    A root span with input and output holds one for the passages (retriever), one for the model
    with the tools it could call, and one for each call. `also` names tools that the case does not
    describe.
    """
    from mlflow.entities import Trace, TraceData, TraceInfo, TraceLocation, TraceState
    from mlflow.entities.span import Span
    from mlflow.tracing.constant import TraceMetadataKey

    identity = f"tr-{turn + 1:032x}"
    start = _START + turn * _TURN
    spans = [
        Span.from_dict(_span(identity, number, start, **parts))
        for number, parts in enumerate(_parts(answer, also), 1)
    ]
    info = TraceInfo(
        trace_id=identity,
        trace_location=TraceLocation.from_experiment_id("0"),
        request_time=start // 1_000_000,
        state=TraceState.OK,
        execution_duration=_TURN // 1_000_000,
        trace_metadata={TraceMetadataKey.TRACE_SESSION: "case"},
    )
    return Trace(info=info, data=TraceData(spans=spans))


def session_of(answer: Answer) -> list[Any]:
    """A conversation as one trace a turn, the last of which is the answer.

    A system message goes with the first turn. Raises `ScoringError` where the messages do not end
    with one that is to be answered.
    """
    if isinstance(answer.input, str):
        return [trace_of(answer)]
    turns: list[Answer] = []
    asked: list[Mapping[str, Any]] = []
    for message in answer.input:
        if message.get("role") != "assistant":
            asked.append(message)
        elif asked:
            turns.append(Answer(str(message.get("content") or ""), input=asked))
            asked = []
    if not asked:
        raise ScoringError("the last message of the input is the assistant's: nothing was asked")
    turns.append(replace(answer, input=asked))
    return [trace_of(turn, turn=number) for number, turn in enumerate(turns)]


def inputs_of(answer: Answer) -> dict[str, Any]:
    """The input as the keyword arguments MLflow knows: messages, as a chat model takes them."""
    if isinstance(answer.input, str):
        return {"messages": [{"role": "user", "content": answer.input}]}
    return {"messages": [dict(message) for message in answer.input]}


def tools_of(answer: Answer, also: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The tools that could be called, in the form of the chat API: the case's, the called ones.

    One that MLflow could not read stands there by its name: where MLflow reads no tool at all, it
    asks a model of its own choice which there are.
    """
    from mlflow.types.chat import ChatTool
    from pydantic import ValidationError

    described = {tool["name"]: tool for tool in answer.tools}
    tools = []
    for name in dict.fromkeys([*described, *(call.name for call in answer.tool_calls), *also]):
        about = described.get(name, {})
        tool = _tool(name, about.get("description") or name, about.get("parameters"))
        try:
            ChatTool.model_validate(tool)
        except ValidationError:
            tool = _tool(name, name, None)
        tools.append(tool)
    return tools


def _tool(name: str, description: str, parameters: Any) -> dict[str, Any]:
    taken = parameters or {"type": "object", "properties": {}}
    function = {"name": name, "description": description, "parameters": taken}
    return {"type": "function", "function": function}


def _parts(answer: Answer, also: Sequence[str]) -> Iterator[dict[str, Any]]:
    inputs = inputs_of(answer)
    yield {"name": "answer", "kind": "AGENT", "inputs": inputs, "outputs": answer.output}
    if answer.context:
        passages = [
            {"page_content": passage.get("text", ""), "metadata": {"doc_uri": passage.get("id")}}
            for passage in answer.context
        ]
        yield {"name": "context", "kind": "RETRIEVER", "inputs": inputs, "outputs": passages}
    if tools := tools_of(answer, also):
        with_tools = {**inputs, "tools": tools}
        yield {"name": "model", "kind": "CHAT_MODEL", "inputs": with_tools, "outputs": None}
    for call in answer.tool_calls:
        arguments = dict(call.arguments)
        yield {"name": call.name, "kind": "TOOL", "inputs": arguments, "outputs": None}


def _span(
    trace_id: str, number: int, start: int, *, name: str, kind: str, inputs: Any, outputs: Any
) -> dict[str, Any]:
    """The mapping of a span that MLflow reads; all but the first are inside the first."""
    at = start + number * _STEP
    attributes = {
        "mlflow.traceRequestId": trace_id,
        "mlflow.spanType": kind,
        "mlflow.spanInputs": inputs,
        "mlflow.spanOutputs": outputs,
    }
    return {
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "parent_span_id": None if number == 1 else f"{1:016x}",
        "name": name,
        "start_time_unix_nano": at,
        "end_time_unix_nano": start + _TURN - _STEP if number == 1 else at + _STEP,
        "attributes": {key: json.dumps(value) for key, value in attributes.items()},
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "events": [],
    }
