"""What checks say of known answers: which of them fail on a bad one, and pass every good one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from ..scorers import Answer, Judgement, Scorer, ScoringError, make_scorer
from ..tool_calls import ToolCall
from .model import Case

if TYPE_CHECKING:
    from ..incidents.model import Incident
    from ..incidents.regression import Behaviour, RegressionCase

Incidents = Iterable["Incident"] | Mapping[str, "Incident"]


@dataclass(frozen=True, slots=True)
class Proof:
    """The judgements of a case's checks on the known answers of its incident.

    `bad[check name][i]` is the judgement on the i-th bad answer, or the error where there is none.
    """

    known: RegressionCase
    bad: Mapping[str, Sequence[Judgement | ScoringError]]
    good: Mapping[str, Sequence[Judgement | ScoringError]]

    def fails_on(self, check: str) -> list[int]:
        """Which bad answers (from 0) a check fails on."""
        return [index for index, said in enumerate(self.bad[check]) if _failed(said)]

    @property
    def missed(self) -> list[int]:
        """The bad answers that every check passes."""
        numbers = range(len(self.known.bad))
        return [i for i in numbers if not any(_failed(said[i]) for said in self.bad.values())]


def _failed(said: Judgement | ScoringError) -> bool:
    return isinstance(said, Judgement) and not said.passed


def proven_checks(
    cases: Sequence[Case], incidents: Incidents, *, allow_python: Collection[str] = ()
) -> dict[str, frozenset[str]]:
    """By case id, the names of the checks that are known to fail on a bad answer of the incident.

    Cases without an incident, or whose record is not among `incidents`, have none; neither has a
    check that cannot be made or a python scorer that is not allowed.
    """
    by_id = records(incidents)
    siblings = {case.id: case for case in cases}
    made: dict[str, frozenset[str]] = {}
    proven = {}
    for case in cases:
        known = known_answers(case, siblings, by_id)
        if known is None:
            proven[case.id] = frozenset[str]()
            continue
        key = proof_key(case, known)
        if key not in made:
            scorers = _scorers(case, allow_python)
            proof = prove(case, scorers, known)
            made[key] = frozenset(name for name in scorers if proof.fails_on(name))
        proven[case.id] = made[key]
    return proven


def _scorers(case: Case, allow_python: Collection[str]) -> dict[str, Scorer]:
    scorers = {}
    for check in case.named_checks:
        with suppress(InputError):
            scorers[check.name] = make_scorer(check, allow_python=allow_python)
    return scorers


def records(incidents: Incidents) -> Mapping[str, Incident]:
    """Incidents by id."""
    if isinstance(incidents, Mapping):
        return incidents
    return {incident.id: incident for incident in incidents}


def known_answers(
    case: Case, siblings: Mapping[str, Case], incidents: Mapping[str, Incident]
) -> RegressionCase | None:
    """The regression case whose bad and good answers are known for a case, if there is one.

    It is the one of the same id (``INCIDENT.name``), else that of the parent; a trigger under an id
    of its own has the answers of its incident's first regression case. Controls have none.
    """
    if case.origin == "control" or case.incident_id is None:
        return None
    incident = incidents.get(case.incident_id)
    if incident is None:
        return None
    named = {f"{incident.id}.{known.name}": known for known in incident.cases}
    seen: set[str] = set()
    at: str | None = case.id
    while at is not None and at not in seen:
        if at in named:
            return named[at]
        seen.add(at)
        parent = siblings.get(at)
        if parent is not None and parent.origin == "incident" and incident.cases:
            return incident.cases[0]
        at = parent.parent if parent is not None else None
    return None


def proof_key(case: Case, known: RegressionCase) -> str:
    """Cases with this in common share their proof: the answers, the checks, what is expected."""
    return repr((case.incident_id, known.name, case.checks, case.expected))


def prove(case: Case, scorers: Mapping[str, Scorer], known: RegressionCase) -> Proof:
    """Run the scorers of a case, by check name, on every known answer."""
    bad = [_answer(case, behaviour) for behaviour in known.bad]
    good = [_answer(case, behaviour) for behaviour in known.good]
    return Proof(
        known,
        {name: [judged(scorer, answer) for answer in bad] for name, scorer in scorers.items()},
        {name: [judged(scorer, answer) for answer in good] for name, scorer in scorers.items()},
    )


def _answer(case: Case, behaviour: Behaviour) -> Answer:
    return Answer(
        output=behaviour.output,
        tool_calls=[ToolCall(call.name, call.arguments) for call in behaviour.tool_calls],
        expected=case.expected,
        input=case.plain_input(),
        context=[passage.model_dump() for passage in case.context],
    )


def judged(scorer: Scorer, answer: Answer) -> Judgement | ScoringError:
    """What a scorer says, or why it cannot say anything."""
    try:
        return scorer(answer)
    except ScoringError as error:
        return error
    except Exception as error:  # a scorer of another package may raise anything
        return ScoringError(f"{type(error).__name__}: {error}")
