"""The folder a run is written into: begun, resumed where it stopped, finished whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..documents import file_digest
from ..errors import InputError, Problem
from ..suites.model import Case, save_cases
from .journal import JournalWriter
from .model import (
    Run,
    RunManifest,
    RunStatus,
    is_run,
    load_run,
    read_manifest,
    write_manifest,
    write_trials,
)
from .rows import TrialRow

if TYPE_CHECKING:
    import pyarrow as pa

_OURS = {"suite.jsonl", "trials.jsonl"}  # what may stand before run.json is written


def now() -> str:
    """The time as run.json states it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(slots=True)
class RunFolder:
    """An open run folder; nobody else can write into it until it is closed."""

    path: Path
    manifest: RunManifest
    journal: JournalWriter
    done: list[TrialRow] = field(default_factory=list)  # by an earlier session

    def finish(self, trials: pa.Table, problems: Sequence[str]) -> RunManifest:
        """Write trials.parquet, seal it in run.json, and only then remove the journal."""
        write_trials(self.path, trials)
        files = {name: file_digest(self.path / name) for name in ("suite.jsonl", "trials.parquet")}
        self.manifest = self.manifest.model_copy(
            update={
                "status": "complete",
                "end": now(),
                "n_rows": trials.num_rows,
                "files": files,
                "problems": list(problems),
            }
        )
        write_manifest(self.path, self.manifest)
        self.journal.remove()
        return self.manifest

    def stop(self, status: RunStatus, n_rows: int) -> None:
        """State in run.json that the run is not complete; the journal keeps its trials."""
        self.journal.close()
        update = {"status": status, "end": now(), "n_rows": n_rows}
        self.manifest = self.manifest.model_copy(update=update)
        write_manifest(self.path, self.manifest)


def open_folder(
    path: Path, manifest: RunManifest, cases: Sequence[Case], *, resume: bool, keep_trials: bool
) -> RunFolder | Run:
    """The folder of a new run, or of one that stopped; the run itself where it is complete already.

    `manifest` says what is to be run. With `keep_trials`, a resumed run gets the trials it was
    begun with. Raises `InputError` where the folder holds something else and `resume` is not set,
    where what is to be run differs from what was begun (naming what differs), or where another
    process is at it.
    """
    if path.exists() and not path.is_dir():
        raise InputError("this is a file; a run is a folder", file=str(path))
    present = {item.name for item in path.iterdir()} if path.exists() else set()
    if present and not resume:
        finish = "finish the run in it with --resume, or " if is_run(path) else ""
        raise InputError(
            "the folder is not empty", file=str(path), hint=f"{finish}name another folder"
        )
    if not is_run(path) and not all(name in _OURS or name[0] == "." for name in present):
        raise InputError("nothing to resume: the folder is not that of a run", file=str(path))
    if is_run(path):
        begun = _same(path, manifest, keep_trials=keep_trials)
        if begun.status == "complete":
            return load_run(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", file=str(path)) from None
    journal = JournalWriter(path / "trials.jsonl")
    try:
        return _locked(path, manifest, cases, journal, keep_trials=keep_trials)
    except BaseException:
        journal.close()
        raise


def _locked(
    path: Path,
    manifest: RunManifest,
    cases: Sequence[Case],
    journal: JournalWriter,
    *,
    keep_trials: bool,
) -> RunFolder | Run:
    if not is_run(path):
        save_cases(cases, path / "suite.jsonl")
        digests = {"suite.jsonl": file_digest(path / "suite.jsonl")}
        manifest = manifest.model_copy(update={"files": digests})
        write_manifest(path, manifest)
        return RunFolder(path, manifest, journal)
    begun = _same(path, manifest, keep_trials=keep_trials)
    if begun.status == "complete":  # the other process finished while we waited for the lock
        journal.remove()
        return load_run(path)
    begun = begun.model_copy(update={"status": "running", "end": None, "n_rows": None})
    done = journal.read()
    write_manifest(path, begun)
    return RunFolder(path, begun, journal, done)


def _same(path: Path, manifest: RunManifest, *, keep_trials: bool) -> RunManifest:
    """The manifest of what was begun, if it is what is to be run; else `InputError`."""
    begun = read_manifest(path)
    if begun.status == "stopped":
        raise InputError(
            "cannot be resumed: a sequential gate ended this run once it had decided",
            file=str(path),
            hint="a run that is looked at before its end is not evidence a second time; "
            "name another folder",
        )
    differing = []
    if begun.suite_digest != manifest.suite_digest:
        differing.append("the cases of the suite")
    if begun.fingerprint != manifest.fingerprint:
        parts = sorted({*begun.target, *manifest.target})
        other = [name for name in parts if begun.target.get(name) != manifest.target.get(name)]
        differing.append(f"the target ({', '.join(other)})")
    if begun.seed != manifest.seed:
        differing.append(f"the seed (it was {begun.seed}, now {manifest.seed})")
    if begun.scorer_versions != manifest.scorer_versions:
        old, new = begun.scorer_versions, manifest.scorer_versions
        names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        differing.append(f"the version of the scorers {', '.join(names)}")
    if not keep_trials and begun.trials != manifest.trials:
        stated = sorted({*begun.trials.values()})
        differing.append(f"the number of trials (it was {', '.join(map(str, stated))})")
    if differing:
        hint = "run it as it was begun, or name another folder"
        raise InputError(
            problems=[
                Problem(f"cannot be resumed: {what} changed", str(path), hint=hint)
                for what in differing
            ]
        )
    return begun
