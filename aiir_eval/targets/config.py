"""What aiir.yaml says: the targets by name, and the scorers the user allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..documents import Document, read_document, read_text, validate
from ..errors import DocumentError, Problem
from .protocol import TargetSpec
from .registered import PROMPT_URI
from .secrets import secret_field
from .tools import load_tools

DEFAULT_CONFIG = "aiir.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PromptEntry(_Strict):
    """The system prompt: a file beside aiir.yaml, the text, or a version in MLflow's registry."""

    file: str | None = None
    text: str | None = None
    mlflow: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> PromptEntry:
        if sum(each is not None for each in (self.file, self.text, self.mlflow)) != 1:
            raise ValueError("give the prompt as one of {file: ...}, {text: ...} or {mlflow: ...}")
        return self

    @field_validator("mlflow")
    @classmethod
    def _is_of_the_registry(cls, uri: str | None) -> str | None:
        if uri is not None and not PROMPT_URI.fullmatch(uri):
            raise ValueError("write prompts:/NAME/VERSION or prompts:/NAME@ALIAS")
        return uri


class TargetEntry(_Strict):
    """One target of aiir.yaml."""

    uri: str
    prompt: PromptEntry | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    tools: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    version: str | None = None

    @field_validator("uri")
    @classmethod
    def _has_a_scheme(cls, uri: str) -> str:
        if not re.match(r"[a-z][a-z0-9+.-]*:.", uri):
            raise ValueError("write SCHEME:NAME, e.g. python:module:function or openai:MODEL")
        return uri

    @field_validator("params", "version")
    @classmethod
    def _hold_no_secret(cls, value: Any, info: ValidationInfo) -> Any:
        if (found := secret_field(value)) is not None:
            raise ValueError(
                f"{found or 'it'} looks like a secret, and {info.field_name} is written into the "
                "run; put the key into an environment variable and name it in api_key_env"
            )
        return value

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError("names an environment variable; the key itself never stands here")
        return name

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"https?://[^/]", url):
            raise ValueError("a base URL begins with http:// or https://")
        return url


class ConfigDocument(_Strict):
    """aiir.yaml as it stands in the file."""

    schema_: Literal["aiir/config/1"] = Field(default="aiir/config/1", alias="schema")
    targets: dict[str, TargetEntry] = Field(default_factory=dict)
    scorers: list[str] = Field(default_factory=list)

    @field_validator("scorers")
    @classmethod
    def _are_named_in_full(cls, scorers: list[str]) -> list[str]:
        for name in scorers:
            if not re.fullmatch(r"python:[\w.]+:[\w.]+|(?:mlflow|evidently)\.[\w.]+", name):
                raise ValueError(
                    f"{name!r}: write python:module:function, mlflow.NAME or evidently.NAME"
                )
        return scorers


@dataclass(frozen=True, slots=True)
class Config:
    """The user's own configuration; everything it names may run."""

    path: str
    folder: str
    targets: Mapping[str, TargetSpec] = field(default_factory=dict)
    scorers: tuple[str, ...] = ()


def load_config(path: str | Path) -> Config:
    """Read aiir.yaml, with the prompt and tool files it names (relative to its folder).

    Raises `DocumentError` with every problem at once, each with file, line and field.
    """
    document = read_document(path)
    content = validate(ConfigDocument, document)
    folder = Path(path).resolve().parent
    problems: list[Problem] = []
    targets = {}
    for name, entry in content.targets.items():
        try:
            targets[name] = _spec(name, entry, document, folder)
        except DocumentError as error:
            problems.extend(error.problems)
    if problems:
        raise DocumentError(problems=problems)
    return Config(str(path), str(folder), targets, tuple(content.scorers))


def _spec(name: str, entry: TargetEntry, document: Document, folder: Path) -> TargetSpec:
    prompt: str | None = None
    tools: tuple[dict[str, Any], ...] = ()
    if entry.prompt is not None and entry.prompt.file is not None:
        at = ("targets", name, "prompt", "file")
        prompt = read_text(_existing(folder / entry.prompt.file, document, at))
    elif entry.prompt is not None:
        prompt = entry.prompt.text
    if entry.tools is not None:
        tools = load_tools(_existing(folder / entry.tools, document, ("targets", name, "tools")))
    return TargetSpec(
        name=name,
        uri=entry.uri,
        prompt=prompt,
        prompt_uri=None if entry.prompt is None else entry.prompt.mlflow,
        params=entry.params,
        tools=tools,
        base_url=entry.base_url,
        api_key_env=entry.api_key_env,
        version=entry.version,
        folder=str(folder),
    )


def _existing(path: Path, document: Document, at: tuple[str | int, ...]) -> str:
    if not path.is_file():
        raise DocumentError(problems=[document.problem(at, f"there is no file {path}")])
    return str(path)


def find_config(config: Config | str | Path | None) -> Config | None:
    """The configuration given, else aiir.yaml of the working folder, else none."""
    if isinstance(config, Config):
        return config
    if config is not None:
        return load_config(config)
    return load_config(DEFAULT_CONFIG) if Path(DEFAULT_CONFIG).is_file() else None


def is_target(name: str, config: Config | None) -> bool:
    """Whether a name can be run: a URI, or a target of the configuration."""
    return ":" in name or (config is not None and name in config.targets)


__all__ = ["Config", "ConfigDocument", "find_config", "is_target", "load_config", "load_tools"]
