"""What one run says on its own: pass rate, levels, failing cases, errors, latency, tokens, cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from ..runs.model import Run


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a key (origin, class, incident): the mean over its cases."""

    by: str
    value: str
    n_cases: int
    rate: float


@dataclass(frozen=True, slots=True)
class FailingCase:
    """A case with at least one trial that failed or errored, shown by the first such trial."""

    case_id: str
    n_passed: int
    n_trials: int
    mean: float
    reason: str
    output: str
    tool_calls: tuple[str, ...] = ()
    errored: bool = False
    class_: str | None = None
    origin: str = ""
    incident_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Rates are means over cases; a trial that errored counts as failed, and is counted.

    Latency in seconds, cost in USD; None where no trial reported it.
    """

    graded: bool
    n_cases: int
    n_clusters: int
    n_trials: int
    n_asked: int
    n_errors: int
    rate: float | None
    low: float | None
    high: float | None
    levels: Sequence[Level]
    failing: Sequence[FailingCase]
    n_failing: int
    latency_median: float | None
    latency_p95: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None


def summarize_run(run: Run, *, failing: int = 20) -> RunSummary:
    """Summarize a run; at most `failing` of its failing cases are shown in full."""
    import pyarrow.compute as pc

    from ..stats import pass_rate

    trials, graded = run.trials, run.manifest.outcome == "score"
    encoded = pc.dictionary_encode(trials["case_id"].combine_chunks())
    ids, codes = encoded.dictionary.to_pylist(), np.asarray(encoded.indices)
    errors = np.asarray(pc.is_valid(trials["error"].combine_chunks()))
    column = trials["score" if graded else "passed"].combine_chunks()
    values = np.nan_to_num(pc.cast(column, "float64").to_numpy(zero_copy_only=False).astype(float))
    counts = np.bincount(codes, minlength=len(ids))
    means = np.bincount(codes, weights=values, minlength=len(ids)) / counts if ids else values
    first = np.unique(codes, return_index=True)[1] if ids else np.zeros(0, int)
    per_case = trials.select(["origin", "class", "incident_id", "cluster"]).take(first)
    rate = low = high = None
    if ids:
        clusters = [name or case for name, case in zip(per_case["cluster"].to_pylist(), ids,
                                                       strict=True)]  # fmt: skip
        estimate = pass_rate(means, clusters=clusters, binary=not graded)
        rate, (low, high) = estimate.estimate, estimate.confidence_interval()
    bad = np.flatnonzero(errors if graded else values < 1.0)
    shown, n_failing = _failing(trials, ids, codes, values, bad, failing, graded=graded)
    return RunSummary(
        graded=graded,
        n_cases=len(ids),
        n_clusters=len(set(clusters)) if ids else 0,
        n_trials=trials.num_rows,
        n_asked=sum(run.manifest.trials.values()),
        n_errors=int(errors.sum()),
        rate=rate,
        low=low,
        high=high,
        levels=_levels(per_case, means),
        failing=shown,
        n_failing=n_failing,
        latency_median=_quantile(trials["latency_s"], 0.5),
        latency_p95=_quantile(trials["latency_s"], 0.95),
        input_tokens=_total(trials["input_tokens"]),
        output_tokens=_total(trials["output_tokens"]),
        cost_usd=_total(trials["cost_usd"]),
    )


def _levels(per_case: pa.Table, means: np.ndarray[Any, Any]) -> list[Level]:
    """Levels of origin, class and incident, where there is more than one."""
    levels = []
    for by in ("origin", "class", "incident_id"):
        values = np.array([value or "" for value in per_case[by].to_pylist()], dtype=object)
        names = sorted({value for value in values if value})
        if len(names) + bool((values == "").any()) < 2:
            continue
        for value in names:
            chosen = means[values == value]
            levels.append(Level(by, value, chosen.size, float(chosen.mean())))
    return levels


def _failing(
    trials: pa.Table,
    ids: Sequence[str],
    codes: np.ndarray[Any, Any],
    values: np.ndarray[Any, Any],
    bad: np.ndarray[Any, Any],
    limit: int,
    *,
    graded: bool,
) -> tuple[list[FailingCase], int]:
    """The cases with the lowest means, each with its first bad trial; and how many there are."""
    if bad.size == 0:
        return [], 0
    cases, at = np.unique(codes[bad], return_index=True)
    totals = np.bincount(codes, weights=values, minlength=len(ids))
    counts = np.bincount(codes, minlength=len(ids))
    means = totals / counts
    first_bad = {int(case): int(bad[index]) for case, index in zip(cases, at, strict=True)}
    ranked = sorted(first_bad, key=lambda case: (means[case], ids[case]))[:limit]
    rows = trials.select(
        ["output", "tool_calls", "error", "checks", "class", "origin", "incident_id"]
    )
    shown = []
    for case, row in zip(
        ranked,
        rows.take(np.array([first_bad[case] for case in ranked], int)).to_pylist(),
        strict=True,
    ):
        reasons = [
            f"{check['check']}: {check['reason']}" if check["reason"] else check["check"]
            for check in row["checks"] or ()
            if check["passed"] is False
        ]
        shown.append(
            FailingCase(
                ids[case],
                0 if graded else round(float(totals[case])),
                int(counts[case]),
                float(means[case]),
                f"error: {row['error']}" if row["error"] else "; ".join(reasons),
                row["output"] or "",
                tuple(f"{call['name']}({call['arguments']})" for call in row["tool_calls"] or ()),
                bool(row["error"]),
                row["class"],
                row["origin"],
                row["incident_id"],
            )
        )
    return shown, int(cases.size)


def _quantile(column: pa.ChunkedArray, q: float) -> float | None:
    import pyarrow.compute as pc

    value = pc.quantile(column, q=q)[0].as_py() if column.null_count < len(column) else None
    return None if value is None else float(value)


def _total(column: pa.ChunkedArray) -> Any:
    import pyarrow.compute as pc

    return pc.sum(column).as_py()
