"""What a suite holds, counted: cases by class, origin and incident, and the checks they use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..showing import Shown
from ..words import count
from .model import ORIGINS, Suite

UNCLASSIFIED = "unclassified"
NO_INCIDENT = "no incident"


@dataclass(frozen=True, slots=True)
class SuiteSummary(Shown):
    """Counts of cases (and, for `n_trials`, of trials of one run as the suite asks for them).

    `checks` counts cases by (check, scorer). `to_review` are the adjacent cases a person should
    look at before they decide anything. `constant_expected` is the one answer every case expects,
    where there is one: such a suite cannot tell ability from bias.
    """

    name: str
    version: str
    digest: str
    n_cases: int
    n_trials: int
    n_clusters: int
    by_class: Mapping[str, int]
    by_origin: Mapping[str, int]
    by_incident: Mapping[str, int]
    by_operator: Mapping[str, int]
    tags: Mapping[str, int]
    checks: Mapping[tuple[str, str], int]
    to_review: tuple[str, ...]
    constant_expected: Any = None

    def _rows(self) -> list[dict[str, Any]]:
        named = {
            "class": self.by_class,
            "origin": self.by_origin,
            "operator": self.by_operator,
            "tag": self.tags,
        }
        return [
            {"by": by, "value": value, "cases": count}
            for by, counts in named.items()
            for value, count in counts.items()
        ]

    def _title(self) -> str:
        size = f"{count(self.n_cases, 'case')}, {count(self.n_trials, 'trial')}"
        return f"{self.name} {self.version}: {size}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        checks = [
            {"check": check, "scorer": scorer, "cases": count}
            for (check, scorer), count in self.checks.items()
        ]
        return {**asdict(self), "checks": checks, "to_review": list(self.to_review)}


def summarize(suite: Suite) -> SuiteSummary:
    """Count what a suite holds."""
    cases = suite.cases
    origins = Counter(case.origin for case in cases)
    expected = {repr(case.expected): case.expected for case in cases}
    return SuiteSummary(
        name=suite.name,
        version=suite.version,
        digest=suite.digest(),
        n_cases=len(cases),
        n_trials=sum(suite.trials_of(case) for case in cases),
        n_clusters=len({case.cluster_id for case in cases}),
        by_class=_counted(case.class_ or UNCLASSIFIED for case in cases),
        by_origin={origin: origins[origin] for origin in ORIGINS if origins[origin]},
        by_incident=_counted(case.incident_id or NO_INCIDENT for case in cases),
        by_operator=_counted(case.operator for case in cases if case.operator is not None),
        tags=_counted(tag for case in cases for tag in case.tags),
        checks=dict(
            Counter((check.name, check.scorer) for case in cases for check in case.named_checks)
        ),
        to_review=tuple(case.id for case in cases if case.label == "review"),
        constant_expected=next(iter(expected.values()))
        if len(expected) == 1 < len(cases)
        else None,
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
