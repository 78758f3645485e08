"""How a table of recorded outputs or verdicts becomes a run.

With a suite, the recorded outputs are scored by the suite's checks. Without one, each column of
verdicts (`passed`) or of scores in [0, 1] (`score`) is one check of that name.

An imported run's fingerprint is the SHA-256 of the table's digest, the `where`, and the columns
that say what is a case, a trial and an outcome. Without a suite its suite digest is that of the
case ids, the names of the checks and what is expected, so that two imports of the same cases are
comparable and others are not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..documents import digest, file_digest
from ..errors import InputError
from ..suites.model import Case, Suite, load_suite, save_cases
from ..tables import as_text, column_list, join_id, read_table, require_columns, table_digest
from .model import Run, RunManifest, is_run, read_manifest, write_manifest, write_trials
from .recorded import TableSpec, amounts, levels_of_rows, recorded, scored, trial_numbers
from .rows import trial_table_from_columns

if TYPE_CHECKING:
    import pyarrow as pa

Columns = str | Sequence[str]


def import_table(
    source: Any,
    *,
    id: Columns,
    passed: Columns | None = None,
    score: Columns | None = None,
    output: str | None = None,
    suite: Suite | str | Path | None = None,
    trial: str | None = None,
    where: str | None = None,
    cluster: Columns | None = None,
    by: Columns = (),
    expected: str | None = None,
    latency: str | None = None,
    cost: str | None = None,
    target_name: str | None = None,
    expect_pass_rate: float | None = None,
    out: str | Path | None = None,
    allow_python: Sequence[str] = (),
) -> Run:
    """Make a run of a table: Parquet, CSV, JSON Lines, or any dataframe.

    Parameters
    ----------
    id : column name or names
        What makes a case: the values as text, joined with ``|``.
    passed, score : column names
        Verdicts, and scores in [0, 1]: one check a column. Where there is a verdict, a trial passed
        when all of them did; with scores alone the run is graded and `passed` is null.
    output, suite
        The column of recorded outputs and the suite (or its path) whose checks score them. Without
        a suite, `output` only keeps the text beside the verdicts.
    trial : column name
        The number of the trial. Without it an id that stands twice is a duplicate: it is imported,
        and the run says so in its problems.
    where : str
        A DuckDB boolean expression over the columns: the rows that are this run.
    cluster, by, expected, latency, cost : column names
        The cluster of a case, slices, the expected answer, seconds and USD of a trial.
    expect_pass_rate : float
        The pass rate that the source states for these rows; a comparison says if they disagree.
    out : path, optional
        The folder to write; without it the run is in memory only.
    allow_python : sequence of str
        The scorers that no suite decides to run: ``python:module:function``, and those of MLflow
        and Evidently that ask a model.

    Raises
    ------
    TableError
        A missing column, a null id, a value that is no verdict, score or number, an id that is not
        in the suite: all of one kind at once, each with its row.
    """
    spec = TableSpec(
        id=column_list(id),
        passed=column_list(passed or ()),
        score=column_list(score or ()),
        output=output,
        trial=trial,
        cluster=column_list(cluster or ()),
        by=column_list(by),
        expected=expected,
        latency=latency,
        cost=cost,
    )
    spec.check(has_suite=suite is not None)
    if expect_pass_rate is not None and not 0 <= expect_pass_rate <= 1:
        raise InputError(f"the stated pass rate {expect_pass_rate} is not in [0, 1]")
    if out is not None:
        _refuse_other_run(Path(out))
    loaded = load_suite(suite) if isinstance(suite, str | Path) else suite
    table = read_table(source, where=where, text_columns=spec.text_columns)
    require_columns(table, spec.every)

    ids = join_id(table, spec.id)
    columns: dict[str, Any] = {"case_id": ids, "trial": trial_numbers(table, spec.trial, ids)}
    if spec.latency is not None:
        columns["latency_s"] = amounts(table, spec.latency, ids)
    if spec.cost is not None:
        columns["cost_usd"] = amounts(table, spec.cost, ids)
    if spec.output is not None:
        columns["output"] = as_text(table, spec.output)
    if spec.expected is not None:
        columns["expected"] = as_text(table, spec.expected)
    if loaded is None:
        columns |= recorded(table, spec, ids)
    else:
        columns |= scored(table, spec, ids, loaded, columns, allow_python)
    if spec.cluster:
        columns["cluster"] = join_id(table, spec.cluster)
    columns["by"] = levels_of_rows(table, spec.by, columns.get("by"))
    trials = trial_table_from_columns(columns)

    asked, missing, problems = _completeness(trials, spec, loaded)
    if loaded is not None and trials["error"].null_count == 0:
        first = trials["error"][0].as_py()
        problems.append(f"every trial errored, so the run says nothing; the first error: {first}")
    described = {
        "table": table_digest(source),
        "where": None if where is None else where.strip(),
        "columns": spec.identity(),
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = RunManifest(
        suite_name="table" if loaded is None else loaded.name,
        suite_version="1" if loaded is None else loaded.version,
        suite_digest=_cases_digest(trials, spec) if loaded is None else loaded.digest(),
        target_name=target_name or _default_name(source, where),
        target=described,
        fingerprint=digest(described),
        trials=asked,
        outcome="passed" if spec.passed or loaded is not None else "score",
        seed=0,
        scorer_versions=_scorer_versions(trials["checks"]),
        tool_version=__version__,
        start=now,
        end=now,
        status="failed" if missing else "complete",
        problems=problems,
        stated_pass_rate=expect_pass_rate,
        n_rows=trials.num_rows,
    )
    cases = [] if loaded is None else loaded.cases
    if out is None:
        return Run(manifest, trials, None, cases)
    return _write(Path(out), manifest, trials, cases)


def _completeness(
    trials: pa.Table, spec: TableSpec, suite: Suite | None
) -> tuple[dict[str, int], bool, list[str]]:
    """Trials asked for by case, whether some are missing, and what is wrong with the set of rows.

    Every case is asked for as many trials as any has: a table that holds four trials of all cases
    but one has lost a row.
    """
    import pyarrow.compute as pc

    problems = []
    pairs = trials.group_by(["case_id", "trial"]).aggregate([([], "count_all")])
    twice = pairs.filter(pc.greater(pairs["count_all"], 1))
    if twice.num_rows:
        shown = _some(sorted(set(twice["case_id"].to_pylist())))
        kind = "ids" if spec.trial is None else "ids and trials"
        problems.append(f"duplicate ids: {twice.num_rows:,} {kind} stand more than once: {shown}")
    counts = pairs.group_by("case_id").aggregate([([], "count_all")])
    per_case = dict(
        zip(counts["case_id"].to_pylist(), counts["count_all"].to_pylist(), strict=True)
    )
    most = max(per_case.values())
    fewer = sorted(case_id for case_id, number in per_case.items() if number < most)
    if fewer:
        problems.append(
            f"missing trials: {len(fewer):,} cases have fewer than the {most} trials others have: "
            f"{_some(fewer)}"
        )
    absent = [] if suite is None else sorted({case.id for case in suite.cases} - set(per_case))
    if absent:
        problems.append(
            f"missing cases: {len(absent):,} cases of the suite have no row: {_some(absent)}"
        )
    for column in ("expected", "cluster"):
        several = trials.group_by("case_id").aggregate([(column, "count_distinct")])
        odd = several.filter(pc.greater(several[f"{column}_count_distinct"], 1))
        if odd.num_rows:
            shown = _some(sorted(odd["case_id"].to_pylist()))
            problems.append(f"inconsistent {column}: {odd.num_rows:,} cases have several: {shown}")
    asked = dict.fromkeys(sorted([*per_case, *absent]), most)
    return asked, bool(fewer or absent), problems


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(repr(case_id) for case_id in ids[:5])
    return shown if len(ids) <= 5 else f"{shown} and {len(ids) - 5:,} more"


def _cases_digest(trials: pa.Table, spec: TableSpec) -> str:
    """The suite digest of an import without a suite: case ids, what they expect, checks."""
    import pyarrow.compute as pc

    first = trials.group_by("case_id", use_threads=False).aggregate([("expected", "first")])
    first = first.take(pc.sort_indices(first["case_id"]))
    pairs = [first["case_id"].to_pylist(), first["expected_first"].to_pylist()]
    content = json.dumps([*pairs, sorted((*spec.passed, *spec.score))], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _scorer_versions(checks: pa.ChunkedArray) -> dict[str, str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = pc.list_flatten(checks)
    names = [pc.struct_field(flat, name) for name in ("scorer", "version")]
    pairs = pa.table(names, ["scorer", "version"]).group_by(["scorer", "version"]).aggregate([])
    return dict(sorted(zip(*(pairs[name].to_pylist() for name in pairs.column_names), strict=True)))


def _default_name(source: Any, where: str | None) -> str:
    name = Path(source).name if isinstance(source, str | Path) else "table"
    return name if where is None else f"{name} where {where.strip()}"


def _refuse_other_run(folder: Path) -> None:
    """An import can be made again and replaces itself; nothing else may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file; a run is a folder", file=str(folder))
    if is_run(folder):
        if "table" not in read_manifest(folder).target:
            raise InputError(
                "a run of a target stands here", file=str(folder), hint="give another folder"
            )
        return
    names = {item.name for item in folder.iterdir()} if folder.exists() else set()
    if names and not (
        "trials.parquet" in names  # an import that was stopped while it wrote
        and all(name in ("trials.parquet", "suite.jsonl") or name[0] == "." for name in names)
    ):
        raise InputError("the folder is not empty", file=str(folder), hint="give another folder")


def _write(folder: Path, manifest: RunManifest, trials: pa.Table, cases: Sequence[Case]) -> Run:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", file=str(folder)) from None
    (folder / "run.json").unlink(missing_ok=True)  # last written: a half-written folder is no run
    write_trials(folder, trials)
    names = ["trials.parquet"]
    if cases:
        save_cases(cases, folder / "suite.jsonl")
        names.append("suite.jsonl")
    else:
        (folder / "suite.jsonl").unlink(missing_ok=True)
    files = {name: file_digest(folder / name) for name in names}
    manifest = manifest.model_copy(update={"files": files})
    write_manifest(folder, manifest)
    return Run(manifest, trials, folder, cases)
