"""A check as it is written on the command line: parse_check, parse_checks."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from ..documents import parse_yaml, read_document
from ..errors import DocumentError, InputError
from .protocol import Check
from .python import PREFIX
from .registry import SCORERS

_SECOND = re.compile(r",\s*(\w+)\s*=")
_FORMS = "SCORER, SCORER:param=value, {scorer: NAME, param: value}, or @FILE"


def parse_check(spec: str) -> Check:
    """One check: ``SCORER``, ``SCORER:param=value``, a YAML flow mapping, or ``@file`` with one.

    Everything after the first ``=`` is the value, colons and commas included: for a parameter that
    is text it is taken as it stands (quotes around it are taken off), for any other it is read as
    YAML. Raises `InputError`.
    """
    checks = parse_checks(spec)
    if len(checks) != 1:
        raise InputError(f"{spec} holds {len(checks)} checks where one is wanted")
    return checks[0]


def parse_checks(spec: str) -> list[Check]:
    """The checks of a spec: one, unless ``@file`` holds a list of them."""
    text = spec.strip()
    if text.startswith("@"):
        return _from_file(text[1:])
    if text.startswith("{"):
        return [_check(parse_yaml(text, "check").data, where=text)]
    name, colon, rest = _head(text)
    if not name:
        raise InputError("an empty check", hint=f"write {_FORMS}")
    if not colon:
        return [Check(name, name)]
    parameter, equals, value = rest.partition("=")
    parameter = parameter.strip()
    if not equals or not parameter.isidentifier():
        raise InputError(f"cannot read the check {text!r}", hint=f"write {_FORMS}")
    second = next((found[1] for found in _SECOND.finditer(value) if _takes(name, found[1])), None)
    if second is not None and not _is_quoted(value):
        raise InputError(
            f"cannot read the check {text!r}: this form takes one parameter",
            hint=f"for {second}, too, write {{scorer: {name}, {parameter}: ..., {second}: ...}}; "
            "text that holds it is put in quotes",
        )
    return [Check.from_mapping({"scorer": name, parameter: _value(name, parameter, value)})]


def _head(text: str) -> tuple[str, str, str]:
    if not text.startswith(PREFIX):
        name, colon, rest = text.partition(":")
        return name.strip(), colon, rest
    path, colon, rest = text.removeprefix(PREFIX), "", ""
    if path.count(":") > 1:
        module, function, rest = path.split(":", 2)
        path, colon = f"{module}:{function}", ":"
    return f"{PREFIX}{path}", colon, rest


def _from_file(path: str) -> list[Check]:
    document = read_document(path)
    data = document.data
    if isinstance(data, Mapping):
        return [_check(data, where=path)]
    if not isinstance(data, list) or not data:
        raise DocumentError("expected a check, or a list of checks", file=path, line=1)
    problems, checks = [], []
    for index, item in enumerate(data):
        try:
            checks.append(_check(item, where=path))
        except InputError as error:
            problems.append(document.problem((index,), error.problems[0].message))
    if problems:
        raise DocumentError(problems=problems)
    return checks


def _check(data: Any, *, where: str) -> Check:
    if not isinstance(data, Mapping):
        raise InputError("a check is a mapping", file=where, hint=f"write {_FORMS}")
    try:
        return Check.from_mapping(data)
    except ValueError as error:
        raise InputError(str(error), file=where) from None


def _is_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


def _takes(scorer: str, parameter: str) -> bool:
    """Whether a check of a scorer of ours may have a parameter of this name."""
    if scorer not in SCORERS:
        return False
    fields = SCORERS[scorer].model_fields.items()
    return parameter == "name" or any(parameter in (name, f.alias) for name, f in fields)


def _value(scorer: str, parameter: str, value: str) -> Any:
    quoted = _is_quoted(value)
    if _is_text(scorer, parameter) and not quoted:
        return value
    if quoted or value[:1] in ("[", "{"):
        return parse_yaml(value, f"{scorer}:{parameter}").data
    try:
        data = parse_yaml(value, "").data
    except DocumentError:
        return value
    return value if isinstance(data, list | Mapping) else data


def _is_text(scorer: str, parameter: str) -> bool:
    """Whether a parameter of a scorer of ours takes text and nothing else."""
    if scorer not in SCORERS:
        return False
    for name, field in SCORERS[scorer].model_fields.items():
        if parameter in (name, field.alias):
            return _kinds(field.annotation) <= {str, type(None)}
    return False


def _kinds(annotation: Any) -> set[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return {kind for part in get_args(annotation) for kind in _kinds(part)}
    while hasattr(annotation, "__metadata__"):  # Annotated
        annotation = get_args(annotation)[0]
    return {annotation}
