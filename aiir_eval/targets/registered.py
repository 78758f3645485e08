"""Which prompt stands in MLflow's registry under ``prompts:/NAME/VERSION`` or ``@ALIAS``?"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from ..errors import InputError, UnreachableError
from ..telemetry import opt_out

PROMPT_URI = re.compile(r"prompts:/(?P<name>[^/@\s]+)(?:/(?P<version>\d+)|@(?P<alias>[^/@\s]+))")
_PASSWORD = re.compile(r"(?<=://)[^/\s@]*@")
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class RegisteredPrompt:
    """A version of a prompt; `uri` names it by its number, whatever alias led to it."""

    uri: str
    text: str


def read_prompt(uri: str) -> RegisteredPrompt:
    """The prompt of a URI, from the registry of ``MLFLOW_REGISTRY_URI`` or ``MLFLOW_TRACKING_URI``.

    A prompt of chat messages is taken where it has only a system message, as a target's prompt is
    one. Raises `InputError` where there is no such version, `UnreachableError` where no server
    answers.
    """
    found = PROMPT_URI.fullmatch(uri)
    if found is None:
        raise InputError(f"{uri!r}: write prompts:/NAME/VERSION or prompts:/NAME@ALIAS")
    store = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    if not store:
        raise InputError(
            f"{uri} stands in a registry of MLflow, and none is named",
            hint="set MLFLOW_TRACKING_URI (or MLFLOW_REGISTRY_URI)",
        )
    opt_out()
    _check_reachable(store, uri)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(tracking_uri=store, registry_uri=store)
    try:
        if found["alias"]:
            version = client.get_prompt_version_by_alias(found["name"], found["alias"])
        else:
            version = client.get_prompt_version(found["name"], found["version"])
    except MlflowException as error:
        raise _missing(uri, store, str(error).splitlines()[0]) from None
    if version is None:
        raise _missing(uri, store, "there is no such version")
    return RegisteredPrompt(f"prompts:/{found['name']}/{version.version}", _text(version, uri))


def _text(version: Any, uri: str) -> str:
    template = version.template
    if isinstance(template, list):
        if len(template) == 1 and template[0].get("role") == "system":
            return str(template[0]["content"])
        raise InputError(
            f"{uri} is a conversation; a target's prompt is its system message",
            hint="register the system message alone, and put the turns into the cases",
        )
    return str(template)


def _missing(uri: str, store: str, reason: str) -> InputError:
    shown = _PASSWORD.sub("", store)
    return InputError(
        f"the prompt {uri} cannot be read from {shown}: {_PASSWORD.sub('', reason)}",
        hint="name it, and its version or alias, as the registry does",
    )


def _check_reachable(store: str, uri: str) -> None:
    """Raise before MLflow begins to try again and again for minutes."""
    if not store.startswith(("http://", "https://")):
        return
    import requests

    try:
        requests.get(f"{store.rstrip('/')}/health", timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise UnreachableError(
            f"the registry {_PASSWORD.sub('', store)} that holds {uri} could not be reached: "
            f"{type(error).__name__}"
        ) from None
