"""What a case and a suite are, and how they stand on disk (schema aiir/suite/1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from ..documents import (
    Document,
    digest,
    dump_yaml,
    duplicates,
    read_document,
    read_jsonl,
    validate,
    validation_problems,
    write_text,
)
from ..errors import DocumentError, Problem
from ..incidents.classes import IncidentClass
from ..incidents.regression import Message, Part, Passage, Tool
from ..scorers.protocol import Check
from ..showing import Shown
from ..words import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Origin = Literal["incident", "adjacent", "control"]
Label = Literal["certain", "review"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)


class _CheckSchema:
    """Lets the JSON Schema of a suite name the parameters of every scorer."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        from .schema import check_schema

        return check_schema()


class Case(Shown, Part):
    """One input with the checks its output must pass, and where it comes from."""

    id: str = Field(min_length=1)
    incident_id: str | None = None
    class_: IncidentClass | None = Field(default=None, alias="class")
    origin: Origin = "control"
    cluster: str | None = None
    tags: list[str] = Field(default_factory=list)
    by: dict[str, str] = Field(default_factory=dict)
    input: str | list[Message]
    context: list[Passage] = Field(default_factory=list)
    tools: list[Tool] = Field(default_factory=list)
    expected: Any = None
    parent: str | None = None
    operator: str | None = None
    params: dict[str, Any] | None = None
    label: Label | None = None
    checks: list[Annotated[dict[str, Any], _CheckSchema]] = Field(min_length=1)

    @field_validator("checks")
    @classmethod
    def _names_are_unique(cls, checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = [Check.from_mapping(check).name for check in checks]
        if twice := duplicates(names):
            raise ValueError(
                f"two checks are named {twice[0]!r}; give each a name of its own in the case"
            )
        return checks

    @property
    def cluster_id(self) -> str:
        """The cluster: as declared, else the incident, else the case itself."""
        return self.cluster or self.incident_id or self.id

    @property
    def named_checks(self) -> list[Check]:
        """The checks as (scorer, name, parameters)."""
        return [Check.from_mapping(check) for check in self.checks]

    def plain_input(self) -> str | list[dict[str, Any]]:
        """The input as text or as plain messages."""
        if isinstance(self.input, str):
            return self.input
        return [message.model_dump() for message in self.input]

    def to_mapping(self) -> dict[str, Any]:
        """The case as it stands in a file: defaults left out."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


TrialCounts = int | dict[Origin, int]


class Suite(Part):
    """A named, versioned set of cases.

    `cases_file`, where given, is a JSONL file beside the suite file, one case a line.
    """

    schema_: Literal["aiir/suite/1"] = Field(default="aiir/suite/1", alias="schema")
    name: str = Field(min_length=1)
    version: str = "1"
    trials: TrialCounts = 1
    cases: list[Case] = Field(default_factory=list)
    cases_file: str | None = None

    @field_validator("trials")
    @classmethod
    def _trials_are_positive(cls, trials: TrialCounts) -> TrialCounts:
        counts = trials.values() if isinstance(trials, dict) else [trials]
        if any(count < 1 for count in counts):
            raise ValueError("trials are whole numbers of at least 1")
        return trials

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Suite:
        if twice := duplicates(case.id for case in self.cases):
            raise ValueError(f"case ids must be unique; these stand twice: {_some(twice)}")
        return self

    def trials_of(self, case: Case, override: int | None = None) -> int:
        """How many trials a case gets: `override`, else by its origin, else 1."""
        if override is not None:
            return override
        if isinstance(self.trials, int):
            return self.trials
        return self.trials.get(case.origin, 1)

    def digest(self) -> str:
        """SHA-256 of the cases, whatever their order, name, version and trials."""
        return cases_digest([case.to_mapping() for case in self.cases])

    def __len__(self) -> int:
        return len(self.cases)

    def __repr__(self) -> str:
        return f"Suite({self.name!r} {self.version}: {count(len(self.cases), 'case')})"

    __str__ = __repr__

    def to_pandas(self) -> pd.DataFrame:
        """One row a case."""
        import pandas as pd

        return pd.DataFrame([case.to_mapping() for case in self.cases])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Its cases by class and origin."""
        from .plotting import plot_suite

        return plot_suite(self, ax)

    def _repr_html_(self) -> str:
        from ..reports.notebook import suite_html

        return suite_html(self)


def cases_digest(cases: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of a set of cases in the order of their ids."""
    return digest(sorted(cases, key=lambda case: str(case["id"])))


def load_suite(path: str | Path) -> Suite:
    """Read a suite file (YAML), with its cases file where it names one.

    Raises `DocumentError` with every problem at once, each with file, line and field.
    """
    document = read_document(path)
    suite = validate(Suite, document)
    if suite.cases_file is None:
        if not suite.cases:
            raise DocumentError(problems=[document.problem(("cases",), "the suite has no case")])
        return suite
    if suite.cases:
        raise DocumentError(
            problems=[document.problem(("cases_file",), "give either cases or cases_file")]
        )
    return suite.model_copy(update={"cases": load_cases(_beside(path, document, suite.cases_file))})


def _beside(path: str | Path, document: Document, name: str) -> Path:
    folder = Path(path).resolve().parent
    target = (folder / name).resolve()
    if not target.is_relative_to(folder):
        raise DocumentError(
            problems=[document.problem(("cases_file",), "must lie in the folder of the suite")]
        )
    return target


def load_cases(path: str | Path) -> list[Case]:
    """Read a JSONL file of cases; every problem at once."""
    cases: list[Case] = []
    problems: list[Problem] = []
    first_line: dict[str, int] = {}
    for number, value in read_jsonl(path):
        try:
            case = Case.model_validate(value)
        except ValidationError as error:
            for item in validation_problems(error, Document(str(path), value)):
                problems.append(Problem(item.message, str(path), number, item.field, item.hint))
            continue
        if case.id in first_line:
            message = f"the id {case.id!r} stands on line {first_line[case.id]} already"
            problems.append(Problem(message, str(path), number, "id"))
        first_line.setdefault(case.id, number)
        cases.append(case)
    if problems:
        raise DocumentError(problems=problems)
    if not cases:
        raise DocumentError("the file holds no case", file=str(path))
    return cases


def save_suite(suite: Suite, path: str | Path) -> None:
    """Write a suite file; from 500 cases on (or where it names one), cases go into a JSONL file."""
    target = Path(path)
    head: dict[str, Any] = {
        "schema": suite.schema_,
        "name": suite.name,
        "version": suite.version,
        "trials": suite.trials,
    }
    if suite.cases_file is None and len(suite) < 500:
        head["cases"] = [case.to_mapping() for case in suite.cases]
    else:
        head["cases_file"] = suite.cases_file or f"{target.stem}.cases.jsonl"
        save_cases(suite.cases, target.parent / head["cases_file"])
    write_text(target, dump_yaml(head))


def save_cases(cases: Sequence[Case], path: str | Path) -> None:
    """Write cases as JSONL, one a line."""
    lines = (json.dumps(case.to_mapping(), ensure_ascii=False, allow_nan=False) for case in cases)
    write_text(path, "".join(f"{line}\n" for line in lines))


def _some(values: Sequence[object], limit: int = 5) -> str:
    shown = ", ".join(repr(value) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown} and {len(values) - limit} more"


__all__ = [
    "ORIGINS",
    "Case",
    "IncidentClass",
    "Label",
    "Message",
    "Origin",
    "Passage",
    "Suite",
    "Tool",
    "cases_digest",
    "load_cases",
    "load_suite",
    "save_cases",
    "save_suite",
]
