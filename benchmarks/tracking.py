"""How long 10,000 trials take to log into MLflow, beyond what MLflow needs to create its store."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPEATS = 3
LIMIT_S = 2.0  # of 10,000 trials
SIZES = ((5_000, 1), (1_000, 5), (10_000, 1))  # cases, trials of each; on both sides
API_CASES = 250


def main() -> None:
    """Every measurement is a process of its own with a store of its own; medians, and the limit."""
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return
    late = False
    for cases, trials in SIZES:
        store, tables = medians("tables", cases, trials)
        _, traces = medians("traces", cases, trials)
        count = 2 * cases * trials
        print(
            f"{count:,} trials ({cases:,} cases x {trials} x 2 runs): a new store {store:.2f} s; "
            f"beyond it {tables:.2f} s, with traces {traces:.2f} s",
            flush=True,
        )
        late |= count == 10_000 and max(tables, traces) > LIMIT_S
    _, api = medians("api", API_CASES, 1)
    print(f"traces one by one through MLflow's API: {api:.0f} times as long as in bulk")
    sys.exit(late)


def medians(what: str, cases: int, trials: int) -> list[float]:
    rows = []
    for _ in range(REPEATS):
        command = [sys.executable, __file__, "--one", what, str(cases), str(trials)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append([float(word) for word in done.stdout.split()])
    return [statistics.median(each) for each in zip(*rows, strict=True)]


def one(what: str, cases: int, trials: int) -> None:
    """Processor seconds: a store made, and a verdict logged; or the API's time to that of rows."""
    from aiir_eval.telemetry import opt_out

    opt_out()
    old, new = made_runs(cases, trials)
    with tempfile.TemporaryDirectory(prefix="aiir-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        store = measured(lambda: make_store(uri))
        if what == "api":
            print(store, through_the_api(uri, new))
            return
        from aiir_eval.tracking.mlflow_log import track_verdict

        verdict = judged(old, new)
        print(store, measured(lambda: track_verdict(verdict, uri=uri, traces=what == "traces")))


def through_the_api(uri: str, run: object) -> float:
    """How many times as long the traces of a run take through MLflow's API as in bulk."""
    import mlflow

    from aiir_eval.tracking import trace_rows
    from aiir_eval.tracking.trace_writing import write_traces
    from aiir_eval.tracking.traces import RunTraces

    client, made = mlflow.MlflowClient(uri), RunTraces(run)
    experiment = client.create_experiment("by the API")
    run_id = client.create_run(experiment).info.run_id

    def write() -> None:
        write_traces(client, experiment, run_id, made, at=0)

    write()
    rows = measured(write)
    trace_rows.knows = lambda store: False
    return measured(write) / rows


def make_store(uri: str) -> None:
    """What any first use of MLflow costs: its import, and the tables of a new store."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    client.create_experiment("first", artifact_location=Path(uri[10:]).parent.as_uri())


def measured(call: Callable[[], object]) -> float:
    """Processor seconds: the clock on the wall also shows what else the machine does."""
    start = time.process_time()
    call()
    return time.process_time() - start


def made_runs(cases: int, trials: int) -> list[object]:
    """Answers of thirty words judged by two checks; the candidate loses one case in fifty."""
    import pyarrow as pa

    import aiir_eval as aiir
    from aiir_eval.suites.model import Case, Suite

    classes = ("hallucination", "unsafe_action", "pii_or_secret_exposure", "quality_drift")
    suite = Suite(
        name="desk",
        version="1",
        cases=[
            Case.model_validate({
                "id": f"case-{n}", "class": classes[n % 4], "origin": "adjacent",
                "incident_id": f"INC-{n % 100}", "input": f"How long may I return order {n}?",
                "expected": "30 days",
                "checks": [{"scorer": "contains", "value": "30 days"},
                           {"scorer": "not_contains", "value": "90 days"}],
            })
            for n in range(cases)
        ],
    )  # fmt: skip
    made = []
    for name, every in (("v1", 0), ("v2", 50)):
        days = ["90" if every and n % every == 0 else "30" for n in range(cases)]
        words = "Thank you for writing to the desk; you may send it back within"
        rest = "days of the day it came, and we pay the way back, as our terms of sale say."
        table = pa.table({
            "id": [f"case-{n}" for n in range(cases) for _ in range(trials)],
            "trial": [trial for _ in range(cases) for trial in range(1, trials + 1)],
            "said": [f"{words} {days[n]} {rest}" for n in range(cases) for _ in range(trials)],
            "s": [0.5] * (cases * trials),
        })  # fmt: skip
        made.append(
            aiir.import_table(table, id="id", trial="trial", output="said", suite=suite,
                              latency="s", target_name=name)
        )  # fmt: skip
    return made


def judged(old: object, new: object) -> object:
    """The gate's verdict under its default policy."""
    import aiir_eval as aiir

    return aiir.gate(aiir.compare(old, new, margin=0.05))


if __name__ == "__main__":
    main()
