"""What a run is and how it stands on disk: a folder with run.json, suite.jsonl and the trials.

::

    run.json        RunManifest (schema aiir/run/1)
    suite.jsonl     snapshot of the cases
    trials.jsonl    while running: the append-only journal, one row a trial
    trials.parquet  when complete: the same rows, in the order of case id and trial
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..documents import Document, digest, file_digest, read_json, validate, write_json
from ..errors import DocumentError, InputError
from ..suites.model import Case, load_cases

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

# stopped: a sequential gate ended it once it had decided; it is never finished, nor compared again
RunStatus = Literal["running", "complete", "interrupted", "failed", "stopped"]
Outcome = Literal["passed", "score"]


class RunManifest(BaseModel):
    """run.json: what was run, on what, by what, and the digests of the data files."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["aiir/run/1"] = Field(default="aiir/run/1", alias="schema")
    suite_name: str
    suite_version: str = "1"
    suite_digest: str
    target_name: str
    target: dict[str, Any]  # what the fingerprint is the digest of
    fingerprint: str
    trials: dict[str, int]  # trials asked for, by case id
    outcome: Outcome = "passed"  # "score": graded only, `passed` is null in every row
    seed: int
    scorer_versions: dict[str, str] = Field(default_factory=dict)
    tool_version: str
    start: str
    end: str | None = None
    status: RunStatus
    problems: list[str] = Field(default_factory=list)  # e.g. duplicate ids met at import
    stated_pass_rate: float | None = None  # the headline a source claims for these rows
    n_rows: int | None = None
    files: dict[str, str] = Field(default_factory=dict)  # SHA-256 of each data file


def trial_schema() -> pa.Schema:
    """The columns of trials.parquet: one row a trial; an error is a row, never a hole.

    ``expected`` is text as it is, any other JSON as JSON text. ``arguments`` of tool calls are JSON
    text. ``passed`` is the AND of the checks; null where the trial errored or is graded only.
    ``score`` is the mean of the checks' scores; null where the trial errored.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("case_id", pa.string()),
            ("incident_id", pa.string()),
            ("class", pa.string()),
            ("origin", pa.string()),
            ("cluster", pa.string()),
            ("tags", pa.list_(pa.string())),
            ("by", pa.map_(pa.string(), pa.string())),
            ("expected", pa.string()),
            ("trial", pa.int32()),
            ("output", pa.string()),
            (
                "tool_calls",
                pa.list_(pa.struct([("name", pa.string()), ("arguments", pa.string())])),
            ),
            ("error", pa.string()),
            ("passed", pa.bool_()),
            ("score", pa.float64()),
            (
                "checks",
                pa.list_(
                    pa.struct(
                        [
                            ("check", pa.string()),
                            ("scorer", pa.string()),
                            ("version", pa.string()),
                            ("score", pa.float64()),
                            ("passed", pa.bool_()),
                            ("reason", pa.string()),
                        ]
                    )
                ),
            ),
            ("latency_s", pa.float64()),
            ("input_tokens", pa.int64()),
            ("output_tokens", pa.int64()),
            ("cost_usd", pa.float64()),
            ("finish_reason", pa.string()),
            ("model_reported", pa.string()),
            ("system_fingerprint", pa.string()),
            ("started_at", pa.timestamp("us", tz="UTC")),
        ]
    )


@dataclass(frozen=True)
class Run:
    """All trials of a suite against a target.

    `trials` is an Arrow table with the columns of `trial_schema()`. `cases` may be empty where
    outcomes were imported without inputs.
    """

    manifest: RunManifest
    trials: pa.Table
    path: Path | None = None
    loaded_cases: Sequence[Case] | None = field(default=None, repr=False)

    @cached_property
    def cases(self) -> Mapping[str, Case]:
        """The snapshot of the cases, by id; read when first asked for."""
        if self.loaded_cases is not None:
            return {case.id: case for case in self.loaded_cases}
        if self.path is not None and (snapshot := self.path / "suite.jsonl").exists():
            return {case.id: case for case in load_cases(snapshot)}
        return {}

    @property
    def name(self) -> str:
        """The name of the target."""
        return self.manifest.target_name

    @property
    def complete(self) -> bool:
        """Whether every trial asked for has its row."""
        return self.manifest.status == "complete"

    cluster_column: ClassVar[str] = "cluster"  # of the table below: its rows belong together by it

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """As a table where one is expected: a row a trial, as `output_attributes` has it."""
        from .attributes import output_attributes

        stream: object = output_attributes(self).__arrow_c_stream__(requested_schema)
        return stream

    def to_pandas(self) -> Any:
        """The trials as a pandas DataFrame."""
        return self.trials.to_pandas()

    def plot(self, ax: Axes | None = None) -> Axes:
        """The pass rate of all cases, and by origin, class and incident."""
        from .plotting import plot_run

        return plot_run(self, ax)

    def __repr__(self) -> str:
        manifest = self.manifest
        return (
            f"Run({self.name!r} on {manifest.suite_name!r}: {len(manifest.trials):,} cases, "
            f"{len(self.trials):,} trials, {manifest.status})"
        )

    def _repr_html_(self) -> str:
        from ..reports.notebook import run_html

        return run_html(self)


def is_run(path: str | Path) -> bool:
    """Whether a path is the folder of a run."""
    return (Path(path) / "run.json").is_file()


def load_run(path: str | Path) -> Run:
    """Read a run folder; a run that did not finish is read from its journal.

    Raises `DocumentError` where the folder is no run, or a data file does not have the digest that
    run.json states (it was changed after the run), or run.json contradicts itself.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(path)
    if not folder.exists():
        raise DocumentError("no such file or folder", file=str(path))
    if not is_run(folder):
        raise DocumentError(
            "this is not the folder of a run: it has no run.json",
            file=str(path),
            hint="make one with `aiir run` or `aiir import table`",
        )
    manifest = read_manifest(folder)
    _refuse_contradictions(folder, manifest)
    for name, stated in manifest.files.items():
        if not (folder / name).is_file():
            raise DocumentError("this data file of the run is missing", file=str(folder / name))
        if file_digest(folder / name) != stated:
            raise DocumentError(
                "the file is not the one the run wrote: its SHA-256 differs from run.json",
                file=str(folder / name),
                hint="restore the file or run again",
            )
    parquet = folder / "trials.parquet"
    if parquet.name in manifest.files:  # else it was being written when the run was stopped
        try:
            trials = pq.read_table(parquet, memory_map=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise DocumentError(f"not a Parquet file: {error}", file=str(parquet)) from None
        if trials.schema.names != trial_schema().names:
            raise DocumentError("the columns are not those of a run", file=str(parquet))
        trials = trials.cast(trial_schema())
    else:
        from .journal import read_journal

        trials = read_journal(folder / "trials.jsonl").table
    return Run(manifest, trials, folder)


def _refuse_contradictions(folder: Path, manifest: RunManifest) -> None:
    """A run.json that vouches for too little, or too much, was not written by a run."""
    path = str(folder / "run.json")
    needed = {"trials.parquet"} if manifest.status == "complete" else set()
    if (folder / "suite.jsonl").exists():
        needed.add("suite.jsonl")
    unsealed = sorted(needed - manifest.files.keys())
    foreign = sorted(manifest.files.keys() - {"trials.parquet", "suite.jsonl"})
    hint = "restore the file or run again"
    if unsealed:
        reason = f"no SHA-256 is stated of {', '.join(unsealed)}"
        raise DocumentError(reason, file=path, field="files", hint=hint)
    if foreign:
        raise DocumentError(f"{foreign[0]!r} is no file of a run", file=path, field="files")
    if digest(manifest.target) != manifest.fingerprint:
        reason = "it is not the digest of the target that is stated"
        raise DocumentError(reason, file=path, field="fingerprint", hint=hint)


def read_manifest(folder: str | Path) -> RunManifest:
    """run.json of a run folder."""
    path = Path(folder) / "run.json"
    return validate(RunManifest, Document(str(path), read_json(path)))


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Write run.json whole or not at all."""
    write_json(folder / "run.json", manifest.model_dump(by_alias=True))


def write_trials(folder: Path, trials: pa.Table) -> None:
    """Write trials.parquet whole or not at all."""
    import os

    import pyarrow.parquet as pq

    partial = folder / ".trials.parquet.partial"
    try:
        pq.write_table(trials, partial, compression="zstd")
        os.replace(partial, folder / "trials.parquet")
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise InputError(f"trials.parquet cannot be written: {error}", file=str(folder)) from None
