"""The journal of a run: one line a trial, appended while it runs, read to resume it."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import DocumentError, InputError
from ..tool_calls import ToolCall
from .rows import CheckRow, TrialRow, trial_table

if TYPE_CHECKING:
    import pyarrow as pa

SYNC_EVERY_S = 2.0

_PLAIN = (
    "case_id",
    "incident_id",
    "origin",
    "cluster",
    "expected",
    "trial",
    "output",
    "error",
    "passed",
    "score",
    "latency_s",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "finish_reason",
    "model_reported",
    "system_fingerprint",
)


@dataclass(frozen=True, slots=True)
class Journal:
    """The trials a journal holds."""

    rows: list[TrialRow]
    n_bytes: int  # up to the end of the last whole line
    torn: bool  # whether a line was cut off behind it: the trial that was being written

    @property
    def table(self) -> pa.Table:
        """The trials as a table with `trial_schema`."""
        return trial_table(self.rows)


def read_journal(path: str | Path) -> Journal:
    """The trials of trials.jsonl.

    A last line without its end is dropped: the process died while it was written. Anything else
    that is no trial, or a trial that stands twice, is a `DocumentError` with its line.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DocumentError("no such file", file=str(path)) from None
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", file=str(path)) from None
    rows: list[TrialRow] = []
    seen: dict[tuple[str, int], int] = {}
    n_bytes = data.rfind(b"\n") + 1
    for number, line in enumerate(data[:n_bytes].split(b"\n")[:-1], 1):
        try:
            row = _row(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DocumentError(
                f"the line is no trial: {type(error).__name__}: {error}",
                file=str(path),
                line=number,
                hint="the file was damaged; remove the line, and --resume runs that trial again",
            ) from None
        key = (row.case_id, row.trial)
        if key in seen:
            raise DocumentError(
                f"trial {row.trial} of {row.case_id!r} stands on line {seen[key]} already",
                file=str(path),
                line=number,
            )
        seen[key] = number
        rows.append(row)
    return Journal(rows, n_bytes, n_bytes < len(data))


class JournalWriter:
    """Appends trials to trials.jsonl, and keeps other processes out while it is open.

    Each trial is handed to the operating system before the next begins, in one write: a process
    that is killed loses no finished trial. It is forced to the disk every `SYNC_EVERY_S` seconds
    and at the end: a power cut loses at most that, and those trials run again.

    Raises `InputError` where another process holds the journal, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = _open_locked(path)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=str(path)) from None
        self._synced = time.monotonic()

    def read(self) -> list[TrialRow]:
        """The trials that stand already; a torn last line is cut off the file."""
        journal = read_journal(self.path)
        if journal.torn:
            os.ftruncate(self._file, journal.n_bytes)
        return journal.rows

    def append(self, row: TrialRow) -> None:
        """Write one trial."""
        line = memoryview(json.dumps(_mapping(row), ensure_ascii=False).encode() + b"\n")
        try:
            while line:
                line = line[os.write(self._file, line) :]
            if (now := time.monotonic()) - self._synced > SYNC_EVERY_S:
                os.fsync(self._file)
                self._synced = now
        except OSError as error:
            raise InputError(
                f"the trial cannot be written: {error.strerror}",
                file=str(self.path),
                hint="what was written is safe; make room and --resume",
            ) from None

    def close(self) -> None:
        """Force what was written to the disk, and let others in."""
        file, self._file = self._file, -1
        if file >= 0:
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def remove(self) -> None:
        """Close the journal and delete it: its trials stand in trials.parquet now."""
        if sys.platform != "win32":  # while it is locked, so that nobody else begins with it
            self.path.unlink(missing_ok=True)
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_locked(path: Path) -> int:
    """The file, open for appending, with a lock that ends with the process."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise InputError(
                "another process is running this run",
                file=str(path.parent),
                hint="wait for it, or name another folder",
            ) from None
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            return file
        os.close(file)  # the other process finished meanwhile and removed the file


def _mapping(row: TrialRow) -> dict[str, Any]:
    line = {name: getattr(row, name) for name in _PLAIN}
    line["class"] = row.class_
    line["tags"] = list(row.tags)
    line["by"] = dict(row.by)
    line["tool_calls"] = [
        {"name": call.name, "arguments": dict(call.arguments)} for call in row.tool_calls
    ]
    line["checks"] = [
        {
            "check": check.check,
            "scorer": check.scorer,
            "version": check.version,
            "score": check.score,
            "passed": check.passed,
            "reason": check.reason,
        }
        for check in row.checks
    ]
    line["started_at"] = None if row.started_at is None else row.started_at.isoformat()
    return line


def _row(line: dict[str, Any]) -> TrialRow:
    started_at = line["started_at"]
    return TrialRow(
        **{name: line[name] for name in _PLAIN},
        class_=line["class"],
        tags=line["tags"],
        by=line["by"],
        tool_calls=[ToolCall(call["name"], call["arguments"]) for call in line["tool_calls"]],
        checks=[CheckRow(**check) for check in line["checks"]],
        started_at=None if started_at is None else datetime.fromisoformat(started_at),
    )
