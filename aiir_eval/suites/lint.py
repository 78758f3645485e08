"""Are the checks of a suite worth anything: each is run on every known bad and good answer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..documents import read_document, read_jsonl
from ..errors import InputError, Problem
from ..scorers import Answer, Check, Judgement, Scorer, make_scorer, needs_expected
from ..scorers.containing import contained
from ..scorers.text import shown
from ..showing import Shown, ShownList
from .model import Case, Suite, load_suite
from .proof import Incidents, Proof, judged, known_answers, proof_key, prove, records

if TYPE_CHECKING:
    from ..incidents.regression import Behaviour

Severity = Literal["error", "warning"]

ALIKE = 0.7  # share of words two answers have in common, in order or not, to count as one sentence
LONG = 5  # words from which on a banned text is a sentence rather than a term


@dataclass(frozen=True, slots=True)
class LintProblem(Shown):
    """One thing wrong with a check or a case, where it stands, and what to do."""

    severity: Severity
    case_id: str
    check: str | None
    message: str
    hint: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = self.case_id if self.check is None else f"{self.case_id}: check {self.check}"
        message = f"{self.severity}: {where}: {self.message}"
        return str(Problem(message, self.file, self.line, hint=self.hint))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def lint_suite(
    suite: Suite | str | Path,
    incidents: Incidents = (),
    *,
    allow_python: Collection[str] = (),
    path: str | Path | None = None,
) -> list[LintProblem]:
    """Everything that keeps the checks of a suite from doing their work.

    Errors: a scorer that cannot be made (parameters, python scorers not in `allow_python`), a
    missing expected answer, a bad answer of the incident that every check passes, a good one that
    a check fails, a check that passes every bad answer (it cannot fail), one that only bans the
    exact words of one bad answer. Warnings: no record to prove a case's checks on, known answers
    that are one sentence with synonyms, a list of banned sentences, a control that a target
    passes by saying nothing.

    The suite may be its file; `path` names it for the lines of the problems where it is not. What
    several cases share is told once, for the first.
    """
    if not isinstance(suite, Suite):
        path, suite = suite, load_suite(suite)
    by_id = records(incidents)
    siblings = {case.id: case for case in suite.cases}
    shared: list[LintProblem] = []  # may be the same in many cases
    own: list[LintProblem] = []
    proved: set[str] = set()
    for case in suite.cases:
        scorers: dict[str, Scorer] = {}
        shared.extend(_making(case, scorers, allow_python))
        if case.origin == "control":
            shared.extend(_control(case, scorers))
            continue
        known = known_answers(case, siblings, by_id)
        if known is None:
            shared.extend(_unproved(case, by_id))
            continue
        key = proof_key(case, known)
        if key not in proved:
            proved.add(key)
            own.extend(_proving(case, scorers, prove(case, scorers, known)))
    order = {case.id: index for index, case in enumerate(suite.cases)}
    problems = sorted([*_told_once(shared), *own], key=lambda problem: order[problem.case_id])
    return ShownList(problems if path is None else _with_lines(problems, Path(path)))


def unusable_checks(
    cases: Iterable[Case],
    *,
    allow_python: Collection[str] = (),
    path: str | Path | None = None,
) -> list[Problem]:
    """The checks that no answer could be judged by: what must be right before anything is run."""
    found = [problem for case in cases for problem in _making(case, {}, allow_python)]
    problems = _told_once(found)
    return [
        Problem(
            item.message, item.file, item.line, f"{item.case_id}: check {item.check}", item.hint
        )
        for item in (problems if path is None else _with_lines(problems, Path(path)))
    ]


def _making(
    case: Case, scorers: dict[str, Scorer], allow_python: Collection[str]
) -> Iterator[LintProblem]:
    """Fills `scorers` by check name; gives the problems of those that cannot be made or used."""
    for check in case.named_checks:
        try:
            scorer = make_scorer(check, allow_python=allow_python)
        except InputError as error:
            for problem in error.problems:
                message = problem.message.removeprefix(f"check {check.name}: ")
                message = f"{problem.field}: {message}" if problem.field else message
                yield LintProblem("error", case.id, check.name, message, problem.hint)
            continue
        if needs_expected(scorer) and case.expected is None:
            message = "compares with the expected answer, and the case has none"
            hint = "give the case `expected`, or the check a value"
            yield LintProblem("error", case.id, check.name, message, hint)
            continue
        scorers[check.name] = scorer


def _control(case: Case, scorers: Mapping[str, Scorer]) -> Iterator[LintProblem]:
    if len(scorers) < len(case.checks):
        return
    silent = Answer("", expected=case.expected, input=case.plain_input())
    verdicts = [judged(scorer, silent) for scorer in scorers.values()]
    if all(isinstance(said, Judgement) and said.passed for said in verdicts):
        message = "a target that says and does nothing would pass this control"
        hint = "check for something a helpful answer holds"
        yield LintProblem("warning", case.id, None, message, hint)


def _unproved(case: Case, incidents: Mapping[str, Any]) -> Iterator[LintProblem]:
    if case.incident_id is None:
        message, hint = "the case names no incident, so nothing proves its checks", None
    elif case.incident_id not in incidents:
        message = f"there is no record of incident {case.incident_id} to prove its checks on"
        hint = "name the folder of the record"
    else:
        message = f"the record of {case.incident_id} has no answers for this case"
        hint = "name the case INCIDENT.name after a regression case, or give it that parent"
    yield LintProblem("warning", case.id, None, message, hint)


def _proving(case: Case, scorers: Mapping[str, Scorer], proof: Proof) -> Iterator[LintProblem]:
    known = proof.known
    if len(scorers) == len(case.checks):
        for index in proof.missed:
            message = f"every check passes bad output {index + 1}, {_said(known.bad[index])}"
            hint = "check for what is wrong in it, however it is put"
            yield LintProblem("error", case.id, None, message, hint)
    for check in case.named_checks:
        if check.name in scorers:
            yield from _proving_check(case, check, proof)
    for kind, answers in (("bad", known.bad), ("good", known.good)):
        for one, other in combinations(range(len(answers)), 2):
            if alike(answers[one], answers[other]):
                message = (
                    f"{kind} outputs {one + 1} and {other + 1} are one sentence in two dresses"
                )
                hint = f"put it as someone else would: {_said(answers[one])}"
                yield LintProblem("warning", case.id, None, message, hint)


def _proving_check(case: Case, check: Check, proof: Proof) -> Iterator[LintProblem]:
    def problem(severity: Severity, message: str, hint: str | None = None) -> LintProblem:
        return LintProblem(severity, case.id, check.name, message, hint)

    known = proof.known
    for kind, verdicts in (("bad", proof.bad[check.name]), ("good", proof.good[check.name])):
        for number, said in enumerate(verdicts, 1):
            if not isinstance(said, Judgement):
                yield problem("error", f"cannot judge {kind} output {number}: {said}")
    for number, said in enumerate(proof.good[check.name], 1):
        if isinstance(said, Judgement) and not said.passed:
            message = f"fails good output {number}, {_said(known.good[number - 1])}: {said.reason}"
            yield problem("error", message, "check for the fault, not for a way of putting it")
    caught = proof.fails_on(check.name)
    if not caught and all(isinstance(said, Judgement) for said in proof.bad[check.name]):
        message = f"cannot fail: it passes all {len(known.bad)} bad outputs"
        yield problem("error", message, "check for something that is wrong in them, or remove it")
    yield from _memorised(check, known.bad, problem)


def _memorised(check: Check, bad: Sequence[Behaviour], problem: Any) -> Iterator[LintProblem]:
    """A check that bans the very words of a known answer catches nobody who words it otherwise."""
    banned = _banned(check)
    ignore_case = check.parameters.get("ignore_case", True) is not False
    for text in banned:
        holding = [
            number
            for number, answer in enumerate(bad, 1)
            if contained([text], answer.output, ignore_case=ignore_case)
        ]
        if len(holding) != 1 or not _is_sentence(text, bad[holding[0] - 1].output):
            return
    if len(banned) == 1:
        message = f"only bans one exact sentence, {shown(banned[0])}"
        yield problem("error", message, "ban what every bad output has in common")
    elif banned:
        message = f"only bans {len(banned)} exact sentences, each of one bad output"
        yield problem("warning", message, "ban what the bad outputs have in common")


def _banned(check: Check) -> list[str]:
    if check.scorer == "not_contains":
        single = check.parameters.get("value")
        return [single] if isinstance(single, str) else list(check.parameters.get("any") or [])
    pattern = check.parameters.get("pattern")
    if check.scorer == "not_regex" and isinstance(pattern, str):
        literal = re.sub(r"\\(\W)|\\b", r"\1", pattern)
        if not re.search(r"[\\^$*+?{}\[\]|()]", literal):
            return [literal]
    return []


def _is_sentence(text: str, output: str) -> bool:
    words, whole = len(_words(text)), len(_words(output))
    return words >= LONG or (words >= 3 and words >= 0.6 * whole)


def alike(one: Behaviour, other: Behaviour) -> bool:
    """Whether two answers are one sentence in which a few words were exchanged."""
    if one.tool_calls != other.tool_calls:
        return False
    a, b = _words(one.output)[:300], _words(other.output)[:300]
    if min(len(a), len(b)) < 4:
        return a == b
    in_order = difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
    in_common = len(set(a) & set(b)) / len(set(a) | set(b))
    return max(in_order, in_common) >= ALIKE


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _said(answer: Behaviour) -> str:
    if answer.output:
        return shown(answer.output, 60)
    return "calling " + ", ".join(call.name for call in answer.tool_calls)


def _told_once(found: list[LintProblem]) -> list[LintProblem]:
    first: dict[tuple[object, ...], LintProblem] = {}
    times: dict[tuple[object, ...], int] = {}
    for problem in found:
        key = (problem.severity, problem.check, problem.message, problem.hint)
        first.setdefault(key, problem)
        times[key] = times.get(key, 0) + 1
    return [
        problem
        if times[key] == 1
        else replace(problem, message=f"{problem.message} (the same in {times[key] - 1} more)")
        for key, problem in first.items()
    ]


def _with_lines(problems: list[LintProblem], path: Path) -> list[LintProblem]:
    if not problems:
        return problems
    places = _places(path)
    located = []
    for problem in problems:
        whole = places.get((problem.case_id, None), (str(path), 1))
        file, line = places.get((problem.case_id, problem.check), whole)
        located.append(replace(problem, file=file, line=line))
    return located


def _places(path: Path) -> dict[tuple[str, str | None], tuple[str, int | None]]:
    """File and line by case id, and by case id and check."""
    document = read_document(path)
    places: dict[tuple[str, str | None], tuple[str, int | None]] = {}
    if cases_file := document.data.get("cases_file"):
        lines = path.parent / cases_file
        for number, case in read_jsonl(lines):
            places[case["id"], None] = (str(lines), number)
    for index, case in enumerate(document.data.get("cases", [])):
        at = ("cases", index)
        places[case["id"], None] = (str(path), document.line_of(at))
        for order, mapping in enumerate(case["checks"]):
            line = document.line_of((*at, "checks", order))
            places[case["id"], Check.from_mapping(mapping).name] = (str(path), line)
    return places
