"""How far a run is, on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any

from ..reports.visible import visible


class Progress:
    """Trials done, rate and time left, on stderr: one line that renews itself on a terminal."""

    def __init__(self, name: str) -> None:
        self.name = visible(name)
        self.live = sys.stderr.isatty()
        self.last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.live and self.last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, state: Any) -> None:
        """Called by the runner after trials are done."""
        now = time.monotonic()
        wait = 0.1 if self.live else 10.0  # a log gets a line every ten seconds
        if now - self.last < wait:
            return
        if not self.last and not self.live:
            self.last = now
            return
        self.last = now
        left = "" if state.eta_s is None else f", {_duration(state.eta_s)} left"
        errors = f", {state.errors} errors" if state.errors else ""
        line = f"{self.name}: {state.done}/{state.total} trials, {state.rate:.0f}/s{left}{errors}"
        sys.stderr.write(f"\r\x1b[K{line}" if self.live else f"{line}\n")
        sys.stderr.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
