"""What was logged of one interaction, whatever form the log gave its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from .regression import Message, Passage, ToolUse

ROLES = ("system", "user", "assistant", "tool")
_TEXT_KEYS = ("output", "answer", "response", "completion", "content", "text", "result")


@dataclass(frozen=True, slots=True)
class Interaction:
    """One logged interaction: what went in, what came out, and what the log says around it.

    `fields` are texts for fields of the record, by their names there.
    """

    source: str
    row_id: str
    input: str | list[Message] | None
    output: str | None
    tool_calls: Sequence[ToolUse] = ()
    context: Sequence[Passage] = ()
    expected: Any = None
    occurred_at: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


def parsed(value: Any) -> Any:
    """Text that holds a JSON list or mapping as what it holds; anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def as_input(value: Any) -> str | list[Message] | None:
    """A text, or the messages of a conversation."""
    plain = parsed(value)
    if isinstance(plain, Mapping) and "messages" in plain:
        plain = plain["messages"]
    messages = _messages(plain)
    if messages:
        return messages
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _messages(plain: Any) -> list[Message]:
    """A list of {role, content}, none where it is anything else."""
    if not isinstance(plain, list):
        return []
    found = []
    for turn in plain:
        if not isinstance(turn, Mapping) or turn.get("role") not in ROLES:
            return []
        content = turn.get("content")
        if isinstance(content, list):  # parts of a multimodal message
            parts = (part.get("text") for part in content if isinstance(part, Mapping))
            content = "\n".join(part for part in parts if isinstance(part, str))
        found.append(Message(role=turn["role"], content=content if content is not None else ""))
    return found


def last_question(value: str | list[Message] | None) -> str | None:
    """What triggered the answer: the text, or the last thing a user said."""
    if not isinstance(value, list):
        return value
    asked = [message.content for message in value if message.role == "user"]
    return next((text for text in reversed(asked) if text.strip()), None)


def as_output(value: Any) -> str | None:
    """The text of an answer: as it is, or out of a chat completion or a mapping that holds it."""
    plain = value if isinstance(value, str) else parsed(value)
    if isinstance(plain, Mapping):
        choices = plain.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            message = choices[0].get("message") or {}
            return str(message.get("content") or "")
        for key in _TEXT_KEYS:
            if isinstance(plain.get(key), str):
                return str(plain[key])
    messages = _messages(plain)
    if messages:
        return messages[-1].content
    if plain is None or isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False, default=str)


def as_tool_calls(value: Any) -> list[ToolUse]:
    """Tool calls out of a list of names, of {name, arguments}, or of an OpenAI message's calls."""
    plain = parsed(value)
    if not isinstance(plain, list):
        return []
    calls = []
    for call in plain:
        named = call.get("function", call) if isinstance(call, Mapping) else {"name": call}
        name = named.get("name") if isinstance(named, Mapping) else None
        if not isinstance(name, str) or not name.strip():
            continue
        arguments = parsed(named.get("arguments", named.get("args")))
        plain_arguments = dict(arguments) if isinstance(arguments, Mapping) else {}
        calls.append(ToolUse(name=name, arguments=plain_data(plain_arguments)))
    return calls


def as_context(value: Any) -> list[Passage]:
    """Retrieved passages out of a list of texts or of mappings that hold them."""
    plain = parsed(value)
    if isinstance(plain, str):
        plain = [plain]
    if not isinstance(plain, list):
        return []
    passages = []
    for number, item in enumerate(plain, 1):
        text, name = item, None
        if isinstance(item, Mapping):
            keys = ("page_content", "text", "content")
            text = next((item[key] for key in keys if isinstance(item.get(key), str)), None)
            name = item.get("id") or item.get("doc_uri")
        if isinstance(text, str) and text.strip():
            passages.append(Passage(id=str(name or f"passage-{number}"), text=text))
    return passages


def plain_data(value: Any) -> Any:
    """Anything as plain JSON data, so that it can stand in a record."""
    return json.loads(json.dumps(value, ensure_ascii=False, default=str), parse_constant=str)


def as_moment(value: Any) -> str | None:
    """A logged time as a record states it; none where it cannot be read as one.

    A time without a zone is taken as UTC; whole numbers as seconds or milliseconds since 1970, or,
    with eight digits, as a day (20230716).
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if 19_000_101 <= value <= 29_991_231:
                return datetime.strptime(str(int(value)), "%Y%m%d").date().isoformat()
            seconds = value / 1000 if value > 1e11 else float(value)
            return as_moment(datetime.fromtimestamp(seconds, UTC)) if seconds > 1e8 else None
        if isinstance(value, str):
            text = value.strip()
            if re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", text):
                date.fromisoformat(text if len(text) > 7 else f"{text}-01")
                return text
            return as_moment(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        pass
    return None
