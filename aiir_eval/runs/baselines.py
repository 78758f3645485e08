"""Which run is the old version, by name? A name moves only when somebody moves it.

::

    baselines/NAME.json       Baseline (schema aiir/baseline/1): which run, since when, by whom
    baselines/run-DIGEST/     a copy of the run; DIGEST begins the SHA-256 of its run.json

The copy makes a baseline outlive the folder it was run in, and fit into version control.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..documents import Document, file_digest, locked, read_json, validate, write_json
from ..errors import DocumentError, InputError, Problem
from ..showing import Shown
from .folder import now
from .model import Run, load_run

FOLDER = "baselines"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FORBID = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Setting(BaseModel):
    """Which run a name was set to, when, by whom, and why."""

    model_config = _FORBID

    run_digest: str  # SHA-256 of run.json, which states those of the data files
    target_name: str
    fingerprint: str
    set_at: str  # UTC
    set_by: str
    note: str = ""


class Baseline(Setting):
    """NAME.json: the run a name stands for."""

    schema_: Literal["aiir/baseline/1"] = Field(default="aiir/baseline/1", alias="schema")
    name: str
    suite_name: str
    suite_version: str
    n_cases: int
    previous: list[Setting] = Field(default_factory=list)  # the latest first

    @property
    def folder(self) -> str:
        """The name of the folder that holds the copy of the run."""
        return f"run-{self.run_digest[:16]}"


@dataclass(frozen=True, slots=True)
class Baselines(Shown):
    """The baselines of a folder, by name, and what could not be read."""

    found: dict[str, Baseline]
    problems: tuple[Problem, ...]

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"name": name, **each.model_dump(exclude={"schema_", "name", "previous"})}
            for name, each in self.found.items()
        ]

    def _title(self) -> str:
        return "Baselines"


def set_baseline(
    name: str,
    run: str | Path,
    *,
    folder: str | Path = FOLDER,
    by: str | None = None,
    note: str = "",
) -> Baseline:
    """Let `name` stand for a run from now on; where it pointed before is kept on record.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``.
    run : path
        The folder of a complete run, with every trial once. It is copied.
    folder : path
        Where baselines are kept.
    by : str, optional
        Who sets it; by default the user of the CI job, else of this machine.
    note : str
        Why.

    Raises
    ------
    InputError
        The run is not complete, holds a trial twice, or cannot be copied; the name cannot be used.
    """
    path = _pointer(name, folder)
    found = load_run(run)
    _refuse_unfit(found, str(run))
    manifest = found.manifest
    sealed = file_digest(Path(run) / "run.json")
    with locked(path.parent / FOLDER):
        before = read_baseline(name, folder=folder) if path.exists() else None
        if before is not None and before.run_digest == sealed:
            return before
        baseline = Baseline(
            name=name,
            run_digest=sealed,
            suite_name=manifest.suite_name,
            suite_version=manifest.suite_version,
            target_name=manifest.target_name,
            fingerprint=manifest.fingerprint,
            n_cases=len(manifest.trials),
            set_at=now(),
            set_by=by or _user(),
            note=note,
            previous=[] if before is None else [_setting(before), *before.previous],
        )
        _copy(Path(run), path.parent / baseline.folder, [*manifest.files, "run.json"])
        write_json(path, baseline.model_dump(by_alias=True))
        if before is not None:
            _remove_unused(path.parent, before.folder)
    return baseline


def read_baseline(name: str, *, folder: str | Path = FOLDER) -> Baseline:
    """What a name stands for; `InputError` lists the names there are."""
    path = _pointer(name, folder)
    if not path.is_file():
        known = ", ".join(sorted(list_baselines(folder).found)) or "none"
        raise InputError(
            f"no baseline is called {name!r}",
            file=str(folder),
            hint=f"there is: {known}; `aiir baseline set {name} RUN` makes one",
        )
    baseline = validate(Baseline, Document(str(path), read_json(path)))
    if baseline.name != name:
        reason = f"the file of {name!r} states another name, {baseline.name!r}"
        raise DocumentError(reason, file=str(path), field="name")
    return baseline


def baseline_run(name: str, *, folder: str | Path = FOLDER) -> Path:
    """The folder of the run that a name stands for; it is the one that was set, or an error."""
    baseline = read_baseline(name, folder=folder)
    path = Path(folder) / baseline.folder
    if not (path / "run.json").is_file():
        raise DocumentError(
            f"the run of baseline {name!r} is missing",
            file=str(path),
            hint="restore the folder, or set the baseline again",
        )
    if file_digest(path / "run.json") != baseline.run_digest:
        raise DocumentError(
            f"this is not the run that baseline {name!r} was set to: its SHA-256 differs",
            file=str(path / "run.json"),
            hint="restore the folder, or set the baseline again",
        )
    return path


def load_baseline(name: str, *, folder: str | Path = FOLDER) -> Run:
    """The run that a name stands for."""
    return load_run(baseline_run(name, folder=folder))


def list_baselines(folder: str | Path = FOLDER) -> Baselines:
    """Every baseline of a folder; one that cannot be read is a problem and hides no other."""
    found: dict[str, Baseline] = {}
    problems: list[Problem] = []
    for path in sorted(Path(folder).glob("*.json")):
        try:
            found[path.stem] = read_baseline(path.stem, folder=folder)
        except InputError as error:
            problems += error.problems
    return Baselines(found, tuple(problems))


def is_baseline(name: str, *, folder: str | Path = FOLDER) -> bool:
    """Whether a name stands for a run."""
    return bool(_NAME.fullmatch(name)) and (Path(folder) / f"{name}.json").is_file()


def what_there_is(targets: Iterable[str] | None, *, folder: str | Path = FOLDER) -> str:
    """What a side could have been called; None: there is no aiir.yaml that names targets."""
    told = "there is no aiir.yaml here" if targets is None else f"targets: {', '.join(targets)}"
    if named := list_baselines(folder).found:
        told += f"; baselines: {', '.join(named)}"
    return told


def _pointer(name: str, folder: str | Path) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a baseline",
            hint="letters, digits, '.', '_' and '-', at most 100, beginning with a letter or digit",
        )
    return Path(folder) / f"{name}.json"


def _refuse_unfit(run: Run, path: str) -> None:
    if not run.complete:
        raise InputError(
            f"this run is not complete: its status is {run.manifest.status}",
            file=path,
            hint="finish it with --resume; an incomplete run can be no baseline",
        )
    trials = run.trials.group_by(["case_id", "trial"]).aggregate([])
    if trials.num_rows < run.trials.num_rows:
        more = run.trials.num_rows - trials.num_rows
        raise InputError(
            f"{more:,} trials stand in it more than once: comparing it would be invalid",
            file=path,
            hint="mend the source and import it again",
        )


def _copy(run: Path, target: Path, names: list[str]) -> None:
    """The files of a run, all or none: to a neighbour first, then renamed."""
    if target.is_dir():
        return  # a folder of that digest holds that run
    partial = Path(tempfile.mkdtemp(prefix=".run-", dir=target.parent))
    try:
        for name in names:
            shutil.copyfile(run / name, partial / name)
        partial.chmod(0o755)
        os.replace(partial, target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = f"the run cannot be copied: {error.strerror or error}"
        raise InputError(reason, file=str(target)) from None


def _remove_unused(folder: Path, name: str) -> None:
    """Remove a copy that no baseline points to."""
    others = list_baselines(folder)
    if not others.problems and all(other.folder != name for other in others.found.values()):
        shutil.rmtree(folder / name, ignore_errors=True)


def _setting(baseline: Baseline) -> Setting:
    return Setting(**{name: getattr(baseline, name) for name in Setting.model_fields})


def _user() -> str:
    """Who runs this, as CI or the machine knows them."""
    import getpass

    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(name):
            return os.environ[name]
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
