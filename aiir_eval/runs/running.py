"""How a suite is run against a target: every trial once, however often it is interrupted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .._version import __version__
from ..errors import AiirError, InputError, InterruptedRunError, UnreachableError
from ..suites.model import Case, Suite, load_suite
from .folder import RunFolder, now, open_folder
from .judging import Judge
from .model import Run, RunManifest
from .rows import TrialRow, trial_table
from .stopping import Stop, stopped_by_signals
from .trial import run_trial

if TYPE_CHECKING:
    from ..targets.config import Config
    from ..targets.protocol import Target

AnyTarget: TypeAlias = "Target | str"
AnyConfig: TypeAlias = "Config | str | Path"
PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `rate` is trials a second of this session; `eta_s` None while unknown."""

    done: int
    total: int
    errors: int
    rate: float
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Begun:
    """What is to be run, read and made; nothing has been run."""

    suite: Suite
    target: Target
    judge: Judge
    manifest: RunManifest
    allow_python: Sequence[str]  # those of the configuration too
    folders: Sequence[str]  # where their modules are looked for first


def run(
    suite: Suite | str | Path,
    target: Target | str,
    *,
    trials: int | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    concurrency: int = 8,
    resume: bool = False,
    timeout_s: float = 60.0,
    progress: Callable[[Progress], object] | None = None,
    config: Config | str | Path | None = None,
    allow_python: Sequence[str] = (),
    resume_command: str | None = None,
    suite_file: str | Path | None = None,
) -> Run:
    """Run a suite against a target.

    Works in a plain program and inside a running event loop (a notebook), where it waits in a
    thread of its own.

    Parameters
    ----------
    suite, target
        A suite, or the path of one; a target, or a name or URI for `make_target`.
    trials
        Trials of every case; by default as the suite says (on resume: as it was begun).
    out
        The folder to write; by default the run is kept in memory only.
    seed
        Of the random streams; each trial has its own, whatever the order and concurrency.
    concurrency
        Trials under way at once.
    resume
        Finish the run in `out` without repeating a trial; begins one where there is none.
    timeout_s
        Seconds a trial may take; longer is an error row.
    progress
        Called with `Progress` at most every 0.1 s, and at the end.
    config
        aiir.yaml, where it is not in the working folder; names targets and the scorers allowed.
    allow_python
        Python scorers that checks of the suite may use (``python:module:function``).
    resume_command
        What the user would type to resume; it is shown when the run is stopped.
    suite_file
        Where a suite that is no path was read from; what is wrong with its checks names the line.

    Raises
    ------
    InputError
        Suite, target, checks, folder or settings cannot be used. Nothing was run.
    UnreachableError
        The target cannot be reached; finished trials are kept, and `resume` goes on.
    InterruptedRunError
        Stopped by Ctrl-C or SIGTERM; finished trials are kept. The text says how to resume.
    """
    begun = begin(
        suite,
        target,
        trials=trials,
        seed=seed,
        concurrency=concurrency,
        timeout_s=timeout_s,
        config=config,
        allow_python=allow_python,
        suite_file=suite_file,
    )
    suite, target, judge, manifest = begun.suite, begun.target, begun.judge, begun.manifest
    folder = None
    if out is not None:
        opened = open_folder(
            Path(out), manifest, suite.cases, resume=resume, keep_trials=trials is None
        )
        if isinstance(opened, Run):
            return opened
        folder, manifest = opened, opened.manifest
    command = (
        resume_command or f"aiir_eval.run(..., {target.name!r}, out={str(out)!r}, resume=True)"
    )
    session = _Session(
        suite.cases, target, judge, manifest, folder, concurrency, timeout_s, progress
    )
    return session.run(command)


def begin(
    suite: Suite | str | Path,
    target: Target | str,
    *,
    trials: int | None,
    seed: int,
    concurrency: int,
    timeout_s: float,
    config: Config | str | Path | None,
    allow_python: Sequence[str],
    suite_file: str | Path | None,
) -> Begun:
    """Read the suite, make the target and the checks; `InputError` where one cannot be used."""
    from ..targets.config import find_config
    from ..targets.making import fingerprint, make_target
    from ..user_code import importable

    _check_settings(trials=trials, seed=seed, concurrency=concurrency, timeout_s=timeout_s)
    if not isinstance(suite, Suite):
        suite_file, suite = suite, load_suite(suite)
    if not suite.cases:
        raise InputError(f"the suite {suite.name} has no case")
    known = find_config(config)
    if isinstance(target, str):
        target = make_target(target, config=known)
    allowed = [*allow_python, *(known.scorers if known else ())]
    folders = [known.folder] if known else []
    with importable(folders):
        judge = Judge.of(suite.cases, allow_python=allowed, suite_file=suite_file)
    manifest = RunManifest(
        suite_name=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest(),
        target_name=target.name,
        target=dict(target.describe()),
        fingerprint=fingerprint(target),
        trials={case.id: suite.trials_of(case, trials) for case in suite.cases},
        seed=seed,
        scorer_versions=judge.versions(),
        tool_version=__version__,
        start=now(),
        status="running",
    )
    return Begun(suite, target, judge, manifest, allowed, folders)


def _check_settings(*, trials: int | None, seed: int, concurrency: int, timeout_s: float) -> None:
    if trials is not None and trials < 1:
        raise InputError(f"trials is {trials}; at least 1")
    if seed < 0:
        raise InputError(f"seed is {seed}; at least 0")
    if concurrency < 1:
        raise InputError(f"concurrency is {concurrency}; at least 1")
    if not timeout_s > 0:
        raise InputError(f"timeout_s is {timeout_s}; more than 0 seconds")


class _Session:
    """One go at the trials that are left."""

    def __init__(
        self,
        cases: Sequence[Case],
        target: Target,
        judge: Judge,
        manifest: RunManifest,
        folder: RunFolder | None,
        concurrency: int,
        timeout_s: float,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self.cases, self.target, self.judge = cases, target, judge
        self.manifest, self.folder = manifest, folder
        self.concurrency, self.timeout_s = concurrency, timeout_s
        self.progress = progress
        self.rows: list[TrialRow] = [] if folder is None else folder.done
        self.n_before = len(self.rows)
        self.n_errors = sum(row.error is not None for row in self.rows)
        self.total = sum(manifest.trials.values())
        self.stop = Stop()
        self.started = self.reported = 0.0

    def run(self, command: str) -> Run:
        """Run what is left; the finished run, or the error that says how to go on."""
        try:
            with stopped_by_signals(self.stop):
                complete(self.work())
            if len(self.rows) < self.total:
                raise KeyboardInterrupt
            run = self.finish()
            if self.stop.asked:  # what the user stopped may be more than this run
                raise KeyboardInterrupt
            return run
        except KeyboardInterrupt:
            self.leave("interrupted")
            raise InterruptedRunError(f"stopped by the user: {self.kept(command)}") from None
        except UnreachableError as error:
            self.leave("failed")
            raise UnreachableError(f"{error}\n{self.kept(command)}") from error
        except BaseException:
            self.leave("failed")
            raise

    def finish(self) -> Run:
        """The complete run, on disk where it has a folder."""
        table = trial_table(self.rows)
        problems = self.problems()
        if self.folder is not None:
            manifest = self.folder.finish(table, problems)
            return Run(manifest, table, self.folder.path, list(self.cases))
        update = {"status": "complete", "end": now(), "n_rows": len(self.rows)}
        manifest = self.manifest.model_copy(update={**update, "problems": problems})
        return Run(manifest, table, None, list(self.cases))

    def leave(self, status: Any) -> None:
        """Leave the folder such that it can be resumed.

        Where even that cannot be written (a full disk), run.json still says that the run is not
        complete, and the error that stopped the run is the one to tell.
        """
        if self.folder is not None and self.folder.manifest.status != "complete":
            with suppress(InputError, OSError):
                self.folder.stop(status, len(self.rows))

    def kept(self, command: str) -> str:
        """What is kept of the run, and the command to resume."""
        count = f"{len(self.rows)} of {self.total} trials are done"
        if self.folder is None:
            return f"{count}, and none is kept (name a folder to write the run into)"
        return f"{count} and kept in {self.folder.path}\nresume with: {command}"

    def problems(self) -> list[str]:
        """What a reader of the run must know before its numbers."""
        if self.n_errors < len(self.rows):
            return []
        return [
            f"every trial errored ({self.n_errors} of {len(self.rows)}), so the run says nothing "
            f"about the target; the first error: {self.rows[0].error}"
        ]

    async def work(self) -> None:
        """Run the trials that are left, `concurrency` at a time."""
        left = self.left()
        count = min(self.concurrency, self.total - len(self.rows))
        workers = [asyncio.create_task(self.worker(left)) for _ in range(count)]
        self.stop.attach(lambda: [worker.cancel() for worker in workers])
        self.started = time.monotonic()
        self.report(final=False)
        try:
            if workers:
                await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            ends = await asyncio.gather(*workers, return_exceptions=True)
            await self.target.close()
            self.report(final=True)
        errors = [end for end in ends if isinstance(end, Exception)]
        for error in sorted(errors, key=lambda error: not isinstance(error, AiirError)):
            raise error

    async def worker(self, left: Iterator[tuple[Case, int]]) -> None:
        """Take one trial after another until none is left or the user stops."""
        for case, trial in left:
            row = await run_trial(
                case,
                trial,
                self.target,
                self.judge,
                seed=self.manifest.seed,
                timeout_s=self.timeout_s,
            )
            if self.folder is not None:
                self.folder.journal.append(row)
            self.rows.append(row)
            self.n_errors += row.error is not None
            self.report(final=False)
            await asyncio.sleep(0)  # a target that never waits must not keep signals from the loop
            if self.stop.asked:
                return

    def left(self) -> Iterator[tuple[Case, int]]:
        """The trials to run: first of every case, then second, so that time favours no case."""
        done = {(row.case_id, row.trial) for row in self.rows}
        trials = self.manifest.trials
        for trial in range(max(trials.values())):
            for case in self.cases:
                if trial < trials[case.id] and (case.id, trial) not in done:
                    yield case, trial

    def report(self, *, final: bool) -> None:
        """Tell how far it is, not more often than one can read."""
        if self.progress is None:
            return
        at = time.monotonic()
        if not final and at - self.reported < PROGRESS_EVERY_S:
            return
        self.reported = at
        done, elapsed = len(self.rows), at - self.started
        rate = (done - self.n_before) / elapsed if elapsed > 0 else 0.0
        eta = (self.total - done) / rate if rate > 0 else None
        self.progress(Progress(done, self.total, self.n_errors, rate, eta))


def complete(work: Any) -> None:
    """Run a coroutine to its end, in a thread where this one has a running loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    raised: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body, name="aiir-run", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
