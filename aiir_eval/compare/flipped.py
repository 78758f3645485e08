"""What a case that flipped was answered before and after, and which of its checks changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from ..runs.model import Run
    from ..suites.model import Case
    from .result import Comparison

_COLUMNS = ["case_id", "incident_id", "class", "origin", "expected", "trial", "output",
            "tool_calls", "error", "passed", "score", "checks"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgedCheck:
    """What one check said of one answer."""

    name: str
    passed: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Draw:
    """One trial of one side, and how many of the side's trials of this case passed."""

    output: str
    error: str | None
    tool_calls: tuple[str, ...]
    checks: tuple[JudgedCheck, ...]
    score: float | None
    n_passed: int
    n_trials: int
    mean: float  # of the trials that did not error: share of passes, or score where graded

    @property
    def text(self) -> str:
        """What the target said, or the error that stands in its place."""
        return f"error: {self.error}" if self.error else self.output

    def check(self, name: str) -> JudgedCheck | None:
        return next((check for check in self.checks if check.name == name), None)


@dataclass(frozen=True, slots=True)
class FlippedCase:
    """A case that broke or was fixed, with a telling answer of each side."""

    case_id: str
    broke: bool
    incident_id: str | None
    class_: str | None
    origin: str
    expected: str | None
    input: str | None
    old: Draw
    new: Draw

    @property
    def direction(self) -> str:
        return "broke" if self.broke else "fixed"

    @property
    def failing(self) -> Draw:
        """The side that fails: the new one where the case broke."""
        return self.new if self.broke else self.old

    @property
    def changed_checks(self) -> tuple[tuple[JudgedCheck | None, JudgedCheck | None], ...]:
        """The checks that said pass on one side and fail on the other (before, after)."""
        names = dict.fromkeys(check.name for check in (*self.old.checks, *self.new.checks))
        pairs = ((self.old.check(name), self.new.check(name)) for name in names)
        return tuple(
            (before, after)
            for before, after in pairs
            if (before and before.passed) != (after and after.passed)
        )

    @property
    def reason(self) -> str:
        """Why the failing side failed: its error, or what its failing checks said."""
        failing = self.failing
        if failing.error:
            return f"error: {failing.error}"
        return "; ".join(
            f"{check.name}: {check.reason}" if check.reason else check.name
            for check in failing.checks
            if check.passed is False
        )


def flipped_cases(
    comparison: Comparison, *, limit: int | tuple[int, int] | None = None
) -> list[FlippedCase]:
    """The flipped cases, those that broke first; at most `limit` of each direction.

    Two limits are that of the broken and that of the fixed.
    """
    broke, fixed = limit if isinstance(limit, tuple) else (limit, limit)
    ids = {
        True: comparison.flip_ids.broke[:broke],
        False: comparison.flip_ids.fixed[:fixed],
    }
    wanted = [*ids[True], *ids[False]]
    if not wanted:
        return []
    old, new = _rows(comparison.old, wanted), _rows(comparison.new, wanted)
    cases = comparison.new.cases or comparison.old.cases
    return [
        _flipped(case_id, broke, old[case_id], new[case_id], cases, comparison.check)
        for broke, group in ids.items()
        for case_id in group
        if case_id in old and case_id in new
    ]


def _rows(run: Run, case_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    trials: pa.Table = run.trials.select(_COLUMNS)
    chosen = trials.filter(pc.is_in(trials["case_id"], value_set=pa.array(list(case_ids))))
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(chosen.to_pylist(), key=lambda row: row["trial"]):
        rows.setdefault(row["case_id"], []).append(row)
    return rows


def _flipped(
    case_id: str,
    broke: bool,
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    cases: Mapping[str, Case],
    check: str | None,
) -> FlippedCase:
    facts = new[0]
    case = cases.get(case_id)
    return FlippedCase(
        case_id,
        broke,
        facts["incident_id"],
        facts["class"],
        facts["origin"],
        facts["expected"],
        None if case is None else _input_text(case),
        _telling_draw(old, check, best=broke),
        _telling_draw(new, check, best=not broke),
    )


def _telling_draw(rows: Sequence[Mapping[str, Any]], check: str | None, *, best: bool) -> Draw:
    """The first trial that shows the side at its best (or worst); an error is the worst.

    Where one check alone was compared, that check is what counts.
    """

    def judged(row: Mapping[str, Any]) -> Mapping[str, Any]:
        checks = row["checks"] or ()
        return next((each for each in checks if each["check"] == check), row)

    def merit(row: Mapping[str, Any]) -> float:
        if row["error"]:
            return -1.0
        outcome = judged(row)
        passed = 0.0 if outcome["passed"] is None else 2.0 * outcome["passed"]
        return passed + float(outcome["score"] or 0.0)

    row = (max if best else min)(rows, key=merit)
    return Draw(
        row["output"] or "",
        row["error"],
        tuple(_call_text(call) for call in row["tool_calls"] or ()),
        tuple(
            JudgedCheck(item["check"], item["passed"], item["reason"] or "")
            for item in row["checks"] or ()
            if check in (None, item["check"])
        ),
        judged(row)["score"],
        sum(bool(judged(each)["passed"]) for each in rows),
        len(rows),
        _mean([judged(each) for each in rows if not each["error"]]),
    )


def _mean(outcomes: Sequence[Mapping[str, Any]]) -> float:
    values = [row["score"] if row["passed"] is None else row["passed"] for row in outcomes]
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else float("nan")


def _call_text(call: Mapping[str, Any]) -> str:
    """A tool call as one reads it: ``refund(order="A1", amount=20)``."""
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        return f"{call['name']}({call['arguments']})"
    if not isinstance(arguments, dict):
        return f"{call['name']}({call['arguments']})"
    inside = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()
    )
    return f"{call['name']}({inside})"


def _input_text(case: Case) -> str:
    if isinstance(case.input, str):
        return case.input
    return "\n".join(f"{message.role}: {message.content}" for message in case.input)
