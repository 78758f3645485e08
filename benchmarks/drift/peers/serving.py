"""A peer's side of the line: a pair of paths in, its answer out, one JSON line each.

Runs in the peer's environment, so it uses nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(detect: Callable[[str, str], dict[str, Any]]) -> None:
    """Answer until standard input ends; what the tool itself prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        reference, current = json.loads(line)
        start = time.perf_counter()
        try:
            answer = detect(reference, current)
        except Exception as error:
            first = (str(error).strip() or "no message").splitlines()[0]
            answer = {"problem": f"{type(error).__name__}: {first}"}
        answer["seconds"] = time.perf_counter() - start
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def by_level(pvalues: dict[str, float], level: float = 0.05) -> dict[str, Any]:
    """The answer of a tool that gives p-values and no verdict on the tables."""
    alarms = {name: bool(pvalue < level) for name, pvalue in pvalues.items()}
    plain = {name: float(pvalue) for name, pvalue in pvalues.items()}
    return {"alarms": alarms, "drift": any(alarms.values()), "pvalues": plain}
