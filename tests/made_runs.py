"""Runs made of arrays, for the tests of compare and gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiir_eval.documents import digest
from aiir_eval.runs.importing import import_table
from aiir_eval.runs.model import Run, RunManifest
from aiir_eval.runs.rows import CheckRow, outcome, trial_row, trial_table
from aiir_eval.suites.model import Case, Suite


def table_run(name: str, ok: Sequence[Any] | Mapping[str, Sequence[Any]], **columns: Any) -> Run:
    """A run imported from a table: verdicts (one check a key), and columns by what they are.

    `ids`, `trial`, `cluster`, `expected`, `output`, `latency`, `cost` and `by` (a mapping) are
    lists; anything else goes to `import_table`.
    """
    import pyarrow as pa

    checks = dict(ok) if isinstance(ok, Mapping) else {"ok": ok}
    n = len(next(iter(checks.values())))
    table: dict[str, Any] = {key: list(values) for key, values in checks.items()}
    table["id"] = list(columns.pop("ids", [f"case-{i:04}" for i in range(n)]))
    table["run"] = [name] * n  # so that the same results of two runs are two tables
    by = columns.pop("by", {})
    table |= {key: list(values) for key, values in by.items()}
    options: dict[str, Any] = {"by": list(by)}
    for key in ("trial", "cluster", "expected", "output", "latency", "cost"):
        if key in columns:
            table[key] = list(columns.pop(key))
            options[key] = key
    if not {"passed", "score"} & columns.keys():
        options["passed"] = list(checks)
    return import_table(pa.table(table), id="id", target_name=name, **options, **columns)


Answer = tuple[str, Mapping[str, bool]] | str  # an answer and its checks, or an error


def suite_run(
    name: str, cases: Sequence[Case], say: Callable[[Case, int], Answer], *, trials: int = 1
) -> Run:
    """A run of a suite: `say(case, trial)` gives the output and what each check says of it.

    A text alone is an error.
    """
    rows = []
    for case in cases:
        for trial in range(trials):
            said = say(case, trial)
            if isinstance(said, str):
                rows.append(trial_row(case, trial, error=said))
                continue
            output, verdicts = said
            checks = [
                CheckRow(check, "contains", "1", float(passed), passed)
                for check, passed in verdicts.items()
            ]
            passed, score = outcome(checks)
            rows.append(
                trial_row(
                    case, trial, output=output, checks=checks, passed=passed, score=score,
                    latency_s=0.5,
                )
            )  # fmt: skip
    table = trial_table(rows)
    manifest = RunManifest(
        suite_name="made",
        suite_digest=Suite(name="made", cases=list(cases)).digest(),
        target_name=name,
        target={"uri": name},
        fingerprint=digest({"uri": name}),
        trials={case.id: trials for case in cases},
        seed=0,
        scorer_versions={"contains": "1"},
        tool_version="0",
        start="2026-01-01T00:00:00Z",
        end="2026-01-01T00:01:00Z",
        status="complete",
        n_rows=table.num_rows,
    )
    return Run(manifest, table, None, list(cases))


def case(id_: str, **fields: Any) -> Case:
    """A case with one check."""
    checks = fields.pop("checks", [{"scorer": "contains", "name": "ok", "value": "yes"}])
    return Case.model_validate({"id": id_, "input": f"input of {id_}", "checks": checks, **fields})
