"""A feed of model retirements, row by row; what cannot be true is flagged, and not relied on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..documents import Document, Location, parse_yaml, read_text, validate
from ..errors import InputError, Problem
from ..incidents.regression import Text

MAX_BYTES = 10_000_000


class FeedRow(BaseModel):
    """A row of the feed, with what is read of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    provider: Text
    model_id: Text
    announcement_date: date | None = None
    deprecation_date: date | None = None
    shutdown_date: date | None = None
    replacement_models: list[str] | None = Field(default_factory=list)
    url: str = ""

    @field_validator("announcement_date", "deprecation_date", "shutdown_date", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value


@dataclass(frozen=True, slots=True)
class Retirement:
    """When a vendor retires a model. `doubt` says why the dates cannot be relied on."""

    provider: str
    model: str
    announced: date | None
    shutdown: date | None
    replacements: tuple[str, ...]
    url: str
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """The retirements of a feed, and what is wrong with other rows of it."""

    path: str
    retirements: tuple[Retirement, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def doubtful(self) -> list[Retirement]:
        """Those whose dates cannot be true."""
        return [each for each in self.retirements if each.doubt is not None]


def read_feed(path: str | Path) -> Feed:
    """A feed: a JSON or YAML list of ``{provider, model_id, announcement_date, shutdown_date, …}``.

    A shutdown before its announcement is impossible (the announcement may be the day on which a
    page was read, which nobody can tell from the row): such dates are kept, with the doubt. A row
    that cannot be read is a problem and does not stop the rest.
    """
    document = parse_yaml(read_text(path, max_bytes=MAX_BYTES), str(path))
    rows = document.data
    if not isinstance(rows, list):
        raise InputError("a feed is a list of rows", file=str(path))
    lines: dict[Any, dict[Location, int]] = {}
    for where, line in document.lines.items():
        if where:
            lines.setdefault(where[0], {})[where[1:]] = line
    found: list[Retirement] = []
    problems: list[Problem] = []
    for position, row in enumerate(rows):
        try:
            read = validate(FeedRow, Document(str(path), row, lines.get(position, {})))
        except InputError as error:
            problems.extend(error.problems)
            continue
        found.append(_retirement(read))
    return Feed(str(path), tuple(found), tuple(problems))


def _retirement(row: FeedRow) -> Retirement:
    doubt = None
    shutdown, announced = row.shutdown_date, row.announcement_date
    if shutdown is not None and announced is not None and shutdown < announced:
        doubt = f"shutdown on {shutdown}, before it was announced on {announced}"
    elif shutdown is not None and row.deprecation_date and shutdown < row.deprecation_date:
        doubt = f"shutdown on {shutdown}, before it was deprecated on {row.deprecation_date}"
    return Retirement(
        row.provider.strip(),
        row.model_id.strip(),
        announced,
        shutdown,
        tuple(row.replacement_models or ()),
        row.url,
        doubt,
    )
