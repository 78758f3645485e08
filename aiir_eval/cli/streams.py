"""Standard streams that neither a reader who leaves nor an odd character can break."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any


class _Steady(io.FileIO):
    """A stream whose reader may go away (``aiir ... | head``): what nobody reads is dropped.

    So the exit code stays the command's own: a gate that fails does not pass, nor one that passes
    fail, because of who reads it. A result that finds no room (a full disk) is an error, once;
    what is said on stderr never is.
    """

    broken = False

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            told = self.broken or self.fileno() == 2 or isinstance(error, BrokenPipeError)
            self.broken = True
            if told:
                return len(data)
            raise


def steady_streams() -> None:
    """Make stdout and stderr steady; a closed one (``>&-``) goes nowhere."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif os.name == "posix":
            raw = io.BufferedWriter(_Steady(number, "w", closefd=False))
            steady = io.TextIOWrapper(
                raw,
                encoding=stream.encoding,
                errors="backslashreplace",
                line_buffering=stream.isatty() or number == 2,
            )
            setattr(sys, name, steady)


@contextmanager
def stdout_for_results() -> Iterator[None]:
    """While it lasts, what a target, a scorer or a library prints goes to stderr.

    Also what is written past Python, by a library in C or a process that is started: stdout is
    for the result.
    """
    kept = None
    with suppress(OSError):
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)
