"""Small targets and suites that tests of several rooms run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiir_eval.suites.model import Suite
from aiir_eval.targets.protocol import Reply, Request


class FakeTarget:
    """A target that answers with a function of the request, and counts what it was asked."""

    def __init__(
        self, answer: Callable[[Request], Any] = lambda request: "ok", *, version: str = "1"
    ) -> None:
        self.name, self.uri = "fake", f"fake:{version}"
        self.answer, self.version = answer, version
        self.asked: list[tuple[str, int]] = []
        self.under_way = self.most_under_way = 0
        self.closed = 0

    def describe(self) -> dict[str, Any]:
        return {"uri": self.uri, "version": self.version}

    async def reply(self, request: Request) -> Reply:
        self.asked.append((request.case_id, request.trial))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            said = self.answer(request)
            if asyncio.iscoroutine(said):
                said = await said
        finally:
            self.under_way -= 1
        return said if isinstance(said, Reply) else Reply(said)

    async def close(self) -> None:
        self.closed += 1


def small_suite(n_cases: int = 3, **suite: Any) -> Suite:
    """Cases c0, c1, ... whose check is that the output contains "ok"."""
    checks = [{"scorer": "contains", "value": "ok"}]
    cases = [{"id": f"c{n}", "input": f"question {n}", "checks": checks} for n in range(n_cases)]
    return Suite(name="small", cases=cases, **suite)
