"""Targets ``openai:MODEL``: any endpoint that speaks the chat completions API."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import InputError, UnreachableError
from ..tool_calls import ToolCall
from .chat_messages import chat_messages, chat_tools, tool_turns
from .protocol import Reply, Request, TargetError, TargetSpec
from .replies import arguments_of
from .secrets import cut_out, redact, url_secrets

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion

MAX_TOOL_ROUNDS = 10  # times the results of tools are given back before the loop is cut
MAX_RETRIES = 2  # of a call that failed: no connection, a broken reply, 408, 409, 5xx
MAX_RATE_LIMIT_RETRIES = 10  # of a call that was refused for its rate (429)
LONGEST_WAIT_S = 120.0  # a server that asks for more has no quota left for this run
CONNECT_TIMEOUT_S = 10.0

# Set by this target: the run has trials for `n`, and reads replies whole.
_RESERVED = ("messages", "model", "n", "stream", "stream_options", "tools")


class OpenAITarget:
    """A model behind the chat completions API: vLLM, Ollama, llama.cpp, LiteLLM, OpenAI.

    The prompt is the system message; the case's context stands where the prompt says
    ``{context}``, else before the last user message. Tools are offered as functions; a call is
    answered with the `result` of the case's tool until the model answers in words, at most
    `MAX_TOOL_ROUNDS` times. Params go into the request as they are (temperature, max_tokens, seed,
    response_format, or what only this server knows).

    The key is read from the environment (`api_key_env`, by default OPENAI_API_KEY) and is written
    nowhere; where `base_url` is set and there is no key, none is needed. Without `base_url` the SDK
    takes OPENAI_BASE_URL or the public API. `base_url` is no part of the fingerprint: state a
    `version` where the same model and prompt are served in two places that shall be compared.

    What ends the run (`UnreachableError`): no connection after retries, a refused key, and on first
    contact an unknown model. What makes one trial an error: a 5xx, a broken reply or a lost
    connection after retries, a refused request. 429 is waited for as Retry-After says. `latency_s`
    is the time of the calls that were answered, without retries and waiting.
    """

    def __init__(self, spec: TargetSpec) -> None:
        self.name, self.uri, self._spec = spec.name, spec.uri, spec
        self.model = spec.uri.partition(":")[2]
        if not self.model:
            raise InputError(f"{spec.name}: name the model, e.g. openai:gpt-4o-mini")
        for name in spec.params:
            if name in _RESERVED:
                hint = "ask for draws with trials" if name == "n" else "it is set by the target"
                raise InputError(f"{spec.name}: params cannot hold {name!r}", hint=hint)
        self._base_url = spec.base_url or os.environ.get("OPENAI_BASE_URL") or None
        if self._base_url is not None:
            _check_url(spec.name, self._base_url)
        self._key = _read_key(spec, self._base_url)
        secrets = [self._key or "", *url_secrets(self._base_url or "")]
        self._secrets = [secret for secret in secrets if len(secret) >= 4]
        # In outputs only what is surely a key: a local server's key may be the word "ollama".
        self._key_in_output = [secret for secret in self._secrets if len(secret) >= 16]
        self._client: openai.AsyncOpenAI | None = None
        self._reached = False  # whether any call was ever answered
        self._resume_at = 0.0  # when the server wants to hear from us again (monotonic)

    def __repr__(self) -> str:
        return f"OpenAITarget({self.name!r}, {self.uri!r})"

    def describe(self) -> Mapping[str, Any]:
        """What the fingerprint is the digest of."""
        return self._spec.describe()

    async def reply(self, request: Request) -> Reply:
        """One conversation: calls until the model answers in words or the rounds are used up."""
        messages = chat_messages(self._spec.prompt, request)
        tools, results = chat_tools(self._spec.tools, request.tools)
        calls: list[ToolCall] = []
        usage = _Usage()
        for _ in range(MAX_TOOL_ROUNDS + 1):
            completion, seconds = await self._complete(messages, tools)
            usage.add(completion, seconds)
            choice = completion.choices[0]
            asked: list[Any] = list(choice.message.tool_calls or ())
            if not asked:
                break
            made = [self._call(call.function) for call in asked]
            messages.extend(tool_turns(choice.message.content, asked, made, results, len(calls)))
            calls.extend(made)
        message = choice.message
        output = message.content or getattr(message, "refusal", None) or ""
        return Reply(
            self._cut(output) or "",
            tuple(calls),
            latency_s=usage.seconds,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            finish_reason=self._cut(getattr(choice, "finish_reason", None)),
            model_reported=self._cut(getattr(completion, "model", None)),
            system_fingerprint=self._cut(getattr(completion, "system_fingerprint", None)),
        )

    def _call(self, function: Any) -> ToolCall:
        arguments = self._cut(getattr(function, "arguments", None)) or ""
        return ToolCall(self._cut(function.name) or "", arguments_of(arguments))

    def _cut(self, said: Any) -> str | None:
        """Text of the server without the key that it was sent; None where it is no text."""
        return cut_out(said, self._key_in_output) if isinstance(said, str) else None

    async def close(self) -> None:
        """Close the connections; the next call opens new ones (of the loop it is made in)."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _complete(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> tuple[ChatCompletion, float]:
        """One call with retries: the completion, and the seconds of the attempt that was answered.

        The retries are ours and not the SDK's, whose waiting could not be told from latency.
        """
        import openai

        body: dict[str, Any] = {"model": self.model, "messages": messages, **self._params()}
        if tools:
            body["tools"] = tools
        attempt = 0
        while True:
            if (wait := self._resume_at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            completions = self._connected().chat.completions
            started = time.perf_counter()
            try:
                completion = await completions.create(**body)
            except openai.OpenAIError as error:
                failure: Exception = error
            except (ValueError, TypeError, RecursionError) as error:  # a body that is no JSON
                failure = _BrokenReplyError(f"the reply is not JSON: {error}")
            else:
                seconds = time.perf_counter() - started
                if (problem := _problem_of(completion)) is None:
                    self._reached = True
                    return completion, seconds
                failure = _BrokenReplyError(problem)
            delay = self._delay(failure, attempt)
            if delay is None:
                raise self._error(failure) from None
            attempt += 1
            await asyncio.sleep(delay)

    def _connected(self) -> openai.AsyncOpenAI:
        if self._client is None:
            import openai

            # A proxy of the environment does not know the servers of this machine.
            host = urlsplit(self._base_url or "").hostname
            here = host in ("localhost", "127.0.0.1", "::1")
            self._client = openai.AsyncOpenAI(
                api_key=self._key or "none-needed",
                base_url=self._base_url,
                max_retries=0,
                timeout=openai.Timeout(600.0, connect=CONNECT_TIMEOUT_S),
                http_client=openai.DefaultAsyncHttpxClient(trust_env=not here),
            )
        return self._client

    def _params(self) -> dict[str, Any]:
        """Params by the SDK's names, all others into the body as they are."""
        known, extra = {}, dict(self._spec.params.get("extra_body") or {})
        for name, value in self._spec.params.items():
            if name in _sdk_parameters():
                known[name] = value
            elif name != "extra_body":
                extra[name] = value
        return {**known, "extra_body": extra} if extra else known

    def _delay(self, error: Exception, attempt: int) -> float | None:
        """Seconds to wait before the next attempt; None where another makes no sense."""
        import openai

        backoff = 0.4 * 2**attempt * (0.75 + 0.5 * random.random())
        if not isinstance(error, openai.APIStatusError):
            lost = isinstance(error, openai.APIConnectionError | _BrokenReplyError)
            return backoff if lost and attempt < MAX_RETRIES else None
        asked = _retry_after(error)
        wait = min(backoff, 30.0) if asked is None else asked
        if wait > LONGEST_WAIT_S:
            return None
        if error.status_code == 429:
            if error.code == "insufficient_quota" or attempt >= MAX_RATE_LIMIT_RETRIES:
                return None
            self._resume_at = max(self._resume_at, time.monotonic() + wait)
            return wait
        passing = error.status_code in (408, 409) or error.status_code >= 500
        return wait if passing and attempt < MAX_RETRIES else None

    def _error(self, error: Exception) -> Exception:
        """What to raise: `UnreachableError` where no trial can work, else `TargetError`."""
        import openai

        place = redact(self._base_url or "the public API", self._secrets)
        if isinstance(error, openai.APIStatusError):
            text = f"HTTP {error.status_code}: {self._said(error)}"
            status = error.status_code
            if status == 401:
                named = self._spec.api_key_env or "OPENAI_API_KEY"
                hint = f"{place} refused the key; set the environment variable {named}"
            elif error.code == "insufficient_quota":
                hint = f"{place} has no quota left for this key"
            elif status in (403, 404) and not self._reached:
                hint = (
                    f"is {self.model!r} a model of {place}, and is that the right base_url? "
                    "(it usually ends in /v1)"
                )
            else:
                return TargetError(text)
            return UnreachableError(f"{self.uri} cannot be used: {text} ({hint})")
        if isinstance(error, openai.APIConnectionError):
            reason = redact(_reason(error), self._secrets)
            if _never_connected(error):
                return UnreachableError(
                    f"{self.uri} cannot be reached at {place}: {reason} "
                    "(is the server running, and is base_url right?)"
                )
            return TargetError(f"the connection was lost: {reason}")
        return TargetError(redact(str(error), self._secrets)[:500])

    def _said(self, error: openai.APIStatusError) -> str:
        """What the server said, short and without secrets."""
        body = error.body
        if isinstance(body, Mapping):
            inner = body.get("error", body)
            message = inner.get("message") if isinstance(inner, Mapping) else inner
            body = message or json.dumps(body, default=str)
        text = str(body or error.response.reason_phrase or "no text")
        return " ".join(redact(text, self._secrets).split())[:500]


class _BrokenReplyError(Exception):
    """The endpoint answered, but not with a chat completion."""


class _Usage:
    """Seconds and tokens over the calls of one conversation; None where no call stated them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None

    def add(self, completion: ChatCompletion, seconds: float) -> None:
        self.seconds += seconds
        stated = getattr(completion, "usage", None)
        self.input_tokens = _sum(self.input_tokens, getattr(stated, "prompt_tokens", None))
        self.output_tokens = _sum(self.output_tokens, getattr(stated, "completion_tokens", None))


def _sum(total: int | None, count: Any) -> int | None:
    return (total or 0) + count if isinstance(count, int) and 0 <= count < 2**40 else total


def _problem_of(completion: Any) -> str | None:
    """Why this is no chat completion: the SDK takes what servers send without checking it."""
    choices = getattr(completion, "choices", None)
    if not isinstance(choices, list) or not choices:
        return f"the reply is no chat completion: {str(completion)[:200]}"
    message = getattr(choices[0], "message", None)
    if message is None:
        return "the reply is no chat completion: its choice has no message"
    if not isinstance(getattr(message, "content", None), str | None):
        return "the reply is no chat completion: its content is not text"
    calls = getattr(message, "tool_calls", None) or []
    if not isinstance(calls, list):
        return "the reply is no chat completion: its tool calls are not a list"
    for call in calls:
        if not isinstance(getattr(getattr(call, "function", None), "name", None), str):
            return "the reply is no chat completion: a tool call has no function name"
    return None


def _check_url(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError(
            f"{name}: the base URL {redact(url)!r} is not an address",
            hint="write it as http://host:port/v1",
        )


def _read_key(spec: TargetSpec, base_url: str | None) -> str | None:
    name = spec.api_key_env or "OPENAI_API_KEY"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):  # it may be the key: it is not shown
        raise InputError(
            f"{spec.name}: api_key_env names an environment variable; what is given is no name",
            hint="put the key into the environment; the key itself never stands here",
        )
    key = (os.environ.get(name) or "").strip()
    if not key.isascii() or not key.isprintable():
        raise InputError(
            f"{spec.name}: the environment variable {name} holds no key: not plain text"
        )
    if key:
        return key
    if base_url is None or spec.api_key_env is not None:
        raise InputError(
            f"{spec.name} needs a key: the environment variable {name} is not set",
            hint=None if spec.api_key_env else "or set base_url to a server that needs none",
        )
    return None


@cache
def _sdk_parameters() -> frozenset[str]:
    import inspect

    from openai.resources.chat.completions import AsyncCompletions

    return frozenset(inspect.signature(AsyncCompletions.create).parameters)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds the server asks to wait, stated in milliseconds, seconds or as a date (RFC 9110)."""
    from email.utils import parsedate_to_datetime

    headers = error.response.headers
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(header)
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(text).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
        if seconds == seconds:  # not NaN
            return max(seconds, 0.0)
    return None


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 10:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found


def _never_connected(error: BaseException) -> bool:
    """Whether no connection was made: refused, no such host, no route, a bad certificate."""
    names = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol")
    return any(type(cause).__name__ in names for cause in _causes(error))


def _reason(error: BaseException) -> str:
    """The innermost cause that has a text, which is the one that says something."""
    texts = [f"{cause}" for cause in _causes(error)]
    system = [cause.strerror for cause in _causes(error) if isinstance(cause, OSError)]
    for text in (*filter(None, reversed(system)), *reversed(texts)):
        if text:
            return text
    return type(error).__name__
