"""How a run is stopped from outside: Ctrl-C and SIGTERM, once gently, twice at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_S = 5.0  # what trials under way get to finish after the first signal


class Stop:
    """The user's wish to stop; may be asked from any thread.

    Asked once, no trial begins any more and those under way may finish for `GRACE_S` seconds;
    asked twice, they are cancelled (and run again on resume).
    """

    def __init__(self) -> None:
        self.times = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancel: Callable[[], object] = lambda: None

    @property
    def asked(self) -> bool:
        """Whether to begin no more trials."""
        return self.times > 0

    def attach(self, cancel: Callable[[], object]) -> None:
        """Say how trials under way are cancelled; called in the loop that runs them."""
        self._loop, self._cancel = asyncio.get_running_loop(), cancel
        if self.times:
            self._act()

    def ask(self) -> None:
        """Stop."""
        self.times += 1
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._act)

    def _act(self) -> None:
        if self.times > 1:
            self._cancel()
        else:
            asyncio.get_running_loop().call_later(GRACE_S, self._cancel)


@contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """While it lasts, SIGINT and SIGTERM ask `stop`; the third time they interrupt on the spot.

    Only in the main thread, where Python delivers signals; elsewhere it changes nothing. A signal
    that is ignored (a job in the background) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop.ask()
        if stop.times > 2:
            raise KeyboardInterrupt

    previous = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            previous[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
