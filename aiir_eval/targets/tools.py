"""Which tools a target offers: read from a file, brought into one form, joined with the case's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..documents import Document, read_document
from ..errors import DocumentError, Problem

_FIELDS = ("name", "description", "parameters", "result")


def load_tools(path: str) -> tuple[dict[str, Any], ...]:
    """A JSON file with a list of tools.

    Each is ``{name, description, parameters, result}`` (a JSON Schema in `parameters`) or has the
    form of the chat completions API, ``{type: function, function: {name, ...}}``.
    Raises `DocumentError` with every problem at once.
    """
    return _normalise(read_document(path))


def plain_tools(tools: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Tools given as data, in the one form."""
    return _normalise(Document("tools", list(tools)))


def _normalise(document: Document) -> tuple[dict[str, Any], ...]:
    if not isinstance(document.data, list):
        raise DocumentError("expected a list of tools", file=document.path)
    problems: list[Problem] = []
    tools: dict[str, dict[str, Any]] = {}
    for index, item in enumerate(document.data):
        function = item.get("function") if isinstance(item, Mapping) else None
        where: tuple[str | int, ...] = (index,)
        if isinstance(function, Mapping) and item.get("type") == "function":
            item, where = function, (index, "function")
        if not isinstance(item, Mapping):
            problems.append(document.problem(where, "a tool is a mapping with a name"))
            continue
        for key in item:
            if key not in _FIELDS and not (key == "strict" and len(where) == 2):
                problems.append(document.problem((*where, key), "unknown field"))
        name = item.get("name")
        description, parameters = item.get("description") or "", item.get("parameters") or {}
        if not isinstance(name, str) or not name:
            problems.append(document.problem(where, "a tool needs a name"))
        elif name in tools:
            problems.append(document.problem(where, f"the tool {name!r} stands twice"))
        elif not isinstance(description, str):
            problems.append(document.problem((*where, "description"), "expected text"))
        elif not isinstance(parameters, Mapping):
            problems.append(document.problem((*where, "parameters"), "expected a JSON Schema"))
        else:
            result = {"result": item["result"]} if "result" in item else {}
            tools[name] = {
                "name": name,
                "description": description,
                "parameters": dict(parameters),
                **result,
            }
    if problems:
        raise DocumentError(problems=problems)
    return tuple(tools.values())


def offered_tools(
    target: Sequence[Mapping[str, Any]], case: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The target's tools and the case's, one a name.

    Where both have a name, the definition is the target's (it is part of the version under test)
    and the result is the case's (it is part of the situation under test).
    """
    offered = {tool["name"]: dict(tool) for tool in target}
    for tool in case:
        known = offered.get(tool["name"])
        if known is None:
            offered[tool["name"]] = dict(tool)
        elif tool.get("result") is not None:
            known["result"] = tool["result"]
    return list(offered.values())
