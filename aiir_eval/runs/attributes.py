"""The columns of a run that can drift: outcomes, and attributes of the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from .model import Run

RECORDED = (
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


def output_attributes(run: Run) -> pa.Table:
    """One row a trial: what was recorded of it, its output, tools called, errors.

    Columns without a value are left out. `cluster` and `class` stand beside them, to cluster and
    to slice by.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    trials = run.trials
    columns = {name: trials[name] for name in RECORDED}
    columns["output"] = trials["output"]
    columns["n_tool_calls"] = pc.list_value_length(trials["tool_calls"])
    columns["errored"] = pc.is_valid(trials["error"])
    columns["class"], columns["cluster"] = trials["class"], trials["cluster"]
    return pa.table({name: c for name, c in columns.items() if c.null_count < len(c)})
