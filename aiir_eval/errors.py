"""Everything that can go wrong on purpose, and the exit code each maps to.

::

    AiirError                     exit code
      InputError                  2   a file, table, option or document cannot be used
        DocumentError             2   a document breaks its schema: all problems at once
        TableError                2   a table lacks a column, or a value cannot be read
        MissingExtraError         2   an optional package is needed: the command to type
      UnreachableError            5   the target could not be reached
      InterruptedRunError       130   stopped by the user; what was done is on disk

What can be computed but must not count (case sets differ, a run is incomplete) is no exception:
it is a comparison whose conclusion is ``invalid`` (exit code 4 of the gate).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in an input: what, where, and what to do about it."""

    message: str
    file: str | None = None
    line: int | None = None
    field: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = self.file or ""
        if self.line is not None:
            where += f":{self.line}" if where else f"line {self.line}"
        parts = [part for part in (where, self.field, self.message) if part]
        text = ": ".join(parts)
        return f"{text} ({self.hint})" if self.hint else text


class AiirError(Exception):
    """The root: every error this package raises on purpose."""

    exit_code = 2


class InputError(AiirError):
    """A file, table, option or document cannot be used.

    Either one message with its place, or a list of problems found in one pass.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        hint: str | None = None,
        problems: Iterable[Problem] = (),
    ) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        if message is not None:
            self.problems = (Problem(message, file, line, field, hint), *self.problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DocumentError(InputError):
    """A document (incident, suite, policy, run.json, aiir.yaml) breaks its schema."""


class TableError(InputError):
    """A table cannot be read, lacks a column, or holds a value that cannot be used."""


class MissingExtraError(InputError):
    """An optional package is needed."""

    def __init__(self, package: str, extra: str, *, what: str) -> None:
        super().__init__(f"{what} needs {package}", hint=f"type: pip install 'aiir-eval[{extra}]'")


class UnreachableError(AiirError):
    """The target could not be reached; nothing can be said about it."""

    exit_code = 5


class InterruptedRunError(AiirError):
    """Stopped by the user; the journal holds every trial that was finished."""

    exit_code = 130
