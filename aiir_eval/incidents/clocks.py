"""Which duties to notify there are, as data: who, what starts the clock, how long it runs.

The shipped rows (``clocks.yaml``) restate public law in our own words, each with its citation and
the day by which it must be checked again. A register has rows of its own in a file of the same form
(contracts, other states): a row with the id of a shipped one replaces it. Nothing here computes a
time, and nothing here decides whether a duty applies: that is for counsel.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator, model_validator

from ..documents import Document, parse_yaml, read_document, validate
from ..errors import DocumentError
from .classes import IncidentClass
from .regression import Identifier, Part, Text

Event = Literal[
    "awareness", "detection", "classification", "determination", "discovery", "causal_link",
    "fix_available", "extortion_payment", "contract_event",
]  # fmt: skip
EVENTS: tuple[Event, ...] = get_args(Event)
FlagName = Literal[
    "personal_data", "regulated_decision", "financial_loss", "security_exposure", "customer_harm"
]
Unit = Literal["hours", "calendar_days", "business_days", "months", "without_undue_delay"]
Check = Literal["primary", "secondary", "unverified"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one like Europe/Berlin") from None
    return name


Zone = Annotated[Text, AfterValidator(_zone)]


class Trigger(Part):
    """When a clock may have started: any of these flags or classes, and the condition in words.

    With neither flags nor classes any incident may start it.
    """

    flags: list[FlagName] = Field(default_factory=list)
    classes: list[IncidentClass] = Field(default_factory=list)
    condition: Text


class Limit(Part):
    """A period: how long it is, and what it runs from.

    It runs from an `event`, or from the report made under another clock (`after_report_of`). With
    `from_year_end` it runs from the end of the calendar year of the event. It is void where the
    event `void_if_later` came after it had run out.
    """

    event: Event | None = None
    after_report_of: Identifier | None = None
    amount: Annotated[int, Field(ge=0, le=100_000)] | None = None
    unit: Unit
    from_year_end: bool = False
    void_if_later: Event | None = None

    @model_validator(mode="after")
    def _whole(self) -> Limit:
        if (self.event is None) == (self.after_report_of is None):
            raise ValueError("give event or after_report_of: what the period runs from")
        if (self.amount is None) != (self.unit == "without_undue_delay"):
            raise ValueError("give an amount with every unit but without_undue_delay")
        return self

    def words(self) -> str:
        """The period in words: ``72 hours from awareness``."""
        start = (self.event or f"the report of {self.after_report_of}").replace("_", " ")
        if self.amount is None:
            return f"without undue delay from {start}"
        unit = self.unit.replace("_", " ")
        unit = unit.removesuffix("s") if self.amount == 1 else unit
        return f"{self.amount} {unit} from {'the end of the year of ' * self.from_year_end}{start}"


class Clock(Part):
    """A duty to tell someone: of its limits the earliest counts."""

    id: Identifier
    regime: Text
    title: Text
    citation: Text
    who: Text
    to: Text
    kind: Literal["deadline", "constraint"] = "deadline"
    trigger: Trigger
    limits: list[Limit] = Field(default_factory=list)
    timezone: Zone | None = None  # by whose calendar days and months are counted
    holidays: Annotated[str, Field(pattern=r"^[A-Z]{2,3}(-[A-Z0-9]{1,3})?$")] | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    verify_by: date
    checked: Check
    enabled: bool = True
    note: Text | None = None

    @field_validator("holidays")
    @classmethod
    def _has_a_calendar(cls, place: str | None) -> str | None:
        if place is not None:
            import holidays

            country, _, division = place.partition("-")
            try:
                holidays.country_holidays(country, subdiv=division or None)
            except NotImplementedError:
                raise ValueError(f"no calendar of holidays is known for {place!r}") from None
        return place

    @model_validator(mode="after")
    def _whole(self) -> Clock:
        if (self.kind == "deadline") != bool(self.limits):
            raise ValueError("a deadline has limits, a constraint has none")
        if self.holidays is None and any(each.unit == "business_days" for each in self.limits):
            raise ValueError("business days need holidays: a country, or one with a state, US-NY")
        if any(each.after_report_of == self.id for each in self.limits):
            raise ValueError("a clock cannot start with its own report")
        return self

    def in_force(self, on: date) -> bool:
        """Whether the rule is in force on a day, as far as the row says."""
        return (self.effective_from is None or self.effective_from <= on) and (
            self.effective_until is None or on <= self.effective_until
        )


class Clocks(Part):
    """A file of clocks. `regimes` narrows what is shown to those one believes one is under."""

    schema_: Literal["aiir/clocks/1"] = Field(default="aiir/clocks/1", alias="schema")
    regimes: list[Text] = Field(default_factory=list)
    clocks: list[Clock] = Field(default_factory=list)

    def of(self, id_: str) -> Clock | None:
        """The clock of an id."""
        return next((clock for clock in self.clocks if clock.id == id_), None)

    def shown(self) -> list[Clock]:
        """The clocks that are switched on, of the regimes that were chosen."""
        wanted = {name.casefold() for name in self.regimes}
        return [
            clock
            for clock in self.clocks
            if clock.enabled and (not wanted or clock.regime.casefold() in wanted)
        ]


@cache
def shipped_clocks() -> Clocks:
    """The clocks that come with the package."""
    text = files(__package__).joinpath("clocks.yaml").read_text(encoding="utf-8")
    return _checked(parse_yaml(text, "clocks.yaml"), ())


def load_clocks(*paths: str | Path) -> Clocks:
    """The shipped clocks and those of some files; of rows with the same id the last one counts.

    Raises `DocumentError` with every problem at once: a field that is wrong, two rows of one id, a
    row that follows a clock which does not exist, a regime that no row belongs to.
    """
    known = shipped_clocks()
    for path in paths:
        document = read_document(path)
        own = _checked(document, known.clocks)
        rows = {clock.id: clock for clock in [*known.clocks, *own.clocks]}
        known = Clocks(regimes=own.regimes or known.regimes, clocks=list(rows.values()))
        regimes = {clock.regime.casefold() for clock in known.clocks}
        if strange := [name for name in own.regimes if name.casefold() not in regimes]:
            there = ", ".join(dict.fromkeys(clock.regime for clock in known.clocks))
            where = ("regimes", own.regimes.index(strange[0]))
            message = f"no clock belongs to {strange[0]!r}; there are {there}"
            raise DocumentError(problems=[document.problem(where, message)])
    return known


def _checked(document: Document, known: Iterable[Clock]) -> Clocks:
    clocks = validate(Clocks, document)
    ids = [clock.id for clock in clocks.clocks]
    every = {*ids, *(clock.id for clock in known)}
    problems = [
        document.problem(("clocks", position, "id"), f"two clocks have the id {id_!r}")
        for position, id_ in enumerate(ids)
        if id_ in ids[:position]
    ]
    for position, clock in enumerate(clocks.clocks):
        for number, limit in enumerate(clock.limits):
            before = limit.after_report_of
            if before is not None and before not in every:
                where = ("clocks", position, "limits", number, "after_report_of")
                problems.append(document.problem(where, f"no clock has the id {before!r}"))
    if problems:
        raise DocumentError(problems=problems)
    return clocks
