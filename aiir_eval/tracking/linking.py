"""Which registered models and prompts a target names, and how a run in MLflow links to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..reports.markdown.text import plain

if TYPE_CHECKING:
    from mlflow import MlflowClient

LINKED_PROMPTS = "mlflow.linkedPrompts"
MODELS = "aiir.models"
_MODEL = re.compile(r"models:/([^/@\s]+)(?:/(\d+)|@([\w-]+))|models:/(m-[0-9a-f]{32})")
_PROMPT = re.compile(r"prompts:/([^/@\s]+)/(\d+)")


def model_uris(target: Mapping[str, Any]) -> list[str]:
    """The ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` and ``models:/m-ID`` of a target."""
    told = {name: target.get(name) for name in ("uri", "version", "params")}
    return list(
        dict.fromkeys(found.group() for text in _texts(told) for found in _MODEL.finditer(text))
    )


def linked_prompts(target: Mapping[str, Any]) -> str | None:
    """The prompts of a target as MLflow's pages read them from a tag; None where there are none."""
    told = {name: target.get(name) for name in ("prompt_uri", "version", "params")}
    pairs = dict.fromkeys(
        found.groups() for text in _texts(told) for found in _PROMPT.finditer(text)
    )
    if not pairs:
        return None
    return json.dumps([{"name": name, "version": version} for name, version in pairs])


def links(target: Mapping[str, Any]) -> list[str]:
    """The pages of what a target names, as markdown; the addresses hold on any server."""
    made = []
    for uri in model_uris(target):
        name, version, alias, _ = _parts(uri)
        if name:
            page = f"#/models/{quote(name)}" + (f"/versions/{version}" if version else "")
            made.append(f"model [{plain(name)} {version or '@' + str(alias)}]({page})")
    for each in json.loads(linked_prompts(target) or "[]"):
        page = f"#/prompts/{quote(each['name'])}?promptVersion={each['version']}"
        made.append(f"prompt [{plain(each['name'])} {each['version']}]({page})")
    return made


def model_inputs(client: MlflowClient, uris: Sequence[str]) -> list[Any]:
    """The logged models behind registered ones, as inputs of a run; what is not there is left out.

    A registry of another store does not stop a verdict from being written.
    """
    from mlflow.entities import LoggedModelInput
    from mlflow.exceptions import MlflowException

    found = []
    for uri in uris:
        name, version, alias, id_ = _parts(uri)
        try:
            if id_:
                model: Any = client.get_logged_model(id_)
            elif version:
                model = client.get_model_version(name, version)
            else:
                model = client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            continue
        # A version of the registry tells the logged model it was made of by its source.
        logged = model.model_id or _source(model)
        if logged:
            found.append(LoggedModelInput(model_id=logged))
    return found


def _parts(uri: str) -> tuple[str, str | None, str | None, str | None]:
    """(name, version, alias, id of a logged model)."""
    found = _MODEL.fullmatch(uri)
    assert found is not None
    return found[1] or "", found[2], found[3], found[4]


def _source(model: Any) -> str | None:
    found = _MODEL.fullmatch(str(getattr(model, "source", "")))
    return None if found is None else found[4]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
