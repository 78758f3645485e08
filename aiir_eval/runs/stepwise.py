"""How trials are run while somebody watches, who may end the run before its last one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import AiirError
from ..suites.model import Case
from .folder import RunFolder, now, open_folder
from .model import Run, RunStatus
from .rows import TrialRow, trial_table
from .running import PROGRESS_EVERY_S, Begun, Progress, complete
from .stopping import Stop, stopped_by_signals
from .trial import run_trial


@dataclass(slots=True)
class OpenRun:
    """A run that has been begun and may be ended at any trial."""

    begun: Begun
    timeout_s: float
    folder: RunFolder | None = None
    rows: list[TrialRow] = field(default_factory=list)

    def keep_in(self, path: Path) -> None:
        """Write the trials into this folder too; `InputError` where it cannot be used."""
        opened = open_folder(
            path, self.begun.manifest, self.begun.suite.cases, resume=False, keep_trials=False
        )
        assert isinstance(opened, RunFolder)  # nothing is resumed
        self.folder = opened

    async def take(self, case: Case, trial: int) -> TrialRow:
        """Run one trial."""
        begun = self.begun
        row = await run_trial(
            case,
            trial,
            begun.target,
            begun.judge,
            seed=begun.manifest.seed,
            timeout_s=self.timeout_s,
        )
        if self.folder is not None:
            self.folder.journal.append(row)
        self.rows.append(row)
        return row

    def end(self, status: RunStatus) -> Run:
        """The run as far as it went, never complete; its folder says so too."""
        path = None
        if self.folder is not None:
            path = self.folder.path
            with suppress(OSError):
                self.folder.stop(status, len(self.rows))
        update = {"status": status, "end": now(), "n_rows": len(self.rows)}
        manifest = self.begun.manifest.model_copy(update=update)
        return Run(manifest, trial_table(self.rows), path, self.begun.suite.cases)


@dataclass(frozen=True, slots=True)
class Job:
    """One trial of a case, and the run it belongs to."""

    run: OpenRun
    case: Case
    trial: int


def run_watched(
    jobs: Iterator[Job],
    *,
    runs: Sequence[OpenRun],
    watch: Callable[[Job, TrialRow], bool],
    concurrency: int,
    total: int,
    progress: Callable[[Progress], object] | None = None,
) -> None:
    """Run one job after another until none is left, or `watch` says after one that it is enough.

    Trials under way then are finished: they have been paid for. `total` is told to `progress`.

    Raises
    ------
    UnreachableError
        A target cannot be reached.
    KeyboardInterrupt
        Stopped by Ctrl-C or SIGTERM.
    """
    session = _Watched(jobs, runs, watch, concurrency, total, progress)
    with stopped_by_signals(session.stop):
        complete(session.work())
    if session.stop.asked:
        raise KeyboardInterrupt


class _Watched:
    def __init__(
        self,
        jobs: Iterator[Job],
        runs: Sequence[OpenRun],
        watch: Callable[[Job, TrialRow], bool],
        concurrency: int,
        total: int,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self.jobs, self.runs, self.watch = jobs, runs, watch
        self.concurrency, self.total, self.progress = concurrency, total, progress
        self.stop = Stop()
        self.enough = False
        self.done = self.errors = 0
        self.started = self.reported = 0.0

    async def work(self) -> None:
        workers = [asyncio.create_task(self.worker()) for _ in range(self.concurrency)]
        self.stop.attach(lambda: [worker.cancel() for worker in workers])
        self.started = time.monotonic()
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            ends = await asyncio.gather(*workers, return_exceptions=True)
            for run in self.runs:
                await run.begun.target.close()
            self.report(final=True)
        raised = [end for end in ends if isinstance(end, Exception)]
        for error in sorted(raised, key=lambda error: not isinstance(error, AiirError)):
            raise error

    async def worker(self) -> None:
        for job in self.jobs:
            row = await job.run.take(job.case, job.trial)
            self.done += 1
            self.errors += row.error is not None
            self.enough = self.watch(job, row) or self.enough
            self.report(final=False)
            await asyncio.sleep(0)  # a target that never waits must not keep signals from the loop
            if self.enough or self.stop.asked:
                return

    def report(self, *, final: bool) -> None:
        at = time.monotonic()
        if self.progress is None or (not final and at - self.reported < PROGRESS_EVERY_S):
            return
        self.reported = at
        elapsed = at - self.started
        rate = self.done / elapsed if elapsed > 0 else 0.0
        eta = (self.total - self.done) / rate if rate > 0 else None
        self.progress(Progress(self.done, self.total, self.errors, rate, eta))
