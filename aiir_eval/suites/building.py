"""Suites out of incident records: cases that know the incident they come from, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..documents import duplicates
from ..errors import InputError, Problem
from .adjacent import adjacent_cases
from .model import Case, Suite, TrialCounts

if TYPE_CHECKING:
    from ..incidents.model import Incident
    from ..incidents.regression import RegressionCase

# 60 clean trials bound a failure rate below 5% at 95% confidence (59 are enough).
DEFAULT_TRIALS: TrialCounts = {"incident": 60, "adjacent": 5, "control": 5}
AUTHORED = "authored"  # the operator of an adjacent case that a person wrote


def build_suite(
    incidents: Iterable[Incident] | Mapping[str, Incident],
    *,
    name: str,
    version: str = "1",
    trials: TrialCounts | None = None,
    adjacent: int = 4,
    seed: int = 0,
) -> Suite:
    """The regression cases of some incidents as a suite.

    The first case of a record is the triggering input itself (origin `incident`), later ones are
    `adjacent`, and each one's benign twin is a `control`. Ids are ``INCIDENT.case`` and
    ``INCIDENT.case.control``; the cluster is the incident.

    Parameters
    ----------
    trials : int or mapping of origin to int
        By default 60 for incidents, 5 for adjacent cases and controls.
    adjacent : int
        How many more adjacent cases to make of each trigger (``INCIDENT.case.OPERATOR-k``).
    seed : int
        Of the making of adjacent cases.

    Raises
    ------
    InputError
        No incident has a testable case (those without are left out; `not_testable` names them), or
        two have the same id.
    """
    chosen = _listed(incidents)
    if twice := duplicates(incident.id for incident in chosen):
        raise InputError(f"the incident {twice[0]} is given twice")
    if adjacent < 0:
        raise InputError("the number of adjacent cases is at least 0")
    cases = [case for incident in chosen for case in _cases(incident, adjacent, seed)]
    if not cases:
        reasons = "; ".join(f"{id_}: {reason}" for id_, reason in not_testable(chosen).items())
        raise InputError(f"no incident has a case to test: {reasons or 'no incident is given'}")
    if twice := duplicates(case.id for case in cases):
        raise InputError(f"two cases would have the id {twice[0]!r}; rename a regression case")
    return Suite(
        name=name,
        version=version,
        trials=DEFAULT_TRIALS if trials is None else trials,
        cases=cases,
    )


def not_testable(incidents: Iterable[Incident] | Mapping[str, Incident]) -> dict[str, str]:
    """The incidents that give no case, by id, each with the reason."""
    return {
        incident.id: (incident.regression.not_testable if incident.regression else None)
        or "the record has no regression cases yet"
        for incident in _listed(incidents)
        if not incident.cases
    }


def _listed(incidents: Iterable[Incident] | Mapping[str, Incident]) -> list[Incident]:
    return list(incidents.values() if isinstance(incidents, Mapping) else incidents)


def _cases(incident: Incident, adjacent: int, seed: int) -> list[Case]:
    cases: list[Case] = []
    trigger: Case | None = None
    for written in incident.cases:
        if trigger is None:
            case = trigger = _case(incident, written, origin="incident")
        else:
            origin = {"origin": "adjacent", "parent": trigger.id, "operator": AUTHORED}
            case = _case(incident, written, **origin, label="certain")
        cases.append(case)
        if case is trigger:
            cases.extend(adjacent_cases(trigger, n=adjacent, seed=seed))
        if written.control is not None:
            cases.append(
                _case(
                    incident,
                    written,
                    id=f"{case.id}.control",
                    origin="control",
                    parent=case.id,
                    input=_plain(written.control.input),
                    expected=None,
                    checks=written.control.checks,
                )
            )
    return cases


def _case(incident: Incident, written: RegressionCase, **differing: Any) -> Case:
    fields = {
        "id": f"{incident.id}.{written.name}",
        "incident_id": incident.id,
        "class": incident.class_,
        "cluster": incident.id,
        "tags": list(incident.tags),
        "input": _plain(written.input),
        "context": [passage.model_dump() for passage in written.context],
        "tools": [tool.model_dump() for tool in written.tools],
        "expected": written.expected,
        "checks": written.checks,
    }
    try:
        return Case.model_validate(fields | differing)
    except ValidationError as error:
        problems = [
            Problem(
                f"incident {incident.id}, case {written.name}: "
                + item["msg"].removeprefix("Value error, ")
            )
            for item in error.errors(include_url=False)
        ]
        raise InputError(problems=problems) from None


def _plain(written: Any) -> Any:
    return written if isinstance(written, str) else [turn.model_dump() for turn in written]
