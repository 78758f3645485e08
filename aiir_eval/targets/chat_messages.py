"""How a case is put to a chat model: system message, context, turns, tools and their results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..tool_calls import ToolCall
from .protocol import Request
from .replies import RAW
from .tools import offered_tools

CONTEXT = "{context}"  # where a prompt wants the passages


def chat_messages(prompt: str | None, request: Request) -> list[dict[str, Any]]:
    """The messages of a request.

    A system message of the case follows the prompt in one message, since many chat templates
    allow only one. Passages replace ``{context}`` in the prompt, else stand before the last user
    message.
    """
    turns: list[dict[str, Any]]
    if isinstance(request.input, str):
        turns = [{"role": "user", "content": request.input}]
    else:
        turns = [dict(turn) for turn in request.input]
    passages = "\n\n".join(
        f'<document id="{passage["id"]}">\n{passage["text"]}\n</document>'
        for passage in request.context
    )
    system = prompt or ""
    if CONTEXT in system:
        system = system.replace(CONTEXT, passages)
    elif passages:
        _put_before_question(turns, passages)
    if turns and turns[0]["role"] == "system":
        system = "\n\n".join(filter(None, (system, turns.pop(0)["content"])))
    messages = [{"role": "system", "content": system}] if system else []
    for turn in turns:
        if turn["role"] == "tool":
            _add_tool_turn(messages, turn["content"])
        else:
            messages.append(turn)
    return messages


def _put_before_question(turns: list[dict[str, Any]], passages: str) -> None:
    for turn in reversed(turns):
        if turn["role"] == "user":
            turn["content"] = f"{passages}\n\n{turn['content']}"
            return
    turns.append({"role": "user", "content": passages})


def _add_tool_turn(messages: list[dict[str, Any]], content: str) -> None:
    """A tool's result must answer a call; a case states only the result, so the call is made up."""
    identity = f"case_{len(messages)}"
    call = {
        "id": identity,
        "type": "function",
        "function": {"name": "tool", "arguments": "{}"},
    }
    if messages and messages[-1]["role"] == "assistant":
        messages[-1]["tool_calls"] = [call]
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
    messages.append({"role": "tool", "tool_call_id": identity, "content": content})


def chat_tools(
    target: Sequence[Mapping[str, Any]], case: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The tools in the form of the API, and what each answers when it is called."""
    tools, results = [], {}
    for tool in offered_tools(target, case):
        function = {
            "name": tool["name"],
            "description": tool.get("description") or "",
            "parameters": tool.get("parameters") or {"type": "object", "properties": {}},
        }
        tools.append({"type": "function", "function": function})
        results[tool["name"]] = tool.get("result")
    return tools, results


def tool_turns(
    content: str | None,
    asked: Sequence[Any],
    made: Sequence[ToolCall],
    results: Mapping[str, Any],
    first: int,
) -> list[dict[str, Any]]:
    """The model's turn with its calls as it is given back to it, and the result of each call.

    `asked` are the calls as the API states them, `made` the same as they are recorded. Ids that a
    server leaves out are made up from `first`, the number of calls before.
    """
    identities = [call.id or f"call_{number}" for number, call in enumerate(asked, first)]
    calls = [
        {
            "id": identity,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for identity, call in zip(identities, made, strict=True)
    ]
    answers = [
        {"role": "tool", "tool_call_id": identity, "content": _result(call, results)}
        for identity, call in zip(identities, made, strict=True)
    ]
    return [{"role": "assistant", "content": content, "tool_calls": calls}, *answers]


def _result(call: ToolCall, results: Mapping[str, Any]) -> str:
    """What a call answers: the result that the case states, or what a real tool would complain."""
    if call.name not in results:
        return json.dumps({"error": f"there is no tool {call.name}"})
    if set(call.arguments) == {RAW}:
        return json.dumps({"error": "the arguments are not a JSON object"})
    result = results[call.name]
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
