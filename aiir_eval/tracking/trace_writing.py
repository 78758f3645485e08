"""How traces are written: in bulk into a database, through MLflow's API where that is all there is.

MLflow takes a trace with its assessments one at a time, some 10 ms each. Into a database whose
tables have the version known here, whole batches go as rows; any other store is asked for each.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from .traces import EXPECTED, Judgement, TrialTrace, preview

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 5_000
THREADS = 8
PAGE = 100  # traces deleted at a time, as MLflow allows
FAILED, OK = "ERROR", "OK"


@dataclass(frozen=True, slots=True)
class PlacedSpan:
    """A span with its ids; `attributes` are JSON texts, as MLflow keeps them."""

    id: str
    parent: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    error: str | None
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class PlacedTrace:
    """A trace with its ids and times, under a run of an experiment."""

    trace: TrialTrace
    id: str  # 32 hexadecimal digits; MLflow's own is tr-ID
    experiment: str
    at_ms: int
    metadata: dict[str, str]
    spans: list[PlacedSpan]

    @property
    def duration_ms(self) -> int | None:
        latency = self.trace.latency_s
        return None if latency is None else round(1000 * latency)

    @property
    def state(self) -> str:
        return FAILED if self.trace.error is not None else OK

    @property
    def response_preview(self) -> str | None:
        said = self.trace.output if self.trace.output is not None else self.trace.error
        return None if said is None else preview(said)

    @property
    def expected(self) -> Any:
        """What is expected, None where nothing is."""
        return self.trace.expected

    @property
    def run_id(self) -> str:
        return self.metadata["mlflow.sourceRun"]

    def noted(self, judgement: Judgement) -> dict[str, str]:
        """The metadata of a judgement, the run it belongs to among them."""
        return {**judgement.metadata, "mlflow.assessment.sourceRunId": self.run_id}


def write_traces(
    client: MlflowClient,
    experiment: str,
    run_id: str,
    traces: Sequence[TrialTrace],
    *,
    at: int,
) -> None:
    """Write the trials of a run; `at` (milliseconds) is the time of those that have none."""
    if not traces:
        return
    from mlflow.tracing.client import TracingClient

    from . import trace_rows

    tracing = TracingClient(client.tracking_uri)
    bulk = trace_rows.knows(tracing.store)
    folder = client.get_experiment(experiment).artifact_location
    family = token_hex(8)  # ids that ascend are written faster

    def batch(start: int) -> list[PlacedTrace]:
        return [
            placed(each, f"{family}{number:016x}", experiment, run_id, at)
            for number, each in enumerate(traces[start : start + BATCH], start + 1)
        ]

    for start in range(0, len(traces), BATCH):
        if not bulk:
            _send(tracing, experiment, batch(start))
            continue
        with _collector_paused():
            trace_rows.insert(tracing.store, batch(start), folder)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Python's collector does not look at all of MLflow while very many small objects are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def delete_traces(client: MlflowClient, experiment: str, run_id: str) -> None:
    """Remove the traces of a run that was not written to its end."""
    while True:
        found = client.search_traces(
            locations=[experiment],
            filter_string=f"metadata.`mlflow.sourceRun` = '{run_id}'",
            max_results=PAGE,
            include_spans=False,
        )
        if not found:
            return
        client.delete_traces(experiment, trace_ids=[each.info.trace_id for each in found])


def placed(trace: TrialTrace, id_: str, experiment: str, run_id: str, at: int) -> PlacedTrace:
    """A trace with its ids and times; the root span holds what was asked, said, used and paid."""
    start = 1000 * trace.started_us if trace.started_us is not None else 1_000_000 * at
    end = start + round(1e9 * (trace.latency_s or 0.0))
    metadata = {"mlflow.sourceRun": run_id}
    attributes = {
        "mlflow.traceRequestId": _json(f"tr-{id_}"),
        "mlflow.experimentId": _json(experiment),
        "mlflow.spanType": _json("AGENT" if trace.calls else "LLM"),
    }
    if trace.inputs is not None:
        attributes["mlflow.spanInputs"] = _json(trace.inputs)
    if trace.output is not None:
        attributes["mlflow.spanOutputs"] = _json(trace.output)
    if trace.usage:
        usage = metadata["mlflow.trace.tokenUsage"] = _json(trace.usage)
        attributes["mlflow.chat.tokenUsage"] = usage
    if trace.cost_usd is not None:
        cost = metadata["mlflow.trace.cost"] = _json({"total_cost": trace.cost_usd})
        attributes["mlflow.llm.cost"] = cost
    if trace.model:
        attributes["mlflow.llm.model"] = _json(trace.model)
    root = PlacedSpan(
        _span_id(0), None, trace.name, "AGENT" if trace.calls else "LLM", start, end,
        trace.error, attributes,
    )  # fmt: skip
    spans = [root]
    for number, call in enumerate(trace.calls):
        moment = min(start + 1000 * (number + 1), end)
        own = {
            "mlflow.traceRequestId": attributes["mlflow.traceRequestId"],
            "mlflow.spanType": _json("TOOL"),
            "mlflow.spanInputs": _json(call.arguments),
        }
        spans.append(
            PlacedSpan(_span_id(number + 1), root.id, call.name, "TOOL", moment, moment, None, own)
        )
    return PlacedTrace(trace, id_, experiment, start // 1_000_000, metadata, spans)


def _span_id(number: int) -> str:
    """Of a span, unique in its trace."""
    return f"{number + 1:016x}"


def _send(tracing: Any, experiment: str, batch: Sequence[PlacedTrace]) -> None:
    """A batch through MLflow's API: each trace with its assessments, then all spans at once."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    lost = Event()

    def start(info: Any) -> None:
        if lost.is_set():
            return  # a server that is gone is not asked for the rest
        try:
            tracing.start_trace(info)
        except BaseException:
            lost.set()
            raise

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, map(trace_info, batch)))
    tracing.log_spans(experiment, [span for each in batch for span in span_entities(each)])


def trace_info(placed: PlacedTrace) -> Any:
    """MLflow's own object of a trace, with its assessments."""
    from mlflow.entities import AssessmentSource, Expectation, Feedback, TraceInfo
    from mlflow.entities.trace_location import TraceLocation
    from mlflow.entities.trace_state import TraceState

    assessments: list[Any] = [
        Feedback(
            name=each.name,
            value=each.value,
            rationale=each.rationale,
            source=AssessmentSource("CODE", each.source),
            metadata=placed.noted(each),
            create_time_ms=placed.at_ms,
            last_update_time_ms=placed.at_ms,
        )
        for each in placed.trace.judgements
    ]
    if placed.expected is not None:
        assessments.append(
            Expectation(
                name=EXPECTED,
                value=placed.expected,
                source=AssessmentSource("CODE", "suite"),
                create_time_ms=placed.at_ms,
                last_update_time_ms=placed.at_ms,
            )
        )
    return TraceInfo(
        trace_id=f"tr-{placed.id}",
        trace_location=TraceLocation.from_experiment_id(placed.experiment),
        request_time=placed.at_ms,
        execution_duration=placed.duration_ms,
        state=TraceState(placed.state),
        request_preview=placed.trace.request_preview,
        response_preview=placed.response_preview,
        trace_metadata=placed.metadata,
        tags={"mlflow.traceName": placed.trace.name, **placed.trace.tags},
        assessments=assessments,
    )


def span_entities(placed: PlacedTrace) -> list[Any]:
    """MLflow's own objects of the spans of a trace."""
    from mlflow.entities import Span
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    resource, flags, made = Resource({}), TraceFlags(1), []
    for each in placed.spans:
        parent = None
        if each.parent is not None:
            parent = SpanContext(int(placed.id, 16), int(each.parent, 16), False, flags)
        failed = each.error is not None
        made.append(
            Span(
                ReadableSpan(
                    each.name,
                    SpanContext(int(placed.id, 16), int(each.id, 16), False, flags),
                    parent,
                    resource,
                    each.attributes,
                    [Event("exception", {"exception.message": each.error or ""}, each.end_ns)]
                    if failed
                    else [],
                    start_time=each.start_ns,
                    end_time=each.end_ns,
                    status=Status(StatusCode.ERROR, each.error)
                    if failed
                    else Status(StatusCode.OK),
                )
            )
        )
    return made


_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
