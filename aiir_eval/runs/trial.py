"""How one trial becomes a row: ask the target, judge the reply, turn what fails into an error."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import AiirError
from ..suites.model import Case
from ..targets.protocol import Reply, Request, Target, TargetError
from ..targets.replies import checked_reply, unicode_text
from ..targets.secrets import redact
from .judging import Judge
from .rows import CheckRow, TrialRow, outcome, trial_row

if TYPE_CHECKING:
    import numpy as np

MAX_ERROR = 2000  # characters of an error that are kept


async def run_trial(
    case: Case, trial: int, target: Target, judge: Judge, *, seed: int, timeout_s: float
) -> TrialRow:
    """The row of one trial.

    What the target raises, a reply that cannot be recorded, no reply within `timeout_s` seconds
    (waiting and retries of the target included) and a scorer that fails make an error row, each
    with its reason; an error row has neither `passed` nor `score`. `AiirError` (the target cannot
    be reached) is raised.
    """
    started_at = datetime.now(UTC)
    started = time.perf_counter()
    reply, error = None, None
    try:
        async with asyncio.timeout(timeout_s) as limit:
            reply = checked_reply(await target.reply(_request(case, trial, seed)))
    except AiirError:
        raise
    except TargetError as raised:
        error = str(raised)
    except TimeoutError as raised:
        error = f"no reply within {timeout_s:g} s" if limit.expired() else _text(raised)
    except asyncio.CancelledError as raised:
        task = asyncio.current_task()
        if task is None or task.cancelling():  # the run is being stopped
            raise
        error = _text(raised)  # the target cancelled itself
    except Exception as raised:
        error = _text(raised)
    seconds = time.perf_counter() - started
    if reply is None:
        return _error_row(case, trial, error, latency_s=seconds, started_at=started_at)
    said = _said(reply, seconds)
    judging = partial(judge.judge, case, reply.output, reply.tool_calls)
    checks, error = await asyncio.to_thread(judging) if judge.waits(case) else judging()
    error = error or _flaw_of(checks)
    if error is not None:
        return _error_row(case, trial, error, **said, started_at=started_at)
    checks = [replace(check, reason=unicode_text(check.reason)) for check in checks]
    passed, score = outcome(checks)
    return trial_row(
        case, trial, **said, checks=checks, passed=passed, score=score, started_at=started_at
    )


def trial_rng(seed: int, case_id: str, trial: int) -> np.random.Generator:
    """The random stream of a trial: the same whatever ran before, beside or after it."""
    import numpy as np

    digest = hashlib.sha256(f"{case_id}\0{trial}".encode("utf-8", "surrogatepass")).digest()
    key = tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 32, 4))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _request(case: Case, trial: int, seed: int) -> Request:
    """What the target sees; its own copy, so that no trial can change another's input."""
    return Request(
        input=case.plain_input(),
        case_id=case.id,
        trial=trial,
        context=[passage.model_dump() for passage in case.context],
        tools=[tool.model_dump() for tool in case.tools],
        rng=trial_rng(seed, case.id, trial),
    )


def _said(reply: Reply, seconds: float) -> dict[str, Any]:
    return {
        "output": reply.output,
        "tool_calls": reply.tool_calls,
        "latency_s": seconds if reply.latency_s is None else reply.latency_s,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost_usd": reply.cost_usd,
        "finish_reason": reply.finish_reason,
        "model_reported": reply.model_reported,
        "system_fingerprint": reply.system_fingerprint,
    }


def _error_row(case: Case, trial: int, error: str | None, **columns: Any) -> TrialRow:
    full = error or "the target failed without a reason"
    text = redact(unicode_text(full[: 4 * MAX_ERROR]))  # before the cut, which could halve a key
    if len(full) > MAX_ERROR:
        text = f"{text[:MAX_ERROR]}... ({len(full):,} characters)"
    return trial_row(case, trial, error=text, **columns)


def _flaw_of(checks: Sequence[CheckRow]) -> str | None:
    """What keeps judgements from being recorded: scorers may be anybody's code."""
    for check in checks:
        if check.passed is not None and not isinstance(check.passed, bool):
            return f"the check {check.check!r} gave {check.passed!r:.80} for passed"
        number = isinstance(check.score, int | float) and not isinstance(check.score, bool)
        if not number or not 0 <= check.score <= 1:
            return f"the check {check.check!r} gave the score {check.score!r:.80}, not in [0, 1]"
        if not isinstance(check.reason, str):
            return f"the check {check.check!r} gave a reason that is no text"
    return None


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # a __str__ that fails
        return type(error).__name__
