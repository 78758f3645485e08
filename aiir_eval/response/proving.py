"""Does a verdict show that an incident is fixed? What it must have been given on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..documents import read_json
from ..errors import AiirError
from ..gate.document import SCHEMA as VERDICT
from ..gate.document import load_verdict
from ..gate.policy import Claim, Select
from ..gate.result import Verdict
from ..incidents.model import Incident
from ..shipped import shipped
from ..suites.building import build_suite
from ..suites.model import Case, Suite, cases_digest, load_cases, load_suite


def is_verdict(path: str | Path) -> bool:
    """Whether a file is a verdict of the gate."""
    try:
        data = read_json(path)
    except AiirError:
        return False
    return isinstance(data, dict) and data.get("schema") == VERDICT


def suite_of(verdict: Verdict, given: Iterable[str | Path] = ()) -> Sequence[Case] | None:
    """The cases a verdict was given on, found by their digest; none where nobody has them.

    Looked for among what is given (suites, or runs with their snapshot), then in this folder, its
    ``suites/`` and the shipped ones.
    """
    wanted = verdict.evidence.get("suite_digest")
    for place in _places(given):
        try:
            cases = _cases(place)
        except AiirError:
            continue  # one that cannot be read is not the one that was run
        if cases_digest([case.to_mapping() for case in cases]) == wanted:
            return cases
    return None


def _places(given: Iterable[str | Path]) -> Iterator[Path]:
    for each in map(Path, given):
        yield each / "suite.jsonl" if each.is_dir() else each
    for folder in (Path(), Path("suites"), shipped("suites")):
        if folder.is_dir():
            yield from sorted(folder.glob("*.y*ml"))


def _cases(place: Path) -> Sequence[Case]:
    return load_cases(place) if place.suffix == ".jsonl" else load_suite(place).cases


def unproven(incident: Incident, path: str | Path, given: Iterable[str | Path] = ()) -> list[str]:
    """What a verdict lacks to show that an incident is fixed; nothing where it shows it.

    It must be a pass, on a suite that has the regression cases of the record as the record has them
    now, adjacent cases among them, with a claim that the incident does not fail any more (a rate or
    a count of failures, as a pass rate that is no worse may be as bad as before) and a claim about
    the adjacent cases.
    """
    verdict = load_verdict(path)
    if verdict.verdict != "pass":
        return [f"the verdict in {path} is {verdict.verdict}: {verdict.sentence}"]
    cases = suite_of(verdict, given)
    if cases is None:
        digest = verdict.evidence.get("suite_digest")
        return [
            f"no suite here has the digest {digest} that the verdict in {path} was given on: name "
            "the suite, or the candidate's run, with --evidence"
        ]
    found = _missing_cases(incident, cases)
    return found or _missing_claims(incident, verdict, cases)


def _missing_cases(incident: Incident, cases: Sequence[Case]) -> list[str]:
    own = {case.id: case for case in cases if case.incident_id == incident.id}
    found = []
    for origin in ("incident", "adjacent"):
        if not any(case.origin == origin for case in own.values()):
            what = "case" if origin == "incident" else "adjacent case"
            found.append(f"the suite of the verdict has no {what} of {incident.id}")
    for case in _wanted(incident).cases:
        if case.id not in own:
            found.append(f"the suite of the verdict lacks the case {case.id}")
        elif not _same(case, own[case.id]):
            found.append(f"the case {case.id} of the suite is not that of the record any more")
    return found


def _wanted(incident: Incident) -> Suite:
    return build_suite([incident], name="wanted", adjacent=0)


def _same(case: Case, other: Case) -> bool:
    return (case.plain_input(), case.context, case.checks) == (
        other.plain_input(),
        other.context,
        other.checks,
    )


def _missing_claims(incident: Incident, verdict: Verdict, cases: Sequence[Case]) -> list[str]:
    own = [case for case in cases if case.incident_id == incident.id]
    claims = verdict.policy.claims
    found = []
    triggers = [case for case in own if case.origin == "incident"]
    counted = [each for each in claims if each.rule in ("failure_rate_below", "max_failures")]
    if loose := _outside(triggers, counted):
        found.append(
            f"no claim of the policy says that {', '.join(loose)} does not fail any more: it wants "
            "{select: {origin: incident}, failure_rate_below: 0.05}"
        )
    judged = [each for each in claims if each.rule != "metric"]
    if loose := _outside([case for case in own if case.origin == "adjacent"], judged):
        found.append(f"no claim of the policy is about {', '.join(loose)}")
    return found


def _outside(cases: Sequence[Case], claims: Sequence[Claim]) -> list[str]:
    return [case.id for case in cases if not any(_selects(each.select, case) for each in claims)]


def _selects(select: Select, case: Case) -> bool:
    values: dict[str, Sequence[str | None]] = {
        "class": [case.class_],
        "origin": [case.origin],
        "incident_id": [case.incident_id],
        "tag": case.tags,
        "case_id": [case.id],
    }
    return all(set(wanted) & set(values[key]) for key, wanted in select.keys().items())
