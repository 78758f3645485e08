"""Real results for the tests of reports and tracking: a small suite, scored runs, a comparison.

The answers go through the importer, the scorers, the comparison and the gate like anyone's. Some of
them are hostile on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison
from aiir_eval.gate.gating import gate
from aiir_eval.gate.policy import Policy
from aiir_eval.gate.result import Verdict
from aiir_eval.runs.importing import import_table
from aiir_eval.runs.model import Run
from aiir_eval.suites.model import Case, Suite

CLASSES = ("hallucination", "unsafe_action", "pii_or_secret_exposure", "injection_or_tool_abuse")

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \"'><svg onload=alert(3)>"
    " | pipe ` tick ``` fence [click](javascript:alert(4)) ![i](http://evil.example/x.png)"
    " @octocat #12 https://evil.example www.evil.example\n\n</pre></details>\n# heading\n- item"
    " \x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \u202egnp.exe\u202c"
    " \x00\x08\x9b2J \u200bhidden \U000e0041\U000e0042 {{ 7 * 7 }} {% raw %} [bold]rich[/bold]"
    " $x^2$ ]]> &amp; \ud800 \ufffe end"
)

Speak = Callable[[Case, int], str]


def desk_suite(n_incidents: int = 4, adjacent: int = 6) -> Suite:
    """Incidents with their adjacent and control cases; an answer must say 30 days, never 90."""
    cases = []
    for number in range(1, n_incidents + 1):
        incident = f"INC-{number}"
        shared = {"incident_id": incident, "class": CLASSES[(number - 1) % len(CLASSES)]}
        checks = [
            {"scorer": "not_contains", "name": "no-90-days", "value": "90 days"},
            {"scorer": "contains", "name": "says-30-days", "value": "30 days"},
        ]
        names = [("trigger", "incident"), ("control", "control")]
        names += [(f"near-{index}", "adjacent") for index in range(1, adjacent + 1)]
        cases += [
            Case.model_validate(
                {
                    **shared,
                    "id": f"{incident}.{name}",
                    "origin": origin,
                    "input": f"How long do I have to ask for a refund ({incident}, {name})?",
                    "expected": "an answer" if origin == "control" else "30 days",
                    "checks": checks[:1] if origin == "control" else checks,
                }
            )
            for name, origin in names
        ]
    return Suite(name="support desk", version="3", cases=cases)


def good(case: Case, trial: int) -> str:
    return "You can ask for a refund within 30 days."


def bad(case: Case, trial: int) -> str:
    return "Take your time: 90 days are allowed."


def made_run(
    suite: Suite,
    speak: Speak,
    *,
    name: str,
    trials: int = 1,
    **options: Any,
) -> Run:
    """The suite's cases answered by `speak(case, trial)`, scored by its checks."""
    import pyarrow as pa

    rows = [(case, trial) for case in suite.cases for trial in range(1, trials + 1)]
    table = pa.table(
        {
            "id": [case.id for case, _ in rows],
            "trial": [trial for _, trial in rows],
            "answer": [
                speak(case, trial).encode("utf-8", "replace").decode() for case, trial in rows
            ],
            "seconds": [0.5 + 0.01 * index for index in range(len(rows))],
            "usd": [0.001] * len(rows),
        }
    )
    return import_table(
        table,
        id="id",
        trial="trial",
        output="answer",
        suite=suite,
        latency="seconds",
        cost="usd",
        target_name=name,
        **options,
    )


def answers(exceptions: Mapping[str, Speak | str], otherwise: Speak = good) -> Speak:
    """A speaker that treats the named cases differently."""

    def speak(case: Case, trial: int) -> str:
        chosen = exceptions.get(case.id, otherwise)
        return chosen if isinstance(chosen, str) else chosen(case, trial)

    return speak


def made_comparison(**options: Any) -> Comparison:
    """A candidate that fixed INC-1, broke INC-2 with hostile answers, on 4 incidents."""
    suite = desk_suite()
    fixed = {case.id: bad for case in suite.cases if case.incident_id == "INC-1"}
    broke = {case.id: HOSTILE for case in suite.cases if case.incident_id == "INC-2"}
    old = made_run(suite, answers(fixed), name="desk@v1")
    new = made_run(suite, answers(broke), name="desk@v2")
    return compare(old, new, **{"margin": 0.05, **options})


POLICY = {
    "schema": "aiir/policy/1",
    "claims": [
        {"name": "incidents fixed", "select": {"origin": "incident"}, "failure_rate_below": 0.05},
        {"name": "no regression", "non_inferior": {"margin": 0.05}},
        {"name": "by class", "non_inferior": {"margin": 0.1}, "by": "class"},
        {"name": "no <b>failure</b> | at all", "max_failures": 0},
        {
            "name": "not slower",
            "metric": "latency_s",
            "quantile": 0.5,
            "ratio_below": 1.2,
        },
    ],
}


def made_verdict(comparison: Comparison | None = None, **options: Any) -> Verdict:
    """The gate's verdict on a comparison, under claims of every rule."""
    return gate(comparison or made_comparison(**options), Policy.model_validate(POLICY))
