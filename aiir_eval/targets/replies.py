"""How what a target returned becomes a Reply fit for the record, or an error that says why."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..tool_calls import ToolCall
from .protocol import Reply, TargetError

RAW = "$raw"  # the key of arguments that are no JSON object: {"$raw": "the text as it came"}
MAX_CHARACTERS = 1_000_000  # of an output, and of the arguments of all its calls together
_FIELDS = (
    "output",
    "tool_calls",
    "usage",
    "latency_s",
    "finish_reason",
    "model_reported",
    "system_fingerprint",
)
_USAGE = ("input_tokens", "output_tokens", "cost_usd")


def reply_of(value: Any, *, latency_s: float | None = None) -> Reply:
    """A string, or a mapping with `output` and any of tool_calls, usage and the fields of Reply."""
    if isinstance(value, Reply):
        return checked_reply(value)
    if isinstance(value, str):
        return checked_reply(Reply(value, latency_s=latency_s))
    if not isinstance(value, Mapping):
        raise TargetError(
            f"the target returned {_kind(value)}; expected a string, or a mapping with output"
        )
    for key in value:
        if key not in _FIELDS:
            raise TargetError(
                f"the target returned the unknown field {key!r:.80}; known: {', '.join(_FIELDS)}"
            )
    if "output" not in value and not value.get("tool_calls"):
        raise TargetError("the target returned a mapping without output")
    usage = value.get("usage") or {}
    if not isinstance(usage, Mapping) or not set(usage) <= set(_USAGE):
        raise TargetError(f"usage must be a mapping with some of {', '.join(_USAGE)}")
    output, calls = value.get("output"), value.get("tool_calls") or ()
    rest = {name: value[name] for name in _FIELDS[3:] if value.get(name) is not None}
    reply = Reply("" if output is None and calls else output, calls)  # type: ignore[arg-type]
    return checked_reply(replace(reply, **{"latency_s": latency_s, **rest, **usage}))


def checked_reply(reply: Reply) -> Reply:
    """The reply as it can be recorded: text that is Unicode, numbers that are numbers.

    Half characters (lone surrogates) become U+FFFD. Raises `TargetError` where a field is of the
    wrong type, or more than `MAX_CHARACTERS` were said.
    """
    if not isinstance(reply, Reply):
        raise TargetError(f"the target returned {_kind(reply)}; expected a Reply")
    if not isinstance(reply.output, str):
        raise TargetError(f"the output of the target is {_kind(reply.output)}; expected text")
    if len(reply.output) > MAX_CHARACTERS:
        raise TargetError(
            f"the output has {len(reply.output):,} characters; the limit is {MAX_CHARACTERS:,}"
        )
    return Reply(
        unicode_text(reply.output),
        tool_calls_of(reply.tool_calls),
        latency_s=_number(reply.latency_s, "latency_s"),
        input_tokens=_tokens(reply.input_tokens, "input_tokens"),
        output_tokens=_tokens(reply.output_tokens, "output_tokens"),
        cost_usd=_number(reply.cost_usd, "cost_usd"),
        finish_reason=_text(reply.finish_reason, "finish_reason"),
        model_reported=_text(reply.model_reported, "model_reported"),
        system_fingerprint=_text(reply.system_fingerprint, "system_fingerprint"),
    )


def unicode_text(text: str) -> str:
    """`text` as a plain string that UTF-8 can hold."""
    if text.isascii():
        return str(text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def tool_calls_of(value: Any) -> tuple[ToolCall, ...]:
    """A list of ``{name, arguments}``, of `ToolCall`, or of the chat completions form."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise TargetError(f"tool_calls is {_kind(value)}; expected a list of {{name, arguments}}")
    calls, size = [], 0
    for index, item in enumerate(value):
        if isinstance(item, ToolCall):
            item = {"name": item.name, "arguments": item.arguments}
        elif isinstance(item, Mapping) and isinstance(item.get("function"), Mapping):
            item = item["function"]
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            raise TargetError(f"tool_calls[{index}] must be a mapping {{name, arguments}}")
        arguments = arguments_of(item.get("arguments"), index)
        calls.append(ToolCall(unicode_text(item["name"]), arguments))
        size += len(str(arguments))
        if size > MAX_CHARACTERS:
            raise TargetError(f"the tool calls have more than {MAX_CHARACTERS:,} characters")
    return tuple(calls)


def arguments_of(value: Any, index: int = 0) -> Mapping[str, Any]:
    """The arguments of a call as a JSON object; text that is none is kept under ``$raw``."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            decoded = json.loads(value, parse_constant=_refuse_constant)
            return (
                _json_object(decoded) if isinstance(decoded, dict) else {RAW: unicode_text(value)}
            )
        except (ValueError, RecursionError):
            return {RAW: unicode_text(value)}
    if not isinstance(value, Mapping):
        raise TargetError(f"tool_calls[{index}].arguments is {_kind(value)}; expected a mapping")
    try:
        return _json_object(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TargetError(f"tool_calls[{index}].arguments is not JSON: {error}") from None


def _json_object(value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that holds JSON and nothing else; ValueError and TypeError where there is more."""
    text = json.dumps(dict(value), ensure_ascii=False, allow_nan=False)
    copied: dict[str, Any] = json.loads(unicode_text(text))
    return copied


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _text(value: Any, field: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TargetError(f"{field} is {_kind(value)}; expected text")
    return value if value is None else unicode_text(value)


def _number(value: Any, field: str) -> float | None:
    """A finite number of at least 0; numpy's numbers are welcome."""
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise TargetError(f"{field} is {value!r:.80}; expected a number of at least 0")
    return number


def _tokens(value: Any, field: str) -> int | None:
    number = _number(value, field)
    if number is None:
        return None
    if not number.is_integer() or number >= 2**63:
        raise TargetError(f"{field} is {value!r:.80}; expected a whole number")
    return int(number)
