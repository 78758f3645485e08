"""A case that failed, as text: in a line how and where, then input, answers, checks and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .visible import one_line, shortened

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..suites.model import Case

MAX_TEXT = 4_000
MAX_ANSWERS = 3


def case_failure(case: Case, run: Run) -> str:
    """What went wrong in a case of a run; answers that are equal are shown once."""
    rows = [row for row in run.trials.to_pylist() if row["case_id"] == case.id]
    failed = [row for row in rows if row["passed"] is not True]
    about = " · ".join(part for part in (case.incident_id, case.class_, case.origin) if part)
    why = dict.fromkeys(name for row in failed for name in _failing(row))
    parts = [
        f"{len(failed)} of {len(rows)} trials failed: {one_line(', '.join(why))} ({about})",
        _part("input", _input(case)),
    ]
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in failed:
        calls = tuple((call["name"], call["arguments"]) for call in row["tool_calls"] or ())
        alike.setdefault((row["error"], row["output"], calls), []).append(row)
    for same in list(alike.values())[:MAX_ANSWERS]:
        parts.append(_answer(same))
    if len(alike) > MAX_ANSWERS:
        parts.append(f"{len(alike) - MAX_ANSWERS} more answers failed")
    return "\n".join(parts)


def _failing(row: Mapping[str, Any]) -> list[str]:
    """The checks that failed, by name, or that there was an error."""
    if row["error"] is not None:
        return ["error"]
    return [check["check"] for check in row["checks"] if not check["passed"]]


def _answer(same: Sequence[Mapping[str, Any]]) -> str:
    first = same[0]
    times = f" ({len(same)} times)" if len(same) > 1 else ""
    if first["error"] is not None:
        return _part(f"error{times}", first["error"])
    lines = [_part(f"output{times}", first["output"] or "")]
    for call in first["tool_calls"] or ():
        lines.append(f"  called {one_line(call['name'])}({one_line(call['arguments'], 400)})")
    for check in first["checks"]:
        if not check["passed"]:
            reason = one_line(check["reason"] or "", MAX_TEXT)
            lines.append(f"  check {one_line(check['check'])} failed: {reason}")
    return "\n".join(lines)


def _input(case: Case) -> str:
    asked = case.plain_input()
    if isinstance(asked, str):
        return asked
    return "\n".join(f"{message.get('role')}: {message.get('content')}" for message in asked)


def _part(title: str, content: str) -> str:
    lines = shortened(content, MAX_TEXT).splitlines() or [""]
    return "\n".join([f"{title}:", *(f"  | {line}" for line in lines)])
