"""What of a trial becomes an MLflow trace: spans, assessments and tags, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, overload

from ..reports.visible import visible
from .linking import LINKED_PROMPTS, linked_prompts

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..suites.model import Case

EXPECTED = "expected_response"  # what MLflow's own scorers call it
PASSED = "_passed"  # every check did; MLflow's pages show the first of the alphabet
MAX_PREVIEW = 1_000  # of characters, as MLflow keeps them
MAX_TAG = 4_000
MAX_ID = 250  # of an assessment's name and of its source
SLICE = 500  # rows of a table that are Python objects at a time


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check said: a truth value, or a score where the check is graded only."""

    name: str
    value: bool | float
    source: str
    rationale: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


Known = dict[tuple[Any, ...], tuple[Judgement, ...]]  # by what a check said, in its own order


@dataclass(frozen=True, slots=True)
class ToolSpan:
    """One tool call."""

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class TrialTrace:
    """One trial. `started_us` (microseconds, UTC) and `latency_s` are None where unknown."""

    name: str
    inputs: Any
    output: str | None
    request_preview: str | None
    started_us: int | None
    latency_s: float | None
    tags: Mapping[str, str]
    error: str | None = None
    calls: Sequence[ToolSpan] = ()
    judgements: Sequence[Judgement] = ()
    expected: Any = None
    usage: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    model: str | None = None


class RunTraces(Sequence[TrialTrace]):
    """The trials of a run as traces, in the order of its table; made anew wherever they are read.

    Many small objects that stay would make Python's collector look at all of MLflow's again.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __len__(self) -> int:
        return int(self._run.trials.num_rows)

    @overload
    def __getitem__(self, place: int) -> TrialTrace: ...
    @overload
    def __getitem__(self, place: slice) -> list[TrialTrace]: ...
    def __getitem__(self, place: int | slice) -> TrialTrace | list[TrialTrace]:
        places = range(len(self))[place]
        if isinstance(places, int):
            return self._made(places, 1)[0]
        if places.step != 1:
            return [self[each] for each in places]
        return self._made(places.start, len(places))

    def __iter__(self) -> Iterator[TrialTrace]:
        for start in range(0, len(self), SLICE):
            yield from self._made(start, SLICE)

    @cached_property
    def _asked(self) -> dict[str, tuple[Any, str]]:
        return {id_: _asked(case) for id_, case in self._run.cases.items()}

    @cached_property
    def _shared(self) -> dict[str, str]:
        prompts = linked_prompts(self._run.manifest.target)
        return {LINKED_PROMPTS: prompts} if prompts else {}

    def _made(self, start: int, count: int) -> list[TrialTrace]:
        import pyarrow as pa

        table = self._run.trials.slice(start, count)
        started = table["started_at"].cast(pa.int64()).to_pylist()
        rows = table.drop_columns(["started_at"]).to_pylist()
        cases, asked, known = self._run.cases, self._asked, Known()
        return [
            _trace(
                row, cases.get(row["case_id"]), asked.get(row["case_id"]), at, self._shared, known
            )
            for row, at in zip(rows, started, strict=True)
        ]


def _trace(
    row: Mapping[str, Any],
    case: Case | None,
    asked: tuple[Any, str] | None,
    at: int | None,
    shared: Mapping[str, str],
    known: Known,
) -> TrialTrace:
    inputs, preview = asked or (None, None)
    expected = row["expected"] if case is None else case.expected
    usage = {name: row[name] for name in ("input_tokens", "output_tokens") if row[name] is not None}
    if usage:
        usage["total_tokens"] = sum(usage.values())
    return TrialTrace(
        name=_short(row["case_id"]),
        inputs=inputs,
        output=row["output"],
        request_preview=preview,
        started_us=at,
        latency_s=row["latency_s"],
        tags={**dict(_tags(row)), **shared},
        error=row["error"],
        calls=tuple(map(_call, row["tool_calls"] or ())),
        judgements=tuple(_judged(row, known)),
        expected=expected,
        usage=usage,
        cost_usd=row["cost_usd"],
        model=row["model_reported"] and _short(row["model_reported"]),
    )


def _asked(case: Case) -> tuple[Any, str]:
    """The inputs of the root span and the question in short."""
    given = case.plain_input()
    if isinstance(given, str):
        inputs: dict[str, Any] = {"input": given}
        question = given
    else:
        inputs = {"messages": given}
        said = [turn["content"] for turn in given if turn.get("role") == "user"]
        question = str(said[-1]) if said else json.dumps(given, ensure_ascii=False)
    if case.context:
        inputs["context"] = [passage.model_dump() for passage in case.context]
    return inputs, preview(question)


def _tags(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("case_id", "class", "origin", "incident_id", "cluster"):
        if row[name] is not None:
            yield name, _short(row[name])
    yield "trial", str(row["trial"])
    if row["passed"] is not None:
        yield "passed", str(row["passed"]).lower()
    if row["tags"]:
        yield "tags", _short(",".join(row["tags"]))
    for name, value in row["by"] or ():
        yield f"by.{visible(name)}"[:MAX_ID], _short(value or "")


def _call(call: Mapping[str, Any]) -> ToolSpan:
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        arguments = call["arguments"]
    return ToolSpan(_short(call["name"] or "tool"), arguments)


def _judged(row: Mapping[str, Any], known: Known) -> Iterator[Judgement]:
    """The trial as a whole, then each of its checks; what was said before is not said anew."""
    checks = row["checks"] or ()
    if row["passed"] is not None and all(check["check"] != PASSED for check in checks):
        failed = ", ".join(visible(check["check"]) for check in checks if not check["passed"])
        whole = (row["passed"], failed)
        if whole not in known:
            because = f"failed: {failed}" if failed else None
            known[whole] = (Judgement(PASSED, row["passed"], "aiir", because),)
        yield from known[whole]
    for check in checks:
        said = tuple(check.values())
        if said not in known:
            known[said] = tuple(_judgements(check))
        yield from known[said]


def _judgements(check: Mapping[str, Any]) -> Iterator[Judgement]:
    """Whether it passed, and the score beside it where that says more."""
    name, passed, score = visible(check["check"]), check["passed"], check["score"]
    known = score is not None and isfinite(score)
    source = f"{check['scorer']} {check['version']}".strip()[:MAX_ID]
    rationale = visible(check["reason"]) if check["reason"] else None
    metadata = {"scorer": check["scorer"] or "", "scorer_version": check["version"] or ""}
    if passed is not None:
        noted = {**metadata, "score": repr(score)} if known else metadata
        yield Judgement(name[:MAX_ID], passed, source, rationale, noted)
        if known and score != float(passed):
            yield Judgement(f"{name[: MAX_ID - 6]}.score", score, source, rationale, metadata)
    elif known:
        yield Judgement(name[:MAX_ID], float(score), source, rationale, metadata)


def _short(text: str) -> str:
    return visible(text[:MAX_TAG])[:MAX_TAG]


def preview(text: str) -> str:
    """The beginning of a text, as lists of traces show it."""
    return visible(text[:MAX_PREVIEW])[:MAX_PREVIEW]
