"""How a name or a URI becomes a target, and what makes it the same target as another."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..documents import digest, read_text
from ..errors import InputError
from .config import Config, find_config
from .protocol import Target, TargetSpec
from .registered import read_prompt
from .secrets import refuse_secrets
from .tools import load_tools, plain_tools

ENTRY_POINTS = "aiir_eval.targets"  # further schemes: name = scheme, value = TargetSpec -> Target

# scheme: (module, class); imported when a target of that scheme is made.
_SCHEMES = {
    "openai": ("openai_chat", "OpenAITarget"),
    "python": ("python_function", "PythonTarget"),
    "recorded": ("recorded", "RecordedTarget"),
}

TargetFactory = Callable[[TargetSpec], Target]


def make_target(
    name_or_uri: str,
    *,
    config: Config | str | Path | None = None,
    base_url: str | None = None,
    prompt: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    api_key_env: str | None = None,
    tools: Sequence[Mapping[str, Any]] | str | Path | None = None,
) -> Target:
    """The target of a name in aiir.yaml, or of a URI.

    Only call this with what the user named: a python target runs the user's code.

    Parameters
    ----------
    name_or_uri
        A name of `config`, or ``python:module:function``, ``openai:MODEL``, ``recorded:RUN``, or
        a scheme of an installed package (entry point group ``aiir_eval.targets``).
    config
        A `Config`, or the path of one; by default ``aiir.yaml`` of the working folder where the
        name is no URI.
    base_url, prompt, params, api_key_env, tools
        What replaces or adds to the configuration: `prompt` is text (a `Path`: a file), `params`
        are added to those of the configuration, `tools` is a list or the path of a JSON file.

    Raises `InputError` where the name is unknown or the settings do not fit the target.
    """
    spec = _find(name_or_uri, config)
    changes: dict[str, Any] = {}
    if base_url is not None:
        changes["base_url"] = base_url
    if prompt is not None:
        changes["prompt"] = read_text(prompt) if isinstance(prompt, Path) else prompt
        changes["prompt_uri"] = None
    elif spec.prompt_uri is not None:
        found = read_prompt(spec.prompt_uri)
        changes["prompt"], changes["prompt_uri"] = found.text, found.uri
    if params is not None:
        changes["params"] = {**spec.params, **params}
    if api_key_env is not None:
        changes["api_key_env"] = api_key_env
    if tools is not None:
        changes["tools"] = (
            load_tools(str(tools)) if isinstance(tools, str | Path) else plain_tools(tools)
        )
    return target_of(dataclasses.replace(spec, **changes))


def target_of(spec: TargetSpec) -> Target:
    """The target that a specification describes."""
    refuse_secrets(spec.params, spec.name)
    target = _factory(spec.uri.partition(":")[0])(spec)
    fingerprint(target)  # what has no canonical JSON (NaN, a date) is an error now, not later
    return target


def fingerprint(target: Target) -> str:
    """SHA-256 of the canonical JSON of what a target describes itself as."""
    return digest(dict(target.describe()))


def _find(name_or_uri: str, config: Config | str | Path | None) -> TargetSpec:
    scheme, colon, rest = name_or_uri.partition(":")
    is_uri = bool(colon and rest and re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme))
    known = find_config(config) if config is not None or not is_uri else None
    if known is not None and name_or_uri in known.targets:
        return known.targets[name_or_uri]
    if is_uri:
        return TargetSpec(
            name=name_or_uri, uri=name_or_uri, folder=None if known is None else known.folder
        )
    if known is None:
        hint = "there is no aiir.yaml here; write one (`aiir init`), or name a URI"
    elif known.targets:
        hint = f"{known.path} has {', '.join(known.targets)}"
    else:
        hint = f"{known.path} names no target"
    raise InputError(
        f"unknown target {name_or_uri!r}",
        hint=f"{hint}; a URI is {', '.join(f'{scheme}:...' for scheme in schemes())}",
    )


def schemes() -> list[str]:
    """The schemes that targets can have: the built-in ones and those of installed packages."""
    return sorted({*_SCHEMES, *(point.name for point in _entry_points())})


def _entry_points() -> Sequence[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group=ENTRY_POINTS))


def _factory(scheme: str) -> TargetFactory:
    if scheme in _SCHEMES:
        module, name = _SCHEMES[scheme]
        factory: TargetFactory = getattr(import_module(f".{module}", __package__), name)
        return factory
    for point in _entry_points():
        if point.name == scheme:
            try:
                loaded: TargetFactory = point.load()
            except Exception as error:
                raise InputError(
                    f"the target scheme {scheme}: ({point.value}) cannot be loaded: {error}"
                ) from error
            return loaded
    raise InputError(f"unknown kind of target {scheme!r}", hint=f"known: {', '.join(schemes())}")
