"""Targets ``python:module:function``: the user's own function, sync or async."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import AiirError, InputError
from ..user_code import load_function, module_digests
from .protocol import Reply, Request, TargetError, TargetSpec
from .replies import reply_of
from .threads import Threads
from .tools import offered_tools

# What a function may ask for by naming it, besides the input.
_OFFERED = ("context", "tools", "case_id", "trial", "rng", "prompt")


class PythonTarget:
    """A function called with the case's input first (text, or a list of messages).

    By keyword it gets those of `context`, `tools`, `case_id`, `trial`, `rng` and `prompt` that its
    signature names, and every one of the target's params; with ``**kwargs`` it gets all. It
    returns a string, or a mapping with `output`, `tool_calls`, `usage` {input_tokens,
    output_tokens, cost_usd}. An exception makes that trial an error, except `UnreachableError`,
    which ends the run.

    A sync function is called in threads, several at once: where it is not safe for that, run with
    a concurrency of 1. `rng` (a numpy Generator) is its own for each case and trial; draws from
    the global ``random`` are not reproducible.
    """

    def __init__(self, spec: TargetSpec) -> None:
        for field in ("base_url", "api_key_env"):
            if getattr(spec, field) is not None:
                raise InputError(f"{spec.name}: a python target takes no {field}")
        self.name, self.uri, self._spec = spec.name, spec.uri, spec
        folders = [*filter(None, [spec.folder]), str(Path.cwd())]
        self._function, module = load_function(spec.uri.partition(":")[2], folders)
        self._digests = module_digests(module, self._function)
        self._asked = self._read_signature()
        called = type(self._function).__call__
        self._is_async = any(map(inspect.iscoroutinefunction, (self._function, called)))
        self._threads = Threads()

    def describe(self) -> Mapping[str, Any]:
        """What the fingerprint is the digest of; with the digests of the code."""
        return {**self._spec.describe(), **self._digests}

    async def reply(self, request: Request) -> Reply:
        """Call the function once."""
        keywords = dict(self._spec.params)
        for name in self._asked:
            if name == "tools":
                keywords[name] = offered_tools(self._spec.tools, request.tools)
            elif name == "prompt":
                keywords[name] = self._spec.prompt
            else:
                keywords[name] = getattr(request, name)
        started = time.perf_counter()
        if self._is_async:
            value = await _awaited(self._function(request.input, **keywords))
            return reply_of(value, latency_s=time.perf_counter() - started)
        value, seconds = await self._threads.run(self._call, request.input, keywords)
        if inspect.isawaitable(value):  # a sync wrapper around an async function
            started = time.perf_counter()
            value = await _awaited(value)
            seconds += time.perf_counter() - started
        return reply_of(value, latency_s=seconds)

    async def close(self) -> None:
        """Let idle threads end."""
        self._threads.close()

    def _call(self, input_: Any, keywords: dict[str, Any]) -> tuple[Any, float]:
        started = time.perf_counter()
        try:
            value = self._function(input_, **keywords)
        except BaseException as error:
            raise _failure(error) from error
        return value, time.perf_counter() - started

    def _read_signature(self) -> list[str]:
        """Which of the offered names the function takes; `InputError` where it cannot be called."""
        try:
            parameters = list(inspect.signature(self._function).parameters.values())
        except (TypeError, ValueError):  # some functions written in C do not say
            parameters = [inspect.Parameter("input", inspect.Parameter.POSITIONAL_ONLY)]
        first = parameters[0] if parameters else None
        if first is None or first.kind in (first.KEYWORD_ONLY, first.VAR_KEYWORD):
            raise InputError(f"{self.uri}: the function takes no input as its first argument")
        rest = parameters if first.kind is first.VAR_POSITIONAL else parameters[1:]
        by_keyword = {
            item.name: item
            for item in rest
            if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
        }
        takes_all = any(item.kind is item.VAR_KEYWORD for item in rest)
        for name in self._spec.params:
            if name in (*_OFFERED, first.name) or not (takes_all or name in by_keyword):
                raise InputError(
                    f"{self.uri} takes no parameter {name!r}",
                    hint=f"params of a python target are its keyword arguments; it takes "
                    f"{', '.join(by_keyword) or 'none'}",
                )
        asked = [name for name in _OFFERED if takes_all or name in by_keyword]
        if self._spec.prompt is not None and "prompt" not in asked:
            raise InputError(f"{self.uri} has a prompt, but the function takes no `prompt`")
        for name, item in by_keyword.items():
            if item.default is item.empty and name not in (*asked, *self._spec.params):
                raise InputError(
                    f"{self.uri} needs the argument {name!r}, which nothing gives",
                    hint=f"name one of {', '.join(_OFFERED)}, or state it in params",
                )
        return asked


async def _awaited(call: Any) -> Any:
    try:
        return await call
    except (Exception, SystemExit) as error:
        raise _failure(error) from error


def _failure(error: BaseException) -> Exception:
    """The error of one trial; errors of ours pass as they are."""
    if isinstance(error, TargetError | AiirError):
        return error
    return TargetError(f"{type(error).__name__}: {_message(error)}")


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as nested:  # a __str__ of the user's that fails
        return f"(its text raised {type(nested).__name__})"
