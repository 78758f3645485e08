"""Where functions that block are called: daemon threads, so that none holds up loop or exit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple


class _Call(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Threads:
    """As many threads as calls are under way.

    An executor would not do: it joins its threads at exit, so one call that hangs would hang the
    process. Here a call that is given up (cancelled) keeps its thread until it returns, and the
    next call gets another. All bookkeeping is done on the loop's thread: no locks.
    """

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[_Call | None]] = []

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a thread. It must not raise StopIteration."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        inbox = self._idle.pop() if self._idle else self._start()
        inbox.put(_Call(function, arguments, loop, future))
        return await future

    def close(self) -> None:
        """Let idle threads end; busy ones end when their call returns."""
        for inbox in self._idle:
            inbox.put(None)
        self._idle = []

    def _start(self) -> SimpleQueue[_Call | None]:
        inbox: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(target=self._work, args=(inbox,), name="aiir-target", daemon=True).start()
        return inbox

    def _work(self, inbox: SimpleQueue[_Call | None]) -> None:
        while (call := inbox.get()) is not None:
            result, error = None, None
            try:
                result = call.function(*call.arguments)
            except BaseException as raised:  # handed over to whoever awaits the call
                error = raised
            try:
                call.loop.call_soon_threadsafe(self._done, inbox, call.future, result, error)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits for the result
                return
            del call, result, error

    def _done(
        self,
        inbox: SimpleQueue[_Call | None],
        future: asyncio.Future[Any],
        result: Any,
        error: BaseException | None,
    ) -> None:
        self._idle.append(inbox)
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
