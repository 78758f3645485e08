"""What a target is asked, what it replies, and what makes it the same target: the one seam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..tool_calls import ToolCall

if TYPE_CHECKING:
    import numpy as np

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """One trial of one case, as a target sees it. It never sees the checks or what is expected."""

    input: str | Messages
    case_id: str
    trial: int
    context: Sequence[Mapping[str, Any]] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    rng: np.random.Generator | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a target said and did, and what it cost. None where the target does not say."""

    output: str
    tool_calls: Sequence[ToolCall] = ()
    latency_s: float | None = None  # measured by the runner unless the target knows better
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    finish_reason: str | None = None
    model_reported: str | None = None
    system_fingerprint: str | None = None


class TargetError(Exception):
    """One trial failed; the run goes on and records the error as its row."""


class Target(Protocol):
    """The system under test: model + prompt version + parameters + tools, with a fingerprint.

    Raises `TargetError` for a trial that failed, `errors.UnreachableError` when no trial can work.
    """

    name: str
    uri: str

    def describe(self) -> Mapping[str, Any]:
        """What the fingerprint is the digest of: uri, prompt text, params, tools, version.

        With ``prompt_uri`` where the prompt stands in a registry.
        """

    async def reply(self, request: Request) -> Reply: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target as aiir.yaml or the command line declares it."""

    name: str
    uri: str
    prompt: str | None = None  # the text, wherever it came from
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    base_url: str | None = None
    api_key_env: str | None = None
    version: str | None = None
    prompt_uri: str | None = None  # of MLflow's registry; the text is read when a target is made
    folder: str | None = None  # where relative modules and files are looked for; not in the digest

    def describe(self) -> dict[str, Any]:
        """What every target of a model says of itself; `prompt_uri` where there is one."""
        said = {
            "uri": self.uri,
            "prompt": self.prompt,
            "params": dict(self.params),
            "tools": list(self.tools),
            "version": self.version,
        }
        return said if self.prompt_uri is None else {**said, "prompt_uri": self.prompt_uri}
