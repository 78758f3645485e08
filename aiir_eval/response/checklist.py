"""What must hold before a deployment, as the register teaches it: controls, and what tests them.

Each kind of control and each PSF domain is an item. Behind it stand the incidents in which it
failed, the suites that hold their cases, and the last verdict on each of these suites. An item
holds where every incident behind it is tested and the last verdict is a pass. An item without an
incident says so: nothing is known of it, which is no pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import AiirError, InputError, Problem
from ..gate.document import load_verdict
from ..incidents.classes import ControlKind
from ..incidents.model import Incident
from ..incidents.psf import Taxonomy
from ..showing import Shown
from ..suites.model import Suite, load_suite
from .proving import is_verdict

State = Literal["holds", "fails", "untested", "no_verdict", "unknown"]
CONTROLS: tuple[ControlKind, ...] = get_args(ControlKind)
ASKS: Mapping[ControlKind, str] = {
    "validation": "What goes out is checked against what is known and allowed.",
    "retrieval_filter": "Only sources that are current and in standing reach an answer; orders "
    "inside them are not followed.",
    "approval_gate": "What cannot be taken back waits for a person.",
    "eval": "What must not happen again is a case of a suite, and the suite is in the gate.",
    "permission": "The system can read and do what its task needs, for the user it serves.",
    "monitoring": "A change of quality is noticed before users report it.",
    "fallback": "When a model or supplier fails, something else answers, and it was tried.",
}


@dataclass(frozen=True, slots=True)
class LastVerdict:
    """The last verdict on a suite."""

    suite: str
    verdict: str
    at: str
    file: str

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {"suite": self.suite, "verdict": self.verdict, "at": self.at, "file": self.file}


@dataclass(frozen=True, slots=True)
class Item(Shown):
    """A line of the checklist. `untested` are incidents without a case, and why.

    `suites` has the number of cases of these incidents in each suite.
    """

    kind: Literal["control", "domain"]
    id: str
    name: str
    asks: str
    domains: tuple[str, ...]
    incidents: tuple[str, ...]
    suites: Mapping[str, int]
    untested: Mapping[str, str]
    verdicts: tuple[LastVerdict, ...]
    without_verdict: tuple[str, ...]

    @property
    def state(self) -> State:
        """`holds` only where every incident behind it is tested and each last verdict is a pass."""
        if not self.incidents:
            return "unknown"
        if any(each.verdict != "pass" for each in self.verdicts):
            return "fails"
        if self.untested:
            return "untested"
        return "no_verdict" if self.without_verdict or not self.verdicts else "holds"

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "kind": self.kind,
            "id": self.id,
            "name": self.name,
            "asks": self.asks,
            "domains": list(self.domains),
            "state": self.state,
            "incidents": list(self.incidents),
            "suites": dict(self.suites),
            "untested": dict(self.untested),
            "verdicts": [each.to_mapping() for each in self.verdicts],
            "without_verdict": list(self.without_verdict),
        }


@dataclass(frozen=True, slots=True)
class Checklist(Shown):
    """The items, and the incidents whose failed control is not named yet."""

    framework: str
    items: tuple[Item, ...]
    unnamed: tuple[str, ...]
    n_incidents: int

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"id": each.id, "name": each.name, "state": each.state.replace("_", " "),
             "incidents": len(each.incidents), "suites": list(each.suites),
             "verdicts": [last.verdict for last in each.verdicts]}
            for each in self.items
        ]  # fmt: skip

    def _title(self) -> str:
        return f"{self.framework}: {self.n_incidents:,} incidents"

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "framework": self.framework,
            "incidents": self.n_incidents,
            "items": [each.to_mapping() for each in self.items],
            "control_not_named": list(self.unnamed),
        }


def build_checklist(
    incidents: Mapping[str, Incident],
    taxonomy: Taxonomy,
    suites: Mapping[str, Suite],
    verdicts: Mapping[str, LastVerdict],
) -> Checklist:
    """The checklist of a register.

    `suites` by what they are called; `verdicts` the last one of each, by the suite's name there.
    """
    found = list(incidents.values())
    tested = {
        name: [case.incident_id for case in suite.cases if case.incident_id is not None]
        for name, suite in suites.items()
    }

    def item(kind: Literal["control", "domain"], id_: str, name: str, asks: str,
             domains: Sequence[str], behind: Sequence[Incident]) -> Item:  # fmt: skip
        ids = {each.id for each in behind}
        counts = {name: sum(each in ids for each in cases) for name, cases in tested.items()}
        counts = {name: count for name, count in counts.items() if count}
        covered = {each for name in counts for each in tested[name]}
        return Item(
            kind, id_, name, asks, tuple(domains), tuple(sorted(ids)), counts,
            {each.id: _why(each) for each in behind if each.id not in covered},
            tuple(verdicts[name] for name in counts if name in verdicts),
            tuple(name for name in counts if name not in verdicts),
        )  # fmt: skip

    items = [
        item("control", kind, kind.replace("_", " "), ASKS[kind], taxonomy.domains_of_control(kind),
             [each for each in found if each.failed_control and each.failed_control.kind == kind])
        for kind in CONTROLS
    ]  # fmt: skip
    items += [
        item("domain", domain.id, domain.name, domain.summary, [domain.id],
             [each for each in found if domain.id in each.psf_domains])
        for domain in taxonomy.domains
    ]  # fmt: skip
    return Checklist(
        f"{taxonomy.name} {taxonomy.edition}",
        tuple(items),
        tuple(sorted(each.id for each in found if each.failed_control is None)),
        len(found),
    )


def _why(incident: Incident) -> str:
    if incident.regression is not None and incident.regression.not_testable:
        return f"not testable: {incident.regression.not_testable}"
    return "in none of the suites" if incident.cases else "no regression cases yet"


def read_suites(paths: Iterable[str | Path]) -> tuple[dict[str, Suite], list[Problem]]:
    """Suites by name and version, from files or folders; a bad file does not stop the rest."""
    suites: dict[str, Suite] = {}
    problems: list[Problem] = []
    for path in _files(paths, "*.y*ml"):
        try:
            suite = load_suite(path)
        except InputError as error:
            problems.extend(error.problems)
            continue
        name = f"{suite.name} {suite.version}"
        suites[name if name not in suites else f"{name} ({path})"] = suite
    return suites, problems


def read_verdicts(
    paths: Iterable[str | Path], suites: Mapping[str, Suite]
) -> tuple[dict[str, LastVerdict], list[Problem]]:
    """The last verdict on each suite, from files or folders of them.

    A verdict belongs to the suite with the digest it was given on; the last one is that whose
    candidate was run last. One on none of the suites is told as a problem.
    """
    digests = {suite.digest(): name for name, suite in suites.items()}
    found: dict[str, LastVerdict] = {}
    latest: dict[str, tuple[str, int]] = {}
    problems: list[Problem] = []
    given = list(paths)
    named = {str(path) for path in given}
    for path in _files(given, "*.json"):
        if str(path) not in named and not is_verdict(path):
            continue  # other JSON in a folder
        try:
            verdict = load_verdict(path)
        except AiirError as error:
            problems += getattr(error, "problems", ())
            continue
        digest = str(verdict.evidence.get("suite_digest"))
        if digest not in digests:
            message = f"it was given on a suite that is not here (digest {digest})"
            problems.append(Problem(message, str(path), hint="name its suite with --suite"))
            continue
        run = verdict.comparison.new.manifest
        name = digests[digest]
        last = LastVerdict(name, verdict.verdict, run.end or run.start, str(path))
        written = path.stat().st_mtime_ns  # of two runs that ended in the same second
        if name not in latest or latest[name] < (last.at, written):
            found[name], latest[name] = last, (last.at, written)
    return found, problems


def _files(paths: Iterable[str | Path], pattern: str) -> Iterable[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(path.rglob(pattern))
        elif path.exists():
            yield path
        else:
            raise InputError("no such file or folder", file=str(path))
